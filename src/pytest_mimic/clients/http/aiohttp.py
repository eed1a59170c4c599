"""The edges of aiohttp: the connection of a request, and the start of its answer.

They are below sessions, redirects, cookies and middlewares. In a replay a request is
built and written as usual, to nowhere, and the session's own parser reads its answer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from pytest_mimic.client import Edge, Function, Port, around
from pytest_mimic.clients.http import requests
from pytest_mimic.clients.http.adapter import HttpAdapter


class Aiohttp(HttpAdapter):
    """aiohttp."""

    name = "aiohttp"

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return the methods that connect a request, and that read its answer."""
        connect, start = around(partial(_connect, port)), around(_start)
        return [
            Edge("aiohttp.connector", ("BaseConnector", "connect"), connect),
            Edge("aiohttp.client_reqrep", ("ClientResponse", "start"), start),
        ]


async def _connect(
    port: Port,
    original: Function,
    connector: Any,
    request: Any,
    *args: Any,
    **options: Any,
) -> Any:
    # aiohttp is imported by now, and both need it.
    from aiohttp.payload import BytesPayload

    from pytest_mimic.clients.http.aiohttp_connections import Connecting

    if port.run.is_unseen():
        return await original(connector, request, *args, **options)
    headers = list(request.headers.items())
    read = partial(requests.read, request.method, str(request.url), headers)
    really = partial(original, connector, request, *args, **options)
    is_made = not request.body or isinstance(request.body, (bytes, BytesPayload))
    path = getattr(connector, "path", None)  # of a Unix socket
    place = f"unix:{path}" if path else None
    search = None if is_made else port.body_search(read(), "aiohttp", place=place)
    if search is not None:
        _search_body(request.body, search)
        return await really()
    plain = read(await _body_of(request))
    exchange = await port.begin_async(plain, "aiohttp", place=place)
    if exchange is None:
        return await really()
    return await Connecting(connector, request, exchange, really).answer(exchange)


async def _start(original: Function, response: Any, connection: Any) -> Any:
    begin = vars(connection).pop("begin_answer", None)
    if begin is None:
        return await original(response, connection)
    return await begin(response, original)


def _search_body(body: Any, search: Callable[[bytes], bytes]) -> None:
    """Let a body be searched as it is written."""

    async def searched(original: Function, writer: Any, *args: Any) -> None:
        really = writer.write
        writer.write = lambda piece: really(search(bytes(piece)))
        await original(writer, *args)

    for name in ("write", "write_with_length"):
        original = getattr(body, name, None)
        if original is not None:
            setattr(body, name, partial(searched, original))


async def _body_of(request: Any) -> bytes:
    """Return the body of a request; it replaces a body that can be read only once.

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
