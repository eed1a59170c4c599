"""Secrets in the complaints of clients about a request that they do not send."""

from __future__ import annotations

import pytest
from http_server import Server

from unit.boundaries.http.matrix import async_clients, sync_clients
from unit.boundaries.http.matrix.scenarios import Request
from unit.boundaries.runs import Runs

CLIENTS = {
    "urllib3": sync_clients.with_urllib3,
    "httpx": sync_clients.with_httpx,
    "aiohttp": async_clients.with_aiohttp,
    "requests": sync_clients.with_requests,
}


@pytest.fixture(params=CLIENTS)
def boundary(request: pytest.FixtureRequest) -> str:
    """The boundary under test."""
    pytest.importorskip(request.param)
    return str(request.param)


@pytest.mark.parametrize("value", ["Bearer tok-4711-abcdef\r\nX: y", "tok-4711-abcdef\n", "tok-4711-abcdef€"])
def test_a_refused_secret_is_not_stored(boundary: str, runs: Runs, server: Server, value: str) -> None:
    requests = [Request("GET", "/users/1", headers={name: value}) for name in ("Authorization", "X-Api-Key")]

    seen = CLIENTS[boundary](server.url, requests)

    assert len(seen) >= len(requests)
    assert "4711" not in runs.text
