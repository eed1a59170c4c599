"""Two services of a shop on loopback, which remember what they did: payments and parcels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from support.loopback import serving


class Handler(BaseHTTPRequestHandler):
    """Makes payments and parcels, and shows payments."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise a body waits up to 40 ms
    server: Services

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        made = self.server.made.get(self.path.rpartition("/")[2])
        self.answer(404 if made is None else 200, made or {"error": "unknown"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(f"{self.path} {body.decode()}")
        if self.server.is_broken:
            self.answer(503, {"error": "out of service"})
            return
        kind = "payment" if self.path == "/payments" else "parcel"
        number = f"{kind}-{len(self.server.made) + 1}"
        self.server.made[number] = {"id": number, **(json.loads(body) if kind == "payment" else {})}
        self.answer(201, self.server.made[number])

    def answer(self, status: int, value: Any) -> None:
        """Send a JSON response."""
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Services(ThreadingHTTPServer):
    """Both services on one port.

    Attributes:
        made: What they made, by its id.
        seen: The POST requests so far, path and body.
        is_broken: Whether they answer 503 to each POST.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.made: dict[str, dict[str, Any]] = {}
        self.seen: list[str] = []
        self.is_broken = False
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def running_services() -> Iterator[Services]:
    """Run both services in a thread."""
    with serving(Services()) as server:
        yield server
