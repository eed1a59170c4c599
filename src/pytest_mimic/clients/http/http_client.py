"""The edge of http.client, urllib3, requests and boto3: a stand-in for a socket.

A connection is given a socket that keeps what is sent. When the client reads the
answer, the request is whole: it is replayed from bytes, or the real connection is made.
"""

from __future__ import annotations

import io
import re
import socket
import ssl
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cache, wraps
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    IncompleteRead,
)
from typing import Any, NamedTuple

from pytest_mimic.client import Edge, Exchange, Plain, Port, raised
from pytest_mimic.clients.http import (
    answers,
    failures,
    requests,
    requests_adapters,
)
from pytest_mimic.clients.http.adapter import (
    Attempt,
    HttpAdapter,
    Read,
    Recorder,
    Replay,
    at_once,
)
from pytest_mimic.errors import TargetError

_EXCEPTIONS = ["http.client", "builtins", "socket", "ssl"]
# A value may go on in the next line (RFC 9112, 5.2).
_FOLD = re.compile(r"\r\n[ \t]+")
_LAST_CHUNK = b"0\r\n\r\n"
_BUFFER = 8192
# The classes that connect, by their modules.
_CONNECTIONS = {
    "http.client": ("HTTPConnection", "HTTPSConnection"),
    "urllib3.connection": ("HTTPConnection", "HTTPSConnection"),
    # What google-api-python-client stands on.
    "httplib2": ("HTTPConnectionWithTimeout", "HTTPSConnectionWithTimeout"),
}
_LARGEST = 1 << 30


