"""The boundary of aiohttp's client: `BaseConnector.connect`, under sessions, redirects, cookies and middlewares.

Read against aiohttp 3.12.1 to 3.14. On replay the session gets a connection that holds the recorded response: the request is
really built and written, to nowhere, and the response is the session's own. WebSockets and `aiohttp.test_utils` are
left alone; connection events of trace configs do not happen, since nothing is connected.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial, wraps
from itertools import pairwise
from types import FrameType, SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic.boundaries.base import Edge
from pytest_mimic.boundaries.http.exchange import Exchange, HttpBoundary, Recorder, Request, load_answer

if TYPE_CHECKING:
    from pytest_mimic.boundaries.base import Port

    #: Makes what comes instead of a body's end.
    _Last = Callable[[], BaseException] | None

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

_TIMEOUT = "asyncio:TimeoutError"
_NO_HTTP = "aiohttp.http_exceptions:HttpProcessingError"


class AiohttpBoundary(HttpBoundary):
    """The boundary of `aiohttp`'s client."""

    def edges(self) -> Sequence[Edge]:
        """Return the method that connects a request to its server."""
        return [Edge("aiohttp.connector", ("BaseConnector", "connect"), _wrap)]


def _wrap(original: Callable[..., Awaitable[Any]], port: Port) -> Callable[..., Any]:
    exchange = Exchange("aiohttp", port)
    classes: list[SimpleNamespace] = []

    @wraps(original)
    async def connect(self: Any, req: Any, *args: Any, **options: Any) -> Any:
        if not port.taking() or _in_test_client():
            return await original(self, req, *args, **options)
        sent = Request(req.method, str(req.url), tuple(req.headers.items()), await _body(req))
        step = exchange.begin(sent)
        if step is None or step.mode == "pass":
            return await original(self, req, *args, **options)
        if not classes:
            classes.append(_classes())
        if step.mode == "replay":
            return _replayed(classes[0], self, req, step.outcome(), step.exhausted)
        recorder = exchange.recorder(step, sent)
        try:
            with step.running():
                connection = await original(self, req, *args, **options)
        except BaseException as error:
            _tell(recorder, error, req, at="connect")
            raise
        _hear(connection, req, recorder)
        return connection

    return connect


def _in_test_client() -> bool:
    """Whether aiohttp's own test client asks, whose server is the application under test."""
    tools = sys.modules.get("aiohttp.test_utils")
    if tools is None:
        return False
    code = tools.TestClient._request.__code__
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None


async def _body(req: Any) -> bytes:
    """The whole body of a request; what can be read only once is put back as bytes."""
    body = req.body
    if not body or isinstance(body, bytes):
        return body or b""
    data: bytes = await body.as_bytes()
    if body.consumed:
        payload = sys.modules["aiohttp.payload"].BytesPayload(data, headers=body.headers)
        req._body = payload
    return data


# Recording


def _hear(connection: Any, req: Any, recorder: Recorder) -> None:
    """Lets the recorder hear the next response of a real connection, and nothing after it."""
    protocol = connection.protocol
    read, set_params = protocol.read, protocol.set_response_params
    ear = _Ear(recorder)
    decoded = True

    def set_response_params(**params: Any) -> None:
        nonlocal decoded
        decoded = params.get("auto_decompress", True)
        set_params(**params)

    async def heard_read() -> Any:
        try:
            message, payload = await read()
        except BaseException as error:
            _tell(recorder, error, req, at="response")
            raise
        if 100 <= message.code < 200 and message.code != 101:
            return message, payload
        del protocol.read, protocol.set_response_params
        version = f"HTTP/{message.version.major}.{message.version.minor}"
        recorder.started(message.code, message.reason, version, message.raw_headers, decoded=decoded)
        _listen(payload, ear)
        return message, payload

    def connection_lost(error: BaseException | None) -> None:
        type(protocol).connection_lost(protocol, error)
        if recorder.begun:
            ear.leave()

    protocol.set_response_params, protocol.read = set_response_params, heard_read
    # A response may be dropped before its end: given back with its connection, or lost with its session.
    protocol.connection_lost = connection_lost
    connection.add_callback(ear.leave)


