"""A small HTTP service on loopback whose one answer stands in a file, and an S3 whose objects hold that answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from support.loopback import serving

_NO_KEY = b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise a body waits up to 40 ms
    server: _Server

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        answer = self.server.file.read_text(encoding="utf-8")
        if url.path == "/say":
            text = parse_qs(url.query)["text"][0]
            self._send(200, json.dumps({"text": text, "answer": answer}).encode(), "application/json")
        elif url.path == "/events":
            events = [f"data: {word}\n\n" for word in ("one", "two", "three")]
            self._send(200, "".join(events).encode(), "text/event-stream")
        elif url.path.startswith("/bucket/") and "nothing" not in url.path:
            self._send(200, f"{url.path} {answer}".encode(), "text/plain")
        else:
            self._send(404, _NO_KEY, "application/xml")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    file: Path


@contextmanager
def answering_service(folder: Path) -> Iterator[str]:
    """Yield the URL of a service whose answer is in the folder's file `answer`. Its port stays the same."""
    port = folder / "port"
    file = folder / "answer"
    if not port.exists():
        file.write_text("as usual", encoding="utf-8")
    server = _Server(("127.0.0.1", int(port.read_text()) if port.exists() else 0), _Handler)
    server.file = file
    port.write_text(str(server.server_port))
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"
