"""What an application sees of httpbin through each client: the same live, recorded, verified and replayed."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest
from support.http_server import Server

from unit.clients.http.four_ways import FourWays, difference, four_ways
from unit.clients.http.matrix import async_clients, sync_clients
from unit.clients.http.matrix.scenarios import GROUPS, Request
from unit.clients.runs import Runs

pytest.importorskip("httpbin")

from unit.clients.http.matrix.httpbin_server import running_httpbin

Talk = Callable[[str, Sequence[Request]], list[Any]]


class Client(NamedTuple):
    """A client and its line. Clients that share most of their code with another one have fewer conversations."""

    line: str
    module: str
    talk: Talk
    groups: Iterable[str] = tuple(GROUPS)


FEWER = ("methods", "bodies", "redirects", "auth", "streams", "failures", "complaints")
CLIENTS = {
    "requests": Client("requests", "requests", sync_clients.with_requests),
    "httpx": Client("httpx", "httpx", sync_clients.with_httpx),
    "async httpx": Client("httpx", "httpx", async_clients.with_async_httpx, FEWER),
    "httpx2": Client("httpx2", "httpx2", sync_clients.with_httpx2, FEWER),
    "aiohttp": Client("aiohttp", "aiohttp", async_clients.with_aiohttp),
    "urllib3": Client("urllib3", "urllib3", sync_clients.with_urllib3),
    "http.client": Client("http.client", "http.client", sync_clients.with_http_client),
    "urllib": Client("http.client", "urllib.request", sync_clients.with_urllib),
}


@pytest.fixture
def httpbin() -> Iterator[Server]:
    """httpbin on loopback."""
    with running_httpbin() as server:
        yield server


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Client:
    """A client that is installed."""
    client = CLIENTS[request.param]
    pytest.importorskip(client.module)
    return client


@pytest.fixture
def line(client: Client) -> str:
    """The client's line."""
    return client.line


@pytest.mark.promise("responses and errors replay as the client's own objects")
@pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning"
)  # of urllib.request, for the first answer of two
@pytest.mark.parametrize(
    ("client", "group"),
    [(name, group) for name, client in CLIENTS.items() for group in client.groups],
    indirect=["client"],
)
def test_an_application_sees_the_same(client: Client, runs: Runs, httpbin: Server, group: str) -> None:
    requests = GROUPS[group]

    ways = four_ways(runs, httpbin, lambda url: client.talk(url, requests))

    assert differences(ways, [f"{request.method} {request.path}" for request in requests]) == []
    gc.collect()


def differences(ways: FourWays, names: Iterable[str]) -> list[str]:
    """Return what differs from the live run."""
    names = [*names, "the session"]
    return [
        f"{way}, {name}: {difference(live, seen)}"
        for way, all_seen in list(ways._asdict().items())[1:]
        for name, live, seen in zip(names, ways.live, all_seen)
        if seen != live
    ]