def _tell(recorder: Recorder, error: BaseException, req: Any, *, at: str) -> None:
    """Tells the recorder what came instead of a response."""
    from asyncio import CancelledError

    if isinstance(error, CancelledError) and getattr(req._timer, "_cancelled", False):
        # The session's total timeout cancels the task, and makes this exception of it further up.
        recorder.failed({"type": _TIMEOUT, "message": "", "at": "response"})
    elif isinstance(error, Exception):
        stored = _stored_error(error)
        recorder.failed(stored and {**stored, "at": at})
    else:
        recorder.abandon()


def _listen(payload: Any, ear: _Ear) -> None:
    """Lets the ear hear a body, and what of it is there already."""
    if payload is sys.modules["aiohttp.streams"].EMPTY_PAYLOAD:
        ear.finish()
        return
    ear.catch_up(payload)
    if payload.is_eof():
        ear.finish()
    elif payload.exception() is not None:
        ear.fail(payload.exception())
    else:
        payload.__class__ = _heard_reader(type(payload), ear)


class _Ear:
    """Hears the body of one response, by the chunks of its transfer where it has them."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._payload: Any = None
        self._chunked = False
        self._open = b""
        self._pieces: list[bytes] = []
        self._cancelled_at = -1

    def catch_up(self, payload: Any) -> None:
        """Some of the body has come before it could be heard."""
        self._payload = payload
        there, ends = b"".join(payload._buffer), payload._http_chunk_splits
        self._chunked = ends is not None
        starts = [0, *(ends or ())]
        self._recorder.chunks += [there[start:end] for start, end in pairwise(starts)]
        self.data(there[starts[-1] :])
        self._pieces = [*payload._buffer]

    def data(self, data: bytes) -> None:
        """Some of the body has come."""
        self._pieces.append(data)
        if self._chunked:
            self._open += data
        else:
            self._recorder.chunks.append(data)

    def begin(self) -> None:
        """The body comes in chunks."""
        self._chunked = True

    def end(self) -> None:
        """A chunk is over."""
        if self._open:
            self._recorder.chunks.append(self._open)
            self._open = b""

    def finish(self) -> None:
        """The body is over."""
        self.end()
        self._recorder.complete()

    def fail(self, error: BaseException) -> None:
        """The body broke off, or its reader has closed the response."""
        if type(error).__name__ == "ClientConnectionError" and str(error) == "Connection closed":
            self.leave()
        else:
            self.end()
            self._recorder.failed(_stored_error(error))

    def cancel(self) -> None:
        """The reader was cancelled while it waited; perhaps it comes back."""
        self._cancelled_at = self._payload._cursor

    def leave(self) -> None:
        """The response is given up; if that is before its end, the reader has left, or was cancelled."""
        if self._recorder.done:
            return
        if self._payload is not None:
            size = self._payload._cursor
            if size == self._cancelled_at:
                self._abandon()
                return
            self._cut(size)
        self._recorder.stopped()

    def _abandon(self) -> None:
        from asyncio import CancelledError

        try:
            raise CancelledError  # a timeout's by now: the step tells of what is handled
        except CancelledError:
            self._recorder.abandon()

    def _cut(self, size: int) -> None:
        """Leaves what the reader has had, perhaps in parts of a chunk: what came besides is an accident of the network."""
        chunks = self._recorder.chunks = self._pieces
        while chunks and sum(map(len, chunks[:-1])) >= size:
            chunks.pop()
        if chunks:
            chunks[-1] = chunks[-1][: size - sum(map(len, chunks[:-1]))]


def _heard_reader(reader: Any, ear: _Ear) -> type:
    """The class that a payload takes on while it is heard: the parser feeds it, and the ear hears."""
    import asyncio

    class HeardReader(reader):  # type: ignore[misc]
        __slots__ = ()

        def feed_data(self, data: bytes, *size: int) -> Any:
            ear.data(data)
            return super().feed_data(data, *size)

        def begin_http_chunk_receiving(self) -> None:
            ear.begin()
            super().begin_http_chunk_receiving()

        def end_http_chunk_receiving(self) -> None:
            ear.end()
            super().end_http_chunk_receiving()

        def feed_eof(self) -> None:
            try:
                ear.finish()
            except Exception as error:
                # A difference that verifying found: whoever reads is told.
                super().set_exception(error)
            super().feed_eof()

        def set_exception(self, error: BaseException, *cause: BaseException) -> None:
            ear.fail(error)
            super().set_exception(error, *cause)

        async def _wait(self, func_name: str) -> None:
            try:
                await super()._wait(func_name)
            except asyncio.TimeoutError as error:
                ear.fail(error)
                raise
            except asyncio.CancelledError:
                ear.cancel()
                raise

    return HeardReader


def _stored_error(error: BaseException) -> dict[str, Any] | None:
    """An exception of aiohttp's, or a timeout, as plain data; None for any other and for those made of objects."""
    import asyncio

    kind = type(error)
    if isinstance(error, asyncio.TimeoutError) and not kind.__module__.startswith("aiohttp"):
        return {"type": _TIMEOUT, "message": str(error)}
    aiohttp = sys.modules["aiohttp"]
    if isinstance(error, sys.modules["aiohttp.http_exceptions"].HttpProcessingError):
        # What came is no HTTP; the response makes a ClientResponseError of it.
        found: Any = error
        return {"type": _NO_HTTP, "message": found.message, "code": found.code}
    unfit = (aiohttp.ClientResponseError, aiohttp.ServerFingerprintMismatch)
    if not isinstance(error, aiohttp.ClientError) or isinstance(error, unfit):
        return None
    stored: dict[str, Any] = {"type": f"aiohttp:{kind.__name__}", "message": str(error)}
    reason = getattr(error, "os_error", error)
    if isinstance(reason, OSError) and reason.errno is not None:
        stored |= {"errno": reason.errno, "message": reason.strerror or ""}
    return stored


