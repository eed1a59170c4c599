"""The boundary of requests: `HTTPAdapter.send`, under sessions, redirects, cookies and authentication.

Read against requests 2.31 to 2.34 with urllib3 1.26 to 2.8. Adapters of other kinds, mounted on a session, are left alone; what
urllib3 itself repeats (`Retry`) happens below the edge, so the answer that came of it is one call.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

from pytest_mimic.boundaries.base import Edge
from pytest_mimic.boundaries.http.exchange import (
    Answer,
    Exchange,
    HttpBoundary,
    Recorder,
    Request,
    is_encoded,
    load_answer,
)

if TYPE_CHECKING:
    from pytest_mimic.boundaries.base import Port

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

_VERSIONS = {9: "HTTP/0.9", 10: "HTTP/1.0", 11: "HTTP/1.1", 20: "HTTP/2"}
_NUMBERS = {text: number for number, text in _VERSIONS.items()}
#: What the socket may raise while a body is read; urllib3 and requests make their own exceptions of it.
_SOCKET_ERRORS = {
    kind.__name__: kind for kind in (TimeoutError, ConnectionResetError, ConnectionAbortedError, OSError)
}
#: How a file is read to its end.
_ALL = ((), (None,), (-1,))
_CUT = "http.client:IncompleteRead"


class RequestsBoundary(HttpBoundary):
    """The boundary of `requests`."""

    def edges(self) -> Sequence[Edge]:
        """Return the method that sends a request."""
        return [Edge("requests.adapters", ("HTTPAdapter", "send"), _wrap)]


def _wrap(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    exchange = Exchange("requests", port)

    @wraps(original)
    def send(self: Any, request: Any, stream: bool = False, *args: Any, **options: Any) -> Any:
        if not port.taking():
            return original(self, request, stream, *args, **options)
        sent = Request(request.method, request.url, tuple(request.headers.lower_items()), _body(request))
        step = exchange.begin(sent)
        if step is None or step.mode == "pass":
            return original(self, request, stream, *args, **options)
        if step.mode == "replay":
            _use_up(request.body)
            return _answer(self, step.outcome(), request, stream, step.exhausted)
        recorder = exchange.recorder(step, sent)
        with recorder.running(_stored_error):
            response = original(self, request, stream, *args, **options)
        _record(response, recorder)
        return response

    return send


def _body(request: Any) -> bytes:
    """The whole body of a request; what can be read only once is put back as bytes."""
    body = request.body
    if not body:
        return b""
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    if isinstance(body, str):
        return body.encode()
    if not hasattr(body, "read"):
        request.body = data = _joined(body)
        return data
    try:
        start = body.tell() if hasattr(body, "seek") else None
    except OSError:  # a pipe
        start = None
    data = _joined(iter(lambda: body.read(65536), type(body.read(0))()))
    if start is None:
        request.body = data
    else:
        body.seek(start)
    return data


def _use_up(body: Any) -> None:
    """Leaves a file at its end, as sending it does: what sends it once more sends nothing."""
    if hasattr(body, "read") and hasattr(body, "seek"):
        body.seek(0, io.SEEK_END)


def _joined(pieces: Any) -> bytes:
    return b"".join(piece.encode() if isinstance(piece, str) else piece for piece in pieces)


# Recording


def _record(response: Any, recorder: Recorder) -> None:
    """Lets the recorder hear what is read of a real response."""
    raw = response.raw
    original: Any = getattr(raw, "_original_response", None)
    is_read = original is not None and original.fp is None
    recorder.started(
        response.status_code,
        response.reason,
        _version(raw),
        raw.headers.items(),
        decoded=is_read,
    )
    if original is None:
        # Not from the standard library's client, so there is no file to listen to: it is read at once.
        response.raw = _read_at_once(response, recorder)
        return
    if is_read:
        # The adapter has read it, or there is no body.
        recorder.chunks.append(response.content)
        recorder.complete()
        return
    original.fp = _HeardFile(original.fp, recorder, chunked=bool(raw.chunked), length=original.length)


def _read_at_once(response: Any, recorder: Recorder) -> Any:
    """A raw response like this one's, that gives what has been read of it."""
    raw = response.raw
    data = raw.read(decode_content=False)
    recorder.chunks.append(data)
    recorder.complete()
    headers = list(raw.headers.items())
    answer = Answer(raw.status, raw.reason or "", _version(raw), headers, [data], stopped=False, error=None)
    return _wire_response(answer, response.request, None, retries=getattr(raw, "retries", None))


def _version(raw: Any) -> str:
    return _VERSIONS.get(getattr(raw, "version", 11), "HTTP/1.1")


