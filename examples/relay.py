"""A relay on loopback: what another process sends there goes to a service, through a client that is recorded."""

import threading
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# What belongs to one connection. The length of a body is told anew.
OWN = ("connection", "content-length", "host", "keep-alive", "transfer-encoding")


class Handler(BaseHTTPRequestHandler):
    """Sends a request on, and its answer back."""

    def relay(self):
        """Ask the service by `http.client`."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            status, headers, answer = self.server.ask(
                self.command, self.path, body, self.headers
            )
        # a missing recording fails the test, whatever the process makes of this
        except Exception as error:
            status, headers, answer = 502, [], str(error).encode()
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in OWN:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = relay  # noqa: N815


class Server(ThreadingHTTPServer):
    """Knows the service."""

    def ask(self, method, path, body, headers):
        """Return status, headers and body of the service's answer."""
        scheme, host, start, *_ = urlsplit(self.service)
        connection = (HTTPSConnection if scheme == "https" else HTTPConnection)(host)
        try:
            kept = {
                name: value
                for name, value in headers.items()
                if name.lower() not in OWN
            }
            connection.request(method, start + path, body or None, kept)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


@contextmanager
def relay(service):
    """Give a URL on loopback that stands for the URL of a service."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.service = service
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
