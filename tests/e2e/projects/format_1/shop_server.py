"""The HTTP server of the recordings, at the address that their identities name. It runs only while they are recorded."""

import gzip
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 18017
URL = f"http://127.0.0.1:{PORT}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def version_string(self):
        return "shop"

    def date_time_string(self, timestamp=None):
        return "Mon, 02 Nov 2026 09:00:00 GMT"

    def answer(self, status, body, kind, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/items":
            self.answer(200, b'{"items":[{"id":1,"price":2.5}],"token":"tok-4711"}', "application/json")
        elif path == "/page":
            self.answer(
                200,
                "<p>Grüße</p>".encode("latin-1"),
                "text/html; charset=latin-1",
                Set_Cookie="sid=abc; Path=/",
            )
        elif path == "/picture":
            self.answer(200, bytes(range(256)), "image/png")
        elif path == "/packed":
            body = gzip.compress(json.dumps({"n": 1}, indent=1).encode(), mtime=0)
            self.answer(200, body, "application/json", Content_Encoding="gzip")
        elif path == "/events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for event in (b'data: {"n": 1}\n\n', b"data: [DONE]\n\n"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.answer(404, b"", "text/plain")

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(201, b'{"ok": true}', "application/json")


def server():
    """Return the server, which is not running yet."""
    return ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
