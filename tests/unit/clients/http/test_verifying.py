"""While verifying, a client sends its request for real and gets the recorded response."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from support.http_server import Server, running_server

from pytest_mimic._clients.http.aiohttp import AiohttpAdapter
from pytest_mimic._clients.http.httpx import HttpxAdapter
from pytest_mimic._clients.http.requests import RequestsAdapter
from unit.clients.runs import Runs

pytestmark = pytest.mark.promise("--mimic-verify hands on the recorded outcome and fails the test afterwards")


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on loopback."""
    with running_server() as server:
        yield server


class Client(NamedTuple):
    """One client library: what it gives for a conversation, a stream and an error."""

    runs: Runs
    converse: Callable[[str], tuple[Any, Any]]
    read: Callable[[str, int], list[str]]
    attempt: Callable[[str], str]


def _chunks(chunks: list[bytes]) -> list[str]:
    return [chunk.decode().strip().removeprefix("data: ") for chunk in chunks]


def _httpx(name: str) -> tuple[Any, ...]:
    httpx = pytest.importorskip(name)

    def converse(url: str) -> tuple[Any, Any]:
        with httpx.Client() as client:
            user = client.post(f"{url}/signin").json()["user"]
            account = client.get(
                f"{url}/account", headers={"Authorization": f"Bearer {user['access_token']}"}
            )
            return user["release"], account.json()

    def read(url: str, count: int) -> list[str]:
        with httpx.stream("GET", url) as response:
            chunks = response.iter_raw()
            return _chunks([next(chunks) for _ in range(count)] if count else list(chunks))

    def attempt(url: str) -> str:
        try:
            return httpx.get(url).text  # type: ignore[no-any-return]
        except httpx.TransportError as error:
            return type(error).__name__

    return HttpxAdapter(name), converse, read, attempt


def _async_httpx() -> tuple[Any, ...]:
    httpx = pytest.importorskip("httpx")

    async def converse(url: str) -> tuple[Any, Any]:
        async with httpx.AsyncClient() as client:
            user = (await client.post(f"{url}/signin")).json()["user"]
            head = {"Authorization": f"Bearer {user['access_token']}"}
            return user["release"], (await client.get(f"{url}/account", headers=head)).json()

    async def read(url: str, count: int) -> list[str]:
        async with httpx.AsyncClient() as client, client.stream("GET", url) as response:
            chunks = response.aiter_raw()
            if count:
                return _chunks([await anext(chunks) for _ in range(count)])
            return _chunks([chunk async for chunk in chunks])

    async def attempt(url: str) -> str:
        async with httpx.AsyncClient() as client:
            try:
                return (await client.get(url)).text  # type: ignore[no-any-return]
            except httpx.TransportError as error:
                return type(error).__name__

    return HttpxAdapter("httpx"), *map(_run, (converse, read, attempt))


