"""The adapter of httpx and httpx2: their network transports, sync and async.

Read against httpx 0.25 to 0.28 and httpx2 2.16. Transports within the process (ASGI,
WSGI, MockTransport) are other classes, and are left alone.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial, wraps
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.failures import TEST_ENDED, Failure, exception_name
from pytest_mimic._clients.http.http_calls import HttpAdapter, HttpRequest, RequestTaker
from pytest_mimic._clients.http.responses import ExchangeRecorder, StoredResponse
from pytest_mimic.client import Edge, Steps, run_async, run_sync

if TYPE_CHECKING:
    from pytest_mimic.client import Port, Step


class HttpxAdapter(HttpAdapter):
    """The adapter of `httpx` or `httpx2`."""

    def edges(self) -> Sequence[Edge]:
        """Return the methods of the transports that send a request."""
        wrap_sync = partial(self._wrap, run_sync, "")
        wrap_async = partial(self._wrap, run_async, "a")
        sync_path = "HTTPTransport", "handle_request"
        async_path = "AsyncHTTPTransport", "handle_async_request"
        return [
            Edge(self.name, sync_path, wrap_sync),
            Edge(self.name, async_path, wrap_async),
        ]

    def _wrap(
        self,
        run: Callable[..., Any],
        prefix: str,
        original: Callable[..., Any],
        port: Port,
    ) -> Any:
        """Return the function of a transport that replaces `original`.

        Args:
            run: Carries steps out: `run_sync`, or `run_async` for async transports.
            prefix: How httpx begins the names of methods: `a` in `aread`, if async.
            original: The method of the transport that sends a request.
            port: The engine's port, by which a step is begun.
        """
        taker = RequestTaker(port)

        @wraps(original)
        def handle_request(transport: Any, request: Any) -> Any:
            send = partial(original, transport)
            return run(self._handle(taker, prefix, send, request))

        return handle_request

    def _handle(
        self, taker: RequestTaker, prefix: str, send: Callable[..., Any], request: Any
    ) -> Steps:
        """Send a request, or replay it: what the client waits for is yielded.

        `run_sync` and `run_async` carry the steps out for the two transports.
        """
        if not taker.port.taking():
            # Nothing is mimicked here.
            return (yield send(request))
        # The whole body counts in the identity. httpx keeps it for sending it.
        body = yield getattr(request, f"{prefix}read")()
        headers = tuple(request.headers.raw)
        http_request = HttpRequest(request.method, str(request.url), headers, body)
        step = taker.begin(http_request)
        if step is None:
            # The request is left out, and nothing is recorded.
            return (yield send(request))
        if step.mode == "replay":
            recorded_exchange = step.outcome(is_read_only=True)
            return (yield from self._replay(recorded_exchange, prefix, request, step))
        recorder = ExchangeRecorder(step)
        with recorder.watching():
            # The head has come now, and the body comes when the caller reads it.
            response = yield send(request)
            reason = response.extensions.get("reason_phrase", b"").decode("latin-1")
            version = response.extensions.get("http_version", b"HTTP/1.1")
            recorder.start(
                response.status_code,
                reason,
                version.decode("latin-1"),
                response.headers.raw,
                stream_id=response.extensions.get("stream_id"),
            )
            recorder.decodes = partial(_decodes, response)
            recorded_stream, _ = _stream_classes(sys.modules[self.name])
            response.stream = recorded_stream(response.stream, recorder)
            if step.mode == "run":
                # The body is recorded while the caller reads it.
                return response
            # The recording is verified: the real response is compared here.
            yield from _read_to_compare(response.stream, prefix, recorder)
            yield getattr(response.stream, f"{prefix}close")()
        return (yield from self._replay(recorder.recorded(), prefix, request, step))

    def _replay(
        self, exchange: dict[str, Any], prefix: str, request: Any, step: Step
    ) -> Steps:
        """Return the recorded response, or raise the recorded exception."""
        # The client is loaded by now. Its adapter never imports it.
        httpx = sys.modules[self.name]
        if "error" in exchange and "status" not in exchange:
            raise self._error(request, exchange["error"])
        error_when_closed = partial(self._error, request, TEST_ENDED)
        # Without a status and an error, the recorded client waited until it was
        # cancelled. Both calls wait in the same way, and do not return.
        if "status" not in exchange and prefix:
            yield step.wait_async()
        if "status" not in exchange:
            step.wait(error_when_closed)
        stored_response = StoredResponse(exchange, request.method)
        # Most bodies come in one piece, and need no stream that waits or fails.
        if stored_response.is_complete and len(stored_response.chunks) == 1:
            stream = httpx.ByteStream(stored_response.chunks[0])
        else:
            _, replayed_stream = _stream_classes(httpx)
            error_at_end = partial(
                stored_response.error_at_end,
                partial(self._error, request),
                step.exhausted,
            )
            waiting_step = None
            if stored_response.waiting or step.waits:
                waiting_step = step
            stream = replayed_stream(
                stored_response.chunks, error_at_end, waiting_step, error_when_closed
            )
        http_version = stored_response.version.encode("latin-1")
        extensions: dict[str, Any] = {"http_version": http_version}
        if stored_response.version == "HTTP/2":
            # HTTP/2 has no reasons: the client returns the usual reason of the status.
            extensions["stream_id"] = stored_response.stream_id
        else:
            extensions["reason_phrase"] = stored_response.reason.encode("latin-1")
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in stored_response.headers
        ]
        return httpx.Response(
            stored_response.status,
            headers=headers,
            stream=stream,
            extensions=extensions,
        )

    def _error(self, request: Any, failure: Failure) -> Exception:
        """Return the client's exception for a recorded failure."""
        # The exceptions of httpx2 have the names of those of httpx.
        httpx = sys.modules[self.name]
        error_class = getattr(httpx, exception_name(failure, "httpx", httpx))
        error: Exception = error_class(failure["message"], request=request)
        return error


