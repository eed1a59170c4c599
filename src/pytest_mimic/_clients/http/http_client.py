"""The adapter of `http.client`, and so of `urllib.request`, urllib3 and others.

A connection opens its socket only when its request is complete and has to be sent. A
replay runs the code of the standard library with the recorded bytes in place of a
socket. Connections whose class has its own `connect` (UNIX sockets, in-process servers)
are left alone. Those of urllib3 and httplib2 are taken.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.failures import (
    CONNECTING,
    EXCEPTION_OF_KIND,
    TEST_ENDED,
    Failure,
    system_error,
)
from pytest_mimic._clients.http.http_calls import (
    OUTER_TAKERS,
    HttpAdapter,
    RequestTaker,
)
from pytest_mimic._clients.http.http_client_bytes import (
    RecordedBytes,
    RecordedFile,
    RequestMessage,
    WholeBytes,
)
from pytest_mimic._clients.http.responses import ExchangeRecorder, StoredResponse
from pytest_mimic.client import Edge

if TYPE_CHECKING:
    from pytest_mimic.client import Port

# The attribute that a connection has while it connects or sends for real: then its
# `connect` and `send` are those of the library.
_ATTRIBUTE_OF_REAL = "_mimic_is_real"
# Errors of sending after which urllib3 reads the response: the server may have answered
# before it had everything.
_ERRORS_THAT_URLLIB3_IGNORES = (BrokenPipeError, ConnectionResetError)
# The kinds of recorded errors that come before a response is read. They are raised by
# the `send` of the connection, others by its `getresponse`.
_KINDS_BEFORE_RESPONSE = frozenset((*CONNECTING, "writing", "proxy"))
# The kinds for which a proxy is to blame, in the eyes of a pool of urllib3.
_KINDS_OF_PROXY_BLAME = frozenset(
    ("refused", "unreachable", "name", "connecting", "proxy")
)
# A connection tells its scheme by its default port alone.
_HTTPS_PORT = 443
# How urllib3 begins the texts of its errors.
_NOT_ESTABLISHED = "Failed to establish a new connection: "
# The modules whose connections open a socket as their class says. Other classes may
# lead into this process.
_MODULES_THAT_CONNECT = ("http.client", "urllib3.connection", "httplib2")


class StdlibAdapter(HttpAdapter):
    """The adapter of `http.client`."""

    def edges(self) -> Sequence[Edge]:
        """Return the methods of a connection that connect, send and receive."""
        # By the module, its classes with a `connect` of their own. All of them send and
        # receive by the methods of `http.client`.
        connections = {
            "http.client": ("HTTPConnection", "HTTPSConnection"),
            "urllib3.connection": ("HTTPConnection", "HTTPSConnection"),
            "httplib2": ("HTTPConnectionWithTimeout", "HTTPSConnectionWithTimeout"),
        }
        edges = [
            Edge("http.client", ("HTTPConnection", "send"), _wrap_send),
            Edge("http.client", ("HTTPConnection", "getresponse"), _wrap_getresponse),
        ]
        for module, classes in connections.items():
            for name in classes:
                edges.append(Edge(module, (name, "connect"), _wrap_connect))
        return edges


def _wrap_connect(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    """Return the `connect` of a connection: it waits for a request to send."""
    taker = RequestTaker(port)

    @wraps(original)
    def connect(conn: Any) -> Any:
        takers = _takers_on(taker, conn)
        if not takers:
            # Nothing mimics the connection, or it connects for real now.
            return original(conn)
        # A request that is sent for real connects.
        conn.sock = _StandInSocket(conn, takers)
        return None

    return connect


def _wrap_send(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    """Return the `send` of a connection: the whole request is decided about."""
    taker = RequestTaker(port)

    @wraps(original)
    def send(conn: Any, data: Any) -> Any:
        stand_in = conn.sock
        if not isinstance(stand_in, _StandInSocket):
            takers = _takers_on(taker, conn)
            if not takers:
                return original(conn, data)
            # The connection is open, as an earlier request was sent for real.
            real_socket = stand_in
            stand_in = conn.sock = _StandInSocket(conn, takers, real_socket)
        if hasattr(conn, "_expect_header_set"):
            # A connection of botocore would wait for `100 Continue`, from a socket that
            # is not open so far.
            conn._expect_header_set = False
        original(conn, data)
        if stand_in.request_message.is_complete:
            stand_in.begin()
        return None

    return send


def _takers_on(taker: RequestTaker, conn: Any) -> list[RequestTaker]:
    """Return the takers that may take what is sent on a connection.

    These are the takers of the outer clients, such as requests, and this one. No taker
    may take anything while the connection connects or sends for real.
    """
    if _ATTRIBUTE_OF_REAL in vars(conn) or _connects_by_itself(type(conn)):
        return []
    takers = []
    for candidate in (*OUTER_TAKERS.get(), taker):
        if candidate.port.taking():
            takers.append(candidate)
    return takers


def _connects_by_itself(connection_class: Any) -> bool:
    """Check whether a class of connections has its own `connect`.

    What such a `connect` opens is unknown. The class of vcrpy has one while a cassette
    of vcrpy is open.
    """
    connect = getattr(connection_class, "connect", None)
    return getattr(connect, "__module__", None) not in _MODULES_THAT_CONNECT


def _wrap_getresponse(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    """Return the `getresponse` of a connection, for a real or a recorded response."""

    @wraps(original)
    def getresponse(conn: Any) -> Any:
        # `getresponse` takes no other argument: urllib3 1 tries one, and expects a
        # TypeError.
        stand_in = conn.sock
        if not isinstance(stand_in, _StandInSocket):
            # Nothing mimics what was sent on the connection.
            return original(conn)
        # A request may have announced more than was sent.
        stand_in.begin()
        return stand_in.response(original)

    return getresponse


class _StandInSocket:
    """Stands in for a connection's socket, until the response to its next request.

    The connection may not be open.

    Args:
        conn: The connection.
        takers: Those of the clients that may take the request, the outermost first.
        real: The open socket, on which an earlier request was sent for real.

    Attributes:
        request_message: The request as far as it was sent.
    """

    # Whether the request is complete, and was decided about.
    _is_begun = False
    # The step of the request; None: it is sent as usual.
    _step: Any = None
    # None: the request is replayed, or sent as usual.
    _recorder: ExchangeRecorder | None = None
    # The recorded response, which the caller gets; None: the real one is read.
    _recorded_exchange: Any = None

    def __init__(self, conn: Any, takers: list[RequestTaker], real: Any = None) -> None:
        self.request_message = RequestMessage()
        self._conn = conn
        self._takers = takers
        self._real_socket: Any = real
        # The methods that a client called before the real socket was open, with their
        # arguments. `_send` calls them once it is.
        self._settings: list[tuple[str, tuple[Any, ...]]] = []
        # The connections of `http.client` itself lack this attribute.
        self._is_urllib3 = hasattr(conn, "is_verified")
        if self._is_urllib3 and real is None:
            # urllib3 warns before it sends a request. Nothing is connected, so nothing
            # else sets whether the certificate is verified.
            conn.is_verified = getattr(conn, "cert_reqs", None) not in ("CERT_NONE", 0)

    def __getattr__(self, name: str) -> Any:
        """Return a method of the socket, such as `getpeername`."""
        if self._real_socket is None and name in ("settimeout", "setsockopt"):
            return partial(self._set_later, name)
        return getattr(self._real_socket, name)

    def _set_later(self, name: str, *values: Any) -> None:
        """Keep a setting for the real socket, which may be opened later or never."""
        self._settings.append((name, values))

    def sendall(self, request_bytes: Any) -> None:
        """Collect the request. After its announced end, the rest goes where it went."""
        if self._is_begun and self._recorded_exchange is None:
            # The request was decided about, and its beginning was sent for real.
            self._real_socket.sendall(request_bytes)
        else:
            self.request_message.add(bytes(memoryview(request_bytes)))

    def begin(self) -> None:
        """Decide about the request, and send it if it is to be sent."""
        if self._is_begun:
            return
        self._is_begun = True
        try:
            self._step = self._begun_step()
            if self._step is None:
                # No line takes the request: the library goes on with the real socket.
                self._send()
                self._conn.sock = self._real_socket
            elif self._step.mode == "replay":
                self._recorded_exchange = self._step.outcome(is_read_only=True)
            else:
                self._record()
            self._raise_error_of_sending()
        except BaseException:
            # The connection is left with its real socket, or with none.
            self._conn.sock = self._real_socket
            raise

    def _begun_step(self) -> Any:
        """Return the step of the first taker that takes the request, if one does."""
        headers_of_caller = []
        for name, value in self.request_message.headers:
            # The callers of urllib3 have set no `Host`.
            if not self._is_urllib3 or name.lower() != "host":
                headers_of_caller.append((name, value))
        # The outermost client that is mimicked records the request, and no inner one.
        request = self.request_message.request(self._url(), tuple(headers_of_caller))
        for taker in self._takers:
            step = taker.begin(request)
            if step is not None:
                return step
        return None

    def _record(self) -> None:
        """Send the request for real, to record or to verify its response."""
        recorder = ExchangeRecorder(self._step)
        self._recorder = recorder
        with recorder.watching():
            self._send()
        recorder.phase = "reading"
        if recorder.done:
            # An error of sending, which is verified, is not raised: the caller gets the
            # recorded exchange.
            self._recorded_exchange = recorder.recorded()

    def _raise_error_of_sending(self) -> None:
        """Raise the recorded error if it came before the response was read."""
        if self._recorded_exchange is None or "status" in self._recorded_exchange:
            return
        failure = self._recorded_exchange.get("error")
        if failure and failure["type"] in _KINDS_BEFORE_RESPONSE:
            raise self._error(failure)

    def _send(self) -> None:
        """Send the request for real, on a connection that is opened for it."""
        conn = self._conn
        vars(conn)[_ATTRIBUTE_OF_REAL] = True
        try:
            if self._real_socket is None:
                conn.sock = None
                try:
                    conn.connect()
                finally:
                    self._real_socket = conn.sock
                for name, values in self._settings:
                    getattr(self._real_socket, name)(*values)
            # A timeout from here on is one of sending.
            if self._recorder is not None:
                self._recorder.phase = "writing"
            # urllib3 itself passes over these errors, and reads the response. For any
            # other client, nothing is suppressed.
            ignored_errors: tuple[type[Exception], ...] = ()
            if self._is_urllib3:
                ignored_errors = _ERRORS_THAT_URLLIB3_IGNORES
            with suppress(*ignored_errors):
                for piece in self.request_message.pieces:
                    self._real_socket.sendall(piece)
        finally:
            # This object is the socket of the connection until the response is read.
            conn.sock = self
            del vars(conn)[_ATTRIBUTE_OF_REAL]

    def makefile(self, *args: Any) -> Any:
        """Return the file from which `getresponse` of the library reads the response.

        Of a recorded response, it is a file in memory.
        """
        self._conn.sock = self._real_socket
        exchange = self._recorded_exchange
        if exchange is None:
            # The response is real, and `_watch_response` records it.
            return self._real_socket.makefile(*args)
        if "status" not in exchange:
            # No response came when the request was recorded.
            return io.BufferedReader(RecordedBytes([], self._error_instead))
        stored_response = StoredResponse(
            exchange, self.request_message.method, client_decodes=_decodes(self._conn)
        )
        pieces = stored_response.arriving_pieces()
        failure = stored_response.error
        if stored_response.is_complete and len(pieces) == 1:
            return io.BufferedReader(WholeBytes(pieces[0]))
        # The client itself raises an error for a body that is shorter than announced,
        # and for one with malformed chunks.
        is_cut_off = failure is not None and failure["type"] in ("closed", "malformed")
        # `error_at_end` returns what a reader gets behind the last recorded byte.
        error_at_end: Callable[[], Exception | None]
        if is_cut_off:
            error_at_end = _no_error
        elif stored_response.waiting or self._step.waits:
            error_at_end = self._error_instead
        else:
            error_at_end = partial(
                stored_response.error_at_end, self._error, self._step.exhausted
            )
        return io.BufferedReader(RecordedBytes(pieces, error_at_end))

    def _error_instead(self) -> Exception:
        """Return the error that comes instead of a response, or of more of it.

        Without one, wait for more as the recorded reader did.
        """
        if "error" not in self._recorded_exchange:
            self._step.wait(partial(self._error, TEST_ENDED))
        return self._error(self._recorded_exchange["error"])

    def close(self) -> None:
        """Record nothing: the connection is closed before it has the response."""
        if self._recorder is not None:
            self._recorder.abandon()
        if self._real_socket is not None:
            self._real_socket.close()

    def _url(self) -> str:
        """Return the URL of the request: its first line has the path alone.

        It counts in the identity, so that a request of `http.client` is the same call
        as one of any other client.
        """
        conn = self._conn
        request_target = self.request_message.target
        if not request_target.startswith("/") and "://" in request_target:
            # A proxy gets the whole URL.
            return request_target
        scheme = "http"
        if conn.default_port == _HTTPS_PORT:
            scheme = "https"
        host = conn.host
        port = conn.port
        if conn._tunnel_host:
            host = conn._tunnel_host
            port = conn._tunnel_port
        if ":" in host:
            # An address of IPv6 stands in brackets.
            host = f"[{host}]"
        if port:
            # The default port stands here, too: `read_origin` leaves it out of texts.
            host = f"{host}:{port}"
        # Any target has a slash in front, except the star of `OPTIONS *`.
        return f"{scheme}://{host}/{request_target.removeprefix('/')}"

    def _error(self, failure: Failure) -> Exception:
        """Return the exception that the connection raises for a recorded failure."""
        if not self._is_urllib3:
            return system_error(failure)
        if failure["type"] not in _KINDS_OF_PROXY_BLAME:
            # If the attribute is False, the pool of urllib3 blames the proxy for the
            # error.
            self._conn._has_connected_to_proxy = bool(self._conn.proxy)
        return _urllib3_error(failure, self._conn)

    def response(self, original: Callable[[Any], Any]) -> Any:
        """Return what `getresponse` returns to a client: a real or recorded response.

        A real response is handed to the recorder before any client reads its body. The
        body is recorded as the client reads it.

        Args:
            original: The `getresponse` of the library. It reads a replayed response,
                too, from the file that `makefile` returns.
        """
        conn = self._conn
        recorder = self._recorder
        if recorder is None or recorder.done or self._recorded_exchange is not None:
            # There is nothing to record: the response is replayed, for example.
            return original(conn)
        with recorder.watching():
            response = original(conn)
            self._watch_response(response, recorder)
            if not recorder.is_verifying:
                return response
            # As much is read as the recording has, to compare it.
            with closing(response):
                response.read(recorder.body_bytes_to_read)
        # The caller gets the recorded response in place of the real one, which perhaps
        # never came.
        self._recorded_exchange = recorder.recorded()
        # More of the real response may still come on this connection. The `close` of a
        # subclass may forget more: urllib3's forgets that its proxy has answered.
        sys.modules["http.client"].HTTPConnection.close(conn)
        self._real_socket = None
        replayed_response = conn.response_class(self, method=conn._method)
        replayed_response.begin()
        return replayed_response

    def _watch_response(self, response: Any, recorder: ExchangeRecorder) -> None:
        """Let the recorder see a real response: its head now, the body when read."""
        version = "HTTP/1.1"
        if response.version == 10:
            version = "HTTP/1.0"
        headers = response.headers
        recorder.start(response.status, response.reason, version, headers.items())
        if not _decodes(self._conn):
            recorder.decodes = _decodes_nothing
        has_no_chunks = not response.chunked or response._method == "HEAD"
        is_empty = response.length == 0 and has_no_chunks
        if is_empty or response.fp is None:
            # Nobody reads a body, so nothing else would end the recording.
            recorder.complete()
            return
        # After another encoding, the client leaves the chunks to its caller.
        is_chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        response.fp = RecordedFile(
            response.fp,
            recorder,
            chunked=is_chunked,
            length=response.length,
            drops_pieces=response.chunked or (is_chunked and self._is_urllib3),
        )
        if self._is_urllib3 and "content-encoding" in headers:
            response.fp.note_decoding()


def _decodes(conn: Any) -> bool:
    """Check whether the client above a connection decompresses bodies.

    urllib3 and httplib2 do. Any other gets the body compressed in a replay.
    """
    return hasattr(conn, "is_verified") or type(conn).__module__ == "httplib2"


def _decodes_nothing() -> bool:
    """Tell an `ExchangeRecorder` that the client does not decompress bodies."""
    return False


def _no_error() -> None:
    """End the recorded bytes without an exception."""


def _urllib3_error(failure: Failure, conn: Any) -> Exception:
    """Return what a connection of urllib3 raises for a recorded failure.

    The pool makes its own exceptions of those of the system.
    """
    exceptions = sys.modules["urllib3.exceptions"]
    kind = failure["type"]
    class_name = EXCEPTION_OF_KIND["urllib3"].get(kind)
    # A proxy that makes no tunnel: urllib3 gets the error of `http.client`.
    is_of_proxy = kind == "unreachable" and failure["class"] == "OSError"
    if class_name is None or is_of_proxy:
        return system_error(failure)
    error: Exception
    # urllib3 1 has no class for a name that is not found.
    error_class = getattr(exceptions, class_name, exceptions.NewConnectionError)
    if error_class.__name__ == "NameResolutionError":
        error = error_class(conn.host, conn, system_error(failure))
        return error
    message = failure["message"]
    if kind != "connecting":
        message = _NOT_ESTABLISHED + message.removeprefix(_NOT_ESTABLISHED)
    error = error_class(conn, message)
    return error
