"""The edge of http.client, urllib3, requests and boto3: a stand-in for a socket.

A connection is given a socket that keeps what is sent. When the request is whole, it is
replayed from bytes, or the real connection is made.
"""

from __future__ import annotations

import io
import re
import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import cache, partial, wraps
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    IncompleteRead,
)
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

from pytest_mimic.client import Exchange, Function, Plain, Port, at_once, raised
from pytest_mimic.clients.http import answers, failures, requests
from pytest_mimic.clients.http.adapter import Attempt, BodyReplay, Read
from pytest_mimic.errors import TargetError

_EXCEPTIONS = ["http.client", "builtins", "socket", "ssl"]
# A value may go on in the next line (RFC 9112, 5.2).
_FOLD = re.compile(rb"\r\n[ \t]+")
_LAST_CHUNK = b"0\r\n\r\n"
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
# http.client announces their bodies, if there are none, too.
_WITH_BODY = ("PATCH", "POST", "PUT")
_NUMBERED = re.compile(r"\[Errno (-?\d+)\] (.*)", re.S)
_REASON_OF_TLS = re.compile(r"\[(\w+): (\w+)\]")
_BUFFER = 8192
_LARGEST = 1 << 30

IN_REQUESTS: ContextVar[bool] = ContextVar("mimic_in_requests", default=False)
"""Whether requests sends what its connections are asked."""


def stand_in_for(
    original: Function, port: Port, unsent: dict[bytes, bytes]
) -> Function:
    """Return what stands in place of the method that connects.

    Args:
        original: The method.
        port: Where its calls are taken.
        unsent: By request, the body of a request that could not connect. A body that
            can be read once is gone when the client tries again, so all connections of
            the run share these bodies.
    """

    @wraps(original)
    def connect(connection: Any) -> None:
        # A class that connects in its own way may lead into this process. The real
        # connection of a subclass calls that of its base.
        method = type(connection).connect
        is_its_own = getattr(method, "__wrapped__", None) is not original
        is_stand_in = isinstance(connection.sock, _Socket)
        if is_its_own or is_stand_in or port.run.is_unseen():
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

    A call begins when its request is whole. Errors of connecting come then, where the
    client still sends; an answer, and any other error, when it is asked for.

    Args:
        connection: The connection of http.client.
        connect: Connects it for real.
        port: Where its calls are taken.
        unsent: As for `stand_in_for`.

    Attributes:
        is_of_urllib3: Whether urllib3 has made the connection.
    """

    _real: Any = None
    _head = b""
    _request: _Request | None = None
    _attempt: _ConnectionAttempt | None = None
    # What lets a client that waits for it send the body; None: none waits.
    _interim: io.BytesIO | None = None

    def __init__(
        self,
        connection: Any,
        connect: Callable[[Any], None],
        port: Port,
        unsent: dict[bytes, bytes],
    ) -> None:
        self.connection = connection
        self.unsent = unsent
        self.is_of_urllib3 = hasattr(connection, "is_verified")
        self._connect = connect
        self._port = port
        self._timeout: Any = connection.timeout

    def sendall(self, data: Any) -> None:
        """Keep what is sent, and begin the call when that is all."""
        piece = bytes(data)
        if self._request is None:
            self._head, end, piece = (self._head + piece).partition(b"\r\n\r\n")
            if not end:
                return
            self._request = _Request(self._head + end)
            self._head = b""
        self._request.pieces.append(piece)
        if self._request.is_whole():
            self._begin(self._request)

    send = sendall

    def makefile(self, *_args: Any, **_kwargs: Any) -> Any:
        """Return the answer to what was sent."""
        interim, self._interim = self._interim, None
        if interim is not None:
            return interim
        try:
            if self._attempt is None and self._request is not None:
                self._begin(self._request)
            attempt, self._attempt = self._attempt, None
            assert attempt is not None  # something was sent
            return attempt.file()
        except BaseException as error:
            # A response that cannot be made closes a file that it does not have.
            return io.BufferedReader(_File(partial(raised, error)))

    def settimeout(self, timeout: Any) -> None:
        """Set the timeout of the real socket, now or when it is made."""
        self._timeout = timeout
        if self._real is not None:
            self._real.settimeout(timeout)

    def gettimeout(self) -> Any:
        """Return the timeout."""
        return self._timeout

    def fileno(self) -> int:
        """Return the number of the real socket, or of a socket that is never ready.

        Who asks for it behind `Expect: 100-continue` waits until there is something.
        """
        expected = self._request and self._request.by_name.pop("expect", "")
        if expected and expected.lower() == "100-continue":
            self._interim = io.BytesIO(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._interim is not None:
            return _number_of_socket(b"1")
        if self._real is None:
            return _number_of_socket(b"")
        return int(self._real.fileno())

    def close(self) -> None:
        """Close the real socket, if it exists; send what nobody waits for."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.leave()
        if self._real is not None:
            self._real.close()

    def __getattr__(self, name: str) -> Any:
        if self._real is None and name in ("setsockopt", "shutdown"):
            return lambda *_: None
        if self._real is None or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._real, name)

    def connected(self) -> Any:
        """Connect for real, and return the real socket."""
        if self._real is None:
            self.connection.sock = None
            try:
                self._connect(self.connection)
                self._real = self.connection.sock
            finally:
                self.connection.sock = self
        if self._timeout is not socket._GLOBAL_DEFAULT_TIMEOUT:  # type: ignore[attr-defined]
            self._real.settimeout(self._timeout)
        return self._real

    def _begin(self, request: _Request) -> None:
        """Begin a call, and connect if it is made for real."""
        self._request = self._interim = None
        if request.body == _LAST_CHUNK and request.head in self.unsent:
            request.pieces = [self.unsent.pop(request.head)]
        attempt = _ConnectionAttempt(self, request, self._exchange(request))
        attempt.begin()
        self._attempt = attempt

    def _exchange(self, request: _Request) -> Exchange | None:
        connection, target = self.connection, request.target
        if "://" in target:
            url = target
        else:
            is_tunnel = getattr(connection, "_tunnel_host", None)
            scheme = "https" if is_tunnel or connection.default_port == 443 else "http"
            host = request.by_name.get("host") or connection.host
            url = f"{scheme}://{host}{target}"
        body = request.body
        if request.is_chunked:
            body = _parsed(io.BytesIO(_CHUNKED + body)).read()
        plain = requests.read(request.method, url, request.headers, body)
        # requests stands on urllib3, which stands on http.client.
        clients = ["requests"] if IN_REQUESTS.get() else []
        if self.is_of_urllib3:
            clients.append("urllib3")
        # A connection may outlive the run in which it was made.
        port: Port = getattr(type(connection).connect, "port", self._port)
        return port.begin(
            plain, *clients, "http.client", server=_unix_socket(connection)
        )


