"""The adapter of requests: `HTTPAdapter.send`, which is below sessions, redirects, cookies and authentication.

Read against requests 2.31 to 2.34 with urllib3 1.26 to 2.8. Adapters of other kinds that are mounted on a session are
left alone. The retries of urllib3 (`Retry`) happen below the edge, so that their last response is one call.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import cache, wraps
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from pytest_mimic._clients.http.answer import StoredResponse, is_encoded, load_response
from pytest_mimic._clients.http.attempt import read_watched, response_parts, watch
from pytest_mimic._clients.http.exchange import Exchange, HttpAdapter, HttpRequest
from pytest_mimic._clients.http.network_errors import ClientErrors
from pytest_mimic._clients.http.urllib3_errors import Urllib3Errors
from pytest_mimic._clients.http.wire import parsed_response
from pytest_mimic._core.seam.base import Edge

if TYPE_CHECKING:
    from pytest_mimic._clients.http.recorder import ExchangeRecorder
    from pytest_mimic._core.seam.base import Port


class _RequestsErrors(ClientErrors):
    """The exceptions of requests, most of which are made of one of urllib3. Some of urllib3 are let through.

    `load` needs the request, and as `below` the exceptions of urllib3.
    """

    modules: ClassVar[Mapping[str, str]] = {"requests": "requests.exceptions", "builtins": "builtins"}

    def store(self, error: BaseException) -> dict[str, Any] | None:
        below = Urllib3Errors(None, None, "")
        return super().store(error) or (below.store(error) if below.name(error) else None)

    def load(self, stored: Mapping[str, Any], **context: Any) -> Exception:
        if stored["type"].startswith("urllib3:"):
            return cast("Urllib3Errors", context["below"]).load(stored)
        return super().load(stored, **context)

    def name(self, error: BaseException) -> str | None:
        if type(error) is OSError and len(error.args) == 1:  # raised before it connects: no such certificate
            return "builtins:OSError"
        return self.class_name(type(error)) if hasattr(error, "request") else None

    def fields(self, error: BaseException) -> dict[str, Any]:
        reason = error.args[0] if error.args else None
        cause = Urllib3Errors(None, None, "").store(reason) if isinstance(reason, Exception) else None
        return super().fields(error) if cause is None else {**super().fields(error), "cause": cause}

    def make(self, cls: type[Exception], stored: Mapping[str, Any], **context: Any) -> Exception:
        below = context.pop("below")
        if cls is OSError:
            return cls(stored["message"])
        return cls(below.load(stored["cause"]) if "cause" in stored else stored["message"], **context)


def _errors_below(adapter: Any, request: Any, proxies: Any) -> Urllib3Errors:
    """Return the exceptions of urllib3, about the pool that an adapter uses for a request, and a connection of it."""
    requests = sys.modules["requests"]
    proxy = requests.utils.select_proxy(request.url, proxies)
    try:
        if proxy:
            proxy = requests.utils.prepend_scheme_if_needed(proxy, "http")  # as the adapter does
        manager = adapter.proxy_manager_for(proxy) if proxy else adapter.poolmanager
        pool = manager.connection_from_url(request.url)
        return Urllib3Errors(pool, pool._new_conn(), adapter.request_url(request, proxies))
    except Exception:  # no pool can be made
        return Urllib3Errors(None, None, request.path_url)


_ERRORS = _RequestsErrors()


class RequestsAdapter(HttpAdapter):
    """The adapter of `requests`."""

    def edges(self) -> Sequence[Edge]:
        """Return the method that sends a request."""
        return [Edge("requests.adapters", ("HTTPAdapter", "send"), _wrap_send)]


def _wrap_send(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    exchange = Exchange(port)

    @wraps(original)
    def send(self: Any, request: Any, stream: bool = False, *args: Any, **options: Any) -> Any:
        if not port.taking():
            return original(self, request, stream, *args, **options)
        headers = tuple(request.headers.lower_items())
        sent = HttpRequest(request.method, request.url, headers, _body_of(request))
        step = exchange.begin(sent)
        if step is None:
            return original(self, request, stream, *args, **options)

        def replayed(plain: dict[str, Any]) -> Any:
            if "status" not in plain:
                proxies = options["proxies"] if "proxies" in options else next(iter(args[3:]), None)
                below = _errors_below(self, request, proxies)
                raise _ERRORS.load(plain["error"], request=request, below=below)
            return _replayed(self, plain, request, stream, step.exhausted)

        if step.mode == "replay":
            if hasattr(request.body, "seek"):
                request.body.seek(0, io.SEEK_END)  # where sending leaves a file
            return replayed(step.outcome())
        recorder = exchange.recorder(step, sent)
        with recorder.recording_errors(_ERRORS.store), step.running():
            received = original(_Sender(self), request, stream, *args, **options)
            if step.mode == "verify":
                read_watched(received, recorder, is_unseen=watch(received, recorder))
        if step.mode == "verify":
            return replayed(recorder.recorded())
        return _recorded(self, request, received, recorder)

    return send


class _Sender:
    """An adapter whose `send` returns the response of urllib3.

    The adapter's own `build_response` may change the response (CacheControl turns a 304 into the cached response).
    """

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    @staticmethod
    def build_response(_request: Any, raw: Any) -> Any:
        return raw


def _body_of(request: Any) -> bytes:
    """Return the whole body of a request. A file or generator, which may be readable only once, is replaced."""
    body = request.body
    if not body or isinstance(body, (bytes, bytearray)):
        return bytes(body or b"")
    if isinstance(body, str):
        return body.encode()
    is_file = hasattr(body, "read")
    pieces = iter(lambda: body.read(65536) or None, None) if is_file else body
    data = b"".join(piece.encode() if isinstance(piece, str) else piece for piece in pieces)
    request.body = io.BytesIO(data) if is_file else data
    if is_file and request._body_position is not None:
        request._body_position = 0  # to which a redirect rewinds the file
    return data


# Recording


def _recorded(adapter: Any, request: Any, raw: Any, recorder: ExchangeRecorder) -> Any:
    """Return the adapter's response. The recorder sees the body of the real one when it is read."""
    is_unseen = watch(raw, recorder)
    with recorder.recording_errors(lambda _: None) if is_unseen else nullcontext():
        response = adapter.build_response(request, raw)
        if is_unseen:
            recorder.chunks.append(response.content)
            recorder.complete()
    return response


