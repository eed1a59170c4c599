"""The edge of aiohttp: a connection whose answer is fed from bytes.

It is below sessions, redirects, cookies and middlewares. In a replay a request is built
and written as usual, to nowhere, and the session's own parser reads its answer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from pytest_mimic.client import Edge, Plain, Port
from pytest_mimic.clients.http import answers, requests
from pytest_mimic.clients.http.adapter import HttpAdapter, Recorder, has_head, raised


class Aiohttp(HttpAdapter):
    """aiohttp."""

    name = "aiohttp"

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return the method that connects a request to its server."""

        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            return _wrap(original, port)

        return [Edge("aiohttp.connector", ("BaseConnector", "connect"), wrap)]


def _wrap(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    @wraps(original)
    async def connect(connector: Any, request: Any, *args: Any, **options: Any) -> Any:
        # The module imports aiohttp, which is imported by now.
        from pytest_mimic.clients.http import aiohttp_connections as connections

        if port.run.passes():
            return await original(connector, request, *args, **options)
        body = await _body_of(request)
        headers = list(request.headers.items())
        plain = requests.read(request.method, str(request.url), headers, body)
        exchange = port.begin(plain, "aiohttp")
        if exchange is None:
            return await original(connector, request, *args, **options)

        def given(answer: Plain) -> Any:
            whole = answers.give(answer, method=request.method)
            replayed = exchange if exchange.mode == "replay" else None
            return connections.replayed(connector, request, whole, replayed)

        if exchange.mode == "replay":
            if not has_head(exchange):
                await exchange.step.wait_async()
            return exchange.given(given)
        recorder = Recorder(exchange)
        try:
            with exchange.step.running():
                connection = await original(connector, request, *args, **options)
        except BaseException as error:
            answer = recorder.fail(error, "connecting")
            if answer is None:
                raise
            return raised(given(answer))
        connections.Watched(connection, request, exchange, recorder)
        return connection

    return connect


async def _body_of(request: Any) -> bytes:
    """Return the body of a request; one that can be read once is replaced by it.

    Raises:
        ClientConnectionError: The application's own body has raised.
    """
    body = request.body
    if not body or isinstance(body, bytes):
        return body or b""
    try:
        data: bytes = await body.as_bytes()
    except Exception as error:
        words = f"Failed to send bytes into the underlying connection: {error!r}"
        raise sys.modules["aiohttp"].ClientConnectionError(words) from error
    if body.consumed:
        payload = sys.modules["aiohttp.payload"]
        request._body = payload.BytesPayload(data, headers=body.headers)
    return data