# Replaying


def _replayed(
    classes: SimpleNamespace,
    connector: Any,
    req: Any,
    plain: dict[str, Any],
    exhausted: Callable[[], Exception],
) -> Any:
    """A connection that holds the recorded response; or the exception raised that connecting ended with."""
    if "status" not in plain and plain["error"].get("at") == "connect":
        raise _error(plain["error"], req)
    protocol = classes.protocol(req, plain, exhausted)
    return classes.connection(connector, None, protocol, req.loop)


def _error(error: dict[str, Any], req: Any) -> BaseException:
    """The recorded exception."""
    if error["type"] == _TIMEOUT:
        import asyncio

        return asyncio.TimeoutError(*filter(None, [error["message"]]))
    if error["type"] == _NO_HTTP:
        kind = sys.modules["aiohttp.http_exceptions"].HttpProcessingError
        return kind(code=error["code"], message=error["message"])  # type: ignore[no-any-return]
    aiohttp = sys.modules["aiohttp"]
    kind = getattr(aiohttp, error["type"].partition(":")[2])
    reason = OSError(error.get("errno"), error["message"])
    if issubclass(kind, (aiohttp.ClientConnectorError, aiohttp.ClientConnectorCertificateError)):
        return kind(req.connection_key, reason)  # type: ignore[no-any-return]
    if "errno" in error:
        return kind(*reason.args)  # type: ignore[no-any-return]
    return kind(error["message"])  # type: ignore[no-any-return]


class _Message(NamedTuple):
    """The head of a response, as aiohttp's parser gives it."""

    version: Any
    code: int
    reason: str
    headers: Any
    raw_headers: tuple[tuple[bytes, bytes], ...]
    should_close: bool = False
    compression: str | None = None
    upgrade: bool = False
    chunked: bool = False


