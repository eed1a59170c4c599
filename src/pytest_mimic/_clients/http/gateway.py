"""A gateway on loopback: what another process sends there is forwarded through the adapter of `http.client`."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, suppress
from contextvars import Context, copy_context
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pytest_mimic.errors import MimicError, TargetError

# Headers that belong to one connection (RFC 9110, 7.6.1). The host is the service's.
_OF_CONNECTION = frozenset(
    {
        *("connection", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
        *("proxy-authenticate", "proxy-authorization", "proxy-connection"),
    }
)
# The answer to a request without a recording. Clients do not send again because of it, as they do after 409 and 429.
_FAILED_DEPENDENCY = 424
_BAD_GATEWAY = 502
_WITHOUT_BODY = (204, 304)
_PIECE = 65_536


class Gateways:
    """The gateways of one test. They close at the end of a `with` block."""

    def __init__(self) -> None:
        self._servers: list[_Server] = []

    def __call__(self, url: str) -> str:
        """Return a loopback URL. A request that is sent to it goes to `url`, and is recorded and replayed.

        Its calls belong to the cassette in whose block the gateway was asked for, else to the test.

        Raises:
            TargetError: It is no URL of HTTP, or has more than a host, a port and a path.
        """
        wrong = TargetError(f"mimic_gateway takes the URL of a service, http://… or https://…, not {url!r}")
        try:
            upstream = urlsplit(url)
            is_service = upstream.scheme in ("http", "https") and upstream.hostname and upstream.port != 0
        except ValueError:  # a port that is no number, for example
            raise wrong from None
        if not is_service:
            raise wrong
        if "@" in upstream.netloc or upstream.query or upstream.fragment:
            raise TargetError(
                "mimic_gateway takes no user, password, query or fragment in its URL: "
                "let the other process send them with its requests"
            )
        server = _Server(upstream, copy_context())
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self._servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    def __repr__(self) -> str:
        return "<fixture mimic_gateway>"

    def __enter__(self) -> Gateways:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: SplitResult, context: Context) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream, self.context = upstream, context
        self._open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: the other process has closed its connection."""

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise an event may wait 40 ms for the next
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride] - no other server has this handler

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        pass

    def forward(self) -> None:
        """Send a request on, and its response back, piece by piece."""
        body = self._read_body()
        self.server.context.copy().run(self._forward, body)

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = forward  # noqa: N815 - http.server's names

    def _forward(self, body: bytes | None) -> None:
        upstream = self.server.upstream
        kind = HTTPSConnection if upstream.scheme == "https" else HTTPConnection
        with closing(kind(upstream.hostname or "", upstream.port)) as connection:
            try:
                response = self._ask(connection, body)
            except MimicError as error:  # it fails the test, whatever the other process makes of this answer
                self._refuse(_FAILED_DEPENDENCY, str(error))
            except (OSError, HTTPException) as error:
                self._refuse(_BAD_GATEWAY, f"{type(error).__name__}: {error}")
            else:
                self._relay(response)

    def _ask(self, connection: HTTPConnection, body: bytes | None) -> HTTPResponse:
        path = self.server.upstream.path.rstrip("/") + self.path
        connection.putrequest(self.command, path, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in (*_OF_CONNECTION, "content-length"):
                connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        return connection.getresponse()

    def _read_body(self) -> bytes | None:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            body = b""
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():  # trailers
                pass
            return body
        length = self.headers.get("Content-Length")
        return None if length is None else self.rfile.read(int(length))

    def _relay(self, response: HTTPResponse) -> None:
        self.send_response_only(response.status, response.reason)
        length = response.headers.get("Content-Length")
        for name, value in response.getheaders():
            if name.lower() not in _OF_CONNECTION:
                self.send_header(name, value)
        has_body = self.command != "HEAD" and response.status not in _WITHOUT_BODY
        if has_body and length is None:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        missing = int(length or 0) if has_body else 0
        held = b""  # the last piece of a known length: when it is sent, the call is recorded
        try:
            while piece := response.read1(_PIECE):
                if length is None:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                else:
                    self.wfile.write(held)
                    held, missing = piece, missing - len(piece)
        except (MimicError, HTTPException, OSError):
            self.close_connection = True  # the beginning was sent: all that is left is to break off
            return
        if missing:  # the service has broken off, so its reader must not wait for the rest
            self.close_connection = True
        if has_body:
            self.wfile.write(b"0\r\n\r\n" if length is None else held)

    def _refuse(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
