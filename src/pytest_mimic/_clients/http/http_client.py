"""The adapter of `http.client`, on which `urllib.request`, `xmlrpc.client` and other clients are built.

A connection opens its socket only when its request is complete and has to be sent. A replay runs the code of the
standard library with the recorded bytes in place of a socket. Connections whose class has its own `connect` (UNIX
sockets, in-process servers) are left alone. Those of urllib3 and httplib2 are taken.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.connections import (
    RecordedBytes,
    RecordedSocket,
    UnopenedSocket,
    Watch,
    connects_by_itself,
    judge_certificate,
    origin,
    unframe,
)
from pytest_mimic._clients.http.exchange import Exchange, HttpAdapter, HttpRequest
from pytest_mimic._clients.http.failures import (
    CONNECTING,
    complaint,
    system_error,
    system_failure,
    urllib3_error,
    urllib3_failure,
)
from pytest_mimic._clients.http.message import header_of, text_pairs
from pytest_mimic._clients.http.responses import load_response
from pytest_mimic._core.seam.base import Edge

if TYPE_CHECKING:
    from pytest_mimic._clients.http.responses import ExchangeRecorder
    from pytest_mimic._core.seam.base import Port, Step

# The attribute of a connection that connects for real.
_IS_REAL = "_mimic_is_real"


class StdlibAdapter(HttpAdapter):
    """The adapter of `http.client`."""

    def edges(self) -> Sequence[Edge]:
        """Return the methods of a connection that connect, send and receive."""
        connections = {
            "http.client": ("HTTPConnection", "HTTPSConnection"),
            "urllib3.connection": ("HTTPConnection", "HTTPSConnection"),
            "httplib2": ("HTTPConnectionWithTimeout", "HTTPSConnectionWithTimeout"),
        }
        return [
            *(
                Edge(module, (name, "connect"), _wrap_connect)
                for module in connections
                for name in connections[module]
            ),
            Edge("http.client", ("HTTPConnection", "send"), _wrap_send),
            Edge("http.client", ("HTTPConnection", "getresponse"), _wrap_getresponse),
        ]


def _wrap_connect(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    @wraps(original)
    def connect(conn: Any) -> Any:
        if _IS_REAL in vars(conn) or not port.taking() or connects_by_itself(conn):
            return original(conn)
        judge_certificate(conn)
        conn.sock = UnopenedSocket()  # a request that is sent for real connects
        return None

    return connect


def _wrap_send(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    exchange = Exchange(port)

    @wraps(original)
    def send(conn: Any, data: Any) -> Any:
        talk = conn.sock
        if not isinstance(talk, _Talk):
            is_refused = talk is None and not conn.auto_open
            is_replayed = isinstance(talk, RecordedSocket)  # by the adapter of urllib3
            if is_refused or is_replayed or _IS_REAL in vars(conn):
                return original(conn, data)
            if not port.taking() or connects_by_itself(conn):
                return original(conn, data)
            if talk is None:
                conn.connect()
            talk = conn.sock = _Talk(conn, exchange, conn.sock)
            if hasattr(conn, "_expect_header_set"):
                # A connection of botocore would wait for `100 Continue`, from a socket that is not open so far.
                conn._expect_header_set = False
        original(conn, data)
        if talk.message.is_complete:
            talk.begin()
        return None

    return send


def _wrap_getresponse(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    @wraps(original)
    def getresponse(conn: Any) -> Any:  # urllib3 1 tries another argument, and expects a TypeError
        if isinstance(conn.sock, _Talk):
            conn.sock.begin()  # the request may have announced more than was sent
        return original(conn)

    return getresponse


class _Talk:
    """The socket of a connection from the first byte of a request to the response.

    `socket` is the one that the connection had: of an earlier request that was sent for real, or one that is not open.
    """

    def __init__(self, conn: Any, exchange: Exchange, socket: Any) -> None:
        self.message = RequestMessage()  # the request as far as it was sent
        self._is_begun = False  # the request is complete, and it was decided about
        self._conn = conn
        self._exchange = exchange
        self._socket: Any = socket
        self._step: Step | None = None
        self._recorder: ExchangeRecorder | None = None
        self._watch: Watch | None = None
        self._plain: dict[str, Any] | None = None
        self._accepted: str | None = None
        self._is_urllib3 = hasattr(conn, "is_verified")
        self._failure: Callable[..., dict[str, Any] | None] = (
            urllib3_failure if self._is_urllib3 else _failure
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)  # `settimeout`, `getpeername`

    @property
    def _real(self) -> Any:
        return None if isinstance(self._socket, UnopenedSocket) else self._socket

    def sendall(self, data: Any) -> None:
        """Collect the request. After its announced end, the rest goes where it went."""
        if self._is_begun and self._plain is None:
            self._socket.sendall(data)
        else:
            self.message.add(bytes(memoryview(data)))

    def begin(self) -> None:
        """Decide about the request, and send it if it is to be sent."""
        if self._is_begun:
            return
        self._is_begun = True
        try:
            sent = self.message.request(self._url())
            self._accepted = header_of(text_pairs(sent.headers), "accept-encoding")
            step = self._step = self._exchange.begin(sent)
            if step is None:
                self._send()
                self._conn.sock = self._real
            elif step.mode == "replay":
                self._plain = step.outcome()
            else:
                self._record(step, sent)
            stored = _error_in(self._plain)
            if stored is not None and _is_of_sending(stored):
                raise (
                    urllib3_error(stored, None, self._conn, "") if self._is_urllib3 else system_error(stored)
                )
        except BaseException:
            self._conn.sock = self._real
            raise

    def _record(self, step: Step, sent: HttpRequest) -> None:
        recorder = self._recorder = self._exchange.recorder(step, sent)

        @contextmanager
        def receiving(failure: Any = self._failure) -> Iterator[None]:
            with recorder.recording_errors(failure), step.running():
                yield

        def sending(error: Exception) -> dict[str, Any] | None:
            stored = urllib3_failure(error) if self._is_urllib3 else _failure(error, reading=False)
            return stored if stored is None or _is_of_sending(stored) else {**stored, "while": "sending"}

        with recorder.recording_errors(sending), step.running():
            self._send()
        if recorder.done:  # verifying has met an error
            self._plain = recorder.recorded()
        else:
            self._watch = Watch(self._conn, recorder, system_error, receiving, self._accepted)
            self._watch.begin()

    def _send(self) -> None:
        conn = self._conn
        vars(conn)[_IS_REAL] = True
        try:
            unopened = self._socket
            if isinstance(unopened, UnopenedSocket):
                conn.sock = None
                conn.connect()
                self._socket = conn.sock
                unopened.apply_to(self._socket)
            for piece in self.message.pieces:
                self._socket.sendall(piece)
        finally:
            conn.sock = self
            del vars(conn)[_IS_REAL]

    def makefile(self, *args: Any) -> Any:
        """Return the file of the response: of the recorded one, or of the real one, which is watched."""
        conn, plain = self._conn, self._plain
        conn.sock = self._real
        if plain is None:
            return self._socket.makefile(*args)
        if (stored := _error_in(plain)) is not None:
            error = system_error(stored)
            return io.BufferedReader(RecordedBytes([], lambda: error))
        assert self._step is not None
        answer = load_response(plain, conn._method, accepted=self._accepted)
        return RecordedSocket(answer, self._step.exhausted).makefile()

    def close(self) -> None:
        """Record nothing, because the connection is closed before it has the response."""
        if self._watch is not None:
            self._watch.leave()
        if self._recorder is not None:
            self._recorder.abandon()
        self._socket.close()

    def _url(self) -> str:
        conn, target = self._conn, self.message.target
        if not target.startswith("/") and "://" in target:
            return target  # for a proxy
        scheme = "https" if conn.default_port == 443 else "http"
        tunnel = conn._tunnel_host
        host, port = (tunnel, conn._tunnel_port) if tunnel else (conn.host, conn.port)
        return f"{origin(scheme, host, port)}/{target.removeprefix('/')}"  # for OPTIONS, it may be a star


def _failure(error: BaseException, *, reading: bool = True) -> dict[str, Any] | None:
    """Return an exception as plain data, or None if it is no outcome."""
    return system_failure(error, reading=reading) or complaint(error)


def _error_in(plain: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the recorded error that came instead of a response."""
    return plain["error"] if plain is not None and "status" not in plain else None


