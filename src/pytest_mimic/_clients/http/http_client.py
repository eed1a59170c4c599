"""The adapter of `http.client`, on which `urllib.request`, `xmlrpc.client`, urllib3 and other clients are built.

A connection opens its socket only when its request is complete and has to be sent. A
replay runs the code of the
standard library with the recorded bytes in place of a socket. Connections whose class
has its own `connect` (UNIX
sockets, in-process servers) are left alone. Those of urllib3 and httplib2 are taken.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.connections import (
    RecordedBytes,
    RecordedFile,
    RequestMessage,
    WholeBytes,
)
from pytest_mimic._clients.http.exchange import (
    SENDERS,
    Exchange,
    HttpAdapter,
    connects_by_itself,
)
from pytest_mimic._clients.http.failures import (
    CLASSES,
    CONNECTING,
    TEST_ENDED,
    Failure,
    system_error,
)
from pytest_mimic._clients.http.responses import ExchangeRecorder, StoredResponse
from pytest_mimic.client import Edge

if TYPE_CHECKING:
    from pytest_mimic.client import Port

# The attribute of a connection that connects for real.
_IS_REAL = "_mimic_is_real"
# Errors of sending after which urllib3 reads the response: the server may have answered
# before it had everything.
_IGNORED = (BrokenPipeError, ConnectionResetError)


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
    exchange = Exchange(port)

    @wraps(original)
    def connect(conn: Any) -> Any:
        takers = _takers(exchange, conn)
        if not takers:
            return original(conn)
        conn.sock = _Talk(conn, takers)  # a request that is sent for real connects
        return None

    return connect


def _wrap_send(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    exchange = Exchange(port)

    @wraps(original)
    def send(conn: Any, data: Any) -> Any:
        talk = conn.sock
        if not isinstance(talk, _Talk):
            takers = _takers(exchange, conn)
            if not takers:
                return original(conn, data)
            talk = conn.sock = _Talk(conn, takers, talk)
        if hasattr(conn, "_expect_header_set"):
            # A connection of botocore would wait for `100 Continue`, from a socket that
            # is not open so far.
            conn._expect_header_set = False
        original(conn, data)
        if talk.message.is_complete:
            talk.begin()
        return None

    return send


def _takers(exchange: Exchange, conn: Any) -> list[Exchange]:
    """Return the exchanges that may take what is sent on a connection: of the clients above that send it, and this one.

    None may while it connects or sends for real.
    """
    if _IS_REAL in vars(conn) or connects_by_itself(type(conn)):
        return []
    return [one for one in (*SENDERS.get(), exchange) if one.port.taking()]


def _wrap_getresponse(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    @wraps(original)
    def getresponse(
        conn: Any,
    ) -> Any:  # urllib3 1 tries another argument, and expects a TypeError
        talk = conn.sock
        if not isinstance(talk, _Talk):
            return original(conn)
        talk.begin()  # the request may have announced more than was sent
        return talk.receive(original)

    return getresponse


class _Talk:
    """The socket of a connection, perhaps of one that is not open, until the response to its next request.

    `takers` are the exchanges of the clients that may take the request. `real` is the
    open socket, on which an earlier
    request was sent for real.
    """

    _is_begun = False  # whether the request is complete, and it was decided about
    _step: Any = None
    _recorder: ExchangeRecorder | None = None
    _plain: Any = None  # the recorded response

    def __init__(self, conn: Any, takers: list[Exchange], real: Any = None) -> None:
        self.message = RequestMessage()  # the request as far as it was sent
        self._conn, self._takers = conn, takers
        self._real: Any = real
        self._settings: list[
            tuple[str, tuple[Any, ...]]
        ] = []  # the methods that were called, for the real socket
        self._is_urllib3 = hasattr(conn, "is_verified")
        if self._is_urllib3 and real is None:
            # It warns before it sends a request, and nothing is connected.
            conn.is_verified = getattr(conn, "cert_reqs", None) not in ("CERT_NONE", 0)

    def __getattr__(self, name: str) -> Any:
        if self._real is None and name in ("settimeout", "setsockopt"):
            return lambda *values: self._settings.append((name, values))
        return getattr(self._real, name)  # `getpeername`

    def sendall(self, data: Any) -> None:
        """Collect the request. After its announced end, the rest goes where it went."""
        if self._is_begun and self._plain is None:
            self._real.sendall(data)
        else:
            self.message.add(bytes(memoryview(data)))

    def begin(self) -> None:
        """Decide about the request, and send it if it is to be sent."""
        if self._is_begun:
            return
        self._is_begun = True
        try:
            headers = self.message.headers
            if self._is_urllib3:  # those who call it have set no `Host`
                headers = tuple([pair for pair in headers if pair[0].lower() != "host"])
            sent = self.message.request(self._url(), headers)
            self._step = step = next(
                filter(None, (one.begin(sent) for one in self._takers)), None
            )
            if step is None:
                self._send()
                self._conn.sock = self._real
            elif step.mode == "replay":
                self._plain = step.outcome(is_read_only=True)
            else:
                self._recorder = recorder = ExchangeRecorder(step)
                with recorder.watching():
                    self._send()
                recorder.phase = "reading"
                if recorder.done:  # verifying has met an error
                    self._plain = recorder.recorded()
            stored = (self._plain or {}).get("error")
            if (
                stored
                and "status" not in self._plain
                and stored["type"] in (*CONNECTING, "writing", "proxy")
            ):
                raise self._error(stored)
        except BaseException:
            self._conn.sock = self._real
            raise

    def _send(self) -> None:
        conn = self._conn
        vars(conn)[_IS_REAL] = True
        try:
            if self._real is None:
                conn.sock = None
                try:
                    conn.connect()
                finally:
                    self._real = conn.sock
                for name, values in self._settings:
                    getattr(self._real, name)(*values)
            if self._recorder is not None:
                self._recorder.phase = "writing"
            with suppress(*_IGNORED if self._is_urllib3 else ()):
                for piece in self.message.pieces:
                    self._real.sendall(piece)
        finally:
            conn.sock = self
            del vars(conn)[_IS_REAL]

    def makefile(self, *args: Any) -> Any:
        """Return the file from which the response is read."""
        self._conn.sock = self._real
        plain = self._plain
        if plain is None:
            return self._real.makefile(*args)
        if "status" not in plain:
            return io.BufferedReader(RecordedBytes([], self._instead))
        answer = StoredResponse(
            plain, self.message.method, decodes=_decodes(self._conn)
        )
        wire, error = answer.wire(), answer.error
        if answer.is_complete and len(wire) == 1:
            return io.BufferedReader(WholeBytes(wire[0]))
        # The client finds out by itself that a body ends before its end.
        is_cut_off = error is not None and error["type"] in ("closed", "malformed")
        end: Callable[[], Exception | None] = partial(
            answer.ending, self._error, self._step.exhausted
        )
        if answer.waiting or self._step.waits:
            end = self._instead
        return io.BufferedReader(
            RecordedBytes(wire, (lambda: None) if is_cut_off else end)
        )

    def _instead(self) -> Exception:
        """Return the error that comes instead of a response; without one, wait for more as the recorded reader did."""
        if "error" not in self._plain:
            self._step.wait(partial(self._error, TEST_ENDED))
        return self._error(self._plain["error"])

    def close(self) -> None:
        """Record nothing, because the connection is closed before it has the response."""
        if self._recorder is not None:
            self._recorder.abandon()
        if self._real is not None:
            self._real.close()

    def _url(self) -> str:
        conn, target = self._conn, self.message.target
        if not target.startswith("/") and "://" in target:
            return target  # for a proxy
        scheme = "https" if conn.default_port == 443 else "http"
        tunnel = conn._tunnel_host
        host, port = (tunnel, conn._tunnel_port) if tunnel else (conn.host, conn.port)
        host = f"[{host}]" if ":" in host else host
        # For OPTIONS, the target may be a star.
        return (
            f"{scheme}://{host}{f':{port}' if port else ''}/{target.removeprefix('/')}"
        )

    def _error(self, stored: Failure) -> Exception:
        if not self._is_urllib3:
            return system_error(stored)
        if stored["type"] not in (
            "refused",
            "unreachable",
            "name",
            "connecting",
            "proxy",
        ):
            # The pool blames a proxy that is not connected.
            self._conn._has_connected_to_proxy = bool(self._conn.proxy)
        return _urllib3_error(stored, self._conn)

    def receive(self, receive: Callable[[Any], Any]) -> Any:
        """Return the response that the connection receives.

        A real one is watched, before any client has read its body.
        """
        conn, recorder = self._conn, self._recorder
        if recorder is None or recorder.done or self._plain is not None:
            return receive(conn)
        with recorder.watching():
            response = receive(conn)
            version = "HTTP/1.0" if response.version == 10 else "HTTP/1.1"
            recorder.start(
                response.status, response.reason, version, response.headers.items()
            )
            if not _decodes(conn):
                recorder.decodes = _never
            is_empty = response.length == 0 and (
                not response.chunked or response._method == "HEAD"
            )
            if is_empty or response.fp is None:
                recorder.complete()
            else:
                # After another encoding, the client leaves the chunks to its caller.
                is_chunked = (
                    "chunked" in response.headers.get("transfer-encoding", "").lower()
                )
                response.fp = RecordedFile(
                    response.fp, recorder, chunked=is_chunked, length=response.length
                )
                if self._is_urllib3 and "content-encoding" in response.headers:
                    response.fp.note_decoding()
            if not recorder.is_verifying:
                return response
            with closing(response):  # read what the recording has, to compare it
                response.read(recorder.wanted)
        # The caller gets the recorded response in place of the real one, which perhaps
        # never came.
        self._plain = recorder.recorded()
        # The `close` of a subclass may forget more: urllib3's forgets that its proxy
        # has answered.
        sys.modules["http.client"].HTTPConnection.close(conn)  # more may come on it
        self._real = None
        found = conn.response_class(self, method=conn._method)
        found.begin()
        return found


def _decodes(conn: Any) -> bool:
    """Check whether the client above a connection decompresses bodies: urllib3 or httplib2."""
    return hasattr(conn, "is_verified") or type(conn).__module__ == "httplib2"


def _never() -> bool:
    return False


def _urllib3_error(stored: Failure, conn: Any) -> Exception:
    """Return what a connection of urllib3 raises for a failure.

    The pool makes its own exceptions of those of the system.
    """
    own, kind, message = (
        sys.modules["urllib3.exceptions"],
        stored["type"],
        stored["message"],
    )
    name = CLASSES["urllib3"].get(kind)
    if name is None or (
        kind == "unreachable" and stored["class"] == "OSError"
    ):  # of a proxy that has no tunnel
        return system_error(stored)
    make = getattr(own, name, own.NewConnectionError)  # urllib3 1 knows no names
    if name == make.__name__ == "NameResolutionError":
        return make(conn.host, conn, system_error(stored))  # type: ignore[no-any-return]
    prefix = "" if kind == "connecting" else "Failed to establish a new connection: "
    return make(conn, prefix + message.removeprefix(prefix))  # type: ignore[no-any-return]
