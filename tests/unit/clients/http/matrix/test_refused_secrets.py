"""Secrets in the complaints of clients about a request that they do not send."""

from __future__ import annotations

import pytest
from support.http_server import Server

from unit.clients.http.matrix import async_clients, sync_clients
from unit.clients.http.matrix.scenarios import Request
from unit.clients.runs import Runs

CLIENTS = {
    "urllib3": sync_clients.with_urllib3,
    "httpx": sync_clients.with_httpx,
    "aiohttp": async_clients.with_aiohttp,
    "requests": sync_clients.with_requests,
}


@pytest.fixture(params=CLIENTS)
def line(request: pytest.FixtureRequest) -> str:
    """The client under test."""
    pytest.importorskip(request.param)
    return str(request.param)


# Each value has one of these, as it is or as Python writes its bytes.
SIGNS = ("tok-4711", "пароль", "sswort", "open sesame")
VALUES = [
    "Bearer tok-4711-abcdef\r\nX: y",
    "tok-4711-abcdef\n",
    "tok-4711-abcdef€",
    "Bearer пароль",
    "Bearer pässwort\n",
    "open sesame\n",
    """it's "tok-4711\\\n""",
]


@pytest.mark.promise("no secret of a request reaches the vault by the complaint of a client")
@pytest.mark.parametrize("value", VALUES)
def test_a_refused_secret_is_not_stored(line: str, runs: Runs, server: Server, value: str) -> None:
    headers = {"Authorization": value, "X-Api-Key": value, "Cookie": f"sid={value}"}
    requests = [Request("GET", "/users/1", headers=dict([header])) for header in headers.items()]

    seen = CLIENTS[line](server.url, requests)

    assert len(seen) >= len(requests)
    assert not [sign for sign in SIGNS if sign in runs.text or repr(sign)[1:-1] in runs.text]
