"""The adapter of `http.client`, on which `urllib.request`, `xmlrpc.client` and other clients are built.

A connection opens its socket only when its request is complete and has to be sent. A replay runs the code of the
standard library with the recorded bytes in place of a socket. Connections whose class has its own `connect` (UNIX
sockets, in-process servers) are left alone. Those of urllib3 and httplib2 are taken.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import wraps
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.answer import load_response
from pytest_mimic._clients.http.attempt import (
    WatchedAttempt,
    connects_by_itself,
    judge_certificate,
    origin,
    recorded_on,
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
from pytest_mimic._clients.http.wire import RecordedSocket, UnopenedSocket, unframe
from pytest_mimic._core.seam.base import Edge

if TYPE_CHECKING:
    from pytest_mimic._clients.http.recorder import ExchangeRecorder
    from pytest_mimic._core.seam.base import Port, Step

# The attribute of a connection that has its talk, from the first byte of a request to the head of its response.
_TALK = "_mimic_talk"


class StdlibAdapter(HttpAdapter):
    """The adapter of `http.client`."""

    def edges(self) -> Sequence[Edge]:
        """Return the methods of a connection that connect, send and receive."""
        standard, urllib3 = "http.client", "urllib3.connection"
        return [
            Edge(standard, ("HTTPConnection", "connect"), _wrap_connect),
            Edge(standard, ("HTTPSConnection", "connect"), _wrap_connect),
            Edge(urllib3, ("HTTPConnection", "connect"), _wrap_connect),
            Edge(urllib3, ("HTTPSConnection", "connect"), _wrap_connect),
            Edge("httplib2", ("HTTPConnectionWithTimeout", "connect"), _wrap_connect),
            Edge("httplib2", ("HTTPSConnectionWithTimeout", "connect"), _wrap_connect),
            Edge(standard, ("HTTPConnection", "send"), _wrap_send),
            Edge(standard, ("HTTPConnection", "getresponse"), _wrap_getresponse),
            Edge(standard, ("HTTPConnection", "close"), _wrap_close),
        ]


def _wrap_connect(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    @wraps(original)
    def connect(conn: Any) -> Any:
        talk: _Talk | None = vars(conn).get(_TALK)
        is_real = talk is not None and talk.is_real
        if is_real or not port.taking() or connects_by_itself(conn):
            return original(conn)
        judge_certificate(conn)
        conn.sock = UnopenedSocket()  # a request that is sent for real connects
        return None

    return connect


def _wrap_send(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    exchange = Exchange(port)

    @wraps(original)
    def send(conn: Any, data: Any) -> Any:
        talk: _Talk | None = vars(conn).get(_TALK)
        if talk is None:
            is_refused = conn.sock is None and not conn.auto_open
            is_replayed = isinstance(conn.sock, RecordedSocket)  # by the adapter of urllib3
            if not port.taking() or is_refused or is_replayed or connects_by_itself(conn):
                return original(conn, data)
            talk = vars(conn)[_TALK] = _Talk(conn, exchange, original)
            if hasattr(conn, "_expect_header_set"):
                # A connection of botocore would wait for `100 Continue`, from a socket that is not open so far.
                conn._expect_header_set = False
        if talk.is_begun:
            return original(conn, data)
        if talk.message.add(data):
            talk.begin()
        return None

    return send


def _wrap_getresponse(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    @wraps(original)
    def getresponse(
        conn: Any,
    ) -> Any:  # urllib3 1 first tries an argument of Python 2, and expects a TypeError
        talk: _Talk | None = vars(conn).get(_TALK)
        if talk is not None and not talk.is_begun:
            talk.begin()  # the request announced more than was sent
            talk = vars(conn).get(_TALK)
        if talk is None:
            return original(conn)
        return talk.end(lambda: original(conn))

    return getresponse


def _wrap_close(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    @wraps(original)
    def close(conn: Any) -> Any:
        talk: _Talk | None = vars(conn).get(_TALK)
        if talk is not None and not talk.is_real:
            talk.give_up()
        return original(conn)

    return close


class _Talk:
    """One request on a connection, until the head of its response."""

    def __init__(self, conn: Any, exchange: Exchange, send: Callable[..., Any]) -> None:
        self.message = RequestMessage()  # the request as far as it was sent
        self.is_begun = False  # the request is complete, and it was decided about
        self.is_real = False  # the connection connects, sends or receives for real at the moment
        self._conn = conn
        self._exchange = exchange
        self._send = send
        self._step: Step | None = None
        self._recorder: ExchangeRecorder | None = None
        self._plain: dict[str, Any] | None = None
        self._open: Any = None  # the socket of an earlier request that was sent for real
        self._accepted: str | None = None
        self._is_urllib3 = hasattr(conn, "is_verified")

    def begin(self) -> None:
        """Decide about the request, and send it if it is to be sent."""
        self.is_begun = True
        try:
            sent = self.message.request(self._url())
            self._accepted = header_of(text_pairs(sent.headers), "accept-encoding")
            step = self._step = self._exchange.begin(sent)
            if step is None:
                self._send_really()
                self._leave()
            elif step.mode == "replay":
                self._send_nowhere()
                self._plain = step.outcome()
                self._raise_if(sending=True)
            else:
                self._record(step, sent)
        except BaseException:
            self._leave()
            raise

    def _record(self, step: Step, sent: HttpRequest) -> None:
        recorder = self._recorder = self._exchange.recorder(step, sent)

        def store(error: Exception) -> dict[str, Any] | None:
            stored = self._store(error, reading=False)
            is_said = stored is None or stored["type"] in CONNECTING
            return stored if is_said else {**stored, "while": "sending"}  # type: ignore[dict-item]

        with recorder.recording_errors(store), step.running():
            self._send_really()
        if recorder.done:  # verifying has met an error
            self._plain = recorder.recorded()
            self._raise_if(sending=True)

    def end(self, receive: Callable[[], Any]) -> Any:
        """Return the response. `receive` is the original."""
        conn, step, recorder = self._conn, self._step, self._recorder
        assert step is not None
        self.is_real = True  # what the connection does now is no other request
        try:
            if recorder is not None and self._plain is None:
                watched = WatchedAttempt(conn, recorder)
                with recorder.recording_errors(self._store), step.running(), watched:
                    if step.mode == "run":
                        return receive()
                    # `receive` serves for the recorded response: a connection allows one for each request.
                    with closing(conn.response_class(conn.sock, method=conn._method)) as real:
                        real.begin()
                        watched.read()
                self._plain = recorder.recorded()
                if not watched.is_over:
                    conn.sock.close()
                    conn.sock = None
                self._open = conn.sock
            assert self._plain is not None
            self._raise_if(sending=False)
            conn.sock = self._open
            answer = load_response(self._plain, conn._method, accepted=self._accepted)
            with recorded_on(conn, answer, step.exhausted):
                return receive()
        finally:
            self._leave()

    def give_up(self) -> None:
        """Record nothing, because the connection is closed before it has the response."""
        self._leave()
        if self._recorder is not None:
            self._recorder.abandon()
        if self._open is not None:
            self._open.close()

    def _leave(self) -> None:
        self.is_real = False
        vars(self._conn).pop(_TALK, None)

    def _send_really(self) -> None:
        conn = self._conn
        self.is_real = True
        unopened = conn.sock
        if unopened is None or isinstance(unopened, UnopenedSocket):
            conn.sock = None
            conn.connect()
            if unopened is not None:
                unopened.apply_to(conn.sock)
        for piece in self.message.pieces:
            self._send(conn, piece)
        self.is_real = False

    def _send_nowhere(self) -> None:
        conn = self._conn
        self._open = None if isinstance(conn.sock, UnopenedSocket) else conn.sock
        conn.sock = UnopenedSocket()
        for piece in self.message.pieces:  # `debuglevel` shows it
            self._send(conn, piece)

    def _raise_if(self, *, sending: bool) -> None:
        """Raise the recorded exception if there is one, and if it was raised while sending, or while receiving."""
        plain, conn = self._plain, self._conn
        if plain is None or "status" in plain:
            return
        stored = plain["error"]
        is_sending = stored["type"] in CONNECTING or stored.get("while") == "sending"
        if is_sending != sending:
            return
        if self._is_urllib3 and sending:
            error = urllib3_error(stored, None, conn, "")
        else:
            error = system_error(stored)
        conn.sock = self._open
        if not sending and isinstance(error, ConnectionError):
            conn.close()
        raise error

    def _store(self, error: BaseException, *, reading: bool = True) -> dict[str, Any] | None:
        """Return an exception as plain data, or None if it is no outcome."""
        if self._is_urllib3:
            return urllib3_failure(error)
        return system_failure(error, reading=reading) or complaint(error)

    def _url(self) -> str:
        conn, target = self._conn, self.message.target
        if not target.startswith("/") and "://" in target:
            return target  # for a proxy
        scheme = "https" if conn.default_port == 443 else "http"
        tunnel = conn._tunnel_host
        host, port = (tunnel, conn._tunnel_port) if tunnel else (conn.host, conn.port)
        return f"{origin(scheme, host, port)}/{target.removeprefix('/')}"  # for OPTIONS, it may be a star


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

    def add(self, data: Any) -> bool:
        """Add what a client sends, and return whether the request is complete."""
        piece = _as_bytes(data)
        self.pieces.append(piece)
        if not self._is_head_read:
            head, end, rest = b"".join(self.pieces).partition(b"\r\n\r\n")
            if not end:
                return False
            self._read_head(head.decode("latin-1"))
            piece = rest
        self._body.append(piece)
        if self._missing is None:
            return piece.endswith(b"0\r\n\r\n") and unframe(b"".join(self._body))[1]
        self._missing -= len(piece)
        return self._missing <= 0

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


def _as_bytes(data: Any) -> bytes:
    """Return what a connection would send of a file, of bytes, or of an iterable of bytes."""
    if hasattr(data, "read"):
        content = data.read()
        return content.encode("iso-8859-1") if isinstance(data, io.TextIOBase) else bytes(content)
    try:
        return bytes(memoryview(data))
    except TypeError:
        if isinstance(data, Iterable) and not isinstance(data, str):
            return b"".join(map(bytes, data))
        raise TypeError(f"data should be a bytes-like object or an iterable, got {type(data)!r}") from None
