"""The edge of requests: plain recorded answers, given where requests asks urllib3.

Any other request goes on to urllib3, so that its retries, streams and errors are its
own, and is answered at the connection. A plain one could be, too: but a pool, a
connection and a head that is parsed cost nearly a third more.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache, partial, wraps
from pathlib import Path
from typing import Any

from pytest_mimic.client import Exchange, Plain, Port
from pytest_mimic.clients.http import answers, requests

SENDING: ContextVar[list[Exchange | None] | None] = ContextVar("sending", default=None)
"""While requests sends, the call that has begun for the next attempt of urllib3."""

# An address that urllib3 sends as it is, without a port that it leaves out.
_PLAIN_URL = re.compile(
    r"https?://[a-z0-9.-]*[a-z0-9](?::(?!(?:80|443)/)\d+)?/[\w.~!$&'()*+,;=:@/?%-]*",
    re.ASCII,
)
# urllib3 sends its own where there are none.
_USUAL_HEADERS = ("User-Agent", "Accept-Encoding")
_UNUSUAL_HEADERS = ("Host", "Transfer-Encoding")
_UNUSUAL_OPTIONS = ("stream", "cert", "proxies")


def wrap_send(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    """Return what stands in place of `HTTPAdapter.send`."""

    @wraps(original)
    def send(adapter: Any, request: Any, *args: Any, **options: Any) -> Any:
        begun: list[Exchange | None] = []
        token = SENDING.set(begun)
        try:
            if not args and port.replays and _is_plain(adapter, request, options):
                exchange = _begin(request, port)
                if exchange is not None and _is_whole(exchange, adapter, request):
                    return exchange.replay(partial(_response, adapter, request))
                begun.append(exchange)
            return original(adapter, request, *args, **options)
        finally:
            SENDING.reset(token)
            for exchange in filter(None, begun):
                exchange.step.leave()

    return send


def _is_plain(adapter: Any, request: Any, options: dict[str, Any]) -> bool:
    """Return whether urllib3 would send a request as it is, and nobody is between."""
    if type(adapter) is not sys.modules["requests.adapters"].HTTPAdapter:
        return False
    verify = options.get("verify", True)
    # urllib3 warns of what is not verified, and requests refuses a wrong path.
    is_verified = verify is True or (isinstance(verify, str) and _exists(verify))
    if not is_verified or any(options.get(name) for name in _UNUSUAL_OPTIONS):
        return False
    headers, body = request.headers, request.body
    if any(name in headers for name in _UNUSUAL_HEADERS):
        return False
    is_text = isinstance(body, str) and body.isascii()
    return (
        (body is None or isinstance(body, bytes) or is_text)
        and all(name in headers for name in _USUAL_HEADERS)
        and _PLAIN_URL.fullmatch(request.url) is not None
        and not _is_mocked()
    )


@cache
def _exists(path: str) -> bool:
    return Path(path).exists()


def _is_mocked() -> bool:
    """Return whether a library for mocks stands below requests."""
    module: Any = sys.modules["urllib3.connectionpool"]
    urlopen = module.HTTPConnectionPool.urlopen
    if urlopen.__module__ != module.__name__:
        return True
    pools = (module.HTTPConnectionPool, module.HTTPSConnectionPool)
    return not all(hasattr(pool.ConnectionCls.connect, "port") for pool in pools)


def _begin(request: Any, port: Port) -> Exchange | None:
    headers = [("Host", request.url.split("/", 3)[2])]
    for name, value in request.headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        headers.append((name, text))
    body = request.body or b""
    data = body.encode() if isinstance(body, str) else body
    plain = requests.read(request.method, request.url, headers, data)
    return port.begin(plain, "requests", "urllib3", "http.client")


def _is_whole(exchange: Exchange, adapter: Any, request: Any) -> bool:
    """Return whether an answer has a body, and urllib3 would do nothing more for it."""
    answer = exchange.recorded if exchange.mode == "replay" else {}
    status = answer.get("status")
    is_good = isinstance(status, int) and 200 <= status < 300
    return (
        is_good
        and "body" in answer
        and "error" not in answer
        and "left" not in answer
        # They are read from the response of http.client.
        and "set-cookie" not in answer.get("headers", {})
        and not adapter.max_retries.is_retry(request.method, status)
    )


def _response(adapter: Any, request: Any, answer: Plain) -> Any:
    given = answers.give(answer, method=request.method)
    raw = sys.modules["urllib3"].HTTPResponse(
        io.BytesIO(b"".join(given.pieces)),
        headers=[(name.title(), value) for name, value in given.headers],
        status=given.status,
        version=10 if given.version == "HTTP/1.0" else 11,
        reason=given.reason,
        preload_content=False,
        decode_content=False,
        retries=adapter.max_retries,
        request_method=request.method,
        request_url=request.path_url,
    )
    raw.version_string = given.version
    return adapter.build_response(request, raw)
