"""WebSockets are not recorded: the summary names them, and a blocked network refuses them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

# Imported here, so that the runs below share them: two copies have other classes.
import aiohttp  # noqa: F401
import httpx  # noqa: F401
import pytest
import websocket  # noqa: F401
import websockets.asyncio.client
import websockets.sync.client  # noqa: F401
from websockets.sync.server import serve

SHOP = """
    import asyncio, socket
    import aiohttp, httpx, websocket, websockets.asyncio.client, websockets.sync.client
    from aiohttp.abc import AbstractResolver

    PORT = {port}

    class Local(AbstractResolver):
        async def resolve(self, host, port=0, family=0):
            entry = dict(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)
            return [entry]

        async def close(self):
            pass

    async def by_aiohttp(host):
        resolver = Local() if host.endswith(".com") else None
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=resolver)) as client:
            async with client.ws_connect(f"ws://{{host}}:{{PORT}}/prices?token=s3cret") as prices:
                return (await prices.receive()).data

    def connected():
        return socket.create_connection(("127.0.0.1", PORT))

    def by_websockets(host):
        with websockets.sync.client.connect(f"ws://{{host}}:{{PORT}}/prices", sock=connected()) as prices:
            return prices.recv()

    async def by_async_websockets(host):
        async with websockets.asyncio.client.connect(f"ws://{{host}}:{{PORT}}/prices", sock=connected()) as prices:
            return await prices.recv()

    def by_websocket_client(host):
        prices = websocket.create_connection(f"ws://{{host}}:{{PORT}}/prices", socket=connected())
        received = prices.recv()
        prices.close()
        return received
"""

TEST = """
    import asyncio, inspect, shop

    def got(value):
        return asyncio.run(value) if inspect.isawaitable(value) else value

    def test_prices():
        assert got({call}) == "42"

    def test_again():
        assert got({call}) == "42"
"""

CALLS = ["by_aiohttp", "by_websockets", "by_async_websockets", "by_websocket_client"]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a server that sends one message to each WebSocket."""
    with serve(lambda connection: connection.send("42"), "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def shop(project, port):
    project.module(SHOP.format(port=port))
    return project


@pytest.mark.promise("WebSockets that tests open are named, because they are not recorded")
@pytest.mark.parametrize("call", CALLS)
def test_websocket_is_named_in_the_summary(shop, port, call):
    shop.ini("aiohttp", "httpx")
    shop.tests(TEST.format(call=f"shop.{call}('feed.example.com')"))

    run = shop.run().expect(passed=2)

    origin = f"ws://feed.example.com:{port}"
    assert run.section == [
        "WebSockets, which are not recorded and connected for real:",
        f"  {origin}    test_shop.py::test_prices",
        f"  {origin}    test_shop.py::test_again",
        "to record what they give: name your function that uses one in mimic_functions",
        "to refuse them: mimic_network = block",
    ]


@pytest.mark.parametrize(
    ("lines", "call"),
    [
        (["aiohttp"], "shop.by_aiohttp('localhost')"),
        (["aiohttp"], "shop.by_websockets('127.0.0.1')"),
        (["aiohttp exclude=feed.example.com/*"], "shop.by_aiohttp('feed.example.com')"),
        (["aiohttp exclude=/prices"], "shop.by_websockets('feed.example.com')"),
        (["shop:by_websockets"], "shop.by_websockets('feed.example.com')"),
        (["aiohttp", "shop:by_aiohttp"], "shop.by_aiohttp('feed.example.com')"),
    ],
)
def test_websocket_is_not_named_where_it_is_expected(shop, lines, call):
    """To this machine, left out by the line of the client, or part of a call that is recorded."""
    shop.ini(*lines)
    shop.tests(TEST.format(call=call))

    assert "WebSocket" not in shop.record().expect(passed=2).output


def test_websocket_is_refused_while_the_network_is_blocked(shop):
    shop.ini("aiohttp", mimic_network="block")
    shop.tests("""
        import asyncio, aiohttp, shop, websocket, websockets.asyncio.client, websockets.sync.client

        URL = "wss://feed.example.com/prices"

        async def prices():
            async with aiohttp.ClientSession() as client:
                await client.ws_connect(URL)

        async def more_prices():
            await websockets.asyncio.client.connect(URL)

        def test_aiohttp():
            asyncio.run(prices())

        def test_async_websockets():
            asyncio.run(more_prices())

        def test_websockets():
            websockets.sync.client.connect(URL)

        def test_websocket_client():
            websocket.create_connection(URL)
    """)

    run = shop.run().expect(failed=4, never=["connected for real"])

    assert (
        run.output.count("MissingRecordingError: no recording of a connection to feed.example.com:443") >= 4
    )
    assert run.output.count("to let it through: mimic_allow_hosts = feed.example.com") >= 4