class HttpClient(HttpAdapter):
    """http.client, and urllib."""

    name = "http.client"

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return where connections are made, and where requests says that it sends."""
        unsent: dict[bytes, bytes] = {}

        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            return _stand_in_for(original, port, unsent)

        for module, names in _CONNECTIONS.items():
            for name in names:
                yield Edge(module, (name, "connect"), wrap)

        def wrap_sender(original: Callable[..., Any]) -> Callable[..., Any]:
            return requests_adapters.wrap_send(original, port)

        yield Edge("requests.adapters", ("HTTPAdapter", "send"), wrap_sender)


class Urllib3(HttpClient):
    """urllib3."""

    name = "urllib3"


class Requests(HttpClient):
    """requests."""

    name = "requests"


def _stand_in_for(
    original: Callable[..., Any], port: Port, unsent: dict[bytes, bytes]
) -> Callable[..., Any]:
    @wraps(original)
    def connect(connection: Any) -> None:
        # A class that connects in its own way may lead into this process. The real
        # connection of a subclass calls that of its base.
        method = type(connection).connect
        is_its_own = getattr(method, "__wrapped__", None) is not original
        is_stand_in = isinstance(connection.sock, _Socket)
        if is_its_own or is_stand_in or port.run.passes():
            original(connection)
            return
        if not isinstance(connection, HTTPConnection):
            raise _foreign_connection()
        connection.sock = _Socket(connection, original, port, unsent)
        if hasattr(connection, "is_verified"):
            # urllib3 warns of a connection whose certificate nobody has checked.
            wanted = getattr(connection, "cert_reqs", None)
            connection.is_verified = wanted not in (ssl.CERT_NONE, "CERT_NONE")

    connect.port = port  # type: ignore[attr-defined]
    return connect


def _foreign_connection() -> TargetError:
    """Return the error of a connection that does not write to a socket as ours do."""
    return TargetError(
        "urllib3: its calls cannot be recorded: its connections are not those of"
        " http.client",
        ["niquests installs urllib3-future in its place"],
        [("to install urllib3 again", "pip install --force-reinstall urllib3")],
    )


class _Socket:
    """Stands for the socket of a connection until an answer is read.

    Args:
        connection: The connection of http.client.
        connect: Connects it for real.
        port: Where its calls are taken.
        unsent: By request, the body of one that could not connect. A body that can be
            read once is gone when the client tries again.
    """

    def __init__(
        self,
        connection: Any,
        connect: Callable[[Any], None],
        port: Port,
        unsent: dict[bytes, bytes],
    ) -> None:
        self.connection = connection
        self._connect = connect
        self._port = port
        self._unsent = unsent
        self._real: Any = None
        self._sent: list[bytes] = []
        # What lets a client that waits for it send the body; None: none waits.
        self._interim: io.BytesIO | None = None
        self._timeout: Any = connection.timeout

    def sendall(self, data: Any) -> None:
        """Keep what is sent until the answer is asked for."""
        self._sent.append(bytes(data))

    send = sendall

    def makefile(self, *_args: Any, **_kwargs: Any) -> Any:
        """Return the answer to what was sent."""
        if self._interim is not None and not self._interim.closed:
            return self._interim
        try:
            return self._answer()
        except BaseException as error:
            # A response that cannot be made closes a file that it does not have.
            return io.BufferedReader(_Broken(error))

    def _answer(self) -> Any:
        attempt = _Attempt(self, self._taken())
        exchange = self._begin(attempt.request)
        if exchange is None:
            return self.really_sent(attempt).makefile("rb")
        return at_once(attempt.answer(exchange))

    def settimeout(self, timeout: Any) -> None:
        """Set the timeout of the real socket, now or when there is one."""
        self._timeout = timeout
        if self._real is not None:
            self._real.settimeout(timeout)

    def gettimeout(self) -> Any:
        """Return the timeout."""
        return self._timeout

    def fileno(self) -> int:
        """Return the number of the real socket, or of one that has nothing to read.

        Who asks for it behind `Expect: 100-continue` waits until there is something.
        """
        head = b"".join(self._sent).partition(b"\r\n\r\n")[0]
        if self._interim is None and b"100-continue" in head.lower():
            self._interim = io.BytesIO(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._interim is not None and not self._interim.closed:
            return _readable()
        return _silent() if self._real is None else int(self._real.fileno())

    def close(self) -> None:
        """Close the real socket, if there is one; send what nobody waits for."""
        sent = self._taken()
        if b"\r\n\r\n" in sent:
            attempt = _Attempt(self, sent)
            if attempt.request.is_whole:
                self._send_unanswered(attempt)
        if self._real is not None:
            self._real.close()

    def __getattr__(self, name: str) -> Any:
        if self._real is None and name in ("setsockopt", "shutdown"):
            return lambda *_: None
        if self._real is None or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._real, name)

    @property
    def is_of_urllib3(self) -> bool:
        """Whether urllib3 has made the connection."""
        module = sys.modules.get("urllib3.connection")
        base = getattr(module, "HTTPConnection", None)
        return base is not None and isinstance(self.connection, base)

    def really_sent(self, attempt: _Attempt) -> Any:
        """Send a request for real, and return the real socket."""
        attempt.phase = "connecting"
        if self._real is None:
            self.connection.sock = None
            try:
                self._connect(self.connection)
                self._real = self.connection.sock
            finally:
                self.connection.sock = self
        if self._timeout is not socket._GLOBAL_DEFAULT_TIMEOUT:  # type: ignore[attr-defined]
            self._real.settimeout(self._timeout)
        attempt.phase = "writing"
        self._real.sendall(attempt.sent)
        attempt.phase = "reading"
        return self._real

    def keep_body(self, sent: bytes, kind: str) -> None:
        """Keep a body in chunks that was not sent for the next attempt."""
        head, end, body = sent.partition(b"\r\n\r\n")
        if kind in failures.BEFORE_SENDING and body.endswith(_LAST_CHUNK):
            self._unsent[head + end] = body

    def _taken(self) -> bytes:
        """Return what was sent since the last answer, with the body that it had."""
        sent = b"".join(self._sent)
        self._sent.clear()
        self._interim = None
        head = sent.removesuffix(_LAST_CHUNK)
        return head + self._unsent.pop(head, sent[len(head) :])

    def _begin(self, request: _Request) -> Exchange | None:
        # requests stands on urllib3, which stands on http.client.
        begun = requests_adapters.SENDING.get()
        if begun:
            return begun.pop()
        connection, target = self.connection, request.target
        if "://" in target:
            url = target
        else:
            is_tunnel = getattr(connection, "_tunnel_host", None)
            scheme = "https" if is_tunnel or connection.default_port == 443 else "http"
            host = request.by_name.get("host") or connection.host
            url = f"{scheme}://{host}{target}"
        body = _unchunked(request.body) if request.is_chunked else request.body
        plain = requests.read(request.method, url, request.headers, body)
        sender = "" if begun is None else "requests"
        clients = [sender, "urllib3" if self.is_of_urllib3 else ""]
        # A connection may outlive the run in which it was made.
        port: Port = getattr(type(connection).connect, "port", self._port)
        return port.begin(plain, *filter(None, clients), "http.client")

    def _send_unanswered(self, attempt: _Attempt) -> None:
        exchange = self._begin(attempt.request)
        if exchange is None:
            self.really_sent(attempt)
        elif exchange.mode == "replay":
            exchange.step.leave()
        else:
            with exchange.step.running():
                self.really_sent(attempt)
            exchange.abandon(None)


class _Attempt(Attempt):
    """A request that was sent over a stand-in, and its answer as a file.

    Args:
        socket: The stand-in.
        sent: The bytes of the request.
    """

    def __init__(self, socket: _Socket, sent: bytes) -> None:
        self.sent = sent
        self.request = _Request.of(sent)
        self._socket = socket
        # An answer to HEAD has no body.
        self._method: str = socket.connection._method or self.request.method
        self._file: Any = None

    async def send(self) -> Read:
        """Send the request, and return what reads the bytes of its answer."""
        try:
            real = self._socket.really_sent(self)
            kept = _Kept(real, self._method, self.recorder)
            self._file = io.BufferedReader(kept)
            # The time until the first byte is that of the service.
            self._file.peek(1)
        except BaseException as error:
            kind = failures.kind_of(error, self.phase)
            self._socket.keep_body(self.sent, kind)
            raise
        return kept.read_answer

    def real_answer(self) -> Any:
        """Return the file, whose bytes are recorded as they are read."""
        return self._file

    async def read(self) -> None:
        """Read the file by the parser of http.client."""
        with _parsed(self._file, self._method) as parsed:
            while not self.recorder.is_enough() and parsed.read1(_BUFFER):
                pass
            # What is left is not read, and the answer is whole.
            self.recorder.end()

    def give(self, answer: Plain, exchange: Exchange | None = None) -> Any:
        """Return an answer as a file over a socket, or its error."""
        given = answers.give(answer, method=self._method)
        kind = given.error.get("kind", "")
        error = self._error(given.error) if given.error else None
        if not given.status:
            self._socket.keep_body(self.sent, kind)
            return error
        if kind in ("closed early", "malformed"):
            error = None  # The client's own parser finds it.
        is_packed = not self._socket.is_of_urllib3
        pieces = answers.on_the_wire(given, self._method, is_packed=is_packed)
        return io.BufferedReader(_Replayed(Replay(given, pieces, exchange), error))

    def _error(self, error: dict[str, str]) -> Exception:
        if self._socket.is_of_urllib3:
            return _of_urllib3(self._socket.connection, error)
        return _of_http_client(error)


class _Kept(io.RawIOBase):
    """The bytes of a real answer, kept while the client reads them."""

    def __init__(self, real: Any, method: str, recorder: Recorder) -> None:
        self._raw = real.makefile("rb", 0)
        # Libraries for NTLM and Kerberos look here for the certificate.
        self._sock = real
        self._method = method
        self._recorder = recorder
        self._is_at_end = False

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read, and keep what came."""
        try:
            count: int | None = self._raw.readinto(buffer)
        except BaseException as error:
            # The error's traceback holds this file, which nobody reads any more.
            self._raw.close()
            self._recorder.fail(error)
            raise
        self._recorder.feed(bytes(buffer[: count or 0]))
        self._is_at_end = count == 0
        return count

    def close(self) -> None:
        """End the call: the client has read what it wants."""
        if not self.closed:
            self._raw.close()
            self._recorder.leave()
        super().close()

    def read_answer(
        self,
        pieces: Sequence[bytes],
        /,
        *,
        is_left: bool = False,
        error: dict[str, str] | None = None,
    ) -> Plain:
        """Return the answer in the bytes that have come, as far as they go."""
        try:
            parsed = _parsed(io.BytesIO(b"".join(pieces)), self._method)
        except (HTTPException, OSError, ValueError) as problem:
            return {"error": error or failures.plain(problem)}
        body: list[bytes] = []
        ends_by_closing = parsed.length is None and not parsed.chunked
        try:
            while piece := parsed.read1(_LARGEST):
                body.append(piece)
            if parsed.length:
                raise IncompleteRead(b"", parsed.length)
            is_left = ends_by_closing and not self._is_at_end
        except (HTTPException, ValueError) as problem:
            is_left = False
            if _is_malformed(problem):
                error = {**failures.plain(problem), "kind": "malformed"}
            elif self._is_at_end:
                error = error or failures.plain(problem)
            else:
                # What has not come was not waited for: the server sent no end.
                is_left = error is None
        version = "HTTP/1.0" if parsed.version == 10 else "HTTP/1.1"
        headers = parsed.getheaders()
        head = answers.Head(parsed.status, parsed.reason, headers, version)
        return head.read(body, is_left=is_left, error=error)


