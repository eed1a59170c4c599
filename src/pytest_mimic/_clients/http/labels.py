"""The adapters of requests and urllib3, whose requests are those of `http.client`: they say whose request it is.

Read against requests 2.31 to 2.34 and urllib3 1.26 to 2.8. Sessions, pools, redirects, cookies, authentication, retries and exceptions
are real in a replay. Adapters of other kinds that are mounted on a session, and pools that are not urllib3's, are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import isgenerator
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.exchange import SENDERS, Exchange, HttpAdapter
from pytest_mimic._clients.http.http_client import StdlibAdapter
from pytest_mimic._core.seam.base import Edge
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port


class Urllib3Adapter(HttpAdapter):
    """The adapter of `urllib3`."""

    def edges(self) -> Sequence[Edge]:
        """Return the method that sends a request, and the edges of `http.client`, which stay its own."""
        below = [edge._replace(origin="http.client") for edge in StdlibAdapter("http.client").edges()]
        return [Edge("urllib3.connectionpool", ("HTTPConnectionPool", "urlopen"), _label), *below]


class RequestsAdapter(HttpAdapter):
    """The adapter of `requests`."""

    def edges(self) -> Sequence[Edge]:
        """Return the method that sends a request, and the edges of urllib3, which stay its own."""
        below = [edge._replace(origin=edge.origin or "urllib3") for edge in Urllib3Adapter("urllib3").edges()]
        return [Edge("requests.adapters", ("HTTPAdapter", "send"), _label), *below]


def _label(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    """Return a function of a client that says whose requests the client below sends in it."""
    exchange = Exchange(port)

    @wraps(original)
    def send(*args: Any, **options: Any) -> Any:
        # An attempt that cannot connect must not use a generator up: the next one sends it.
        args = tuple(list(each) if isgenerator(each) else each for each in args)
        options = {name: list(each) if isgenerator(each) else each for name, each in options.items()}
        token = SENDERS.set((*SENDERS.get(), exchange))
        try:
            return original(*args, **options)
        except MimicError as error:
            raise error.with_traceback(None)  # noqa: B904 - the frames below would show what is sent, secrets, too
        finally:
            SENDERS.reset(token)

    return send