class _HeardFile:
    """The file under a real response: what is read of it is collected, its end or its closing tell the recorder."""

    def __init__(self, file: Any, recorder: Recorder, *, chunked: bool, length: int | None) -> None:
        self._file = file
        self._recorder = recorder
        self._chunked = chunked
        self._length = length
        self._wire: list[bytes] = []
        self._at_end = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def _heard(self, read: Callable[..., bytes], size: tuple[Any, ...]) -> bytes:
        try:
            data = read(*size)
        except tuple(_SOCKET_ERRORS.values()) as error:
            self._tell({"type": f"builtins:{_kind(error)}", "message": str(error)})
            raise
        except BaseException:
            self._recorder.abandon()
            raise
        if not data and size != (0,):
            self._at_end = True
        self._wire.append(data)
        return data

    def read(self, *size: Any) -> bytes:
        """Reads and hears; fewer bytes than were asked for are the last ones."""
        data = self._heard(self._file.read, size)
        self._at_end = self._at_end or size in _ALL or len(data) < size[0]
        return data

    def read1(self, *size: Any) -> bytes:
        """Reads and hears."""
        return self._heard(self._file.read1, size)

    def readline(self, *size: Any) -> bytes:
        """Reads and hears."""
        return self._heard(self._file.readline, size)

    def readinto(self, buffer: Any) -> int:  # pragma: no cover (urllib3 reads so in Python 3.10 only)
        """Reads and hears."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Closes the real file; the body is over, or its reader has left."""
        self._file.close()
        self._tell(None)

    def _tell(self, error: dict[str, Any] | None) -> None:
        recorder = self._recorder
        if recorder.done:
            return
        wire = b"".join(self._wire)
        if self._chunked:
            recorder.chunks, complete = _unframed(wire)
        else:
            recorder.chunks = [wire]
            complete = self._at_end if self._length is None else len(wire) >= self._length
        if complete:
            recorder.complete()
        elif error or self._at_end:
            recorder.failed(error or {"type": _CUT, "message": "the connection was closed early"})
        else:
            recorder.stopped()


def _kind(error: BaseException) -> str:
    """The nearest of the exceptions that a socket raises."""
    return next(base.__name__ for base in type(error).__mro__ if base.__name__ in _SOCKET_ERRORS)


def _unframed(wire: bytes) -> tuple[list[bytes], bool]:
    """The chunks of a chunked body (RFC 9112, 7.1), and whether its last one is there."""
    chunks: list[bytes] = []
    position = 0
    while True:
        end = wire.find(b"\r\n", position)
        if end < 0:
            return chunks, False
        size = int(wire[position:end].partition(b";")[0] or b"0", 16)
        if size == 0:
            return chunks, True
        chunks.append(wire[end + 2 : end + 2 + size])
        position = end + 2 + size + 2


def _stored_error(error: BaseException) -> dict[str, Any] | None:
    """An exception of requests as plain data, or an `OSError` with a text (no such certificate); None for any other."""
    kind = type(error)
    if kind.__module__ == "requests.exceptions" and hasattr(error, "request"):
        return {"type": f"requests:{kind.__name__}", "message": str(error)}
    if kind is OSError and len(error.args) == 1:
        return {"type": "builtins:OSError", "message": str(error)}
    return None


# Replaying


def _answer(
    adapter: Any, plain: dict[str, Any], request: Any, stream: bool, exhausted: Callable[[], Exception]
) -> Any:
    """The recorded response as the adapter builds it, or the recorded exception raised."""
    if "status" not in plain:
        raise _error(plain["error"], request)
    http_adapter = sys.modules["requests.adapters"].HTTPAdapter
    # An adapter that builds responses in a way of its own may read them there.
    builds = type(adapter).build_response is not http_adapter.build_response
    whole = not (builds or stream or "error" in plain or "end" in plain or is_encoded(plain))
    answer = load_answer(plain, request.method, decoded=whole)
    if not whole:
        retries = _retries(adapter)
        return adapter.build_response(request, _wire_response(answer, request, exhausted, retries=retries))
    response = _read_response(adapter, answer, request)
    response._content = answer.chunks[0] if len(answer.chunks) == 1 else b"".join(answer.chunks)
    response._content_consumed = True
    return response


def _error(stored: dict[str, Any], request: Any) -> Exception:
    """The exception that stands for a whole response."""
    library, _, name = stored["type"].partition(":")
    if library == "builtins":
        return _SOCKET_ERRORS[name](stored["message"])
    made: Exception = getattr(sys.modules["requests.exceptions"], name)(stored["message"], request=request)
    return made


def _read_response(adapter: Any, answer: Answer, request: Any) -> Any:
    """A response as the session leaves it with its body read, minus the ways there that take urllib3 long."""
    raw = _lazy_response()(answer, request, adapter)
    requests = sys.modules["requests"]
    response = requests.Response()
    response.status_code = answer.status
    for name, value in _merged(answer.headers):
        response.headers[name] = value
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    response.raw = raw
    response.reason = answer.reason
    response.url = request.url
    response.request = request
    response.connection = adapter
    if raw._original_response is not None:
        requests.cookies.extract_cookies_to_jar(response.cookies, request, raw)
    return response


