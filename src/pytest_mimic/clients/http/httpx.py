"""The edges of httpx and httpx2: the pools of connections of httpcore, below them.

Whatever stands between, a library for mocks say, has answered or let through by then.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from functools import partial, wraps
from typing import Any

from pytest_mimic.client import Edge, Function, Plain, Port, at_once, raised
from pytest_mimic.clients.http import answers, failures, requests
from pytest_mimic.clients.http.adapter import (
    Attempt,
    BodyReplay,
    HttpAdapter,
    Read,
)


class Httpx(HttpAdapter):
    """httpx."""

    name = "httpx"
    core = "httpcore"

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return the methods in which a pool of connections sends a request."""

        # A library for mocks asks for names of arguments, and which one is a coroutine.
        def wrap(original: Function) -> Function:
            @wraps(original)
            def handle_request(pool: Any, request: Any) -> Any:
                attempt = _HttpxAttempt(self, pool, request, original)
                return at_once(attempt.begin(port))

            return handle_request

        def wrap_async(original: Function) -> Function:
            @wraps(original)
            async def handle_async_request(pool: Any, request: Any) -> Any:
                attempt = _HttpxAttempt(self, pool, request, original, is_task=True)
                return await attempt.begin(port)

            return handle_async_request

        yield Edge(self.core, ("ConnectionPool", "handle_request"), wrap)
        path = ("AsyncConnectionPool", "handle_async_request")
        yield Edge(self.core, path, wrap_async)


class Httpx2(Httpx):
    """httpx2, the successor with the same pools."""

    name = "httpx2"
    core = "httpcore2"


class _HttpxAttempt(Attempt):
    """How a pool sends a request.

    Args:
        client: The client.
        pool: The pool.
        request: The request, as httpcore has it.
        send: Sends it for real.
        is_task: Whether the pool is one of tasks.
    """

    def __init__(
        self,
        client: Httpx,
        pool: Any,
        request: Any,
        send: Function,
        *,
        is_task: bool = False,
    ) -> None:
        self.is_task = is_task
        self._core: Any = sys.modules[client.core]
        self._name = client.name
        self._request = request
        self._pool = pool
        self._send = send
        self._response: Any = None

    async def begin(self, port: Port) -> Any:
        """Return the response, recorded or real, or raise its error."""
        request = self._request
        url = request.url
        if url.scheme not in (b"http", b"https") or not url.host:
            return await self._sent()  # httpx refuses it
        read = partial(
            requests.read,
            request.method.decode("latin-1"),
            _address(url),
            answers.decoded(request.headers),
        )
        is_streamed = type(request.stream).__name__ != "ByteStream"
        path = getattr(self._pool, "_uds", None)
        server = f"unix:{path}" if path else None
        search = (
            port.body_search(read(), self._name, server=server) if is_streamed else None
        )
        if search is not None:
            stream = request.stream
            searched = (search(data) async for data in self._pieces(stream))
            request.stream = _Body(searched, partial(self._close, stream))
            return await self._sent()
        body = b"".join([data async for data in self._pieces(request.stream)])
        if is_streamed:
            # Most can be read once.
            request.stream = self._core.Request("GET", url, content=body).stream
        exchange = port.begin(read(body), self._name, server=server)
        if exchange is None:
            return await self._sent()
        self.exchange = exchange
        return await self.answer()

    async def _sent(self) -> Any:
        response = self._send(self._pool, self._request)
        return await response if self.is_task else response

    async def send(self) -> Read:
        """Send the request, and return what reads its answer."""
        response = self._response = await self._sent()
        facts = response.extensions
        return answers.Head(
            response.status,
            facts.get("reason_phrase", b"").decode("latin-1"),
            answers.decoded(response.headers),
            facts.get("http_version", b"HTTP/1.1").decode("latin-1"),
        ).read

    def real_answer(self) -> Any:
        """Return the response, whose body is recorded as it is read."""
        # The body holds this attempt: a cycle would wait for the garbage collector.
        response, self._response = self._response, None
        stream = response.stream

        async def leave() -> None:
            self.recorder.leave()
            await self._close(stream)

        response.stream = _Body(self._recorded(stream), leave)
        return response

    async def _recorded(self, stream: Any) -> AsyncGenerator[bytes, None]:
        try:
            async for data in self._pieces(stream):
                yield self.recorder.feed(data)
        except GeneratorExit:
            self.recorder.leave()
            raise
        except BaseException as error:
            self.recorder.fail(error)
            raise
        self.recorder.end()

    async def read(self, real_answer: Any) -> None:
        """Read the body, and close it."""
        body = real_answer.stream
        try:
            async for _ in body:
                if self.recorder.is_enough():
                    break
        finally:
            await body.aclose()

    async def _pieces(self, stream: Any) -> AsyncGenerator[bytes, None]:
        if self.is_task:
            async for data in stream:
                yield data
        else:
            for data in stream:
                yield data

    async def _close(self, stream: Any) -> None:
        if self.is_task:
            await stream.aclose()
        else:
            stream.close()

    def build(self, answer: Plain) -> Any:
        """Return the response of a recorded answer, or its error."""
        method = self._request.method.decode("latin-1")
        response = answers.Response(answer, method, is_packed=self.takes_packed(answer))
        error = self._error(response.error) if response.error else None
        if not response.status:
            return error

        replay = BodyReplay(self, response, response.pieces)

        async def body() -> AsyncGenerator[bytes, None]:
            for piece in replay.pieces:
                yield piece
            await replay.end()
            raised(error)

        found = self._core.Response(
            response.status,
            content=_Body(body(), replay.leave),
            extensions={
                "http_version": response.version.encode("ascii", "replace"),
                "reason_phrase": response.reason.encode("latin-1", "replace"),
            },
        )
        # They are bytes already, of which it would look at each.
        found.headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in response.headers
        ]
        return found

    def _error(self, error: Plain) -> Any:
        """Return the error of httpcore, of which httpx makes its own."""
        class_ = failures.class_of(error, [self._core.__name__])
        return class_(error.get("text", ""))


class _Body:
    """A body that a thread or a task reads.

    Args:
        pieces: What it consists of.
        close: Is called when its reader does not read on.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        close: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        self._pieces = pieces
        self.aclose = close

    def __iter__(self) -> Iterator[bytes]:
        with suppress(StopAsyncIteration):
            while True:
                hooks = sys.get_asyncgen_hooks()
                # A loop of this thread would close the generator at its own end.
                sys.set_asyncgen_hooks(None, None)
                try:
                    piece = at_once(self._pieces.__anext__())
                finally:
                    sys.set_asyncgen_hooks(*hooks)
                yield piece

    def __aiter__(self) -> AsyncGenerator[bytes, None]:
        return self._pieces

    def close(self) -> None:
        at_once(self.aclose())


def _address(url: Any) -> str:
    host = url.host.decode("ascii")
    address = f"[{host}]" if ":" in host else host
    port = "" if url.port is None else f":{url.port}"
    scheme, target = url.scheme.decode("ascii"), url.target.decode("ascii")
    return f"{scheme}://{address}{port}{target}"
