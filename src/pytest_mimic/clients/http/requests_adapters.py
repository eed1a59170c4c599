"""The edge of requests: plain recorded answers, given where requests asks urllib3.

Any other request goes on to urllib3, so that its retries, streams and errors are its
own, and is answered at the connection. So could a plain one be: but a pool, a
connection and a head that is parsed take nearly as long as all else.
"""

from __future__ import annotations

import io
import re
import sys
from contextvars import ContextVar
from functools import partial, wraps
from pathlib import Path
from typing import Any

from pytest_mimic.client import Exchange, Function, Plain, Port
from pytest_mimic.clients.http import answers, requests

SENDING: ContextVar[list[Exchange | None] | None] = ContextVar(
    "mimic_sending", default=None
)
"""While requests sends: the call that has begun for the next attempt of urllib3."""

# An address that urllib3 sends as it is, without a port that it leaves out.
_PLAIN_URL = r"https?://[a-z0-9.-]*[a-z0-9](?::(?!(?:80|443)/)\d+)?/[A-Za-z0-9_.~!$&'()*+,;=:@/?%-]*"
# urllib3 sends its own where there are none.
_USUAL_HEADERS = ("User-Agent", "Accept-Encoding")
_UNUSUAL_HEADERS = ("Host", "Transfer-Encoding")
_UNUSUAL_OPTIONS = ("stream", "cert", "proxies")


def stand_in_for(original: Function, port: Port) -> Function:
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
    # urllib3 warns of what is not verified, and requests refuses a wrong path.
    verify = options.get("verify", True)
    is_verified = verify is True or (isinstance(verify, str) and Path(verify).exists())
    if not is_verified or any(map(options.get, _UNUSUAL_OPTIONS)):
        return False
    headers, body = request.headers, request.body
    if any(name in headers for name in _UNUSUAL_HEADERS):
        return False
    texts = [body or "", *headers, *headers.values()]
    if isinstance(body, bytes):
        del texts[0]
    return (
        all(isinstance(text, str) and text.isascii() for text in texts)
        and all(name in headers for name in _USUAL_HEADERS)
        and re.fullmatch(_PLAIN_URL, request.url) is not None
        and not _is_mocked()
    )


def _is_mocked() -> bool:
    """Return whether a library for mocks stands below requests."""
    module: Any = sys.modules["urllib3.connectionpool"]
    return any(
        pool.urlopen.__module__ != module.__name__
        or not hasattr(pool.ConnectionCls.connect, "port")
        for pool in (module.HTTPConnectionPool, module.HTTPSConnectionPool)
    )


def _begin(request: Any, port: Port) -> Exchange | None:
    headers = {"Host": request.url.split("/", 3)[2], **request.headers}
    body = request.body or b""
    data = body.encode() if isinstance(body, str) else body
    plain = requests.read(request.method, request.url, headers.items(), data)
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
        and "set-cookie" not in (answer.get("headers") or {})
        and not adapter.max_retries.is_retry(request.method, status)
    )


def _response(adapter: Any, request: Any, answer: Plain) -> Any:
    response = answers.build(answer, method=request.method)
    raw = sys.modules["urllib3"].HTTPResponse(
        io.BytesIO(b"".join(response.pieces)),
        headers=[(name.title(), value) for name, value in response.headers],
        status=response.status,
        version=10 if response.version == "HTTP/1.0" else 11,
        reason=response.reason,
        preload_content=False,
        decode_content=False,
        retries=adapter.max_retries,
        request_method=request.method,
        request_url=request.path_url,
    )
    raw.version_string = f"HTTP/{raw.version / 10}"
    return adapter.build_response(request, raw)
