"""Clients that retry, use proxies, and are shared by threads and tasks."""

from __future__ import annotations

import asyncio
import http.client
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from support.http_server import NOWHERE

from unit.clients.http.matrix import async_clients
from unit.clients.http.matrix.sync_clients import attempt

#: Requests that a proxy answers itself.
PROXIED = "http://shop.test/anything/proxied?a=1"


def _in_threads(ask: Callable[[str], Any], server: str) -> list[Any]:
    pages = [f"{server}/anything/{number}" for number in range(8)]
    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(ask, pages))


def with_requests(server: str) -> list[Any]:
    import requests
    from urllib3 import Retry

    with requests.Session() as session:
        session.mount(
            f"{server}/status", requests.adapters.HTTPAdapter(max_retries=Retry(2, status_forcelist=[503]))
        )
        return [
            attempt(lambda: session.get(f"{server}/status/503").status_code),
            attempt(lambda: session.get(PROXIED, proxies={"http": server}).json()),
            attempt(lambda: session.get(PROXIED, proxies={"http": NOWHERE})),
            _in_threads(lambda page: attempt(lambda: session.get(page).json()["url"]), server),
        ]


def with_httpx(server: str) -> list[Any]:
    import httpx

    def proxied(proxy: str) -> Any:
        with httpx.Client(proxy=proxy, verify=False) as client:
            return client.get(PROXIED).json()

    with httpx.Client(transport=httpx.HTTPTransport(retries=1, verify=False)) as client:
        return [
            attempt(client.get, NOWHERE),
            attempt(proxied, server),
            attempt(proxied, NOWHERE),
            _in_threads(lambda page: attempt(lambda: client.get(page).json()["url"]), server),
        ]


def with_async_httpx(server: str) -> list[Any]:
    import httpx

    async def ask(client: Any, page: str) -> Any:
        return (await client.get(page)).json()["url"]

    async def main() -> list[Any]:
        async with (
            httpx.AsyncClient(verify=False) as client,
            httpx.AsyncClient(proxy=server, verify=False) as proxied,
        ):
            pages = [f"{server}/anything/{number}" for number in range(8)]
            return [
                *await asyncio.gather(*(async_clients.attempt(ask(client, page)) for page in pages)),
                await async_clients.attempt(ask(proxied, PROXIED)),
            ]

    return asyncio.run(main())


def with_aiohttp(server: str) -> list[Any]:
    import aiohttp

    async def ask(session: Any, page: str, **options: Any) -> Any:
        async with session.get(page, **options) as response:
            return (await response.json())["url"]

    async def main() -> list[Any]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=3)) as session:
            pages = [f"{server}/anything/{number}" for number in range(8)]
            return [
                *await asyncio.gather(*(async_clients.attempt(ask(session, page)) for page in pages)),
                await async_clients.attempt(ask(session, PROXIED, proxy=server)),
                await async_clients.attempt(ask(session, PROXIED, proxy=NOWHERE)),
            ]

    return asyncio.run(main())


def with_urllib3(server: str) -> list[Any]:
    import urllib3

    retry = urllib3.Retry(2, backoff_factor=0.001, status_forcelist=[503])

    def proxied(proxy: str) -> Any:
        with urllib3.ProxyManager(proxy, retries=False) as pool:
            return pool.request("GET", PROXIED).data

    def ask(page: str) -> Any:
        response = pool.request("GET", page)
        return (response.status, response.data)

    with urllib3.PoolManager(maxsize=4, block=True) as pool:
        return [
            attempt(lambda: pool.request("GET", f"{server}/status/503", retries=retry).status),
            attempt(
                lambda: (
                    pool.request(
                        "GET", f"{server}/status/503", retries=retry.new(raise_on_status=False)
                    ).retries.history
                )
            ),
            attempt(lambda: pool.request("GET", NOWHERE, retries=retry)),
            attempt(proxied, server),
            attempt(proxied, NOWHERE),
            _in_threads(lambda page: attempt(ask, page), server),
        ]


def with_http_client(server: str) -> list[Any]:
    url = urlsplit(server)

    def ask(target: str) -> Any:
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=5)
        try:
            connection.request("GET", target)
            return connection.getresponse().read()
        finally:
            connection.close()

    return [attempt(ask, PROXIED), _in_threads(lambda page: attempt(ask, urlsplit(page).path), server)]


def with_urllib(server: str) -> list[Any]:
    def ask(page: str, **proxies: str) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxies))
        with opener.open(page, timeout=5) as response:
            return response.read()

    return [
        attempt(lambda: ask(PROXIED, http=server)),
        attempt(lambda: ask(PROXIED, http=NOWHERE)),
        _in_threads(lambda page: attempt(ask, page), server),
    ]


CLIENTS: Mapping[str, Callable[[str], list[Any]]] = {
    "requests": with_requests,
    "httpx": with_httpx,
    "async httpx": with_async_httpx,
    "aiohttp": with_aiohttp,
    "urllib3": with_urllib3,
    "http.client": with_http_client,
    "urllib": with_urllib,
}