# Replaying


def _replayed(
    adapter: Any, plain: dict[str, Any], request: Any, stream: bool, exhausted: Callable[[], Exception]
) -> Any:
    """Return the recorded response as the adapter would build it."""
    http_adapter = sys.modules["requests.adapters"].HTTPAdapter
    # An adapter that overrides `build_response` may read the response there.
    is_plain = type(adapter).build_response is http_adapter.build_response
    is_whole = is_plain and not (stream or "error" in plain or "end" in plain or is_encoded(plain))
    answer = load_response(plain, request.method, decoded=is_whole)
    if is_whole:
        return _read_response(adapter, answer, request)
    response = parsed_response(answer, request.method, exhausted)
    parts = _response_parts(answer, request, adapter, response, response)
    return adapter.build_response(request, sys.modules["urllib3"].HTTPResponse(**parts))


def _read_response(adapter: Any, answer: StoredResponse, request: Any) -> Any:
    """Return the response as a session leaves it once its body is read.

    `build_response` would give the same in ten times the time, most of which goes to urllib3's response.
    """
    requests = sys.modules["requests"]
    response = requests.Response()
    response.status_code = answer.status
    for name, value in answer.headers:
        # Headers of the same name are joined, as urllib3 returns them.
        previous = response.headers.get(name)
        response.headers[name] = value if previous is None else f"{previous}, {value}"
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
    """Return the class of a urllib3 response that has been read and is built when an attribute is used."""
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
            parts = _response_parts(answer, request, adapter, body, self._original_response)
            base.__init__(self, **parts, enforce_content_length=False)
            return getattr(self, name)

        @property
        def closed(self) -> bool:
            return True

    return HTTPResponse


def _response_parts(
    answer: StoredResponse, request: Any, adapter: Any, body: Any, original: Any
) -> dict[str, Any]:
    """Return the arguments of urllib3's response."""
    return {
        **response_parts(answer, body, original),
        # How many of them the request needed is not recorded.
        "retries": sys.modules["urllib3"].Retry.from_int(adapter.max_retries),
        "request_method": request.method,
        "request_url": request.url,
    }


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
