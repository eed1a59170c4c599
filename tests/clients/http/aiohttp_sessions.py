"""Conversations in a session of aiohttp."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.http_server import Server
from support.runs import Runs

from clients.http.four_ways import both as both_ways

aiohttp = pytest.importorskip("aiohttp")


def run(
    talk: Callable[[Any, str], Awaitable[Any]], server: Server, **options: Any
) -> Any:
    """Run a conversation in a session."""

    async def main() -> Any:
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True), **options
        ) as session:
            return await talk(session, server.url)

    return asyncio.run(main())


def both(
    runs: Runs,
    server: Server,
    talk: Callable[[Any, str], Awaitable[Any]],
    **options: Any,
) -> tuple[Any, Any]:
    """Return what a conversation gives while it is recorded, and after the server is gone."""
    return both_ways(runs, server, lambda _: run(talk, server, **options))
