"""The client of aiohttp, recorded with a real server and replayed without it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.http_server import running_unix_server
from support.runs import Runs

aiohttp = pytest.importorskip("aiohttp")


@pytest.fixture
def line() -> str:
    """The client under test."""
    return "aiohttp"


def test_a_unix_socket_does_not_change_the_call(runs: Runs, tmp_path: Path) -> None:
    path = tmp_path / "socket"

    async def talk() -> Any:
        connector = aiohttp.UnixConnector(str(path))
        url = "http://docker/users/1"
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(url) as response,
        ):
            return (await response.json())["id"]

    with running_unix_server(path):
        assert asyncio.run(talk()) == 1
    runs.again("replay")

    assert asyncio.run(talk()) == 1


def test_a_real_request_gets_the_place_that_a_replayed_response_leaves(
    runs: Runs, tmp_path: Path
) -> None:
    """The connector has one place, and the request waits for it."""
    path = tmp_path / "socket"

    async def record() -> None:
        connector = aiohttp.UnixConnector(str(path))
        async with aiohttp.ClientSession(connector=connector) as session:
            await (await session.get("http://recorded/events")).read()

    async def replay() -> int:
        connector = aiohttp.UnixConnector(str(path), limit=1)
        async with aiohttp.ClientSession(connector=connector) as session:
            response = await session.get("http://recorded/events")
            waiting = asyncio.create_task(session.get("http://real/users/1"))
            # The request has its turn, and finds no place.
            await asyncio.wait([waiting], timeout=0.05)
            response.close()
            real_response = await asyncio.wait_for(waiting, 20)
            # Its body may arrive later, and keeps the connection until it is read.
            await real_response.read()
            return real_response.status  # type: ignore[no-any-return]

    with running_unix_server(path):
        asyncio.run(record())
        runs.again("replay", exclude=("real",))

        assert asyncio.run(replay()) == 200
