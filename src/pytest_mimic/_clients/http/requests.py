"""The adapter of requests: its requests are recorded where urllib3 makes an attempt to send them.

Read against requests 2.31 to 2.34 with urllib3 1.26 to 2.8. `HTTPAdapter.send` says whose request it is. What is above
the pool is real in a replay: sessions, redirects, cookies, authentication, retries (`Retry`) and exceptions. Only where
all of that between `send` and the pool has nothing to do is a recorded response returned from `send`: urllib3's way takes
twice as long. Adapters of other kinds that are mounted on a session, and pools that are not urllib3's, are left alone.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from functools import cache, wraps
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.exchange import (
    ABOVE,
    Exchange,
    ExchangeAbove,
    HttpAdapter,
    HttpRequest,
    connects_by_itself,
)
from pytest_mimic._clients.http.message import header_of, text_pairs
from pytest_mimic._clients.http.responses import StoredResponse, load_response
from pytest_mimic._clients.http.urllib3 import Urllib3Adapter
from pytest_mimic._core.seam.base import Edge

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port

_POOLS = Urllib3Adapter("urllib3")
# What an adapter does between its `send` and the pool. A subclass may do something else.
_BETWEEN = (
    *("build_response", "add_headers", "request_url", "cert_verify", "get_connection"),
    *("get_connection_with_tls_context", "build_connection_pool_key_attributes"),
)


class RequestsAdapter(HttpAdapter):
    """The adapter of `requests`."""

    def edges(self) -> Sequence[Edge]:
        """Return the method that sends a request, and the edges of urllib3, which stay its own."""
        below = [edge._replace(origin=edge.origin or _POOLS.name) for edge in _POOLS.edges()]
        return [Edge("requests.adapters", ("HTTPAdapter", "send"), _wrap_send), *below]


def _wrap_send(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    exchange = Exchange(port)

    @wraps(original)
    def send(
        self: Any,
        request: Any,
        stream: Any = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Any:
        if not port.taking() or ABOVE.get():
            return original(self, request, stream, timeout, verify, cert, proxies)
        begun: list[Any] = []
        if not (stream or cert) and _is_direct(self, request, timeout, verify, proxies):
            body = request.body or b""
            body = body.encode() if isinstance(body, str) else body
            headers = tuple(text_pairs(request.headers.items()))
            step = exchange.begin(HttpRequest(request.method, request.url, headers, body))
            if step is not None and step.mode == "replay":
                plain = step.outcome(is_read_only=True)
                if _is_final(self, request, plain):
                    return _response(self, load_response(plain, request.method, decoded=True), request)
            begun.append(step)
        above = ExchangeAbove(exchange, begun)
        token = ABOVE.set((above,))
        try:
            return original(self, request, stream, timeout, verify, cert, proxies)
        except BaseException as error:
            above.end(error)
            raise
        finally:
            ABOVE.reset(token)
            above.end()

    return send


def _is_direct(adapter: Any, request: Any, timeout: Any, verify: Any, proxies: Any) -> bool:
    """Check whether nothing but the pool has anything to do with a request."""
    if not isinstance(request.body, (str, bytes, type(None))) or not _is_usual(adapter.__class__):
        return False
    own, usual = adapter.poolmanager, sys.modules["urllib3.poolmanager"]
    if type(own) is not usual.PoolManager or own.pool_classes_by_scheme is not usual.pool_classes_by_scheme:
        return False
    if any(connects_by_itself(pool.ConnectionCls) for pool in usual.pool_classes_by_scheme.values()):
        return False
    if proxies and sys.modules["requests"].utils.select_proxy(request.url, proxies):
        return False
    if verify is not True and not request.url.startswith("http://"):
        return False  # urllib3 may warn, or requests complain about a file
    return timeout is None or (type(timeout) in (int, float) and timeout > 0)


@cache
def _is_usual(cls: type) -> bool:
    base = sys.modules["requests.adapters"].HTTPAdapter
    return all(getattr(cls, name, None) is getattr(base, name, None) for name in _BETWEEN)


def _is_final(adapter: Any, request: Any, plain: dict[str, Any]) -> bool:
    """Check whether an exchange is a response that was read to its end, and that the pool hands on as it is."""
    if "status" not in plain or "error" in plain or "end" in plain:
        return False
    headers, body = plain["headers"], plain.get("body")
    if body is not None and "compressed" not in body and header_of(headers, "content-encoding") is not None:
        return False  # it cannot be given decompressed
    retries = sys.modules["urllib3"].Retry.from_int(adapter.max_retries)
    has_time = header_of(headers, "retry-after") is not None
    return not retries.is_retry(request.method, plain["status"], has_time)


def _response(adapter: Any, answer: StoredResponse, request: Any) -> Any:
    """Return a response as a session leaves it once its body is read."""
    requests = sys.modules["requests"]
    response = requests.Response()
    response.status_code = answer.status
    names: dict[str, str] = {}
    for name, value in answer.headers:
        # Headers of the same name are joined under the first, as urllib3 returns them.
        first = names.setdefault(name.lower(), name)
        previous = response.headers.get(first)
        response.headers[first] = value if previous is None else f"{previous}, {value}"
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    response.raw = raw = _lazy_response_class()(answer, request, adapter)
    response.reason = answer.reason
    response.url = request.url
    response.request = request
    response.connection = adapter
    if raw._original_response is not None:
        requests.cookies.extract_cookies_to_jar(response.cookies, request, raw)
    response._content = b"".join(answer.chunks)
    response._content_consumed = True
    return response


@cache
def _lazy_response_class() -> type:
    """Return the class of a urllib3 response that has been read, and is built when an attribute is used."""
    base: Any = sys.modules["urllib3"].HTTPResponse

    class HTTPResponse(base):  # type: ignore[misc]
        __module__, __qualname__ = base.__module__, base.__qualname__

        def __init__(self, answer: StoredResponse, request: Any, adapter: Any) -> None:
            self._answer = answer, request, adapter
            self._original_response = _cookie_source(answer)

        def __getattr__(self, name: str) -> Any:
            if "_fp" in self.__dict__ or name == "_answer":
                raise AttributeError(name)
            answer, request, adapter = self._answer
            body = io.BytesIO()
            body.close()
            urllib3 = sys.modules["urllib3"]
            base.__init__(
                self,
                body,
                headers=sys.modules["urllib3.response"].HTTPHeaderDict(answer.headers),
                status=answer.status,
                version=10 if answer.version == "HTTP/1.0" else 11,
                reason=answer.reason,
                preload_content=False,
                decode_content=False,
                original_response=self._original_response,
                retries=urllib3.Retry.from_int(adapter.max_retries),
                request_method=request.method,
                request_url=request.path_url,
                enforce_content_length=False,
            )
            return getattr(self, name)

        @property
        def closed(self) -> bool:
            return True

    return HTTPResponse


def _cookie_source(answer: StoredResponse) -> SimpleNamespace | None:
    """Return a replacement for the standard library's response, in which requests looks for cookies."""
    cookies = [value for name, value in answer.headers if name.lower() == "set-cookie"]
    if not cookies:
        return None
    from http.client import HTTPMessage

    message = HTTPMessage()
    for cookie in cookies:
        message["Set-Cookie"] = cookie
    return SimpleNamespace(msg=message, isclosed=lambda: True, close=lambda: None)
