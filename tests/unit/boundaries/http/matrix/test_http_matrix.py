"""What an application sees of httpbin through each client: the same live, recorded, verified and replayed."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest
from http_server import Server

from pytest_mimic.boundaries.base import Boundary
from pytest_mimic.boundaries.registry import load_boundary
from unit.boundaries.http.four_ways import difference, four_ways
from unit.boundaries.http.matrix import async_clients, sync_clients
from unit.boundaries.http.matrix.scenarios import GROUPS, Request
from unit.boundaries.runs import Runs

pytest.importorskip("httpbin")

from unit.boundaries.http.matrix.httpbin_server import running_httpbin

Talk = Callable[[str, Sequence[Request]], list[Any]]


class Client(NamedTuple):
    """A client and its boundary."""

    boundary: str
    module: str
    talk: Talk


CLIENTS = {
    "requests": Client("requests", "requests", sync_clients.with_requests),
    "httpx": Client("httpx", "httpx", sync_clients.with_httpx),
    "async httpx": Client("httpx", "httpx", async_clients.with_async_httpx),
    "httpx2": Client("httpx2", "httpx2", sync_clients.with_httpx2),
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


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Client:
    """A client that is installed."""
    client = CLIENTS[request.param]
    pytest.importorskip(client.module)
    return client


@pytest.fixture
def runs(client: Client, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Runs of a test with the client."""
    boundary: Boundary = load_boundary(client.boundary)
    runs = Runs(boundary)
    runs.install(monkeypatch)
    return runs


@pytest.mark.promise("responses and errors replay as the client's own objects")
@pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning"
)  # of urllib.request, for the first answer of two
@pytest.mark.parametrize("group", GROUPS)
def test_an_application_sees_the_same(client: Client, runs: Runs, httpbin: Server, group: str) -> None:
    requests = GROUPS[group]

    ways = four_ways(runs, httpbin, lambda url: client.talk(url, requests))

    named = [f"{request.method} {request.path}" for request in requests]
    found = [
        f"{way}, {name}: {difference(live, seen)}"
        for way, all_seen in list(ways._asdict().items())[1:]
        for name, live, seen in zip([*named, "the session"], ways.live, all_seen)
        if seen != live
    ]
    assert not found, "\n".join(found)
    gc.collect()
