"""The external API, for recording: the weather of today by city, on loopback.

As a program, it prints its port and serves until it is stopped.
"""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

KEY = "wk-5d2f81c09ab7"
WEATHER = {
    "bergen": {"sky": "rain", "rain_mm": 11.4, "celsius": 9},
    "sevilla": {"sky": "clear", "rain_mm": 0.0, "celsius": 31},
}


class Weather(BaseHTTPRequestHandler):
    """Handle `GET /cities/bergen?api_key=…`."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        city = WEATHER.get(url.path.rpartition("/")[2])
        if parse_qs(url.query).get("api_key") != [KEY]:
            self.answer(401, {"error": "unknown key"})
        elif city is None:
            self.answer(404, {"error": "unknown city"})
        else:
            self.answer(200, city)

    def answer(self, status: int, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Do not log requests."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Weather)
    print(server.server_port, flush=True)
    server.serve_forever()
