"""The client of httpx and httpx2, recorded with a real server and replayed without it."""

from __future__ import annotations

import asyncio

import pytest
from support import loopback

from clients.http.four_ways import both


@pytest.fixture(params=["httpx", "httpx2"])
def httpx(request):
    """httpx or httpx2."""
    return pytest.importorskip(request.param)


@pytest.fixture
def line(httpx):
    """The client under test."""
    return httpx.__name__


def test_the_async_client_works_under_trio(httpx, runs, server):
    trio = pytest.importorskip("trio")

    async def talk(url):
        async with httpx.AsyncClient() as client:
            response = await client.get(f"{url}/users/1")
            return response.status_code, response.content, response.is_closed

    real, replayed = both(runs, server, lambda url: trio.run(talk, url))

    assert real == replayed


def test_an_async_upload_is_sent_and_identifies_the_call(httpx, runs, server):
    async def parts():
        yield b"one "
        yield b"two"

    async def talk(url):
        async with httpx.AsyncClient() as client:
            return (await client.post(f"{url}/echo", content=parts())).json()["body"]

    assert both(runs, server, lambda url: asyncio.run(talk(url))) == (
        "one two",
        "one two",
    )


def test_a_stream_without_asyncio_outlives_the_loop_in_which_it_was_begun(
    httpx, runs, server
):
    async def begin(response):
        lines = response.iter_lines()
        return next(lines), lines

    def talk(url):
        with httpx.stream("GET", f"{url}/events") as response:
            first, others = asyncio.run(begin(response))
            return [first, *others]

    real, replayed = both(runs, server, talk)

    assert real[-2:] == ["data: [DONE]", ""]
    assert len(replayed) == len(real)


def test_in_process_transports_are_left_alone(httpx, runs):
    def app(environ, start):
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"wsgi"]

    for transport in (
        httpx.MockTransport(lambda _: httpx.Response(200, text="mock")),
        httpx.WSGITransport(app=app),
    ):
        with httpx.Client(transport=transport) as client:
            assert client.get("http://inside/").text in ("mock", "wsgi")
    assert runs.asked == []


@pytest.mark.parametrize("address", ["ftp://shop.com/", "//shop.com/", "http://"])
def test_what_the_client_itself_refuses_is_no_call(httpx, runs, address):
    with httpx.Client() as client, pytest.raises(httpx.UnsupportedProtocol):
        client.get(address)

    assert runs.asked == []


class Upgrading(loopback.Handler):
    """Answers what asks for a WebSocket, and then echoes three bytes."""

    def do_GET(self):
        self.begin(101, "text/plain", Upgrade="websocket", Connection="Upgrade")
        self.wfile.write(b"echo " + self.rfile.read(3))
        self.close_connection = True


def test_a_web_socket_that_begins_as_a_request_connects_for_real(httpx, runs):
    headers = {"Connection": "Upgrade", "Upgrade": "WebSocket"}

    def talk(url):
        client = httpx.Client()
        with client, client.stream("GET", url, headers=headers) as response:
            stream = response.extensions["network_stream"]
            stream.write(b"pen")
            return stream.read(8)

    server = loopback.Server(Upgrading)
    with loopback.serving(server):
        real = talk(server.url)
        runs.again("replay")

        assert talk(server.url) == real == b"echo pen"
        assert runs.asked == []
        server.stop()
