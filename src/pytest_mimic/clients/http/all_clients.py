"""The target `http`: the edges of all clients of HTTP together."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_mimic.client import Edge, Port
from pytest_mimic.clients.http.adapter import HttpAdapter
from pytest_mimic.clients.http.aiohttp import Aiohttp
from pytest_mimic.clients.http.http_client import HttpClient
from pytest_mimic.clients.http.httpx import Httpx, Httpx2


class Http(HttpAdapter):
    """All clients of HTTP."""

    name = "http"

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return the edges of all clients; those that are not installed are not met."""
        for adapter in (Httpx(), Httpx2(), Aiohttp(), HttpClient()):
            yield from adapter.edges(port)
