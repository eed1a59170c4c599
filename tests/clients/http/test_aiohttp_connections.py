"""Sessions of aiohttp in a replay: there is no connection, and they do not notice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.http_server import NOWHERE, Server
from support.runs import Runs

from clients.http.aiohttp_sessions import aiohttp, both, run
from clients.http.four_ways import same


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


def described(error: BaseException) -> list[Any]:
    """Return what an application sees of an exception of aiohttp."""
    text = str(error).partition("Connection<")[0]
    place = [getattr(error, name, None) for name in ("host", "port", "status")]
    return [type(error), text, *place, type(error.__cause__)]


@pytest.mark.parametrize(
    "target", ["http://elsewhere.test/", "https://elsewhere.test/"]
)
def test_a_proxy_that_is_not_there_is_named(
    runs: Runs, server: Server, target: str
) -> None:
    async def talk(session: Any, _: str) -> list[Any]:
        with pytest.raises(aiohttp.ClientError) as caught:
            await session.get(target, proxy=NOWHERE)
        return described(caught.value)

    seen = same(runs, server, lambda _: run(talk, server))

    assert seen[0] is aiohttp.ClientProxyConnectionError
    assert seen[2:4] == ["127.0.0.1", 1]


class OddError(Exception):
    """Raised by the body of a request."""


def test_a_body_that_raises_is_an_error_of_the_client(
    runs: Runs, server: Server
) -> None:
    async def body() -> Any:
        yield b"begun"
        raise OddError("no more")

    async def talk(session: Any, url: str) -> list[Any]:
        with pytest.raises(aiohttp.ClientConnectionError) as caught:
            await session.post(f"{url}/echo", data=body())
        return [type(caught.value), type(caught.value.__cause__)]

    same(runs, server, lambda _: run(talk, server))

    assert runs.answers == []
