"""The adapter of requests: its requests are recorded where urllib3 makes an attempt to send them.

Read against requests 2.31 to 2.34 with urllib3 1.26 to 2.8. `HTTPAdapter.send` says whose request it is. What is above
the pool is real in a replay: sessions, redirects, cookies, authentication, retries (`Retry`) and exceptions. Adapters of
other kinds that are mounted on a session, and pools that are not urllib3's, are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.exchange import ABOVE, Exchange, HttpAdapter, HttpRequest
from pytest_mimic._clients.http.urllib3 import Urllib3Adapter
from pytest_mimic._core.seam.base import Edge

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port

_POOLS = Urllib3Adapter("urllib3")


class RequestsAdapter(HttpAdapter):
    """The adapter of `requests`."""

    def edges(self) -> Sequence[Edge]:
        """Return the method that sends a request, and the edges of urllib3, which stay its own."""
        below = [edge._replace(origin=_POOLS.name) for edge in _POOLS.edges()]
        return [Edge("requests.adapters", ("HTTPAdapter", "send"), _wrap_send), *below]


def _wrap_send(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    exchange = Exchange(port)

    @wraps(original)
    def send(self: Any, request: Any, *args: Any, **options: Any) -> Any:
        if not port.taking() or ABOVE.get() is not None:
            return original(self, request, *args, **options)
        call = exchange.describe(HttpRequest(request.method, request.url, (), b""))
        if call is None or not port.takes(call):
            return original(self, request, *args, **options)
        token = ABOVE.set(exchange)
        try:
            return original(self, request, *args, **options)
        finally:
            ABOVE.reset(token)

    return send
