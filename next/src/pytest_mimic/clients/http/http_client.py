"""The edge of http.client, urllib3, requests and boto3: a stand-in for a socket.

A connection is given a socket that keeps what is sent. When the client reads the
answer, the request is whole: it is replayed from bytes, or the real connection is made.
"""

from __future__ import annotations

import atexit
import io
import re
import socket
import ssl
import sys
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import cache, wraps
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any

from pytest_mimic.client import Edge, Exchange, Plain, Port
from pytest_mimic.clients.http import answers, bodies, failures, requests
from pytest_mimic.clients.http.adapter import (
    HttpAdapter,
    end_body,
    failed,
    has_head,
    raised,
)

# `requests` while it sends: it stands on urllib3, which stands on http.client.
_SENDER: ContextVar[str] = ContextVar("sender", default="")
_EXCEPTIONS = {
    "http.client": ["http.client", "builtins", "socket", "ssl"],
    "urllib3": ["http.client", "builtins", "socket", "ssl"],
}
_OF_CONNECTING = ("refused", "unreachable", "name not found", "timeout of connecting")
_BUFFER = 8192
_LARGEST = 1 << 30


class HttpClient(HttpAdapter):
    """http.client, and urllib."""

    name = "http.client"

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return where connections are made, and where requests says that it sends."""

        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            return _stand_in_for(original, port)

        connects = [
            ("http.client", "HTTPConnection"),
            ("http.client", "HTTPSConnection"),
            ("urllib3.connection", "HTTPConnection"),
            ("urllib3.connection", "HTTPSConnection"),
        ]
        edges = [Edge(module, (name, "connect"), wrap) for module, name in connects]
        send = ("HTTPAdapter", "send")
        return [*edges, Edge("requests.adapters", send, _sent_by_requests)]


class Urllib3(HttpClient):
    """urllib3."""

    name = "urllib3"


class Requests(HttpClient):
    """requests."""

    name = "requests"


def _sent_by_requests(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def send(*args: Any, **kwargs: Any) -> Any:
        token = _SENDER.set("requests")
        try:
            return original(*args, **kwargs)
        finally:
            _SENDER.reset(token)

    return send


def _stand_in_for(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    @wraps(original)
    def connect(connection: Any) -> None:
        # A class that connects in its own way may lead into this process. The real
        # connection of a subclass calls that of its base.
        method = type(connection).connect
        is_its_own = getattr(method, "__wrapped__", None) is not original
        if is_its_own or port.run.passes() or isinstance(connection.sock, _Socket):
            original(connection)
            return
        connection.sock = _Socket(connection, original, port)
        if hasattr(connection, "is_verified"):
            # urllib3 warns of a connection whose certificate nobody has checked.
            wanted = getattr(connection, "cert_reqs", None)
            connection.is_verified = wanted not in (ssl.CERT_NONE, "CERT_NONE")

    return connect


class _Socket:
    """Stands for the socket of a connection until an answer is read.

    Args:
        connection: The connection of http.client.
        connect: Connects it for real.
        port: Where its calls are taken.
    """

    def __init__(
        self, connection: Any, connect: Callable[[Any], None], port: Port
    ) -> None:
        self._connection = connection
        self._connect = connect
        self._port = port
        self._real: Any = None
        self._sent: list[bytes] = []
        self._timeout: Any = connection.timeout
        self._phase = "connecting"

    def sendall(self, data: Any) -> None:
        """Keep what is sent until the answer is asked for."""
        self._sent.append(bytes(data))

    send = sendall

    def makefile(self, *_args: Any, **_kwargs: Any) -> Any:
        """Return the answer to what was sent."""
        sent = b"".join(self._sent)
        self._sent.clear()
        exchange = self._port.begin(self._read(sent), *self._clients())
        if exchange is None:
            return self._send(sent).makefile("rb")
        if exchange.mode == "replay":
            if not has_head(exchange):
                exchange.step.wait()
            return exchange.given(lambda answer: self._given(answer, exchange))
        return self._real_answer(exchange, sent)

    def settimeout(self, timeout: Any) -> None:
        """Set the timeout of the real socket, now or when there is one."""
        self._timeout = timeout
        if self._real is not None:
            self._real.settimeout(timeout)

    def gettimeout(self) -> Any:
        """Return the timeout."""
        return self._timeout

    def setsockopt(self, *options: Any) -> None:
        """Set an option of the real socket, if there is one."""
        if self._real is not None:
            self._real.setsockopt(*options)

    def fileno(self) -> int:
        """Return the number of the real socket, or of one that has nothing to read."""
        return int((self._real or _silent_socket()).fileno())

    def shutdown(self, how: int) -> None:
        """Shut the real socket down, if there is one."""
        if self._real is not None:
            self._real.shutdown(how)

    def close(self) -> None:
        """Close the real socket, if there is one; send what nobody waits for."""
        sent = b"".join(self._sent)
        self._sent.clear()
        if _is_whole(sent):
            self._send_unanswered(sent)
        if self._real is not None:
            self._real.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self._real is None:
            raise AttributeError(name)
        return getattr(self._real, name)

    def _send(self, sent: bytes) -> Any:
        """Send for real, and return the real socket."""
        self._phase = "connecting"
        if self._real is None:
            connection = self._connection
            connection.sock = None
            try:
                self._connect(connection)
                self._real = connection.sock
            finally:
                connection.sock = self
        if self._timeout is not socket._GLOBAL_DEFAULT_TIMEOUT:  # type: ignore[attr-defined]
            self._real.settimeout(self._timeout)
        self._phase = "writing"
        self._real.sendall(sent)
        self._phase = "reading"
        return self._real

    def _send_unanswered(self, sent: bytes) -> None:
        exchange = self._port.begin(self._read(sent), *self._clients())
        if exchange is None:
            self._send(sent)
        elif exchange.mode == "replay":
            exchange.step.leave()
        else:
            with exchange.step.running():
                self._send(sent)
            exchange.abandon(None)

    def _clients(self) -> list[str]:
        """Return who sends, the outermost first."""
        clients = ["http.client"]
        if self._is_urllib3():
            clients.insert(0, "urllib3")
        if _SENDER.get():
            clients.insert(0, _SENDER.get())
        return clients

    def _is_urllib3(self) -> bool:
        module = sys.modules.get("urllib3.connection")
        base = getattr(module, "HTTPConnection", None)
        return base is not None and isinstance(self._connection, base)

    def _read(self, sent: bytes) -> Plain:
        """Return the request in the bytes that were sent."""
        (method, target), headers, body = _split(sent)
        names = {name.lower(): value for name, value in headers}
        if names.get("transfer-encoding", "").lower() == "chunked":
            body = _unchunked(body)
        return requests.read(method, self._url(target, names), headers, body)

    def _url(self, target: str, headers: dict[str, str]) -> str:
        connection = self._connection
        if "://" in target:
            return target
        is_secure = connection.default_port == 443
        host = getattr(connection, "_tunnel_host", None)
        place = headers.get("host") or connection.host
        if host:
            is_secure = True
        return f"{'https' if is_secure else 'http'}://{place}{target}"

    def _real_answer(self, exchange: Exchange, sent: bytes) -> Any:
        kept: _Kept | None = None
        try:
            with exchange.step.running():
                kept = _Kept(self._send(sent), exchange, self._connection._method)
                answer = io.BufferedReader(kept)
                # The time until the first byte is that of the service.
                answer.peek(1)
        except BaseException as error:
            if kept is not None:
                kept.drop()
            failure = failed(exchange, error, self._phase)
            if failure is None or exchange.mode == "run":
                raise
            return raised(self._given(failure))
        if exchange.mode == "run":
            return answer
        whole = kept.read_whole(answer)
        answer.close()
        return raised(self._given(whole))

    def _given(self, answer: Plain, exchange: Exchange | None = None) -> Any:
        """Return an answer as a file over a socket, or its error.

        Args:
            answer: The answer.
            exchange: The replay that ends when the file was read.
        """
        method = self._connection._method
        given = answers.give(answer, method=method)
        if not given.status:
            return self._error(given.error)
        is_packed = not self._is_urllib3()
        pieces = answers.on_the_wire(given, method, is_packed=is_packed)
        # The client's own parser finds a body that breaks off.
        is_found = given.error.get("kind") in (None, "closed early", "malformed")
        error = None if is_found else self._error(given.error)
        return io.BufferedReader(_Replayed(pieces, given, exchange, error))

    def _error(self, error: dict[str, str]) -> Exception:
        kind, text = error.get("kind", ""), error.get("text", "")
        if not self._is_urllib3():
            modules = _EXCEPTIONS["http.client"]
            return _made(failures.class_of(kind, modules, error.get("class", "")), text)
        return _of_urllib3(self._connection, error)


class _Kept(io.RawIOBase):
    """The bytes of a real answer, kept while the client reads them."""

    def __init__(self, real: Any, exchange: Exchange, method: str) -> None:
        self._raw = real.makefile("rb", 0)
        # Libraries for NTLM and Kerberos look here for the certificate.
        self._sock = real
        self._exchange = exchange
        self._method = method
        self._data = bytearray()
        self._error: BaseException | None = None
        self._is_ended = False
        self._is_at_end = False
        exchange.progress(lambda: self._answer(is_left=True))

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read, and keep what came."""
        try:
            count: int | None = self._raw.readinto(buffer)
        except BaseException as error:
            self._error = error
            raise
        self._data += bytes(buffer[: count or 0])
        self._is_at_end = count == 0
        return count

    def close(self) -> None:
        """End the call: the client has read what it wants."""
        if not self.closed:
            self._raw.close()
            self._end()
        super().close()

    def drop(self) -> None:
        """Close it without an outcome."""
        self._is_ended = True
        self.close()

    def read_whole(self, reader: Any) -> Plain:
        """Read the answer to its end, and return what the client gets in its place.

        Of one whose reader had left it, as much is read as he had read.
        """
        recorded = self._exchange.recorded
        size = bodies.size(recorded.get("body", {})) if "left" in recorded else None
        try:
            parsed = _parsed(reader, self._method)
            while size is None or self._size() < size:
                if not parsed.read1(_BUFFER):
                    break
        except (OSError, HTTPException) as error:
            self._error = error
        self._is_ended = True
        return self._exchange.finish(self._answer(error=self._error))

    def _size(self) -> int:
        return bodies.size(self._answer().get("body", {}))

    def _end(self) -> None:
        if self._is_ended:
            return
        self._is_ended = True
        error = self._error
        if isinstance(error, Exception) and failures.kind_of(error):
            self._exchange.finish(self._answer(error=error))
        elif error is not None or not (self._data or self._is_at_end):
            self._exchange.abandon(error, self._answer() if self._data else None)
        else:
            self._exchange.finish(self._answer())

    def _answer(
        self, *, is_left: bool = False, error: BaseException | None = None
    ) -> Plain:
        kept = failures.plain(error) if error else None
        try:
            parsed = _parsed(io.BytesIO(bytes(self._data)), self._method)
        except (HTTPException, OSError, ValueError) as problem:
            return {"error": failures.plain(error or problem)}
        pieces: list[bytes] = []
        try:
            while piece := parsed.read1(_LARGEST):
                pieces.append(piece)
            _check_length(parsed)
        except (HTTPException, ValueError) as problem:
            if _is_malformed(problem):
                kept = {**failures.plain(problem), "kind": "malformed"}
            elif self._is_at_end:
                kept = kept or failures.plain(problem)
            else:
                # What has not come was not waited for: the server sent no end.
                is_left = error is None
        version = "HTTP/1.0" if parsed.version == 10 else "HTTP/1.1"
        return answers.read(
            parsed.status,
            parsed.reason,
            parsed.getheaders(),
            pieces,
            version=version,
            is_left=is_left,
            error=kept,
        )