class _Broken(io.RawIOBase):
    """Raises an error where the client reads its answer."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, _buffer: Any) -> int:
        """Raise the error."""
        raise self._error


class _Replayed(io.RawIOBase):
    """The bytes of a recorded answer, piece by piece, and the error behind them."""

    _sock = None

    def __init__(self, replay: Replay, error: Exception | None) -> None:
        self._replay = replay
        self._error_at_end = error
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read from the next piece."""
        piece = self._piece or memoryview(at_once(self._replay.next()))
        if not piece:
            raised(self._error_at_end)
        count = min(len(buffer), len(piece))
        buffer[:count] = piece[:count]
        self._piece = piece[count:]
        return count

    def close(self) -> None:
        """End the call: its reader does not read on."""
        self._replay.leave()
        super().close()


def _is_malformed(problem: Exception) -> bool:
    """Return whether a parser has met the length of a chunk that is no number."""
    reason = problem if isinstance(problem, ValueError) else problem.__context__
    # It tries to read the length at the end of the data, too.
    return isinstance(reason, ValueError) and not str(reason).endswith("b''")


def _parsed(reader: Any, method: str) -> HTTPResponse:
    class Source:
        def makefile(self, *_args: Any) -> Any:
            return reader

    response = HTTPResponse(Source(), method=method)  # type: ignore[arg-type]
    try:
        response.begin()
    except BaseException:
        # Python 3.13 warns of a response whose file is closed before it.
        response.close()
        raise
    return response