def _run(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: asyncio.run(function(*args))


def _requests() -> tuple[Any, ...]:
    requests = pytest.importorskip("requests")

    def converse(url: str) -> tuple[Any, Any]:
        with requests.Session() as session:
            user = session.post(f"{url}/signin").json()["user"]
            head = {"Authorization": f"Bearer {user['access_token']}"}
            return user["release"], session.get(f"{url}/account", headers=head).json()

    def read(url: str, count: int) -> list[str]:
        with requests.get(url, stream=True) as response:
            chunks = response.raw.stream(decode_content=False)
            return _chunks([next(chunks) for _ in range(count)] if count else list(chunks))

    def attempt(url: str) -> str:
        try:
            return requests.get(url).text  # type: ignore[no-any-return]
        except requests.ConnectionError as error:
            return type(error).__name__

    return RequestsAdapter("requests"), converse, read, attempt


def _aiohttp() -> tuple[Any, ...]:
    aiohttp = pytest.importorskip("aiohttp")

    def session() -> Any:
        return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def converse(url: str) -> tuple[Any, Any]:
        async with session() as client:
            async with client.post(f"{url}/signin") as response:
                user = (await response.json())["user"]
            head = {"Authorization": f"Bearer {user['access_token']}"}
            async with client.get(f"{url}/account", headers=head) as response:
                return user["release"], await response.json()

    async def read(url: str, count: int) -> list[str]:
        async with session() as client, client.get(url) as response:
            chunks = []
            async for chunk, _ in response.content.iter_chunks():
                chunks += [chunk] if chunk else []
                if len(chunks) == count:
                    break
            return _chunks(chunks)

    async def attempt(url: str) -> str:
        async with session() as client:
            try:
                async with client.get(url) as response:
                    return await response.text()  # type: ignore[no-any-return]
            except aiohttp.ClientError as error:
                return type(error).__name__

    return AiohttpAdapter("aiohttp"), *map(_run, (converse, read, attempt))


CLIENTS = {
    "httpx": lambda: _httpx("httpx"),
    "httpx2": lambda: _httpx("httpx2"),
    "httpx async": _async_httpx,
    "requests": _requests,
    "aiohttp": _aiohttp,
}


@pytest.fixture(params=list(CLIENTS))
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client library, mimicked."""
    client, *ways = CLIENTS[request.param]()
    runs = Runs(client)
    runs.install(monkeypatch)
    return Client(runs, *ways)


def verify(client: Client, server: Server, *, release: int = 2) -> None:
    """Begin a run that verifies, with a new release of the server."""
    client.runs.again("verify")
    server.release = release


@pytest.mark.promise("--mimic-verify hands on the recorded outcome and fails the test afterwards")
def test_a_conversation_goes_on_with_the_recorded_values_and_real_secrets(
    client: Client, server: Server
) -> None:
    """The server accepts the token and the cookie that it issued in this run; everything else is as recorded."""
    assert client.converse(server.url) == (1, {"name": "Zoë"})
    verify(client, server)

    assert client.converse(server.url) == (1, {"name": "Zoë"})

    assert server.strangers == 0
    drifts = client.runs.drifts()
    assert drifts.count("no longer gives") == 1
    assert "body.user.release: 1 recorded, 2 now" in drifts
    assert "of-release" not in client.runs.text + drifts


def test_a_stream_gives_the_recorded_chunks(client: Client, server: Server) -> None:
    names = ['{"name": "one"}', '{"name": "release 1"}', '{"name": "three"}']
    assert client.read(f"{server.url}/feed", 0) == names
    verify(client, server)

    assert client.read(f"{server.url}/feed", 0) == names

    assert "release 2" in client.runs.drifts()
    assert client.runs.state.ledger.verified == 1


def test_a_stream_that_was_left_early_is_compared_as_far_as_it_was_read(
    client: Client, server: Server
) -> None:
    """It may never end."""
    url = f"{server.url}/endless"
    recorded = client.read(url, 2)
    verify(client, server)

    assert client.read(url, 2) == recorded

    assert client.runs.drifts() == ""
    assert client.runs.state.ledger.verified == 1


def test_a_response_is_given_though_the_server_fails_now(client: Client, server: Server) -> None:
    assert client.attempt(f"{server.url}/moody") == '{"mood":"fine"}'
    verify(client, server)

    assert client.attempt(f"{server.url}/moody") == '{"mood":"fine"}'

    assert "GET /moody" in client.runs.drifts()


def test_an_error_is_raised_again_though_the_server_answers_now(client: Client, server: Server) -> None:
    error = client.attempt(f"{server.url}/mended")
    verify(client, server)

    assert client.attempt(f"{server.url}/mended") == error

    assert "status: 200 now" in client.runs.drifts()


def test_a_response_is_given_though_nobody_listens_now(client: Client, server: Server) -> None:
    assert "Zoë" in client.attempt(f"{server.url}/users/1")
    verify(client, server)
    server.stop()

    assert "Zoë" in client.attempt(f"{server.url}/users/1")

    assert "GET /users/1" in client.runs.drifts()


def test_a_refused_connection_stays_refused_though_somebody_listens_now(
    client: Client, server: Server
) -> None:
    server.stop()
    error = client.attempt(f"{server.url}/users/1")
    client.runs.again("verify")

    with running_server(server.server_address[1]) as other:
        assert client.attempt(f"{other.url}/users/1") == error

    assert "status: 200 now" in client.runs.drifts()
