"""The line `http`: the requests of every HTTP client that is installed."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_mimic._clients.http.exchange import HttpAdapter
from pytest_mimic._core.seam.base import Edge
from pytest_mimic._core.seam.registry import HTTP_CLIENTS, load_adapter


class EveryHttpClient(HttpAdapter):
    """The adapter of `http`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.covers = HTTP_CLIENTS

    def edges(self) -> Sequence[Edge]:
        """Return the edges of the clients, which stay theirs. A request is recorded at the outermost that takes it."""
        adapters = map(load_adapter, HTTP_CLIENTS)
        edges = (edge._replace(origin=edge.origin or one.name) for one in adapters for edge in one.edges())
        return list(dict.fromkeys(edges))
