"""Servers in threads of the test's process, and what HTTP servers on loopback share."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import Any, TypeVar

S = TypeVar("S", bound=BaseServer)


class Handler(BaseHTTPRequestHandler):
    """Answers at once, and logs nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise a body waits up to 40 ms

    def log_message(self, *args: object) -> None:
        pass

    def body(self) -> bytes:
        """Return the request's body, sized or chunked."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def begin(self, status: int, kind: str, **headers: str) -> None:
        """Send the head of a response; headers have `_` for `-`."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def answer(
        self, status: int, body: bytes | str, kind: str = "text/plain", **headers: str
    ) -> None:
        """Send a whole response."""
        data = body.encode() if isinstance(body, str) else body
        self.begin(status, kind, Content_Length=str(len(data)), **headers)
        if self.command != "HEAD":
            self.wfile.write(data)

    def json(self, value: Any, status: int = 200, **headers: str) -> None:
        """Send a compact JSON response."""
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        self.answer(status, text, "application/json", **headers)

    def stream(self, chunks: Iterable[str | bytes], kind: str, **headers: str) -> None:
        """Send a chunked response and flush each chunk."""
        self.begin(200, kind, Transfer_Encoding="chunked", **headers)
        for chunk in chunks:
            data = chunk.encode() if isinstance(chunk, str) else chunk
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


class Server(ThreadingHTTPServer):
    """An HTTP server that notes what it is asked for.

    Attributes:
        seen: The requests: `GET /users`.
        url: The address, without a slash at the end.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, handler: type[BaseHTTPRequestHandler], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.lock = threading.Lock()
        self.seen: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *args: object) -> None:
        """Print nothing: clients go away."""

    def stop(self) -> None:
        """Close the port, also for a second time."""
        self.shutdown()
        self.server_close()


@contextmanager
def serving(server: S) -> Iterator[S]:
    """Run a server until the block ends."""
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