def _merged(headers: list[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Headers with those that come more than once in one line, as urllib3 gives them."""
    merged: dict[str, tuple[str, str]] = {}
    for name, value in headers:
        lower = name.lower()
        merged[lower] = (name, f"{merged[lower][1]}, {value}") if lower in merged else (name, value)
    return merged.values()


@cache
def _lazy_response() -> type:
    """The class of a urllib3 response that has been read, and is filled in when someone looks."""
    base: Any = sys.modules["urllib3"].HTTPResponse

    class HTTPResponse(base):  # type: ignore[misc]
        def __init__(self, answer: Answer, request: Any, adapter: Any) -> None:
            self._answer = answer, request, adapter
            self._original_response = _cookies(answer)

        def __getattr__(self, name: str) -> Any:
            if "_fp" in self.__dict__ or name == "_answer":
                raise AttributeError(name)
            answer, request, adapter = self._answer
            body = io.BytesIO()
            body.close()
            parts = _response_parts(answer, request, body, self._original_response, _retries(adapter))
            base.__init__(self, **parts, enforce_content_length=False)
            return getattr(self, name)

        @property
        def closed(self) -> bool:
            return True

    return HTTPResponse


def _retries(adapter: Any) -> Any:
    """The retries that urllib3 had for a request; which of them it needed is not recorded."""
    return sys.modules["urllib3"].Retry.from_int(adapter.max_retries)


def _response_parts(answer: Answer, request: Any, body: Any, original: Any, retries: Any) -> dict[str, Any]:
    return {
        "body": body,
        "headers": sys.modules["urllib3.response"].HTTPHeaderDict(answer.headers),
        "status": answer.status,
        "version": _NUMBERS.get(answer.version, 11),
        "reason": answer.reason,
        "preload_content": False,
        "decode_content": False,
        "original_response": original,
        "retries": retries,
        "request_method": request.method,
        "request_url": request.url,
    }


class _CookieSource:
    """What requests reads cookies from: the place of the standard library's response."""

    def __init__(self, message: Any) -> None:
        self.msg = message

    def isclosed(self) -> bool:
        """The body does not come from here."""
        return True

    def close(self) -> None:
        """There is nothing to close."""


def _cookies(answer: Answer) -> _CookieSource | None:
    """Where the response's cookies are read, None without any."""
    cookies = [value for name, value in answer.headers if name.lower() == "set-cookie"]
    if not cookies:
        return None
    from http.client import HTTPMessage

    message = HTTPMessage()
    for cookie in cookies:
        message["Set-Cookie"] = cookie
    return _CookieSource(message)


def _wire_response(
    answer: Answer, request: Any, exhausted: Callable[[], Exception] | None, *, retries: Any
) -> Any:
    """A response that the standard library reads from the bytes of a connection, for who reads bit by bit."""
    from http.client import HTTPResponse

    chunked = any(
        name.lower() == "transfer-encoding" and "chunked" in value.lower() for name, value in answer.headers
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
    # The standard library reads this version only; the client is told the recorded one.
    pieces = [f"HTTP/1.1 {answer.status} {answer.reason}\r\n{head}\r\n".encode("latin-1")]
    pieces += [b"%x\r\n%s\r\n" % (len(chunk), chunk) if chunked else chunk for chunk in answer.chunks]
    last: Callable[[], Exception] | None = exhausted if answer.stopped else None
    error = answer.error
    if error and error["type"] != _CUT:
        last = lambda: _SOCKET_ERRORS[error["type"].partition(":")[2]](error["message"])  # noqa: E731
    elif chunked and not (error or answer.stopped):
        pieces.append(b"0\r\n\r\n")
    response = HTTPResponse(_Socket(pieces, last), method=request.method)  # type: ignore[arg-type]
    response.begin()
    return sys.modules["urllib3"].HTTPResponse(
        **_response_parts(answer, request, response, response, retries)
    )


class _Socket:
    """What the standard library's response asks for its file."""

    def __init__(self, pieces: list[bytes], last: Callable[[], Exception] | None) -> None:
        self._pieces = pieces
        self._last = last

    def makefile(self, _: str) -> io.BufferedReader:
        """A file of the recorded bytes."""
        return io.BufferedReader(_Pieces(self._pieces, self._last))


class _Pieces(io.RawIOBase):
    """Gives recorded bytes piece by piece, then raises what ended them."""

    def __init__(self, pieces: list[bytes], last: Callable[[], Exception] | None) -> None:
        self._pieces = [piece for piece in reversed(pieces) if piece]
        self._last = last

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills a buffer with what one piece holds."""
        if not self._pieces:
            if self._last:
                raise self._last()
            return 0
        piece = self._pieces.pop()
        size = min(len(buffer), len(piece))
        buffer[:size] = piece[:size]
        if size < len(piece):
            self._pieces.append(piece[size:])
        return size