def _unix_socket(connection: Any) -> str | None:
    """Return the Unix socket that a connection leads to, `unix:/run/docker.sock`.

    docker names a path; requests-unixsocket and podman a URL with it as the host.
    """
    for name in ("unix_socket", "unix_socket_url", "uds"):
        if place := getattr(connection, name, None):
            return f"unix:{unquote(urlsplit(place).netloc or place)}"
    return None


class _ConnectionAttempt(Attempt):
    """A request that was sent over a stand-in, and its answer as a file.

    Args:
        socket: The stand-in.
        request: The request.
        exchange: Its call. None: it is sent for real, and nobody looks at it.
    """

    exchange: Any
    _file: Any = None
    # Whether the server has ended its answer.
    _is_at_end = False

    def __init__(
        self, socket: _Socket, request: _Request, exchange: Exchange | None
    ) -> None:
        self.exchange = exchange
        self._socket = socket
        self._request = request

    def begin(self) -> None:
        """Connect, if it is made for real, or raise the error of connecting.

        A call that nobody looks at is sent, too.
        """
        exchange = self.exchange
        if exchange is None:
            self._file = self._sent().makefile("rb")
            return
        if exchange.mode != "run":
            error = exchange.recorded.get("error", {})
            if error.get("kind") in failures.BEFORE_SENDING:
                self._file = at_once(self.answer())
                return
        if exchange.mode == "replay":
            return
        self.phase = "connecting"
        try:
            with exchange.real:
                self._socket.connected()
        except BaseException as error:
            self._keep_body()
            answer = self.recorder.fail(error, self.phase)
            if answer is None:
                raise
            self._file = at_once(self.verified(answer))

    def file(self) -> Any:
        """Return the answer, recorded or real."""
        if self._file is None:
            return at_once(self.answer())
        return self._file

    def leave(self) -> None:
        """End a call whose answer nobody reads. It is sent all the same."""
        exchange = self.exchange
        if exchange is None:
            return
        if exchange.mode == "replay":
            exchange.leave()
            return
        with exchange.real:
            self._sent()
        # Its place is kept, as that of a call which is open when its test ends.
        exchange.progress(dict)

    def _sent(self) -> Any:
        """Send the request, and return the real socket."""
        self.phase = "connecting"
        real = self._socket.connected()
        self.phase = "writing"
        real.sendall(self._request.head + self._request.body)
        self.phase = "reading"
        return real

    async def send(self) -> Read:
        """Send the request, and return what reads the bytes of its answer."""
        real = self._sent()
        self._raw = real.makefile("rb", 0)
        self._file = io.BufferedReader(_File(self._following, self._left, real))
        # The time until the first byte is that of the service.
        self._file.peek(1)
        return self._read_answer

    def _following(self) -> bytes:
        """Return what comes next of the real answer, and keep it."""
        try:
            data: bytes = self._raw.read(_BUFFER)
        except BaseException as error:
            # The error's traceback holds the file, which nobody reads any more.
            self._raw.close()
            self.recorder.fail(error)
            raise
        self._is_at_end = not data
        return self.recorder.feed(data)

    def _left(self) -> None:
        """End the call: the real answer is not read on."""
        self._raw.close()
        self.recorder.leave()

    def real_answer(self) -> Any:
        """Return the file, whose bytes are recorded as they are read."""
        # The file holds this attempt: a cycle would wait for the garbage collector.
        file, self._file = self._file, None
        return file

    async def read(self, real_answer: Any) -> None:
        """Read the file by the parser of http.client."""
        with _parsed(real_answer, self._request.method) as parsed:
            while not self.recorder.is_enough() and parsed.read1(_BUFFER):
                pass

    def _read_answer(
        self, pieces: Sequence[bytes], *, error: Plain | None = None, **_: bool
    ) -> Plain:
        """Return the answer in the bytes that have come, as far as they go."""
        try:
            parsed = _parsed(io.BytesIO(b"".join(pieces)), self._request.method)
        except (HTTPException, OSError, ValueError) as problem:
            return {"error": error or failures.plain(problem)}
        body: list[bytes] = []
        is_left = False
        ends_by_closing = parsed.length is None and not parsed.chunked
        try:
            while piece := parsed.read1(_LARGEST):
                body.append(piece)
            if parsed.length:
                raise IncompleteRead(b"", parsed.length)
            is_left = ends_by_closing and not self._is_at_end and error is None
        except (HTTPException, ValueError) as problem:
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

    def build(self, answer: Plain) -> Any:
        """Return an answer as a file over a socket, or its error."""
        method, is_packed = self._request.method, self.takes_packed(answer)
        response = answers.Response(answer, method, is_packed=is_packed)
        kind = response.error.get("kind", "")
        error = _error(self._socket, response.error) if response.error else None
        if not response.status:
            if kind in failures.BEFORE_SENDING:
                self._keep_body()
            return error
        if kind in ("closed early", "malformed"):
            error = None  # The client's own parser finds it.
        pieces = response.on_the_wire()
        replay = BodyReplay(self, response, pieces)

        def following() -> bytes:
            return at_once(replay.next()) or raised(error) or b""

        return io.BufferedReader(_File(following, self.exchange.leave))

    def _keep_body(self) -> None:
        """Keep a body in chunks that was not sent for the next attempt."""
        request = self._request
        if request.is_chunked:
            self._socket.unsent[request.head] = request.body