def _is_of_sending(stored: dict[str, Any]) -> bool:
    return stored["type"] in CONNECTING or stored.get("while") == "sending"


class RequestMessage:
    """A request that is collected while a client sends it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []  # what was sent, in order
        self.target = ""  # the target in its first line: a path, or a URL for a proxy
        self._method = ""
        self._headers: tuple[tuple[str, str], ...] = ()
        self._body: list[bytes] = []
        self._missing: int | None = 0  # bytes of the body that have not come; None if it has chunks
        self._is_head_read = False
        self.is_complete = False

    def add(self, piece: bytes) -> None:
        """Add what a client sends."""
        self.pieces.append(piece)
        if not self._is_head_read:
            head, end, piece = b"".join(self.pieces).partition(b"\r\n\r\n")
            if not end:
                return
            self._read_head(head.decode("latin-1"))
        self._body.append(piece)
        if self._missing is None:
            self.is_complete = piece.endswith(b"0\r\n\r\n") and unframe(b"".join(self._body))[1]
        else:
            self._missing -= len(piece)
            self.is_complete = self._missing <= 0

    def _read_head(self, head: str) -> None:
        self._is_head_read = True
        first, *lines = head.replace("\r\n\t", " ").replace("\r\n ", " ").split("\r\n")
        self._method, self.target, _ = first.rsplit(" ", 2)  # a wrong method may have blanks
        pairs = (line.partition(":") for line in lines)
        self._headers = tuple((name, value.strip()) for name, _, value in pairs)
        one = {name.lower(): value for name, value in self._headers}
        if "chunked" in one.get("transfer-encoding", "").lower():
            self._missing = None
        else:
            length = one.get("content-length", "")
            self._missing = int(length) if length.isdigit() else 0

    def request(self, url: str) -> HttpRequest:
        body = b"".join(self._body)
        if self._missing is None:
            body = b"".join(unframe(body)[0])
        return HttpRequest(self._method, url, self._headers, body)
