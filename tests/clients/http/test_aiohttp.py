"""The client of aiohttp, recorded with a real server and replayed without it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.http_server import running_unix_server
from unit.clients.runs import Runs

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


def test_the_test_client_is_left_alone(runs: Runs) -> None:
    """Its server is the application under test."""
    from aiohttp import test_utils, web

    async def main() -> str:
        async def page(_: web.Request) -> web.Response:
            return web.Response(text="in process")

        app = web.Application()
        app.router.add_get("/", page)
        async with test_utils.TestClient(test_utils.TestServer(app)) as client:
            return await (await client.get("/")).text()

    assert asyncio.run(main()) == "in process"
    assert runs.calls == []
