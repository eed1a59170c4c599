"""The adapter of aiohttp: `BaseConnector.connect`, which is below sessions, redirects, cookies and middlewares.

Read against aiohttp 3.12.1 to 3.14. In a replay the session gets a connection with the recorded response
(aiohttp_replay.py): the request is built and written as usual, to nowhere, and the response is the session's own. WebSockets
and `aiohttp.test_utils` are left alone. A replay connects to nothing, so trace configs see no connection events.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from itertools import pairwise
from types import FrameType
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.exchange import Exchange, HttpAdapter, HttpRequest
from pytest_mimic._clients.http.failures import aiohttp_failure
from pytest_mimic._core.seam.base import Edge

if TYPE_CHECKING:
    from pytest_mimic._clients.http.responses import ExchangeRecorder
    from pytest_mimic._core.seam.base import Port


class AiohttpAdapter(HttpAdapter):
    """The adapter of `aiohttp`."""

    def edges(self) -> Sequence[Edge]:
        """Return the method that connects a request to its server."""
        return [Edge("aiohttp.connector", ("BaseConnector", "connect"), _wrap_connect)]


def _wrap_connect(original: Callable[..., Awaitable[Any]], port: Port) -> Callable[..., Any]:
    own = Exchange(port)

    @wraps(original)
    async def connect(self: Any, req: Any, *args: Any, **options: Any) -> Any:
        takers = own.takers()
        if not takers or _in_test_client():
            return await original(self, req, *args, **options)
        exchange = takers[0]
        sent = HttpRequest(req.method, str(req.url), tuple(req.headers.items()), await _body_of(req))
        step = exchange.begin(sent)
        if step is None:
            return await original(self, req, *args, **options)
        # This module imports aiohttp, which is loaded by now.
        from pytest_mimic._clients.http.aiohttp_replay import ReplayedProtocol, replayed_connection

        if step.mode == "replay":
            return replayed_connection(ReplayedProtocol(self, req, step.outcome, step.exhausted))
        recorder = exchange.recorder(step, sent)
        replayed = ReplayedProtocol(self, req, recorder.recorded, recorder.exhausted)
        try:
            with step.running():
                connection = await original(self, req, *args, **options)
        except BaseException as error:
            _record_error(recorder, error, req, at="connect")
            if not step.answers(error):
                raise
            return replayed_connection(replayed)
        _record_next_response(connection, req, recorder, replayed if recorder.is_verifying else None)
        return connection

    return connect


def _in_test_client() -> bool:
    """Check whether aiohttp's own test client sends the request: its server is the application under test."""
    tools = sys.modules.get("aiohttp.test_utils")
    if tools is None:
        return False
    code = tools.TestClient._request.__code__
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None


async def _body_of(req: Any) -> bytes:
    """Return the whole body of a request. A body that can be read only once is replaced by its bytes."""
    body = req.body
    if not body or isinstance(body, bytes):
        return body or b""
    data: bytes = await body.as_bytes()
    if body.consumed:
        req._body = sys.modules["aiohttp.payload"].BytesPayload(data, headers=body.headers)
    return data


def _record_next_response(
    connection: Any, req: Any, recorder: ExchangeRecorder, replayed: Any = None
) -> None:
    """Let the recorder see the next response on a real connection, and nothing after it.

    To verify, the response is read here, and the session gets that of the `replayed` protocol.
    """
    protocol = connection.protocol
    read, set_params = protocol.read, protocol.set_response_params
    listener = _ResponseListener(recorder)
    decoded = True

    def set_response_params(**params: Any) -> None:
        nonlocal decoded
        decoded = params.get("auto_decompress", True)
        set_params(**params)
        if replayed is not None:
            replayed.set_response_params(**params)

    async def recorded_read() -> Any:
        try:
            message, payload = await read()
        except BaseException as error:
            _record_error(recorder, error, req, at="response")
            if replayed is None or not recorder.answers(error):
                raise
        else:
            if 100 <= message.code < 200 and message.code != 101:  # another response follows
                return message, payload
            # The methods of the class show again.
            del protocol.read, protocol.set_response_params
            version = f"HTTP/{message.version.major}.{message.version.minor}"
            recorder.start(message.code, message.reason, version, message.raw_headers, decoded=decoded)
            listener.listen(payload)
            if replayed is None:
                return message, payload
            await _read(payload, recorder)
            listener.leave()
        return await replayed.read()

    def connection_lost(error: BaseException | None) -> None:
        type(protocol).connection_lost(protocol, error)
        if recorder.head:
            listener.leave()

    def released() -> None:
        error = sys.exc_info()[1]
        if error is not None and not recorder.head and not recorder.done:
            _record_error(recorder, error, req, at="request")  # the request could not be written
        listener.leave()

    protocol.set_response_params, protocol.read = set_response_params, recorded_read
    # A response may be dropped before its end: returned with its connection, or lost with its session.
    protocol.connection_lost = connection_lost
    connection.add_callback(released)