# -- errors


def _of_http_client(error: dict[str, str]) -> Exception:
    class_ = failures.class_of(
        error.get("kind", ""), _EXCEPTIONS, error.get("class", "")
    )
    text = error.get("text", "")
    try:
        # An error of TLS prints its reason alone if it has a number.
        made = class_(1, text) if issubclass(class_, ssl.SSLError) else class_(text)
    except TypeError:
        return ConnectionError(text)
    if str(made) != text and text in str(made) and made.args == (str(made),):
        made.args = (text,)
    found: Exception = made
    return found


def _of_urllib3(connection: Any, error: dict[str, str]) -> Exception:
    """Return what urllib3's own connection raises; its pool makes the rest of it."""
    kind, text = error.get("kind", ""), error.get("text", "")
    exceptions: Any = sys.modules["urllib3.exceptions"]
    if kind not in failures.OF_CONNECTING and kind != "proxy":
        # Else urllib3 takes the error for one of the proxy.
        connection._has_connected_to_proxy = True
    # urllib3 prints the connection before the text.
    text = text.partition("): ")[2] or text
    class_: Any = exceptions.NewConnectionError
    if kind == "name not found" and hasattr(exceptions, "NameResolutionError"):
        reason = socket.gaierror(text.partition("' (")[2].removesuffix(")") or text)
        found: Exception = exceptions.NameResolutionError(
            connection.host, connection, reason
        )
        return found
    if kind == "timeout of connecting":
        class_ = exceptions.ConnectTimeoutError
    elif kind not in failures.OF_CONNECTING:
        return _of_http_client({**error, "text": text})
    return class_(connection, text)  # type: ignore[no-any-return]


# -- what was sent


class _Request(NamedTuple):
    """A request by its parts, the body as it is sent.

    Attributes:
        method: `GET`.
        target: The path, or the address for a proxy.
        headers: As they are sent.
        by_name: The last header of each name, in lower case.
        body: As it is sent.
    """

    method: str
    target: str
    headers: list[tuple[str, str]]
    by_name: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, sent: bytes) -> _Request:
        """Return the request in the bytes that were sent."""
        head, _, body = sent.partition(b"\r\n\r\n")
        text = _FOLD.sub(" ", head.decode("latin-1"))
        first, *lines = text.split("\r\n")
        method, target = first.split(" ")[:2]
        headers = []
        by_name = {}
        for line in lines:
            name, _, value = line.partition(": ")
            headers.append((name, value))
            by_name[name.lower()] = value
        return cls(method, target, headers, by_name, body)

    @property
    def is_chunked(self) -> bool:
        """Whether the body stands in chunks."""
        return self.by_name.get("transfer-encoding", "").lower() == "chunked"

    @property
    def is_whole(self) -> bool:
        """Whether the whole body was sent."""
        if self.is_chunked:
            return self.body.endswith(_LAST_CHUNK)
        return len(self.body) == int(self.by_name.get("content-length", 0))


def _unchunked(body: bytes) -> bytes:
    found = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        found += body[:length]
        body = body[length + 2 :] if length else b""
    return found


@cache
def _silent() -> int:
    """Return the number of a socket into whose other end nobody writes."""
    left, right = socket.socketpair()
    right.detach()
    return left.detach()


@cache
def _readable() -> int:
    """Return the number of a socket that always has something to read."""
    left, right = socket.socketpair()
    right.send(b"1")
    right.detach()
    return left.detach()
