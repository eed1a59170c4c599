"""A real HTTP server on loopback with a state: one shopping cart."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.loopback import serving


class Handler(BaseHTTPRequestHandler):
    """Empties the cart, adds an item or shows the items, and notes each request in `server.seen`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise a body waits up to 40 ms
    server: CartServer

    def log_message(self, *args: object) -> None:
        pass

    def handle_any(self) -> None:
        server = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        with server.guard:
            item = json.loads(body)["item"] if body else ""
            server.seen.append(f"{self.command} {self.path} {item}".rstrip())
            items = server.items.setdefault(self.path.partition("?")[0], [])
            if self.command == "DELETE":
                items.clear()
            elif self.command == "POST":
                items.append(item)
            data = json.dumps(items).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = handle_any


class CartServer(ThreadingHTTPServer):
    """A server with one cart for each path.

    Attributes:
        seen: The requests: `POST /cart tea`.
        items: The items in each cart.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.guard = threading.Lock()
        self.seen: list[str] = []
        self.items: dict[str, list[str]] = {}

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def take(self) -> list[str]:
        """Return the requests since the last call."""
        with self.guard:
            taken, self.seen = self.seen, []
        return taken


@contextmanager
def cart_server() -> Iterator[CartServer]:
    """Run a server until the block ends."""
    with serving(CartServer()) as server:
        yield server
