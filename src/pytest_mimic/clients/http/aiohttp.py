"""The edge of aiohttp: the connection of a request.

It is below sessions, redirects, cookies and middlewares. In a replay a request is built
and written as usual, to nowhere, and the session's own parser reads its answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_mimic.client import Edge, Port, around
from pytest_mimic.clients.http.adapter import HttpAdapter


class Aiohttp(HttpAdapter):
    """aiohttp."""

    name = "aiohttp"

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return the method that connects a request."""

        async def connect(*args: Any, **options: Any) -> Any:
            # aiohttp is imported by now, and this needs it.
            from pytest_mimic.clients.http import aiohttp_connections

            return await aiohttp_connections.connect(port, *args, **options)

        path = ("BaseConnector", "connect")
        return [Edge("aiohttp.connector", path, around(connect))]
