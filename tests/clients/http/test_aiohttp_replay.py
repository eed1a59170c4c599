"""Sessions of aiohttp in a replay: there is no connection, and they do not notice."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from support.http_server import Server
from unit.clients.runs import Runs

from clients.http.aiohttp_sessions import both


@pytest.fixture
def line() -> str:
    """The client under test."""
    return "aiohttp"


def test_the_ends_of_chunks_are_told(runs: Runs, server: Server) -> None:
    """aiohttp reports the end after the last chunk, with an empty one."""

    async def talk(session: Any, url: str) -> list[tuple[bytes, bool]]:
        async with session.get(f"{url}/events") as response:
            return [item async for item in response.content.iter_chunks()]

    _, replayed = both(runs, server, talk)

    assert [ends for _, ends in replayed] == [True] * 4
    assert (replayed[2][0], replayed[3][0]) == (b"data: [DONE]\n\n", b"")


def test_expect_100_continue_works_without_a_server(runs: Runs, server: Server) -> None:
    async def talk(session: Any, url: str) -> str:
        async with session.post(
            f"{url}/echo", data=b"waited", expect100=True
        ) as response:
            return (await response.json())["body"]  # type: ignore[no-any-return]

    assert both(runs, server, talk) == ("waited", "waited")


def test_a_timer_has_its_turn_between_replays(runs: Runs, server: Server) -> None:
    async def until_called(session: Any, url: str) -> bool:
        called = asyncio.Event()
        asyncio.get_running_loop().call_later(0.001, called.set)
        while not called.is_set():  # else forever: nothing else lets the loop run
            async with session.get(f"{url}/users/1"):
                pass
        return called.is_set()

    assert both(runs, server, until_called) == (True, True)


def test_a_response_leaves_nothing_to_the_garbage_collector(
    runs: Runs, server: Server
) -> None:
    async def left(session: Any, url: str) -> int:
        for _ in range(2):  # the first one loads modules
            gc.collect()
            async with session.get(f"{url}/users/1") as response:
                await response.read()
            del response
        return gc.collect()

    assert both(runs, server, left)[1] == 0


def test_a_body_is_not_read_on_once_its_connection_is_closed(
    runs: Runs, server: Server
) -> None:
    closes = iter([False, True])

    async def read(session: Any, url: str) -> str | None:
        async with session.get(f"{url}/events") as response:
            await response.content.readline()
            if next(closes):
                response.connection.close()
            try:
                await asyncio.wait_for(response.content.read(), 5)
            except RuntimeError as error:
                return str(error)

    assert both(runs, server, read) == (None, "Connection closed.")