def _read_to_compare(stream: Any, prefix: str, recorder: ExchangeRecorder) -> Steps:
    """Read as much of a real response as the recording has, to verify it.

    No more is read: a stream may never end.
    """
    chunks: Any
    read_next: Any
    if prefix:
        chunks = aiter(stream)
        read_next = anext
    else:
        chunks = iter(stream)
        read_next = next
    try:
        while not recorder.has_as_much_as_recorded:
            # The recorder gets the chunk from `_RecordedStream`.
            chunk = yield read_next(chunks, None)
            if chunk is None:
                break
    finally:
        yield getattr(chunks, f"{prefix}close")()


def _decodes(response: Any) -> bool:
    """Check whether a response has decompressed what was read of it."""
    # A response makes its decoder for the first reader who wants no raw bytes. Without
    # the codec, it is one that does nothing.
    decoder = getattr(response, "_decoder", None)
    return decoder is not None and type(decoder).__name__ != "IdentityDecoder"


class _RecordedStream:
    """Passes the chunks of a real response on to httpx, and records them."""

    def __init__(self, stream: Any, recorder: ExchangeRecorder) -> None:
        self._stream = stream
        self._recorder = recorder

    def __iter__(self) -> Generator[bytes, None, None]:
        with self._watching():
            for chunk in self._stream:
                self._recorder.chunks.append(chunk)
                yield chunk

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        with self._watching():
            async for chunk in self._stream:
                self._recorder.chunks.append(chunk)
                yield chunk

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """Tell the recorder how the reading of the body ends."""
        try:
            yield
        except GeneratorExit:
            # The reader stops. The client closes the stream next, which records that.
            raise
        except BaseException as error:
            self._recorder.fail(error)
            raise
        self._recorder.complete()

    def close(self) -> None:
        """Close the real stream: a reader that closes it early wants no more of it."""
        try:
            self._stream.close()
        finally:
            self._recorder.stop()

    async def aclose(self) -> None:
        """Close the real stream, as `close` does for a sync client."""
        try:
            await self._stream.aclose()
        finally:
            self._recorder.stop()


class _ReplayedStream:
    """Gives httpx recorded chunks, then raises the exception that ended them."""

    def __init__(
        self,
        chunks: list[bytes],
        error_at_end: Callable[[], Exception | None],
        waiting_step: Step | None,
        error_when_closed: Callable[[], Exception],
    ) -> None:
        self._chunks = chunks
        self._error_at_end = error_at_end
        # The step of a reader that waited for more until it was cancelled: it waits
        # again. None: the recorded reader did not.
        self._waiting_step = waiting_step
        # What a reader in a thread gets when its test has ended.
        self._error_when_closed = error_when_closed

    def __iter__(self) -> Iterator[bytes]:
        """Yield the recorded chunks, then end as the recorded body did."""
        yield from self._chunks
        if self._waiting_step is not None:
            self._waiting_step.wait(self._error_when_closed)
        error = self._error_at_end()
        if error is not None:
            raise error

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        """Yield the recorded chunks, as for a sync client."""
        for chunk in self._chunks:
            yield chunk
        if self._waiting_step is not None:
            await self._waiting_step.wait_async()
        error = self._error_at_end()
        if error is not None:
            raise error


@cache
def _stream_classes(httpx: Any) -> tuple[type, type]:
    """Return the classes of a recorded and of a replayed stream.

    httpx checks the types of streams, so they have its own classes as bases.
    """
    bases = (httpx.SyncByteStream, httpx.AsyncByteStream)
    recorded_stream = type("RecordedStream", (_RecordedStream, *bases), {})
    replayed_stream = type("ReplayedStream", (_ReplayedStream, *bases), {})
    return recorded_stream, replayed_stream