class _Replayed(io.RawIOBase):
    """The bytes of a recorded answer, piece by piece."""

    _sock = None

    def __init__(
        self,
        pieces: list[bytes],
        given: answers.Given,
        exchange: Exchange | None,
        error: Exception | None,
    ) -> None:
        self._pieces = pieces
        self._given = given
        self._exchange = exchange
        self._error_at_end = error
        # The reader of a body whose length is known does not ask for its end.
        self._is_whole = not given.is_left and error is None

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read from the next piece; the call ends before the last one."""
        if len(self._pieces) == self._is_whole and self._exchange is not None:
            exchange, self._exchange = self._exchange, None
            end_body(exchange, self._given)
        if not self._pieces:
            if self._error_at_end is not None:
                raise self._error_at_end
            return 0
        piece = self._pieces[0]
        count = min(len(buffer), len(piece))
        buffer[:count] = piece[:count]
        self._pieces[:1] = [piece[count:]] if count < len(piece) else []
        return count

    def close(self) -> None:
        """End the call: its reader does not read on."""
        if self._exchange is not None:
            self._exchange.step.leave()
        super().close()


def _is_malformed(problem: Exception) -> bool:
    """Return whether a parser has met the length of a chunk that is no number."""
    reason = problem if isinstance(problem, ValueError) else problem.__context__
    # It tries to read the length at the end of the data, too.
    return isinstance(reason, ValueError) and not str(reason).endswith("b''")


def _check_length(parsed: HTTPResponse) -> None:
    """Check that a body of known length has come as a whole.

    Raises:
        IncompleteRead: It has not.
    """
    if parsed.length:
        raise IncompleteRead(b"", parsed.length)


def _parsed(reader: Any, method: str) -> HTTPResponse:
    class Source:
        def makefile(self, *_args: Any) -> Any:
            return reader

    response = HTTPResponse(Source(), method=method)  # type: ignore[arg-type]
    response.begin()
    return response


def _of_urllib3(connection: Any, error: dict[str, str]) -> Exception:
    """Return what urllib3's own connection raises; its pool makes the rest of it."""
    kind, text = error.get("kind", ""), error.get("text", "")
    exceptions = sys.modules["urllib3.exceptions"]
    if kind not in _OF_CONNECTING and kind != "proxy":
        # Else urllib3 takes the error for one of the proxy.
        connection._has_connected_to_proxy = True
    # urllib3 prints the connection before the text.
    text = text.partition("): ")[2] or text
    if kind in ("refused", "unreachable"):
        return exceptions.NewConnectionError(connection, text)  # type: ignore[no-any-return]
    if kind == "name not found":
        class_ = getattr(exceptions, "NameResolutionError", None)
        if class_ is not None:
            reason = text.partition("' (")[2].removesuffix(")") or text
            return class_(connection.host, connection, socket.gaierror(reason))  # type: ignore[no-any-return]
        return exceptions.NewConnectionError(connection, text)  # type: ignore[no-any-return]
    if kind == "timeout of connecting":
        return exceptions.ConnectTimeoutError(connection, text)  # type: ignore[no-any-return]
    class_ = failures.class_of(kind, _EXCEPTIONS["urllib3"], error.get("class", ""))
    return _made(class_, text)


