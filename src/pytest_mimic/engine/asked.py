"""Which clients a real call asks, and who has replaced the functions of a client."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from pytest_mimic.engine.inside import Inside
from pytest_mimic.patch.clients import Edge, noting
from pytest_mimic.patch.patches import Patches

# What each request goes through before a library for mocks can answer it.
_ASKING = {
    "requests": ("requests.models", "PreparedRequest", "prepare"),
    "httpx": ("httpx._models", "Request", "__init__"),
    "aiohttp": ("aiohttp.client", "_BaseRequestContextManager", "__init__"),
}
# What such libraries replace: a module, a class of it, and its method.
_SENDING = {
    "requests": (
        ("requests.sessions", "Session", "send"),
        ("requests.sessions", "Session", "get_adapter"),
        ("requests.adapters", "HTTPAdapter", "send"),
    ),
    "httpx": (
        ("httpx", "HTTPTransport", "handle_request"),
        ("httpx", "AsyncHTTPTransport", "handle_async_request"),
        ("httpcore", "ConnectionPool", "handle_request"),
        ("httpcore", "AsyncConnectionPool", "handle_async_request"),
    ),
    "aiohttp": (("aiohttp.client", "ClientSession", "_request"),),
}


class AskedClients:
    """The clients that real calls ask, and what stands where they send.

    Args:
        inside: Knows the real call around what runs.
        patches: Knows what stands below our own wrappers.
    """

    def __init__(self, inside: Inside, patches: Patches) -> None:
        self._inside = inside
        self._patches = patches
        # What stood there before the tests: a tool that watches requests may have
        # replaced it for good.
        self._before: dict[tuple[str, str, str], object] = {}

    def edges(self) -> Iterator[Edge]:
        """Yield the edges at which a client is asked."""
        for client, (module, *path) in _ASKING.items():
            wrap = noting(partial(self._note, client))
            yield Edge(module, tuple(path), wrap, is_optional=True)

    def _note(self, client: str, *_args: Any, **_kwargs: Any) -> None:
        call = self._inside.around
        if call.shared_target and call.is_open:
            call.asked |= {client}
            call.mocked |= {*self.replaced([client])}

    def begin(self) -> None:
        """Note what stands there before the tests."""
        for places in _SENDING.values():
            for place in places:
                if place[0] in sys.modules:
                    self._before[place] = self._standing(place)

    def replaced(self, clients: Iterable[str]) -> list[str]:
        """Give the functions of clients that somebody has replaced now."""
        places = [one for name in clients for one in _SENDING[name]]
        return [".".join(place) for place in places if self._is_replaced(place)]

    def _standing(self, place: tuple[str, str, str]) -> object:
        module, cls, name = place
        holder = getattr(sys.modules[module], cls, None)
        return self._patches.original_of(inspect.getattr_static(holder, name, None))

    def _is_replaced(self, place: tuple[str, str, str]) -> bool:
        if place[0] not in sys.modules:
            return False
        standing = self._standing(place)
        if place in self._before:
            return standing is not self._before[place]
        # The module is new: a function of its package knows the names around it.
        around = getattr(standing, "__globals__", {}).get("__name__", "")
        return str(around).partition(".")[0] != place[0].partition(".")[0]
