"""The adapters of requests and urllib3.

The requests of requests and urllib3 are those of `http.client`. So `http_client.py`
replays and records them, and these adapters say whose request it is. Where nothing in
urllib3 concerns a request of requests, its replay skips urllib3. Sessions,
pools, redirects, cookies, authentication, retries and exceptions are real in a replay.
Adapters of other kinds that are mounted on a session, and pools that are not
urllib3's, are left alone.

The adapters were read against requests 2.31 to 2.34 and urllib3 1.26 to 2.8.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from functools import partial, wraps
from inspect import isgenerator
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.headers import text_pairs
from pytest_mimic._clients.http.http_calls import (
    OUTER_TAKERS,
    HttpAdapter,
    HttpRequest,
    RequestTaker,
)
from pytest_mimic._clients.http.http_client import StdlibAdapter
from pytest_mimic._clients.http.responses import StoredResponse
from pytest_mimic.client import Edge, MimicError

if TYPE_CHECKING:
    from pytest_mimic.client import Port, Step


class Urllib3Adapter(HttpAdapter):
    """The adapter of `urllib3`."""

    def edges(self) -> Sequence[Edge]:
        """Return the method that sends a request, and the edges of `http.client`.

        The latter stay edges of `http.client`.
        """
        path = "HTTPConnectionPool", "urlopen"
        edges = [Edge("urllib3.connectionpool", path, _wrap_to_set_taker)]
        for edge in StdlibAdapter("http.client").edges():
            edges.append(edge._replace(origin="http.client"))
        return edges


class RequestsAdapter(HttpAdapter):
    """The adapter of `requests`."""

    def edges(self) -> Sequence[Edge]:
        """Return the method that sends a request, and the edges of urllib3.

        The latter stay edges of urllib3.
        """
        edges = [Edge("requests.adapters", ("HTTPAdapter", "send"), _wrap_adapter_send)]
        for edge in Urllib3Adapter("urllib3").edges():
            edges.append(edge._replace(origin=edge.origin or "urllib3"))
        return edges


def _wrap_to_set_taker(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    """Return the `urlopen` of urllib3, which tells `http.client` for whom it sends."""
    taker = RequestTaker(port)

    @wraps(original)
    def send(*args: Any, **options: Any) -> Any:
        if "body" in options and isgenerator(options["body"]):
            # An attempt that cannot connect must not use it up: the next one sends it.
            options["body"] = list(options["body"])
        return _send_with_taker(taker, partial(original, *args, **options))

    return send


def _send_with_taker(taker: RequestTaker, send: Callable[[], Any]) -> Any:
    """Let requests or urllib3 send a request.

    The client calls urllib3 or `http.client`. Their edges offer the request to `taker`
    before they take it themselves: it is recorded once, at the outermost client.
    """
    token = OUTER_TAKERS.set((*OUTER_TAKERS.get(), taker))
    try:
        return send()
    except MimicError as error:
        # pytest would show the frames inside of this call, which have the request with
        # its secrets.
        raise error.with_traceback(None)  # noqa: B904 - it is the same error
    finally:
        OUTER_TAKERS.reset(token)


def _wrap_adapter_send(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    """Return the `send` of an adapter of requests, which sets its taker, too.

    Where nothing else has anything to do in a replay, it returns the response: the way
    through urllib3 takes twice as long.
    """
    taker = RequestTaker(port)

    @wraps(original)
    def send(adapter: Any, request: Any, *args: Any, **options: Any) -> Any:
        send_by_urllib3 = partial(original, adapter, request, *args, **options)
        is_replayed_here = (
            port.taking() and port.is_replaying and not OUTER_TAKERS.get()
        )
        if not is_replayed_here or args:
            return _send_with_taker(taker, send_by_urllib3)
        if not _can_skip_urllib3(adapter, request, options):
            return _send_with_taker(taker, send_by_urllib3)
        # From here on, the request is described and replayed without urllib3.
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        headers = tuple(text_pairs(request.headers.items()))
        step = taker.begin(HttpRequest(request.method, request.url, headers, body))
        if step is None:
            # No line takes the request, so that it is sent.
            return send_by_urllib3()
        recorded_exchange = step.outcome(is_read_only=True)
        if not _is_final(recorded_exchange):
            # The real urllib3 has work with it. The step was begun, and is handed on.
            taker_of_step = _TakerOfBegunRequest(taker, step)
            return _send_with_taker(taker_of_step, send_by_urllib3)
        stored_response = StoredResponse(recorded_exchange, request.method)
        raw_response = _response_of_urllib3(stored_response, request)
        return adapter.build_response(request, raw_response)

    return send


class _TakerOfBegunRequest(RequestTaker):
    """The taker of a client whose first request has begun its step already.

    The edges of `http.client` ask it for this step, so that a request that could not
    skip urllib3 is counted and replayed once.
    """

    def __init__(self, taker: RequestTaker, step: Step) -> None:
        self.port = taker.port
        self._taker = taker
        self._step: Step | None = step

    def begin(self, request: HttpRequest) -> Step | None:
        """Return the begun step for the first request, and a new one for any other.

        None: the client sends the request as usual.
        """
        step = self._step
        if step is None:
            # A retry, for example, is a request of its own.
            return self._taker.begin(request)
        self._step = None
        return step


def _can_skip_urllib3(adapter: Any, request: Any, options: dict[str, Any]) -> bool:
    """Check whether a replay may leave out what requests does below its adapter.

    It may if nothing there concerns the request: no retries, proxy or certificate.

    Args:
        adapter: The adapter of requests.
        request: The prepared request of requests.
        options: The keyword arguments of `HTTPAdapter.send`.
    """
    # A subclass may do anything.
    if type(adapter) is not sys.modules["requests.adapters"].HTTPAdapter:
        return False
    if type(adapter.poolmanager) is not sys.modules["urllib3"].PoolManager:
        return False
    # urllib3 would send the request again after such a status.
    if getattr(adapter.max_retries, "status_forcelist", ()):
        return False
    # urllib3 reads a file or a generator that is the body.
    if not isinstance(request.body, (str, bytes, type(None))):
        return False
    if request.hooks.get("response"):
        # A hook, as those for authentication, may look at the connection of urllib3.
        return False
    if options.get("stream") or options.get("cert") or options.get("proxies"):
        return False
    # The way through urllib3 checks that another file of certificates exists.
    return options.get("verify") is True or request.url.startswith("http://")


def _is_final(exchange: dict[str, Any]) -> bool:
    """Check whether a recorded response may skip urllib3 in a replay.

    It is whole, has no cookie to keep, and asks for no further attempt.
    """
    if "status" not in exchange or "end" in exchange or "error" in exchange:
        return False
    header_names = {name.lower() for name, _ in exchange.get("headers", ())}
    return header_names.isdisjoint({"set-cookie", "retry-after"})


def _response_of_urllib3(stored_response: StoredResponse, request: Any) -> Any:
    """Return the response of urllib3 from which requests makes its own."""
    version = 11
    if stored_response.version == "HTTP/1.0":
        version = 10
    return sys.modules["urllib3"].HTTPResponse(
        io.BytesIO(b"".join(stored_response.chunks)),
        headers=sys.modules["urllib3.response"].HTTPHeaderDict(stored_response.headers),
        status=stored_response.status,
        version=version,
        reason=stored_response.reason,
        preload_content=False,
        decode_content=False,
        request_method=request.method,
        request_url=request.path_url,
    )