def _made(class_: type[Exception], text: str) -> Exception:
    try:
        # An error of TLS prints its reason alone if it has a number.
        made = class_(1, text) if issubclass(class_, ssl.SSLError) else class_(text)
    except TypeError:
        return ConnectionError(text)
    if str(made) != text and text in str(made) and made.args == (str(made),):
        made.args = (text,)
    return made


def _split(sent: bytes) -> tuple[list[str], list[tuple[str, str]], bytes]:
    """Return method and target, the headers and the body of a request."""
    head, _, body = sent.partition(b"\r\n\r\n")
    # A value may go on in the next line (RFC 9112, 5.2).
    text = re.sub(r"\r\n[ \t]+", " ", head.decode("latin-1"))
    first, *lines = text.split("\r\n")
    headers = [(name, value) for name, _, value in map(_split_header, lines)]
    return first.split(" ")[:2], headers, body


def _is_whole(sent: bytes) -> bool:
    """Return whether these bytes are a request with its whole body."""
    if b"\r\n\r\n" not in sent:
        return False
    _, headers, body = _split(sent)
    names = {name.lower(): value for name, value in headers}
    if "transfer-encoding" in names:
        return body.endswith(b"0\r\n\r\n")
    return len(body) == int(names.get("content-length", "0"))


def _split_header(line: str) -> tuple[str, str, str]:
    return line.partition(": ")


def _unchunked(body: bytes) -> bytes:
    found = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        found += body[:length]
        body = body[length + 2 :] if length else b""
    return found


@cache
def _silent_pair() -> tuple[socket.socket, socket.socket]:
    # Nothing is ever written into the second one.
    pair = socket.socketpair()
    for one in pair:
        atexit.register(one.close)
    return pair


def _silent_socket() -> socket.socket:
    return _silent_pair()[0]
