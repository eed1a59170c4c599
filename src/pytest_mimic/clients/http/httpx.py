"""The edges of httpx and httpx2: their transports over the network."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from functools import wraps
from typing import Any

from pytest_mimic.client import Edge, Exchange, Plain, Port
from pytest_mimic.clients.http import answers, failures, requests
from pytest_mimic.clients.http.adapter import (
    HttpAdapter,
    Recorder,
    Replay,
    has_head,
    raised,
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
                if self._is_mocked(transport):
                    return original(transport, request)
                threads = _InThreads(self.name, request, original, transport)
                return _at_once(threads.answer(port))

            return handle_request

        def wrap_async(original: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(original)
            async def handle_async_request(transport: Any, request: Any) -> Any:
                if self._is_mocked(transport):
                    return await original(transport, request)
                tasks = _InTasks(self.name, request, original, transport)
                return await tasks.answer(port)

            return handle_async_request

        return [
            Edge(self.name, ("HTTPTransport", "handle_request"), wrap),
            Edge(self.name, ("AsyncHTTPTransport", "handle_async_request"), wrap_async),
        ]

    def _is_mocked(self, transport: Any) -> bool:
        """Whether a library for mocks has replaced what sends the request."""
        pool = type(getattr(transport, "_pool", None))
        methods = ("handle_request", "handle_async_request")
        found = [getattr(pool, name, None) for name in methods]
        return any(
            method is not None
            and not str(getattr(method, "__module__", "")).startswith(self.core)
            for method in found
        )


class Httpx2(Httpx):
    """httpx2, the successor with the same transports."""

    name = "httpx2"
    core = "httpcore2"


def _at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return what a coroutine gives that waits for no task."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("a request of a thread waits for a task")


class _InTasks:
    """How a request is answered.

    Args:
        name: The library, by its module.
        request: Its request.
        original: Sends it for real.
        transport: The transport that does so.
    """

    def __init__(
        self, name: str, request: Any, original: Callable[..., Any], transport: Any
    ) -> None:
        self._name = name
        self._request = request
        self._original = original
        self._transport = transport

    async def answer(self, port: Port) -> Any:
        """Return the response, recorded or real, or raise its error."""
        request = self._request
        headers = request.headers.multi_items()
        body = await self._body()
        plain = requests.read(request.method, str(request.url), headers, body)
        exchange = port.begin(plain, self._name)
        if exchange is None:
            return await self._send()
        if exchange.mode == "replay":
            if not has_head(exchange):
                await self._wait(exchange)
            return exchange.given(lambda answer: self._given(answer, exchange))
        recorder = Recorder(exchange)
        try:
            with exchange.step.running():
                response = await self._send()
        except BaseException as error:
            answer = recorder.fail(error)
            if answer is None:
                raise
            return raised(self._given(answer))
        recorder.begin(_head_of(response).read)
        if exchange.mode == "run":
            response.stream = self._recorded(response.stream, recorder)
            return response
        try:
            await self._read(response.stream, recorder)
            answer = recorder.end()
        except BaseException as error:
            answer = recorder.fail(error)
            if answer is None:
                raise
        finally:
            await self._close(response.stream)
        return raised(self._given(answer))

    async def _body(self) -> bytes:
        body: bytes = await self._request.aread()
        return body

    async def _send(self) -> Any:
        return await self._original(self._transport, self._request)

    async def _wait(self, exchange: Exchange) -> None:
        await exchange.step.wait_async()

    async def _read(self, stream: Any, recorder: Recorder) -> None:
        async for data in stream:
            recorder.feed(data)
            if recorder.is_enough():
                return

    async def _close(self, stream: Any) -> None:
        await stream.aclose()

    def _given(self, answer: Plain, exchange: Exchange | None = None) -> Any:
        """Return the response of a recorded answer, or its error.

        Args:
            answer: The answer.
            exchange: The replay that ends when its body was read.
        """
        given = answers.give(answer, method=self._request.method)
        error = self._error(given.error) if given.error else None
        if not given.status:
            return error
        module = sys.modules[self._name]
        replay = Replay(given, given.pieces, exchange)
        return module.Response(
            given.status,
            headers=given.headers,
            stream=_replayed(module, replay, error),
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

    def _recorded(self, stream: Any, recorder: Recorder) -> Any:
        """Return a stream that is read as it comes, and recorded."""
        module: Any = sys.modules[self._name]

        class Stream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc]
            def __iter__(self) -> Iterator[bytes]:
                with recorder.reading():
                    for data in stream:
                        yield recorder.feed(data)

            async def __aiter__(self) -> AsyncIterator[bytes]:
                with recorder.reading():
                    async for data in stream:
                        yield recorder.feed(data)

            def close(self) -> None:
                recorder.leave()
                stream.close()

            async def aclose(self) -> None:
                recorder.leave()
                await stream.aclose()

        return Stream()


class _InThreads(_InTasks):
    """As in tasks, but nothing waits for one."""

    async def _body(self) -> bytes:
        body: bytes = self._request.read()
        return body

    async def _send(self) -> Any:
        return self._original(self._transport, self._request)

    async def _wait(self, exchange: Exchange) -> None:
        exchange.step.wait()

    async def _read(self, stream: Any, recorder: Recorder) -> None:
        for data in stream:
            recorder.feed(data)
            if recorder.is_enough():
                return

    async def _close(self, stream: Any) -> None:
        stream.close()


def _replayed(module: Any, replay: Replay, error: Exception | None) -> Any:
    """Return a stream that gives the pieces of a recorded body, and then its error."""

    class Stream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc]
        def __iter__(self) -> Iterator[bytes]:
            yield from replay.pieces
            replay.end()
            raised(error)

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for piece in replay.pieces:
                yield piece
            await replay.end_async()
            raised(error)

        def close(self) -> None:
            replay.leave()

        async def aclose(self) -> None:
            replay.leave()

    return Stream()


def _head_of(response: Any) -> answers.Head:
    extensions = response.extensions
    return answers.Head(
        response.status_code,
        extensions.get("reason_phrase", b"").decode("latin-1"),
        response.headers.multi_items(),
        extensions.get("http_version", b"HTTP/1.1").decode("latin-1"),
    )
