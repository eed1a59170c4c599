"""The edges of httpx and httpx2: their transports over the network."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import wraps
from typing import Any

from pytest_mimic.client import Edge, Exchange, Plain, Port
from pytest_mimic.clients.http import answers, failures, requests
from pytest_mimic.clients.http.adapter import (
    HttpAdapter,
    Recorder,
    end_body,
    end_body_async,
    failed,
    has_head,
    raised,
)


class Httpx(HttpAdapter):
    """httpx."""

    name = "httpx"
    core = "httpcore"

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return the methods in which a transport sends a request."""
        library = _Library(self.name, self.core)

        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            return library.wrap(original, port)

        def wrap_async(original: Callable[..., Any]) -> Callable[..., Any]:
            return library.wrap_async(original, port)

        return [
            Edge(self.name, ("HTTPTransport", "handle_request"), wrap),
            Edge(self.name, ("AsyncHTTPTransport", "handle_async_request"), wrap_async),
        ]


class Httpx2(Httpx):
    """httpx2, the successor with the same transports."""

    name = "httpx2"
    core = "httpcore2"


class _Library:
    """One of the two libraries, by its modules."""

    def __init__(self, name: str, core: str) -> None:
        self._name = name
        self._core = core

    @property
    def _module(self) -> Any:
        return sys.modules[self._name]

    def wrap(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        @wraps(original)
        def handle_request(transport: Any, request: Any) -> Any:
            if self._is_mocked(transport):
                return original(transport, request)
            exchange = port.begin(_read(request, request.read()), self._name)
            if exchange is None:
                return original(transport, request)
            if exchange.mode == "replay":
                if not has_head(exchange):
                    exchange.step.wait()
                return exchange.given(
                    lambda answer: self._given(answer, request, exchange)
                )
            try:
                with exchange.step.running():
                    response = original(transport, request)
            except BaseException as error:
                return self._failed(exchange, error, request)
            recorder = _recorder(exchange, response)
            if exchange.mode == "run":
                response.stream = self._stream(response.stream, recorder)
                return response
            try:
                for data in response.stream:
                    recorder.feed(data)
                    if recorder.is_enough():
                        break
                answer = recorder.end()
            except BaseException as error:
                answer = recorder.fail(error)
            finally:
                response.stream.close()
            return raised(self._given(answer, request))

        return handle_request

    def wrap_async(
        self, original: Callable[..., Any], port: Port
    ) -> Callable[..., Any]:
        @wraps(original)
        async def handle_async_request(transport: Any, request: Any) -> Any:
            if self._is_mocked(transport):
                return await original(transport, request)
            plain = _read(request, await request.aread())
            exchange = port.begin(plain, self._name)
            if exchange is None:
                return await original(transport, request)
            if exchange.mode == "replay":
                if not has_head(exchange):
                    await exchange.step.wait_async()
                return exchange.given(
                    lambda answer: self._given(answer, request, exchange)
                )
            try:
                with exchange.step.running():
                    response = await original(transport, request)
            except BaseException as error:
                return self._failed(exchange, error, request)
            recorder = _recorder(exchange, response)
            if exchange.mode == "run":
                response.stream = self._stream(response.stream, recorder)
                return response
            try:
                async for data in response.stream:
                    recorder.feed(data)
                    if recorder.is_enough():
                        break
                answer = recorder.end()
            except BaseException as error:
                answer = recorder.fail(error)
            finally:
                await response.stream.aclose()
            return raised(self._given(answer, request))

        return handle_async_request

    def _is_mocked(self, transport: Any) -> bool:
        """Whether a library for mocks has replaced what sends the request."""
        pool = type(getattr(transport, "_pool", None))
        methods = ("handle_request", "handle_async_request")
        found = [getattr(pool, name, None) for name in methods]
        return any(
            method is not None
            and not str(getattr(method, "__module__", "")).startswith(self._core)
            for method in found
        )

    def _failed(self, exchange: Exchange, error: BaseException, request: Any) -> Any:
        answer = failed(exchange, error)
        if answer is None or exchange.mode == "run":
            raise error
        return raised(self._given(answer, request))

    def _given(
        self, answer: Plain, request: Any, exchange: Exchange | None = None
    ) -> Any:
        """Return the response of a recorded answer, or its error.

        Args:
            answer: The answer.
            request: What it answers.
            exchange: The replay that ends when its body was read.
        """
        given = answers.give(answer, method=request.method)
        if not given.status:
            return self._error(given.error, request)
        return self._module.Response(
            given.status,
            headers=given.headers,
            stream=self._recorded_stream(given, request, exchange),
            extensions={
                "http_version": given.version.encode("ascii", "replace"),
                "reason_phrase": given.reason.encode("latin-1", "replace"),
            },
        )

    def _error(self, error: dict[str, str], request: Any) -> Any:
        kind = error.get("kind", "")
        class_ = failures.class_of(kind, [self._name], error.get("class", ""))
        return class_(error.get("text", ""), request=request)

    def _stream(self, stream: Any, recorder: Recorder) -> Any:
        """Return a stream that is read as it comes, and recorded."""
        module = self._module

        class Stream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc,name-defined]
            def __iter__(self) -> Iterator[bytes]:
                try:
                    for data in stream:
                        recorder.feed(data)
                        yield data
                except GeneratorExit:
                    recorder.leave()
                    raise
                except BaseException as error:
                    recorder.fail(error)
                    raise
                recorder.end()

            def close(self) -> None:
                recorder.leave()
                stream.close()

            async def __aiter__(self) -> AsyncIterator[bytes]:
                try:
                    async for data in stream:
                        recorder.feed(data)
                        yield data
                except GeneratorExit:
                    recorder.leave()
                    raise
                except BaseException as error:
                    recorder.fail(error)
                    raise
                recorder.end()

            async def aclose(self) -> None:
                recorder.leave()
                await stream.aclose()

        return Stream()

    def _recorded_stream(
        self, given: answers.Given, request: Any, exchange: Exchange | None
    ) -> Any:
        module, error_of = self._module, self._error

        class Stream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc,name-defined]
            def __iter__(self) -> Iterator[bytes]:
                yield from given.pieces
                if exchange is not None:
                    end_body(exchange, given)
                if given.error:
                    raise error_of(given.error, request)

            def close(self) -> None:
                if exchange is not None:
                    exchange.step.leave()

            async def __aiter__(self) -> AsyncIterator[bytes]:
                for piece in given.pieces:
                    yield piece
                if exchange is not None:
                    await end_body_async(exchange, given)
                if given.error:
                    raise error_of(given.error, request)

            async def aclose(self) -> None:
                if exchange is not None:
                    exchange.step.leave()

        return Stream()


def _read(request: Any, body: bytes) -> Plain:
    return requests.read(
        request.method, str(request.url), request.headers.multi_items(), body
    )


def _recorder(exchange: Exchange, response: Any) -> Recorder:
    extensions = response.extensions
    reason = extensions.get("reason_phrase", b"").decode("latin-1")
    version = extensions.get("http_version", b"HTTP/1.1").decode("latin-1")
    headers = response.headers.multi_items()
    return Recorder(exchange, response.status_code, reason, headers, version)
