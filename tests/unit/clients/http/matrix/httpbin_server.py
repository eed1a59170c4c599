"""httpbin on loopback: its Flask app, behind a server that keeps connections and sends a fixed date."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from support.http_server import Handler, Server
from support.loopback import serving


class HttpbinHandler(Handler):
    """Hands requests to the app. It also forwards those that a client sends to it as a proxy."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the date of all responses."""
        return "Sat, 21 Nov 2026 12:00:00 GMT"

    def handle_any(self) -> None:
        """Serve a page."""
        body = self.body()
        with self.server.lock:
            self.server.seen.append(f"{self.command} {self.path}")
        head: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            head.update(status=status, headers=headers)

        pieces = self._app()(self._environ(body), start_response)
        number, _, reason = head["status"].partition(" ")
        self.send_response(int(number), reason)
        names = {name.lower() for name, _ in head["headers"]}
        for name, value in head["headers"]:
            self.send_header(name, value)
        has_body = self.command != "HEAD" and int(number) not in (204, 304)
        is_chunked = has_body and "content-length" not in names
        if is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            if has_body and piece:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece)
                self.wfile.flush()
        if is_chunked:
            self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = handle_any

    def _app(self) -> Any:
        import httpbin

        return httpbin.app

    def _environ(self, body: bytes) -> dict[str, Any]:
        url = urlsplit(self.path)
        fields = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()}
        # The app refuses chunked bodies, and has this one whole.
        fields.pop("HTTP_TRANSFER_ENCODING", None)
        return {
            **fields,
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(url.path, "latin-1"),
            "QUERY_STRING": url.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": "127.0.0.1",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }


@contextmanager
def running_httpbin() -> Iterator[Server]:
    """Run httpbin in a thread; it may be stopped early."""
    server = Server()
    server.RequestHandlerClass = HttpbinHandler
    with serving(server):
        try:
            yield server
        finally:
            server.stop()