def _classes() -> SimpleNamespace:
    """What aiohttp takes for its own, made when it is there: it is never imported from here."""
    import asyncio

    modules = sys.modules
    streams = modules["aiohttp.streams"]
    multidict = modules["multidict"]
    version_of = modules["aiohttp.http"].HttpVersion

    class Nowhere(asyncio.Transport):
        """What a request is written to when nothing is connected."""

        def write(self, data: Any) -> None:
            """Is not sent."""

        def writelines(self, list_of_data: Any) -> None:
            """Is not sent."""

        def is_closing(self) -> bool:
            """It stays open."""
            return False

        def close(self) -> None:
            """There is nothing to close."""

        def abort(self) -> None:
            """There is nothing to close."""

        def get_write_buffer_size(self) -> int:
            """Nothing is waiting."""
            return 0

    nowhere = Nowhere()

    class ReplayedReader(streams.StreamReader):  # type: ignore[misc, name-defined]
        """Gives recorded chunks one by one, as they are asked for, then what ended them."""

        __slots__ = ("_chunked", "_last", "_pending")

        def prepare(self, chunks: list[bytes], last: _Last, *, chunked: bool) -> None:
            self._pending = chunks[::-1]
            self._last = last
            self._chunked = chunked

        def _next(self) -> None:
            if self._pending:
                self._feed(self._pending.pop())
            elif self._last is None:
                self._feed(b"")  # the chunk that ends a body
                self.feed_eof()
            else:
                error = self._last()
                self.set_exception(error)
                raise error

        def _feed(self, chunk: bytes) -> None:
            if self._chunked:
                self.begin_http_chunk_receiving()
            self.feed_data(chunk)
            if self._chunked:
                self.end_http_chunk_receiving()

        async def _wait(self, _: str) -> None:
            await asyncio.sleep(0)
            if self._exception is not None:
                raise self._exception
            self._next()

        async def wait_eof(self) -> None:
            while not self.is_eof():
                self._next()

    class ReplayedProtocol(modules["aiohttp.client_proto"].ResponseHandler):  # type: ignore[misc]
        """Reads the recorded response."""

        def __init__(self, req: Any, plain: dict[str, Any], exhausted: Callable[[], Exception]) -> None:
            super().__init__(req.loop)
            self.transport = nowhere
            self._req = req
            self._plain = plain
            self._exhausted = exhausted
            self._decoded = True

        def set_response_params(self, **params: Any) -> None:
            self._decoded = params.get("auto_decompress", True)
            self._bufsize = params.get("read_bufsize", 2**16)

        def pause_reading(self) -> None:
            """Nothing comes by itself."""

        def resume_reading(self, **_: Any) -> None:
            """Nothing comes by itself."""

        async def read(self) -> Any:
            req, plain = self._req, self._plain
            # As the network does, let others run.
            await asyncio.sleep(0)
            if req._continue is not None and not req._continue.done():
                req._continue.set_result(True)
            if "status" not in plain:
                raise _error(plain["error"], req)
            answer = load_answer(plain, req.method, decoded=self._decoded)
            raw = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers)
            pairs = [
                (
                    name,
                    value if value.isascii() else value.encode("latin-1").decode("utf-8", "surrogateescape"),
                )
                for name, value in answer.headers
            ]
            headers = multidict.CIMultiDictProxy(multidict.CIMultiDict(pairs))
            version = version_of(*map(int, answer.version.partition("/")[2].split(".")))
            message = _Message(version, answer.status, answer.reason, headers, raw)
            last: _Last = self._exhausted if answer.stopped else None
            if answer.error is not None:
                last = partial(_error, answer.error, req)
            return message, self._payload_of(answer.chunks, last, headers)

        def _payload_of(self, chunks: list[bytes], last: _Last, headers: Any) -> Any:
            timer = self._req._timer
            if len(chunks) < 2 and last is None:
                payload = streams.StreamReader(self, self._bufsize, timer=timer, loop=self._loop)
                payload.feed_data(b"".join(chunks))
                payload.feed_eof()
            else:
                payload = ReplayedReader(self, self._bufsize, timer=timer, loop=self._loop)
                payload.prepare(chunks, last, chunked="chunked" in headers.get("Transfer-Encoding", ""))
            return payload

    class ReplayedConnection(modules["aiohttp.connector"].Connection):  # type: ignore[misc]
        """Belongs to no pool."""

        def close(self) -> None:
            self._notify_release()
            self._protocol = None

        release = close

        def __del__(self, *_: Any) -> None:
            """Leaves nothing open."""

    return SimpleNamespace(protocol=ReplayedProtocol, connection=ReplayedConnection)
