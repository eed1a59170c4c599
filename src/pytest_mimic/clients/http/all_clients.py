"""The targets `http`, `http.client`, `urllib3` and `requests`, and their edges.

What makes an edge is imported with the client: most runs use few of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_mimic.client import Edge, Function, Port, around
from pytest_mimic.clients.http.adapter import HttpAdapter
from pytest_mimic.clients.http.aiohttp import Aiohttp
from pytest_mimic.clients.http.httpx import Httpx, Httpx2

# The classes that connect, by their modules.
_CONNECTIONS = {
    "http.client": ("HTTPConnection", "HTTPSConnection"),
    "urllib3.connection": ("HTTPConnection", "HTTPSConnection"),
    # What google-api-python-client stands on.
    "httplib2": ("HTTPConnectionWithTimeout", "HTTPSConnectionWithTimeout"),
    # Over Unix sockets.
    "docker.transport.unixconn": ("UnixHTTPConnection",),
    "podman.api.uds": ("UDSConnection",),
    "requests_unixsocket.adapters": ("UnixHTTPConnection",),
}


class HttpClient(HttpAdapter):
    """http.client, and urllib."""

    name = "http.client"

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return where connections are made, and where requests says that it sends."""
        unsent: dict[bytes, bytes] = {}

        def wrap(original: Function) -> Function:
            # As soon as it is loaded, its own edges are wrapped. If the next import
            # loaded it, that would ask for a module that is half imported.
            import http.client  # noqa: F401

            from pytest_mimic.clients.http.http_client import stand_in_for

            return stand_in_for(original, port, unsent)

        for module, names in _CONNECTIONS.items():
            for name in names:
                yield Edge(module, (name, "connect"), wrap)

        yield Edge("requests.adapters", ("HTTPAdapter", "send"), around(_send))


def _send(original: Function, *args: Any, **options: Any) -> Any:
    """Send a request by requests, which says so."""
    from pytest_mimic.clients.http.http_client import IN_REQUESTS

    token = IN_REQUESTS.set(True)
    try:
        return original(*args, **options)
    finally:
        IN_REQUESTS.reset(token)


class Urllib3(HttpClient):
    """urllib3."""

    name = "urllib3"


class Requests(HttpClient):
    """requests."""

    name = "requests"


class Http(HttpAdapter):
    """All clients of HTTP."""

    name = "http"

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return the edges of all clients; nobody meets the edges of absent clients."""
        for adapter in (Httpx(), Httpx2(), Aiohttp(), HttpClient()):
            yield from adapter.edges(port)
