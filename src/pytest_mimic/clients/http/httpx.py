"""The edges of httpx and httpx2: their transports over the network."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import cache, partial, wraps
from typing import Any

from pytest_mimic.client import Edge, Exchange, Plain, Port, raised
from pytest_mimic.clients.http import answers, failures, requests
from pytest_mimic.clients.http.adapter import (
    Attempt,
    HttpAdapter,
    Read,
    Recorder,
    Replay,
    at_once,
)


class Httpx(HttpAdapter):
    """httpx."""

    name = "httpx"
    core = "httpcore"

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return the methods in which a transport sends a request."""

        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(original)
            def handle_request(transport: Any, request: Any) -> Any:
                if self._is_left_alone(transport, request, "handle_request"):
                    return original(transport, request)
                attempt = _Attempt(self.name, request, original, transport)
                return at_once(attempt.begin(port))

            return handle_request

        def wrap_async(original: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(original)
            async def handle_async_request(transport: Any, request: Any) -> Any:
                if self._is_left_alone(transport, request, "handle_async_request"):
                    return await original(transport, request)
                attempt = _Attempt(
                    self.name, request, original, transport, is_task=True
                )
                return await attempt.begin(port)

            return handle_async_request

        return [
            Edge(self.name, ("HTTPTransport", "handle_request"), wrap),
            Edge(self.name, ("AsyncHTTPTransport", "handle_async_request"), wrap_async),
        ]

    def _is_left_alone(self, transport: Any, request: Any, method: str) -> bool:
        """Whether a library for mocks sends the request, or httpx refuses it."""
        if request.url.scheme not in ("http", "https") or not request.url.host:
            return True
        send = getattr(type(getattr(transport, "_pool", None)), method, None)
        module = getattr(send, "__module__", None) or self.core
        return not str(module).startswith(self.core)


class Httpx2(Httpx):
    """httpx2, the successor with the same transports."""

    name = "httpx2"
    core = "httpcore2"


class _Attempt(Attempt):
    """How a transport sends a request.

    Args:
        name: The library, by its module.
        request: Its request.
        original: Sends it for real.
        transport: The transport that does so.
        is_task: Whether the transport is one of tasks.
    """

    def __init__(
        self,
        name: str,
        request: Any,
        original: Callable[..., Any],
        transport: Any,
        *,
        is_task: bool = False,
    ) -> None:
        self.is_task = is_task
        self._name = name
        self._request = request
        self._original = original
        self._transport = transport
        self._response: Any = None

    async def begin(self, port: Port) -> Any:
        """Return the response, recorded or real, or raise its error."""
        request = self._request
        headers = answers.decoded(request.headers.raw)
        read = partial(requests.read, request.method, str(request.url), headers)
        is_read = hasattr(request, "_content")
        if not is_read and port.leaves(read(), self._name):
            return await self._sent()
        body = await request.aread() if self.is_task else request.read()
        exchange = port.begin(read(body), self._name)
        if exchange is None:
            return await self._sent()
        return await self.answer(exchange)

    async def _sent(self) -> Any:
        response = self._original(self._transport, self._request)
        return await response if self.is_task else response

    async def send(self) -> Read:
        """Send the request, and return what reads its answer."""
        self._response = await self._sent()
        return _head_of(self._response).read

    def real_answer(self) -> Any:
        """Return the response, whose body is recorded as it is read."""
        response = self._response
        stream = _stream(self._name, _Recorded, response.stream, self.recorder)
        response.stream = stream
        return response

    async def read(self) -> None:
        """Read the body, and close it."""
        stream = self._response.stream
        try:
            async for data in self._pieces(stream):
                self.recorder.feed(data)
                if self.recorder.is_enough():
                    break
        finally:
            if self.is_task:
                await stream.aclose()
            else:
                stream.close()

    async def _pieces(self, stream: Any) -> AsyncIterator[bytes]:
        if self.is_task:
            async for data in stream:
                yield data
        else:
            for data in stream:
                yield data

    def give(self, answer: Plain, exchange: Exchange | None = None) -> Any:
        """Return the response of a recorded answer, or its error."""
        given = answers.give(answer, method=self._request.method)
        error = self._error(given.error) if given.error else None
        if not given.status:
            return error
        replay = Replay(given, given.pieces, exchange, is_task=self.is_task)
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in given.headers
        ]
        return sys.modules[self._name].Response(
            given.status,
            headers=headers,
            stream=_stream(self._name, _Replayed, replay, error),
            extensions={
                "http_version": given.version.encode("ascii", "replace"),
                "reason_phrase": given.reason.encode("latin-1", "replace"),
            },
        )

    def _error(self, error: dict[str, str]) -> Exception:
        kind, text = error.get("kind", ""), error.get("text", "")
        class_ = failures.class_of(kind, [self._name], error.get("class", ""))
        made: Exception = class_(text, request=self._request)
        return made


class _Recorded:
    """A stream that is read as it comes, and recorded."""

    def __init__(self, stream: Any, recorder: Recorder) -> None:
        self._stream = stream
        self._recorder = recorder

    def __iter__(self) -> Iterator[bytes]:
        with self._recorder.reading():
            for data in self._stream:
                yield self._recorder.feed(data)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._recorder.reading():
            async for data in self._stream:
                yield self._recorder.feed(data)

    def close(self) -> None:
        self._recorder.leave()
        self._stream.close()

    async def aclose(self) -> None:
        self._recorder.leave()
        await self._stream.aclose()


class _Replayed:
    """A stream that gives the pieces of a recorded body, and then its error."""

    def __init__(self, replay: Replay, error: Exception | None) -> None:
        self._replay = replay
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        yield from self._replay.pieces
        at_once(self._replay.end())
        raised(self._error)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._replay.pieces:
            yield piece
        await self._replay.end()
        raised(self._error)

    def close(self) -> None:
        self._replay.leave()

    async def aclose(self) -> None:
        self._replay.leave()


def _stream(name: str, class_: Callable[..., Any], *args: Any) -> Any:
    """Return a stream that a library takes for one of its own."""
    return _stream_class(sys.modules[name], class_)(*args)


@cache
def _stream_class(module: Any, class_: type[Any]) -> Any:
    bases = (class_, module.SyncByteStream, module.AsyncByteStream)
    return type(class_.__name__, bases, {})


def _head_of(response: Any) -> answers.Head:
    extensions = response.extensions
    return answers.Head(
        response.status_code,
        extensions.get("reason_phrase", b"").decode("latin-1"),
        answers.decoded(response.headers.raw),
        extensions.get("http_version", b"HTTP/1.1").decode("latin-1"),
    )