class _File(io.RawIOBase):
    """The bytes of an answer, as they come.

    Args:
        following: Gives those that come next; empty: there are none.
        leave: Is told that its reader does not read on.
        real: The real socket.
    """

    def __init__(
        self,
        following: Callable[[], bytes],
        leave: Callable[[], None] = lambda: None,
        real: Any = None,
    ) -> None:
        # Libraries for NTLM and Kerberos look here for the certificate.
        self._sock = real
        self._following = following
        self._leave = leave
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read from what has come, or from what comes next."""
        piece = self._piece or memoryview(self._following())
        count = min(len(buffer), len(piece))
        buffer[:count] = piece[:count]
        self._piece = piece[count:]
        return count

    def close(self) -> None:
        """End the call: its reader has read what it wants."""
        if not self.closed:
            self._leave()
        super().close()


def _is_malformed(problem: Exception) -> bool:
    """Return whether a parser has met the length of a chunk that is no number."""
    reason = problem if isinstance(problem, ValueError) else problem.__context__
    # It tries to read the length at the end of the data, too.
    return isinstance(reason, ValueError) and not str(reason).endswith("b''")


def _parsed(reader: Any, method: str = "GET") -> HTTPResponse:
    source: Any = SimpleNamespace(makefile=lambda _: reader)
    response = HTTPResponse(source, method=method)
    try:
        response.begin()
    except BaseException:
        # Python 3.13 warns of a response whose file is closed before it.
        response.close()
        raise
    return response


# -- errors


def _of_http_client(error: Plain) -> Any:
    text = error.get("text", "")
    class_: Any = failures.class_of(error, _EXCEPTIONS)
    numbered = _NUMBERED.fullmatch(text)
    try:
        if issubclass(class_, ssl.SSLError):
            # It prints its reason alone if it has a number.
            made: Any = class_(1, text)
            named = _REASON_OF_TLS.match(text)
            if named:
                made.library, made.reason = named.groups()
            return made
        if numbered and issubclass(class_, OSError):
            return class_(int(numbered[1]), numbered[2])
        made = class_(text)
    except TypeError:
        return ConnectionError(text)
    if str(made) != text and text in str(made) and made.args == (str(made),):
        made.args = (text,)
    return made


def _error(stand_in: _Socket, error: Plain) -> Any:
    """Return what a connection raises; of it the pool of urllib3 makes the rest."""
    if not stand_in.is_of_urllib3:
        return _of_http_client(error)
    connection = stand_in.connection
    kind, text = error["kind"], error.get("text", "")
    exceptions: Any = sys.modules["urllib3.exceptions"]
    if kind not in failures.OF_CONNECTING:
        # Else urllib3 takes the error for one of the proxy.
        connection._has_connected_to_proxy = True
    # urllib3 prints the connection before the text.
    text = text.partition("): ")[2] or text
    class_: Any = exceptions.NewConnectionError
    if kind == "name not found" and hasattr(exceptions, "NameResolutionError"):
        reason = socket.gaierror(text.partition("' (")[2].removesuffix(")") or text)
        return exceptions.NameResolutionError(connection.host, connection, reason)
    if kind == "timeout of connecting":
        class_ = exceptions.ConnectTimeoutError
    elif kind not in failures.OF_CONNECTING:
        return _of_http_client({**error, "text": text})
    return class_(connection, text)


# -- what was sent


class _Request:
    """A request as it is sent.

    Attributes:
        head: Its bytes until the body.
        pieces: The body.
        method: `GET`.
        target: The path, or the address for a proxy.
        headers: The headers.
        by_name: The first value of each name, which is in lower case.
    """

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.pieces: list[bytes] = []
        # Not by the parser of http.client: that has limits, made for answers.
        first, *lines = _FOLD.sub(b" ", head).decode("latin-1").split("\r\n")[:-2]
        self.method, self.target = first.split(" ")[:2]
        fields = [line.partition(":") for line in lines]
        self.headers = [(name, value.lstrip(" \t")) for name, _, value in fields]
        self.by_name = {name.lower(): value for name, value in reversed(self.headers)}

    @property
    def body(self) -> bytes:
        """The body, in chunks if it is sent so."""
        return b"".join(self.pieces)

    @property
    def is_chunked(self) -> bool:
        """Whether the body stands in chunks."""
        return self.by_name.get("transfer-encoding", "").lower() == "chunked"

    def is_whole(self) -> bool:
        """Return whether all was sent, as far as the head and the last piece tell."""
        if self.is_chunked:
            # Clients send it alone, and data may end with the same bytes.
            return self.pieces[-1] == _LAST_CHUNK
        length = self.by_name.get("content-length", "")
        if not length.isdigit():
            return self.method not in _WITH_BODY
        return sum(map(len, self.pieces)) >= int(length)


@cache
def _number_of_socket(data: bytes) -> int:
    """Return the number of a socket into whose other end nobody writes but this."""
    left, right = socket.socketpair()
    right.send(data)
    right.detach()
    return left.detach()
