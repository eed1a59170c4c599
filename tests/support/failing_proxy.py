"""A proxy in front of an S3 server that notes requests and fails those that a test chooses.

with running_proxy(s3.url) as proxy:       # clients get proxy.url as their endpoint
proxy.fail("503")                      # the next request
proxy.fail("reset", first=3)           # the third from now on
proxy.fail("lost", match="PUT .*objects/", number=0)   # every one of these
proxy.heal()                           # forget all of them, and let those that hang go on
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

from support import loopback
from support.loopback import serving

# The server never sees the first ones. "lost" and all after it are passed on, and the answer alone suffers.
FAILURES = (
    "reset",  # the connection is cut
    "hang",  # no answer until `heal`
    "500",
    "503",
    "401",
    "403",
    "404",
    "page",  # 200 with HTML, as the login page of a network
    "lost",  # the connection is cut after the server has done it
    "truncate",  # the half of the body, then the connection is cut
    "cut",  # like truncate, but its length says that the half is all
    "other",  # as many bytes, but other ones
)
_CODES = {
    "500": "InternalError",
    "503": "SlowDown",
    "401": "Unauthorized",
    "403": "AccessDenied",
    "404": "NoSuchKey",
}
# In the answers of the proxy, and in no message.
SECRET = "AKIAEXAMPLE4711 drowssap4711 signature4711"


@dataclass
class Rule:
    """Which requests fail, and how: those that match, from the `first` on, `number` of them or all (0)."""

    how: str
    first: int
    number: int
    match: str
    met: int = 0

    def applies(self, line: str) -> bool:
        if not re.search(self.match, line):
            return False
        self.met += 1
        return self.met >= self.first and (not self.number or self.met < self.first + self.number)


class _Handler(loopback.Handler):
    server: FailingProxy
    upstream: HTTPConnection | None = None

    def take(self) -> None:
        proxy = self.server
        body = self.body()
        proxy.authorizations.append(self.headers.get("Authorization", ""))
        how = proxy.note(f"{self.command} {self.path}")
        if how == "reset":
            self.cut()
        elif how == "hang":
            proxy.healed().wait()
            self.cut()
        elif how in _CODES:
            code = _CODES[how]
            xml = f"<Error><Code>{code}</Code><Message>{SECRET}</Message><RequestId>1</RequestId></Error>"
            self.send(int(how), {"Content-Type": "application/xml"}, xml.encode())
        elif how == "page":
            self.send(200, {"Content-Type": "text/html"}, b"<html><body>Please log in</body></html>")
        else:
            self.pass_on(body, how)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = take

    def pass_on(self, body: bytes, how: str) -> None:
        """Send the request to the server, and its answer back."""
        if self.server.refuses_conditions and "If-None-Match" in self.headers:
            self.send(501, {}, b"<Error><Code>NotImplemented</Code></Error>")
            return
        if self.upstream is None:
            self.upstream = HTTPConnection(self.server.host, timeout=60)
        sent = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        self.upstream.request(self.command, self.path, body, sent)
        answer: HTTPResponse = self.upstream.getresponse()
        data = answer.read()
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
        if self.command == "HEAD":
            headers["Content-Length"] = answer.headers.get("Content-Length", "0")
        if how == "lost":
            self.cut()
        elif how == "truncate":
            self.send(answer.status, headers, data, sent=len(data) // 2)
            self.cut()
        elif how == "cut":
            self.send(answer.status, headers, data[: len(data) // 2])
        elif how == "other":
            self.send(answer.status, headers, bytes(255 - byte for byte in data))
        else:
            self.send(answer.status, headers, data)

    def send(self, status: int, headers: dict[str, str], data: bytes, *, sent: int | None = None) -> None:
        """Answer with a status, and with the first bytes of the data."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        with suppress(OSError):  # the client has given up
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data[:sent])

    def cut(self) -> None:
        """Reset the connection."""
        with suppress(OSError):
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()
        if self.upstream is not None:
            self.upstream.close()


# `send` sets these itself.
_HOP = ("connection", "content-length", "transfer-encoding", "server", "date")


class FailingProxy(loopback.Server):
    """The proxy, and what it has seen.

    Attributes:
        authorizations: The headers with their signatures.
        refuses_conditions: Whether conditional writes are answered by 501, as some stores do.
    """

    def __init__(self, url: str) -> None:
        super().__init__(_Handler)
        self.host = urlsplit(url).netloc
        self._noted = threading.Condition(self.lock)
        self._rules: list[Rule] = []
        self._healed = threading.Event()
        self.refuses_conditions = False
        self.forget()

    def fail(self, how: str, *, first: int = 1, number: int = 1, match: str = "") -> None:
        """Fail requests from now on.

        Args:
            how: One of FAILURES.
            first: The number of the first one to fail, counted from now on among those that match.
            number: How many fail; 0: all that follow.
            match: A regular expression found in `PUT /bucket/key`.
        """
        assert how in FAILURES
        with self.lock:
            self._rules.append(Rule(how, first, number, match))

    def heal(self) -> None:
        """Fail no more, and let the requests go on that wait."""
        with self.lock:
            self._rules.clear()
            self._healed.set()
            self._healed = threading.Event()

    def forget(self) -> None:
        """Forget what was seen."""
        with self.lock:
            self.seen = []
            self.authorizations: list[str] = []

    def note(self, line: str) -> str:
        """Note a request and return how it fails, or an empty string."""
        with self.lock:
            self.seen.append(line)
            self._noted.notify_all()
            return next((rule.how for rule in self._rules if rule.applies(line)), "")

    def requests(self) -> int:
        """Return how many requests there were, as soon as there is one."""
        with self._noted:
            self._noted.wait_for(lambda: self.seen, 30)
            return len(self.seen)

    def healed(self) -> threading.Event:
        with self.lock:
            return self._healed


@contextmanager
def running_proxy(url: str) -> Iterator[FailingProxy]:
    """Return a running proxy in front of the server at a URL."""
    proxy = FailingProxy(url)
    with serving(proxy):
        try:
            yield proxy
        finally:
            proxy.heal()
