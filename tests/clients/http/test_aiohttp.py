"""The client of aiohttp: with real servers, and in a replay, where there is no connection and no session notices."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from hashlib import sha1

import pytest
from support import loopback
from support.http_server import running_unix_server

from clients.http.four_ways import both, same

aiohttp = pytest.importorskip("aiohttp")


@pytest.fixture
def line():
    """The client under test."""
    return "aiohttp"


def in_a_session(talk):
    """Return a function that holds a conversation with the server of a URL."""

    async def main(url):
        async with aiohttp.ClientSession() as session:
            return await talk(session, url)

    return lambda url: asyncio.run(main(url))


def test_the_ends_of_chunks_are_told(runs, server):
    """aiohttp reports the end after the last chunk, with an empty one."""

    async def talk(session, url):
        async with session.get(f"{url}/events") as response:
            return [item async for item in response.content.iter_chunks()]

    _, replayed = both(runs, server, in_a_session(talk))

    assert [ends for _, ends in replayed] == [True] * 4
    assert (replayed[2][0], replayed[3][0]) == (b"data: [DONE]\n\n", b"")


@pytest.mark.parametrize("page", ["pretty", "gzip"])
def test_a_short_body_that_nobody_reads_frees_its_connection(runs, server, page):
    """Or aiohttp would warn of a connection that the session leaves open."""

    async def talk(session, url):
        response = await session.get(f"{url}/{page}")
        if not server.stopping.is_set():
            await response.read()  # The real one may still be under way.
        return response.connection is None

    assert both(runs, server, in_a_session(talk)) == (True, True)


def test_expect_100_continue_works_without_a_server(runs, server):
    async def talk(session, url):
        async with session.post(
            f"{url}/echo", data=b"waited", expect100=True
        ) as response:
            return (await response.json())["body"]

    assert both(runs, server, in_a_session(talk)) == ("waited", "waited")


def test_a_timer_has_its_turn_between_replays(runs, server):
    async def until_called(session, url):
        called = asyncio.Event()
        asyncio.get_running_loop().call_later(0.001, called.set)
        while not called.is_set():  # else forever: nothing else lets the loop run
            async with session.get(f"{url}/users/1"):
                pass
        return called.is_set()

    assert both(runs, server, in_a_session(until_called)) == (True, True)


class OddError(Exception):
    """Raised by the body of a request."""


def test_a_body_that_raises_is_an_error_of_the_client(runs, server):
    async def body():
        yield b"begun"
        raise OddError("no more")

    async def talk(session, url):
        with pytest.raises(aiohttp.ClientConnectionError) as caught:
            await session.post(f"{url}/echo", data=body())
        return [type(caught.value), type(caught.value.__cause__)]

    same(runs, server, in_a_session(talk))

    assert runs.answers == []


def test_a_unix_socket_does_not_change_the_call(runs, tmp_path):
    path = tmp_path / "socket"

    async def talk():
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


def test_a_unix_socket_that_nobody_serves_is_an_error_of_the_client(runs, tmp_path):
    async def talk():
        connector = aiohttp.UnixConnector(str(tmp_path / "socket"))
        async with aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises(aiohttp.ClientConnectorError, match="unix") as caught:
                await session.get("http://docker/users/1")
        return type(caught.value), str(caught.value)

    real = asyncio.run(talk())
    runs.again("replay")

    assert asyncio.run(talk()) == real


def test_a_real_request_gets_the_place_that_a_replayed_response_leaves(runs, tmp_path):
    """The connector has one place, and the request waits for it."""
    path = tmp_path / "socket"

    async def record():
        connector = aiohttp.UnixConnector(str(path))
        async with aiohttp.ClientSession(connector=connector) as session:
            await (await session.get("http://recorded/events")).read()

    async def replay():
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
            return real_response.status

    with running_unix_server(path):
        asyncio.run(record())
        runs.again("replay", exclude=("real",))

        assert asyncio.run(replay()) == 200


class Socket(loopback.Handler):
    """Takes a WebSocket, and sends one text (RFC 6455, 4.2.2 and 5.2)."""

    def do_GET(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accepted = b64encode(sha1(key.encode()).digest()).decode()
        self.send_response(101)
        for name, value in (
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", accepted),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"\x81\x05hello")
        self.close_connection = True


def test_a_web_socket_connects_for_real(runs):
    async def ask(url):
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url) as socket,
        ):
            return (await socket.receive()).data

    with loopback.serving(loopback.Server(Socket)) as server:
        assert asyncio.run(ask(server.url)) == "hello"
        runs.again("replay")
        assert asyncio.run(ask(server.url)) == "hello"

    assert runs.asked == []
