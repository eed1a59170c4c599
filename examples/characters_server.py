"""A paginated HTTP API on loopback that searches Unicode characters by name."""

from __future__ import annotations

import atexit
import json
import sys
import unicodedata
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlencode, urlsplit

PER_PAGE = 50


@cache
def address() -> str:
    """Start the API at the first call and return its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Characters)
    Thread(target=server.serve_forever, daemon=True).start()
    atexit.register(server.server_close)
    return f"http://127.0.0.1:{server.server_port}"


class Characters(BaseHTTPRequestHandler):
    """Handle `GET /characters?name=ARROW&page=2`.

    Without a matching character the status is 404.
    """

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        word, page = query["name"][0].upper(), int(query.get("page", ["1"])[0])
        # Each page searches again, like an API without state.
        found = [
            chr(code)
            for code in range(sys.maxunicode + 1)
            if word in unicodedata.name(chr(code), "")
        ]
        following = (
            urlencode({"name": word, "page": page + 1})
            if page * PER_PAGE < len(found)
            else None
        )
        self.answer(
            200 if found else 404,
            {
                "total": len(found),
                "characters": [
                    {"character": character, "name": unicodedata.name(character)}
                    for character in found[(page - 1) * PER_PAGE : page * PER_PAGE]
                ],
                "next": following and f"/characters?{following}",
            },
        )

    def answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Do not log requests."""
