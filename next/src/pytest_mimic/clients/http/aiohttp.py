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
from pytest_mimic.clients.http.adapter import HttpAdapter, failed, has_head, raised


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
        try:
            body = await _body_of(request)
        except Exception as error:  # that of the application's own generator
            return connections.unsent(connector, request, error)
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
        try:
            with exchange.step.running():
                connection = await original(connector, request, *args, **options)
        except BaseException as error:
            answer = failed(exchange, error, "connecting")
            if answer is None or exchange.mode == "run":
                raise
            return raised(given(answer))
        connections.Watched(connection, request, exchange)
        return connection

    return connect


async def _body_of(request: Any) -> bytes:
    """Return the body of a request; one that can be read once is replaced by it."""
    body = request.body
    if not body or isinstance(body, bytes):
        return body or b""
    data: bytes = await body.as_bytes()
    if body.consumed:
        payload = sys.modules["aiohttp.payload"]
        request._body = payload.BytesPayload(data, headers=body.headers)
    return data
