"""The adapter of urllib3: a pool says whose request it is, and its connections are those of `http.client`.

Read against urllib3 1.26 and 2.0 to 2.8. Retries, redirects and exceptions are urllib3's own in a replay, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import isgenerator
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.exchange import ABOVE, Exchange, HttpAdapter
from pytest_mimic._clients.http.http_client import StdlibAdapter
from pytest_mimic._core.seam.base import Edge

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port


class Urllib3Adapter(HttpAdapter):
    """The adapter of `urllib3`."""

    def edges(self) -> Sequence[Edge]:
        """Return the method that sends a request, and the edges of `http.client`, which stay its own."""
        below = [edge._replace(origin="http.client") for edge in StdlibAdapter("http.client").edges()]
        return [Edge("urllib3.connectionpool", ("HTTPConnectionPool", "urlopen"), _wrap_urlopen), *below]


def _wrap_urlopen(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    exchange = Exchange(port)

    @wraps(original)
    def urlopen(pool: Any, method: str, url: str, body: Any = None, *args: Any, **options: Any) -> Any:
        takers = exchange.takers()
        if not takers:
            return original(pool, method, url, body, *args, **options)
        if body is not None and isgenerator(body):
            body = list(body)  # an attempt that cannot connect must not use it up
        token = ABOVE.set(tuple(takers))
        try:
            return original(pool, method, url, body, *args, **options)
        finally:
            ABOVE.reset(token)

    return urlopen
