"""A connection of aiohttp that holds a recorded response, and bodies that are recorded or replayed as they are read.

Importing this module imports aiohttp.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import cache, lru_cache, partial
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, http_parser
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpVersion
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from multidict import CIMultiDict, CIMultiDictProxy, istr

from pytest_mimic._clients.http.failures import CONNECTING, aiohttp_error, aiohttp_failure
from pytest_mimic._clients.http.responses import load_response

if TYPE_CHECKING:
    from pytest_mimic._clients.http.responses import ExchangeRecorder

# Statuses of responses without a body, RFC 9110, 15.3.5 and 15.4.5. (Those under 200 are not recorded.)
_WITHOUT_BODY = (204, 304)
_RESPONSES_A_TURN = 8
_count = count()


def replayed_connection(protocol: ReplayedProtocol) -> Any:
    """Return a connection with a recorded response, or raise the recorded exception of connecting."""
    plain = protocol.outcome()
    if "status" not in plain and plain["error"]["type"] in CONNECTING:
        raise aiohttp_error(plain["error"], protocol.req)
    return _ReplayedConnection(protocol.connector, None, protocol, protocol.req.loop)  # type: ignore[arg-type]


class _ReplayedConnection(Connection):
    """A connection that belongs to no pool."""

    def close(self) -> None:
        self._notify_release()
        self._protocol = None

    release = close

    def __del__(self, *_: Any) -> None:
        # The real one warns about unclosed connections.
        pass


class _Nowhere(asyncio.Transport):
    """A transport that drops the request."""

    def write(self, *_: Any, **__: Any) -> None:
        pass

    writelines = close = abort = write

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


_NOWHERE = _Nowhere()


class ReplayedProtocol(ResponseHandler):
    """Returns the recorded response to a request when the session reads one."""

    def __init__(
        self,
        connector: Any,
        req: Any,
        outcome: Callable[[], Any],
        exhausted: Callable[[], Exception],
    ) -> None:
        super().__init__(req.loop)
        self.transport = _NOWHERE
        self.connector = connector
        self.req: Any = req
        self.outcome: Any = outcome
        self.exhausted = exhausted
        self.params: Mapping[str, Any] = {}

    def set_response_params(self, **params: Any) -> None:
        """Keep how the response is to be read."""
        self.params = params

    def pause_reading(self) -> None:
        """Do nothing: no data arrives by itself."""

    def resume_reading(self, *_: Any, **__: Any) -> None:
        """Do nothing."""

    async def read(self) -> Any:
        """Return the message and the payload of the response, or raise the recorded exception."""
        req, plain, exhausted = self.req, self.outcome(), self.exhausted
        # The request keeps its response, and this the request: such a cycle would wait for the garbage collector.
        self.req = self.outcome = None
        # Other tasks run here, as they do while the network is read. Where none is ready, most responses take no turn of
        # the event loop, which is slow: a few later, timers and sockets have theirs.
        if getattr(self._loop, "_ready", True) or next(_count) % _RESPONSES_A_TURN == 0:
            await asyncio.sleep(0)
        if req._continue is not None and not req._continue.done():
            req._continue.set_result(True)
        if "status" not in plain:
            raise aiohttp_error(plain["error"], req)
        answer = load_response(plain, req.method, decoded=self.params.get("auto_decompress", True))
        raw, pairs = [], []
        for name, value in answer.headers:
            spelled, encoded = _spelling(name)
            data = value.encode("latin-1")
            raw.append((encoded, data))
            # aiohttp's parser decodes headers as UTF-8.
            pairs.append((spelled, value if value.isascii() else data.decode("utf-8", "surrogateescape")))
        headers = CIMultiDictProxy(CIMultiDict(pairs))
        options = {
            "limit": self.params.get("read_bufsize", 2**16),
            "timer": req._timer,
            "loop": self._loop,
        }
        is_chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        payload: StreamReader
        if req.method == "HEAD" or answer.status in _WITHOUT_BODY:
            payload = EMPTY_PAYLOAD
        elif len(answer.chunks) < 2 and answer.is_complete:
            payload = StreamReader(self, **options)
            if is_chunked and answer.chunks:
                payload.begin_http_chunk_receiving()
            payload.feed_data(b"".join(answer.chunks))
            if is_chunked and answer.chunks:
                payload.end_http_chunk_receiving()
            payload.feed_eof()
        else:
            payload = _ReplayedReader(self, **options)
            payload.pending = answer.chunks[::-1]
            payload.stopped = answer.stopped
            payload.ending = partial(answer.ending, partial(aiohttp_error, req=req, in_body=True), exhausted)
            payload.is_chunked = is_chunked
        # The attributes of the message that aiohttp's parser returns.
        message = SimpleNamespace(
            version=_version(answer.version),
            code=answer.status,
            reason=answer.reason,
            headers=headers,
            raw_headers=tuple(raw),
            should_close=False,
            compression=None,
            upgrade=False,
            chunked=False,
        )
        return message, payload


@cache
def _version(text: str) -> HttpVersion:
    return HttpVersion(*map(int, text.partition("/")[2].split(".")))


@lru_cache(1_000)
def _spelling(name: str) -> tuple[str, bytes]:
    """Return the name of a header as aiohttp's parser spells it, and as it arrives."""
    return _known_names().get(name.lower(), name), name.encode("latin-1")


