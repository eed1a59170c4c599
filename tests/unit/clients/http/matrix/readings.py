"""Every way in which an application reads a body, for each client."""

from __future__ import annotations

import asyncio
import http.client
import io
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from unit.clients.http.matrix.sync_clients import attempt

#: Bodies of each kind: with a length, with chunks, binary, empty.
PAGES = [
    "/json",
    "/encoding/utf8",
    "/stream/3",
    "/range/26?chunk_size=7",
    "/bytes/100?seed=1",
    "/bytes/0",
    "/status/204",
]


def _into(response: Any) -> bytes:
    buffer = bytearray(1000)
    parts = []
    while size := response.readinto(buffer):
        parts.append(bytes(buffer[:size]))
    return b"".join(parts)


_REQUESTS: dict[str, Callable[[Any], Any]] = {
    "content": lambda response: (response.content, response.content),
    "text": lambda response: response.text,
    "json": lambda response: response.json(),
    "iter_content": lambda response: list(response.iter_content(4)),
    "iter_content as it comes": lambda response: b"".join(response.iter_content(None)),
    "iter_content text": lambda response: "".join(response.iter_content(4, decode_unicode=True)),
    "iter_lines": lambda response: list(response.iter_lines()),
    "iterate": lambda response: b"".join(response),
    "raw": lambda response: (
        response.raw.read(5, decode_content=True),
        response.raw.read(decode_content=True),
    ),
    "raw stream": lambda response: list(response.raw.stream(4, decode_content=True)),
    "twice": lambda response: (list(response.iter_content(4)), response.content),
    "nothing": lambda response: response.close(),
    "a part": lambda response: (next(response.iter_content(4), None), response.close()),
}
_HTTPX: dict[str, Callable[[Any], Any]] = {
    "read": lambda response: (response.read(), response.content),
    "text": lambda response: (response.read(), response.text),
    "json": lambda response: (response.read(), response.json()),
    "unread": lambda response: response.content,
    "iter_bytes": lambda response: list(response.iter_bytes(4)),
    "iter_bytes as it comes": lambda response: b"".join(response.iter_bytes()),
    "iter_text": lambda response: list(response.iter_text(4)),
    "iter_lines": lambda response: list(response.iter_lines()),
    "iter_raw": lambda response: len(b"".join(response.iter_raw())) > 0,
    "twice": lambda response: (list(response.iter_bytes()), list(response.iter_bytes())),
    "nothing": lambda response: (response.close(), response.is_closed),
    "a part": lambda response: (next(response.iter_bytes(4), None), response.close()),
}
_URLLIB3: dict[str, Callable[[Any], Any]] = {
    "data": lambda response: (response.data, response.data),
    "read": lambda response: (response.read(), response.read(), response.closed),
    "stream": lambda response: list(response.stream(4, decode_content=True)),
    "iterate": lambda response: b"".join(response),
    "into": _into,
    "json": lambda response: response.json() if hasattr(response, "json") else None,
    "drain": lambda response: (response.drain_conn(), response.read()),
    "text": lambda response: io.TextIOWrapper(response, "latin-1").read(),
    "nothing": lambda response: response.close(),
    "a part": lambda response: (response.read(4), response.close()),
}
_HTTP_CLIENT: dict[str, Callable[[Any], Any]] = {
    "read": lambda response: (response.read(), response.read(), response.isclosed()),
    "read parts": lambda response: (response.read(4), response.read(0), response.read(2), response.read()),
    "read1": lambda response: b"".join(iter(lambda: response.read1(4), b"")),
    "lines": list,
    "line": lambda response: (response.readline(), response.read()),
    "into": _into,
    "text": lambda response: io.TextIOWrapper(response, "latin-1").read(),
    "nothing": lambda response: response.close(),
    "a part": lambda response: (response.read(4), response.close()),
}


async def _joined(pieces: Any) -> bytes:
    return b"".join([each async for each in pieces])


async def _listed(pieces: Any) -> list[Any]:
    return [each async for each in pieces]


async def _several(*reads: Any) -> list[Any]:
    return [await read for read in reads]


_AIOHTTP: dict[str, Callable[[Any], Any]] = {
    "read": lambda response: _several(response.read(), response.read()),
    "text": lambda response: response.text("latin-1"),
    "json": lambda response: response.json(),
    "any json": lambda response: response.json(content_type=None, encoding="latin-1"),
    "iter_chunked": lambda response: _joined(response.content.iter_chunked(4)),
    "iter_any": lambda response: _joined(response.content.iter_any()),
    "iterate": lambda response: _listed(response.content),
    "readline": lambda response: _several(response.content.readline(), response.content.read()),
    "readexactly": lambda response: response.content.readexactly(4),
    "readuntil": lambda response: response.content.readuntil(b"}"),
    "a part": lambda response: response.content.readexactly(1),
}


def with_requests(server: str) -> list[Any]:
    import requests

    def ask(page: str, read: Callable[[Any], Any]) -> Any:
        with session.get(server + page, stream=True) as response:
            return read(response)

    with requests.Session() as session:
        return [attempt(ask, page, read) for page in PAGES for read in _REQUESTS.values()]


def with_httpx(server: str) -> list[Any]:
    import httpx

    def ask(page: str, read: Callable[[Any], Any]) -> Any:
        with client.stream("GET", server + page) as response:
            return read(response)

    with httpx.Client(verify=False) as client:
        return [attempt(ask, page, read) for page in PAGES for read in _HTTPX.values()]


def with_urllib3(server: str) -> list[Any]:
    import urllib3

    def ask(page: str, read: Callable[[Any], Any]) -> Any:
        response = pool.request("GET", server + page, preload_content=False)
        response.auto_close = read is not _URLLIB3["text"]
        try:
            return read(response)
        finally:
            response.close()

    with urllib3.PoolManager() as pool:
        return [attempt(ask, page, read) for page in PAGES for read in _URLLIB3.values()]


def with_http_client(server: str) -> list[Any]:
    url = urlsplit(server)

    def ask(page: str, read: Callable[[Any], Any]) -> Any:
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=5)
        try:
            connection.request("GET", page)
            with connection.getresponse() as response:
                return (read(response), response.isclosed())
        finally:
            connection.close()

    return [attempt(ask, page, read) for page in PAGES for read in _HTTP_CLIENT.values()]


def with_aiohttp(server: str) -> list[Any]:
    import aiohttp

    from unit.clients.http.matrix import async_clients

    async def ask(session: Any, page: str, read: Callable[[Any], Any]) -> Any:
        async with session.get(server + page) as response:
            return await read(response)

    async def main() -> list[Any]:
        async with aiohttp.ClientSession() as session:
            return [
                await async_clients.attempt(ask(session, page, read))
                for page in PAGES
                for read in _AIOHTTP.values()
            ]

    return asyncio.run(main())


CLIENTS: Mapping[str, Callable[[str], list[Any]]] = {
    "requests": with_requests,
    "httpx": with_httpx,
    "aiohttp": with_aiohttp,
    "urllib3": with_urllib3,
    "http.client": with_http_client,
}
WAYS = {
    "requests": _REQUESTS,
    "httpx": _HTTPX,
    "aiohttp": _AIOHTTP,
    "urllib3": _URLLIB3,
    "http.client": _HTTP_CLIENT,
}
