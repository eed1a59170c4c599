"""Async clients, and what the sync and the async client of httpx share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from unit.clients.http.matrix.scenarios import Request
from unit.clients.http.matrix.seen import failure, headers, plain


async def attempt(answer: Awaitable[Any]) -> Any:
    """Return what a client gives, or how it fails."""
    try:
        return plain(await answer)
    except Exception as error:
        return failure(error)


async def _generated(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for each in pieces:
        yield each


def pieces(request: Request) -> Any:
    """Return the body; one of several pieces as a generator."""
    return request.body if isinstance(request.body, (bytes, type(None))) else _generated(request.body)


def httpx_options(httpx: Any, request: Request, pieces: Callable[[Request], Any]) -> dict[str, Any]:
    """Return the options of a request."""
    auth: Any = request.auth and request.auth[:2]
    return {
        "headers": {**request.headers, **({"Expect": "100-continue"} if request.expect else {})},
        "content": pieces(request),
        "data": request.form,
        "json": request.json,
        "files": request.files,
        "auth": httpx.DigestAuth(*auth) if request.auth and request.auth[2] == "digest" else auth,
        "follow_redirects": request.follow,
        "timeout": request.timeout,
    }


def httpx_shown(response: Any, body: bytes) -> dict[str, Any]:
    """Return what an application sees of a response of httpx."""
    return {
        "status": (response.status_code, response.reason_phrase, response.http_version, response.is_success),
        "headers": headers(response.headers.multi_items()),
        "raw": headers((name.decode(), value.decode("latin-1")) for name, value in response.headers.raw),
        "url": str(response.url),
        "history": [
            (old.status_code, str(old.url), headers(old.headers.multi_items())) for old in response.history
        ],
        "cookies": sorted(response.cookies.items()),
        "encoding": (response.encoding, response.charset_encoding),
        "links": response.links,
        "sent": (response.request.method, str(response.request.url), response.request.headers.multi_items()),
        "body": body,
        "text": response.text if response.is_stream_consumed else None,
        "extensions": sorted(set(response.extensions) - {"network_stream"}),
        "kind": (type(response), response.is_closed, response.is_stream_consumed),
    }


def with_async_httpx(server: str, talk: Sequence[Request], name: str = "httpx") -> list[Any]:
    httpx = __import__(name)

    async def ask(client: Any, request: Request) -> Any:
        options = httpx_options(httpx, request, pieces)
        async with client.stream(request.method, request.url(server), **options) as response:
            body = await anext(response.aiter_bytes(request.read)) if request.read else await response.aread()
            return httpx_shown(response, body)

    async def main() -> list[Any]:
        async with httpx.AsyncClient(max_redirects=5, verify=False) as client:
            return [await attempt(ask(client, request)) for request in talk]

    return asyncio.run(main())


def with_aiohttp(server: str, talk: Sequence[Request]) -> list[Any]:
    import aiohttp

    def shown(response: Any, body: bytes) -> dict[str, Any]:
        return {
            "status": (response.status, response.reason, response.version, response.ok),
            "headers": headers(response.headers.items()),
            "raw": headers((name.decode(), value.decode("latin-1")) for name, value in response.raw_headers),
            "url": (str(response.url), str(response.real_url), str(response.host)),
            "history": [(old.status, str(old.url), headers(old.headers.items())) for old in response.history],
            "cookies": sorted((name, each.value, each["path"]) for name, each in response.cookies.items()),
            "content": (response.content_type, response.charset, response.content_disposition),
            "links": {name: dict(link) for name, link in response.links.items()},
            "sent": (response.request_info.method, sorted(response.request_info.headers.items())),
            "body": body,
            "kind": type(response),
        }

    def options(request: Request) -> dict[str, Any]:
        found: dict[str, Any] = {
            "headers": request.headers,
            "allow_redirects": request.follow,
            "max_redirects": 5,
        }
        if request.auth and request.auth[2] == "basic":
            found["auth"] = aiohttp.BasicAuth(*request.auth[:2])
        elif request.auth:
            found["middlewares"] = (aiohttp.DigestAuthMiddleware(*request.auth[:2]),)
        if request.json is not None:
            found["json"] = request.json
        elif request.files is not None:
            found["data"] = form = aiohttp.FormData()
            for name, (file, data, kind) in request.files.items():
                form.add_field(name, data, filename=file, content_type=kind)
        else:
            found["data"] = pieces(request) if request.form is None else request.form
        found["timeout"] = aiohttp.ClientTimeout(sock_connect=request.timeout, sock_read=request.timeout)
        found["expect100"] = request.expect
        return found

    async def ask(session: Any, request: Request) -> Any:
        async with session.request(request.method, request.url(server), **options(request)) as response:
            body = await (response.content.readexactly(request.read) if request.read else response.read())
            seen = shown(response, body)
            try:
                response.raise_for_status()
            except aiohttp.ClientResponseError as error:
                seen["raises"] = failure(error)
            return {
                **seen,
                "text": None if request.read or b"\xff" in body else await attempt(response.text()),
            }

    async def main() -> list[Any]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            seen = [await attempt(ask(session, request)) for request in talk]
            return [*seen, plain(sorted((each.key, each.value, each["path"]) for each in session.cookie_jar))]

    return asyncio.run(main())