async def _read(payload: Any, recorder: ExchangeRecorder) -> None:
    """Read of a real response what the recording has, to compare it."""
    try:
        wanted, size = recorder.wanted, 0
        while not payload.at_eof() and (wanted is None or size < wanted):
            size += len(await payload.readany())
    except BaseException as error:
        recorder.abandon(error)  # the listener has recorded it, unless it is an interrupt
        if not recorder.answers(error):
            raise


def _record_error(recorder: ExchangeRecorder, error: BaseException, req: Any, *, at: str) -> None:
    """Record the exception that came instead of a response."""
    from asyncio import CancelledError

    if isinstance(error, CancelledError) and getattr(req._timer, "_cancelled", False):
        # The session's total timeout cancels the task, and raises a timeout instead further up.
        recorder.fail({"type": "reading", "message": "", "total": True})
    elif isinstance(error, Exception):
        proxy = None if req.proxy is None else (req.proxy.host, req.proxy.port)
        recorder.fail(aiohttp_failure(error, at=at, proxy=proxy), error)
    else:
        recorder.abandon(error)


class _ResponseListener:
    """Records a body while aiohttp's parser feeds it: the chunks of the transfer, or else the data as it arrives."""

    def __init__(self, recorder: ExchangeRecorder) -> None:
        self._recorder = recorder
        self._payload: Any = None
        self.is_chunked = False
        self._open_chunk = b""
        self._pieces: list[bytes] = []
        self.cancelled_at = -1

    def listen(self, payload: Any) -> None:
        """Record the data that a payload has, and the data that it will get."""
        if payload is sys.modules["aiohttp.streams"].EMPTY_PAYLOAD:
            self.finish()
            return
        self._payload = payload
        data, ends = b"".join(payload._buffer), payload._http_chunk_splits
        self.is_chunked = ends is not None
        starts = [0, *(ends or ())]
        self._recorder.chunks += [data[start:end] for start, end in pairwise(starts)]
        self.feed(data[starts[-1] :])
        self._pieces = [*payload._buffer]
        if payload.is_eof():
            self.finish()
        elif payload.exception() is not None:
            self.fail(payload.exception())
        else:
            # The parser holds this very object, so it cannot be replaced: it becomes one of another class.
            payload.__class__ = _recorded_reader_class(type(payload), self)

    def feed(self, data: bytes) -> None:
        self._pieces.append(data)
        if self.is_chunked:
            self._open_chunk += data
        else:
            self._recorder.chunks.append(data)

    def end_chunk(self) -> None:
        if self._open_chunk:
            self._recorder.chunks.append(self._open_chunk)
            self._open_chunk = b""

    def finish(self) -> None:
        self.end_chunk()
        self._recorder.complete()

    def fail(self, error: BaseException) -> None:
        """Record that the body broke, or that its reader has closed the response."""
        if type(error).__name__ == "ClientConnectionError" and str(error) == "Connection closed":
            self.leave()
        else:
            self.end_chunk()
            self._recorder.fail(aiohttp_failure(error, at="response", proxy=None))

    def leave(self) -> None:
        """Record that the response is given up, if its end has not come."""
        from asyncio import CancelledError

        if self._recorder.done:
            return
        size = 0 if self._payload is None else self._payload._cursor
        if self._payload is not None and size == self.cancelled_at:
            # The exception may be a timeout by now, but the step reports a cancellation that is being handled.
            try:
                raise CancelledError
            except CancelledError:
                self._recorder.abandon()
        elif self._payload is not None:
            # Keep what the reader has read, perhaps a part of a chunk. More data is an accident of the network.
            chunks = self._recorder.chunks = self._pieces
            while chunks and sum(map(len, chunks[:-1])) >= size:
                chunks.pop()
            if chunks:
                chunks[-1] = chunks[-1][: size - sum(map(len, chunks[:-1]))]
        self._recorder.stop()


def _recorded_reader_class(reader: Any, listener: _ResponseListener) -> type:
    """Return a class for one payload, whose methods call a listener.

    The listener is not an attribute, because an object can only change to a class with the same slots.
    """
    import asyncio

    class RecordedReader(reader):  # type: ignore[misc]
        __slots__ = ()

        def feed_data(self, data: bytes, *size: int) -> Any:
            listener.feed(data)
            return super().feed_data(data, *size)

        def begin_http_chunk_receiving(self) -> None:
            listener.is_chunked = True
            super().begin_http_chunk_receiving()

        def end_http_chunk_receiving(self) -> None:
            listener.end_chunk()
            super().end_http_chunk_receiving()

        def feed_eof(self) -> None:
            try:
                listener.finish()
            except Exception as error:
                # Verifying found a difference. The parser calls this, but the reader has to get the error.
                super().set_exception(error)
            super().feed_eof()

        def set_exception(self, error: BaseException, *cause: BaseException) -> None:
            listener.fail(error)
            super().set_exception(error, *cause)

        async def _wait(self, func_name: str) -> None:
            try:
                await super()._wait(func_name)
            except asyncio.TimeoutError as error:
                listener.fail(error)
                raise
            except asyncio.CancelledError:
                # The reader may continue later.
                listener.cancelled_at = self._cursor
                raise

    return RecordedReader
