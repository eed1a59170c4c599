"""The boundary of httpx and httpx2: their network transports, sync and async.

Read against httpx 0.25 to 0.28 and httpx2 2.16. In-process transports (ASGI, WSGI, MockTransport) are others and left alone.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_mimic._outcome.families import ExceptionFamily
from pytest_mimic.boundaries.base import Edge
from pytest_mimic.boundaries.http.exchange import (
    Answer,
    Exchange,
    HttpBoundary,
    Recorder,
    Request,
    load_answer,
)

if TYPE_CHECKING:
    from pytest_mimic.boundaries.base import Port

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


class _HttpxErrors(ExceptionFamily):
    modules: ClassVar[Mapping[str, str]] = {"httpx": "httpx", "httpx2": "httpx2"}


_ERRORS = _HttpxErrors()


class HttpxBoundary(HttpBoundary):
    """The boundary of `httpx` or `httpx2`."""

    def edges(self) -> Sequence[Edge]:
        """Return the `handle` methods of the transports."""
        name = self.name
        return [
            Edge(name, ("HTTPTransport", "handle_request"), _wrapping(name, _sync_edge)),
            Edge(name, ("AsyncHTTPTransport", "handle_async_request"), _wrapping(name, _async_edge)),
        ]


def _wrapping(
    name: str, edge: Callable[..., Any]
) -> Callable[[Callable[..., Any], Port], Callable[..., Any]]:
    def wrap(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        return edge(original, port, Exchange(name, port), _Client())  # type: ignore[no-any-return]

    return wrap


def _sync_edge(
    original: Callable[..., Any], port: Port, exchange: Exchange, client: _Client
) -> Callable[..., Any]:
    @wraps(original)
    def handle_request(self: Any, request: Any) -> Any:
        if not port.taking():
            return original(self, request)
        sent = _sent(request, request.read())
        step = exchange.begin(sent)
        if step is None or step.mode == "pass":
            return original(self, request)
        if step.mode == "replay":
            return client.answer(step.outcome(), request, step.exhausted)
        recorder = exchange.recorder(step, sent)
        with recorder.running(_ERRORS.store):
            response = original(self, request)
        return client.recorded(response, recorder)

    return handle_request


def _async_edge(
    original: Callable[..., Awaitable[Any]], port: Port, exchange: Exchange, client: _Client
) -> Callable[..., Any]:
    @wraps(original)
    async def handle_async_request(self: Any, request: Any) -> Any:
        if not port.taking():
            return await original(self, request)
        sent = _sent(request, await request.aread())
        step = exchange.begin(sent)
        if step is None or step.mode == "pass":
            return await original(self, request)
        if step.mode == "replay":
            return client.answer(step.outcome(), request, step.exhausted)
        recorder = exchange.recorder(step, sent)
        with recorder.running(_ERRORS.store):
            response = await original(self, request)
        return client.recorded(response, recorder)

    return handle_async_request


def _sent(request: Any, body: bytes) -> Request:
    return Request(request.method, str(request.url), tuple(request.headers.raw), body)


class _Client:
    """The client's own classes, found when the first request comes: the client is never imported from here."""

    def __init__(self) -> None:
        self._module: Any = None

    def _of(self, instance: Any) -> Any:
        if self._module is None:
            self._module = sys.modules[type(instance).__module__.partition(".")[0]]
            self._recorded, self._replayed = _stream_classes(self._module)
        return self._module

    def recorded(self, response: Any, recorder: Recorder) -> Any:
        """The real response, its stream heard by the recorder."""
        self._of(response)
        recorder.started(
            response.status_code,
            response.extensions.get("reason_phrase", b"").decode("latin-1"),
            response.extensions.get("http_version", b"HTTP/1.1").decode("latin-1"),
            response.headers.raw,
        )
        response.stream = self._recorded(response.stream, recorder)
        return response

    def answer(self, plain: dict[str, Any], request: Any, exhausted: Callable[[], Exception]) -> Any:
        """The recorded response, or the recorded exception raised."""
        module = self._of(request)
        if "status" not in plain:
            raise _ERRORS.load(plain["error"], request=request)
        answer = load_answer(plain, request.method)
        chunks = answer.chunks
        if answer.stopped or answer.error or len(chunks) != 1:
            last = exhausted if answer.stopped else None
            if error := answer.error:
                last = lambda: _ERRORS.load(error, request=request)  # noqa: E731
            stream = self._replayed(chunks, last)
        else:
            stream = module.ByteStream(chunks[0])
        return module.Response(
            answer.status,
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers],
            stream=stream,
            extensions=_extensions(answer),
        )


def _extensions(answer: Answer) -> dict[str, bytes]:
    """What the transport tells besides; HTTP/2 has no reasons, and the client then gives its own."""
    found = {"http_version": answer.version.encode("latin-1")}
    if answer.version != "HTTP/2":
        found["reason_phrase"] = answer.reason.encode("latin-1")
    return found


def _stream_classes(module: Any) -> tuple[type, type]:
    """Streams that the client takes for its own."""

    class RecordedStream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc]
        """Hands the real chunks through, and tells the recorder."""

        def __init__(self, stream: Any, recorder: Recorder) -> None:
            self._stream = stream
            self._recorder = recorder

        def __iter__(self) -> Iterator[bytes]:
            recorder = self._recorder
            try:
                for chunk in self._stream:
                    recorder.chunks.append(chunk)
                    yield chunk
            except GeneratorExit:
                raise
            except Exception as error:
                recorder.failed(_ERRORS.store(error))
                raise
            except BaseException:
                recorder.abandon()
                raise
            recorder.complete()

        def close(self) -> None:
            self._stream.close()
            self._recorder.stopped()

        async def __aiter__(self) -> AsyncIterator[bytes]:
            recorder = self._recorder
            try:
                async for chunk in self._stream:
                    recorder.chunks.append(chunk)
                    yield chunk
            except GeneratorExit:
                raise
            except Exception as error:
                recorder.failed(_ERRORS.store(error))
                raise
            except BaseException:
                recorder.abandon()
                raise
            recorder.complete()

        async def aclose(self) -> None:
            try:
                await self._stream.aclose()
            finally:
                self._recorder.stopped()

    class ReplayedStream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc]
        """Gives recorded chunks, then raises what ended them."""

        def __init__(self, chunks: list[bytes], last: Callable[[], Exception] | None) -> None:
            self._chunks = chunks
            self._last = last

        def __iter__(self) -> Iterator[bytes]:
            yield from self._chunks
            if self._last:
                raise self._last()

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for chunk in self._chunks:
                yield chunk
            if self._last:
                raise self._last()

    return RecordedStream, ReplayedStream