@cache
def _known_names() -> dict[str, str]:
    """Return the names of headers, by their lower case, that aiohttp's parser in C spells in its own way."""
    if http_parser.HttpResponseParser is http_parser.HttpResponseParserPy:
        return {}
    return {name.lower(): str(name) for name in vars(hdrs).values() if isinstance(name, istr)}


class _ReplayedReader(StreamReader):
    """Returns recorded chunks one by one when they are read, then raises the exception that ended them."""

    __slots__ = ("ending", "is_chunked", "pending", "stopped")
    pending: list[bytes]
    stopped: bool
    ending: Callable[[], Exception | None]
    is_chunked: bool

    def _next(self) -> None:
        error = None if self.pending else self.ending()
        if error is not None:
            self.set_exception(error)
            raise error
        is_last = not self.pending
        if self.is_chunked:
            self.begin_http_chunk_receiving()
        # A body with chunks ends with an empty one.
        self.feed_data(b"" if is_last else self.pending.pop())
        if self.is_chunked:
            self.end_http_chunk_receiving()
        if is_last:
            self.feed_eof()

    async def _wait(self, func_name: str) -> None:
        await asyncio.sleep(0)
        if self._exception is not None:
            raise self._exception
        protocol: Any = self._protocol
        if self.stopped and not self.pending and protocol.connector.closed:
            # The rest cannot be read, as the session was closed: the reader raises its own error.
            protocol.transport = None
            await super()._wait(func_name)
        self._next()

    async def wait_eof(self) -> None:
        while not self.is_eof():
            self._next()


def recorded_body(real: Any, recorder: ExchangeRecorder) -> tuple[Any, Callable[[], None]]:
    """Return a body that is recorded as it is read, and the function to call when the response is given up."""
    if real is EMPTY_PAYLOAD:
        recorder.complete()
        return real, recorder.stop
    reader = _RecordedReader(real._protocol, 2**60, loop=real._loop)
    reader.real, reader.recorder, reader.pieces = real, recorder, []
    reader.open_chunk, reader.cancelled_at = b"", -1
    # What has arrived with its end is read at once: the client gives the connection back.
    real.on_eof(reader.drain)
    return reader, reader.leave


class _RecordedReader(StreamReader):
    """Gets a body from the real reader when it is read, and records it: the chunks of the transfer, or data as it arrives."""

    __slots__ = ("cancelled_at", "open_chunk", "pieces", "real", "recorder")
    real: StreamReader
    recorder: ExchangeRecorder
    pieces: list[bytes]
    open_chunk: bytes
    cancelled_at: int

    def drain(self) -> None:
        try:
            while not self.real.at_eof():
                try:
                    self.real.readchunk().send(None)  # it never waits here
                except StopIteration as read:
                    self._take(*read.value)
            self._close_chunk()
            self.recorder.complete()
        except Exception as error:  # aiohttp, which calls this, would only log it
            self.set_exception(error)
        self.feed_eof()

    def _take(self, data: bytes, ends_chunk: bool) -> None:
        if self._eof:  # all was taken while this reader waited
            return
        if self.real._http_chunk_splits is not None:
            self.begin_http_chunk_receiving()
        self.feed_data(data)
        self.pieces.append(data)
        self.open_chunk += data
        if ends_chunk:
            self.end_http_chunk_receiving()
        if ends_chunk or self._http_chunk_splits is None:
            self._close_chunk()

    def _close_chunk(self) -> None:
        if self.open_chunk:
            self.recorder.chunks.append(self.open_chunk)
            self.open_chunk = b""

    async def _wait(self, func_name: str) -> None:  # noqa: ARG002
        try:
            self._take(*await self.real.readchunk())
        except asyncio.CancelledError:
            self.cancelled_at = self._cursor  # the reader may continue later
            raise
        except Exception as error:
            self._fail(error)
            raise

    async def wait_eof(self) -> None:
        while not self.is_eof():
            await self._wait("wait_eof")

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.leave()  # the response was closed
        super().set_exception(exc, *cause)

    def _fail(self, error: BaseException) -> None:
        self._close_chunk()
        self.recorder.fail(aiohttp_failure(error, at="response"))

    def leave(self) -> None:
        """Record that the response is given up, if its end has not come."""
        recorder, error = self.recorder, self.real.exception()
        if recorder.done:
            return
        if error is not None and str(error) != "Connection closed":
            self._fail(error)
        elif self._cursor == self.cancelled_at:
            # The exception may be a timeout by now, but the step reports a cancellation that is being handled.
            try:
                raise asyncio.CancelledError
            except asyncio.CancelledError:
                recorder.abandon()
        else:
            # Keep what the reader has read, perhaps a part of a chunk. More data is an accident of the network.
            chunks = recorder.chunks = self.pieces
            while chunks and sum(map(len, chunks[:-1])) >= self._cursor:
                chunks.pop()
            if chunks:
                chunks[-1] = chunks[-1][: self._cursor - sum(map(len, chunks[:-1]))]
            recorder.stop()
