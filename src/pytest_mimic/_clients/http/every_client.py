"""The line `http`: the requests of every HTTP client that is installed."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_mimic._clients.http.aiohttp import AiohttpAdapter
from pytest_mimic._clients.http.exchange import HttpAdapter
from pytest_mimic._clients.http.http_client import StdlibAdapter
from pytest_mimic._clients.http.httpx import HttpxAdapter
from pytest_mimic._clients.http.labels import RequestsAdapter, Urllib3Adapter
from pytest_mimic._core.seam.base import Edge
from pytest_mimic._core.seam.registry import HTTP_CLIENTS

# From the outside in: a request is recorded at the first of them that it passes.
_CLIENTS: tuple[HttpAdapter, ...] = (
    HttpxAdapter("httpx"),
    HttpxAdapter("httpx2"),
    AiohttpAdapter("aiohttp"),
    RequestsAdapter("requests"),
    Urllib3Adapter("urllib3"),
    StdlibAdapter("http.client"),
)


class EveryHttpClient(HttpAdapter):
    """The adapter of `http`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.covers = HTTP_CLIENTS

    def edges(self) -> Sequence[Edge]:
        """Return the edges of the clients, which stay theirs."""
        edges = (edge._replace(origin=edge.origin or one.name) for one in _CLIENTS for edge in one.edges())
        return list(dict.fromkeys(edges))
