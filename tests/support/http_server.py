"""A real HTTP server on loopback, with a page for each kind of response."""

from __future__ import annotations

import gzip
import json
import random
import socket
import ssl
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from support import loopback
from support.loopback import serving

#: Where nothing listens; what a server had that was stopped, another may have by now.
NOWHERE = "http://127.0.0.1:1"

#: The certificate of a server with TLS, for 127.0.0.1 and localhost, and its key.
CERTIFICATE = Path(__file__).with_name("loopback.pem")

EVENTS = [
    'data: {"delta": "Grüß"}\n\n',
    'event: note\ndata: {"access_token": "tok-4711-event"}\n\n',
    "data: [DONE]\n\n",
]


#: Answers that a client finds wrong while it parses them, or odd.
MALFORMED = {
    "chunk": b"Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\nzz\r\nhello",
    "first chunk": b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello",
    "long header": b"X-Long: %s\r\nContent-Length: 2\r\n\r\nok" % (b"a" * 200_000),
    "many headers": b"X-Many: a\r\n" * 300 + b"Content-Length: 2\r\n\r\nok",
    "gzip": b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!",
    "deflate": b"Content-Encoding: deflate\r\nContent-Length: 11\r\n\r\nnot deflate",
    "gzip that goes wrong": b"Content-Encoding: gzip\r\nContent-Length: 60\r\n\r\n%s"
    % (gzip.compress(b"begun" * 9)[:10] + b"\xff" * 50),
}


#: By the name of an encoding, what compresses a body so.
PACK = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "bare deflate": lambda text: zlib.compress(text)[2:-4],
    "gzip, gzip": lambda text: gzip.compress(gzip.compress(text)),
    "br": lambda text: import_module("brotli").compress(text),
}


#: The headers that choose among the answers of a URL.
CHOOSING = (
    "accept range prefer if-match if-none-match if-modified-since "
    "x-http-method-override x-amz-target soapaction depth "
    "x-ms-range dropbox-api-arg x-goog-fieldmask accept-profile"
).split()


class Handler(loopback.Handler):
    """Serves one page for each path, and notes each request in `server.seen`."""

    server: Server

    def handle_any(self) -> None:
        """Serve the page."""
        parts = urlsplit(self.path)
        self.sent = self.body()
        with self.server.lock:
            self.server.seen.append(f"{self.command} {self.path}")
        page = getattr(self, "page_" + parts.path.strip("/").split("/")[0], None)
        if page is None:
            self.json({"error": "not found"}, 404)
        else:
            page(dict(parse_qsl(parts.query)))

    def do_CONNECT(self) -> None:
        """Connect a client to any server, as a proxy does."""
        with self.server.lock:
            self.server.seen.append(f"CONNECT {self.path}")
        host, _, port = self.path.rpartition(":")
        if host == "guarded.example":
            self.send_error(407)
            return
        with socket.create_connection((host, int(port))) as other:
            self.send_response(200)
            self.end_headers()
            thread = threading.Thread(
                target=_relay, args=(other, self.connection), daemon=True
            )
            thread.start()
            _relay(self.connection, other)
            thread.join(10)
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = handle_any

    def page_users(self, query: dict[str, str]) -> None:
        self.json({"id": 1, "name": "Zoë", "page": query.get("page")})

    def page_echo(self, _: dict[str, str]) -> None:
        self.json(
            {
                "method": self.command,
                "path": self.path,
                "headers": {
                    name.lower(): value for name, value in self.headers.items()
                },
                "body": self.sent.decode("utf-8", "replace"),
            }
        )

    def page_chosen(self, _: dict[str, str]) -> None:
        """Gives the header back that chooses among its answers."""
        found = [
            value
            for name, value in self.headers.items()
            if name.lower() in CHOOSING and value != "*/*"
        ]
        self.answer(200, "".join(found), "text/plain")

    def page_pretty(self, _: dict[str, str]) -> None:
        text = json.dumps({"a": [1, 2], "ö": "/"}, indent=2)
        self.answer(200, f"{text}\n", "application/json")

    def page_text(self, _: dict[str, str]) -> None:
        self.answer(
            200, "Käse\r\nfür alle".encode("latin-1"), "text/plain; charset=iso-8859-1"
        )

    def page_binary(self, _: dict[str, str]) -> None:
        self.answer(200, bytes(range(256)), "application/octet-stream")

    def page_nothing(self, _: dict[str, str]) -> None:
        self.send_response(204)
        self.end_headers()

    def page_last(self, _: dict[str, str]) -> None:
        """Has no body, and closes the connection."""
        self.send_response(204)
        self.send_header("Connection", "close")
        self.end_headers()

    def page_closing(self, _: dict[str, str]) -> None:
        """Says how long it is, and closes the connection."""
        self.answer(200, "closing", "text/plain", Connection="close")

    def page_tagged(self, _: dict[str, str]) -> None:
        """Has an ETag, and answers a condition that it meets with 304."""
        tag = '"one"'
        if self.headers.get("If-None-Match") == tag:
            self.send_response(304)
            self.send_header("ETag", tag)
            self.end_headers()
        else:
            self.json({"fresh": True}, ETag=tag, Cache_Control="max-age=0")

    def page_gzip(self, _: dict[str, str]) -> None:
        data = gzip.compress(json.dumps({"packed": True}).encode())
        self.answer(200, data, "application/json", Content_Encoding="gzip")

    def page_deflate(self, _: dict[str, str]) -> None:
        data = zlib.compress(b"deflated text")
        self.answer(200, data, "text/plain", Content_Encoding="deflate")

    def page_events(self, _: dict[str, str]) -> None:
        self.stream(list(EVENTS), "text/event-stream")

    def page_wide_events(self, _: dict[str, str]) -> None:
        """An event whose JSON has several lines, one that is cut off, and a line end that JSON does not know."""
        chunks = ['data: {\ndata: "access_', 'token":\ndata: "tok-0817-wide"}\n\n']
        self.stream(
            [*chunks, 'data: {"a":"\u2028","token":"tok-0818-odd"}\n\n'],
            "text/event-stream",
        )

    def page_markup(self, _: dict[str, str]) -> None:
        """A token in XML and in headers."""
        self.answer(
            200,
            '<login key="1"><token>tok-0819-xml</token></login>',
            "application/xml",
            WWW_Authenticate='Bearer realm="x", token="tok-0820-head"',
            Refresh="0; url=/landing?token=tok-0821-head",
        )

    def page_packed_events(self, _: dict[str, str]) -> None:
        packer = zlib.compressobj(wbits=31)
        chunks = [
            packer.compress(event.encode()) + packer.flush(zlib.Z_SYNC_FLUSH)
            for event in EVENTS
        ]
        self.stream(
            [*chunks, packer.flush()], "text/event-stream", Content_Encoding="gzip"
        )

    def page_long(self, query: dict[str, str]) -> None:
        """More than fits into a buffer: sized, in chunks as a document, or in compressed chunks."""
        parts = [
            random.Random(number).randbytes(50_000).hex().encode()
            for number in range(20)
        ]
        way = query.get("way")
        if way == "html":
            self.stream(parts, "text/html")
        elif way == "gzip":
            packer = zlib.compressobj(wbits=31)
            packed = [
                packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH)
                for part in parts
            ]
            self.stream(
                [*packed, packer.flush()], "text/plain", Content_Encoding="gzip"
            )
        else:
            self.answer(200, b"".join(parts))

    def page_packed_lines(self, _: dict[str, str]) -> None:
        """Compressed text in chunks, with the media type of a document."""
        packer = zlib.compressobj(wbits=31)
        lines = [b"one\n", b"two\n", b"three\n"]
        chunks = [
            packer.compress(line) + packer.flush(zlib.Z_SYNC_FLUSH) for line in lines
        ]
        self.stream([*chunks, packer.flush()], "text/plain", Content_Encoding="gzip")

    def page_chunks(self, _: dict[str, str]) -> None:
        self.stream(
            [b"one,", b"two,", b"\xff\x00,", b"four"], "application/octet-stream"
        )

    def page_old(self, _: dict[str, str]) -> None:
        """Ends with its connection, as in HTTP/1.0."""
        self.begin(200, "text/plain")
        self.wfile.write(b"until the end")
        self.close_connection = True

    def page_html(self, _: dict[str, str]) -> None:
        self.stream(["<p>", "one page", "</p>"], "text/html")

    def page_broken(self, _: dict[str, str]) -> None:
        """Breaks between two of its chunks."""
        self.begin(200, "text/plain", Transfer_Encoding="chunked")
        self.wfile.write(b"5\r\nfirst\r\n6\r\nsecond\r\n")
        self.wfile.flush()
        self.close_connection = True

    def page_short(self, _: dict[str, str]) -> None:
        """Announces more than it sends."""
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"only this")
        self.close_connection = True

    def page_babble(self, _: dict[str, str]) -> None:
        """Does not speak HTTP."""
        self.wfile.write(b"what is this?\r\n\r\n")
        self.close_connection = True

    def page_malformed(self, query: dict[str, str]) -> None:
        """Sends what no client can read."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n" + MALFORMED[query["kind"]])
        self.close_connection = True

    def page_raw(self, _: dict[str, str]) -> None:
        """Sends what a test has made."""
        self.wfile.write(self.server.raw)
        self.close_connection = True

    def page_heavy(self, _: dict[str, str]) -> None:
        """Fails with a large answer."""
        data = json.dumps({"rows": ["a failure"] * 9_000}).encode()
        self.answer(503, data, "application/json")

    def page_reason(self, _: dict[str, str]) -> None:
        """Has a reason in Latin-1, and a header in UTF-8."""
        head = b"HTTP/1.1 200 All R\xefght\r\nX-Name: \xe6\x97\xa5\r\n"
        self.wfile.write(head + b"Content-Length: 2\r\n\r\nok")
        self.close_connection = True

    def page_packed(self, query: dict[str, str]) -> None:
        """Compressed bytes, with a checksum of them."""
        text = b"begun and done " * 100
        data = PACK[query["by"]](text)
        if "range" in query:
            data = data[2:12]
        self.answer(
            206 if "range" in query else 200,
            data,
            "text/plain",
            Content_Encoding=query["by"].replace("bare ", ""),
            Content_MD5="sum",
        )

    def page_hang(self, _: dict[str, str]) -> None:
        """Replies only when the server stops."""
        self.server.waiting.set()
        self.server.stopping.wait(10)
        self.close_connection = True

    def page_hang_first(self, query: dict[str, str]) -> None:
        """Replies to the first request only when the server stops."""
        with self.server.lock:
            self.server.flaky[f"hang {query}"] += 1
            tries = self.server.flaky[f"hang {query}"]
        if tries == 1:
            self.page_hang(query)
        else:
            self.json({"try": tries})

    def page_stall(self, query: dict[str, str]) -> None:
        """Sends the rest only when the server stops; its length may be unknown."""
        length = {} if "old" in query else {"Content_Length": "100"}
        self.begin(200, "text/plain", **length)
        self.wfile.write(b"the beginning")
        self.wfile.flush()
        self.server.waiting.set()
        self.server.stopping.wait(10)
        self.close_connection = True

    def page_refuse(self, _: dict[str, str]) -> None:
        """Closes without a reply."""
        self.close_connection = True

    def page_redirect(self, _: dict[str, str]) -> None:
        self.send_response(302)
        self.send_header("Location", "/landing?token=tok-0815-redirect")
        self.send_header("Set-Cookie", "hop=hop-cookie-99; Path=/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def page_landing(self, query: dict[str, str]) -> None:
        self.json(
            {
                "landed": True,
                "cookie": self.headers.get("Cookie"),
                "has_token": "token" in query,
            }
        )

    def page_again(self, _: dict[str, str]) -> None:
        """Redirects with the same method and body."""
        self.send_response(307)
        self.send_header("Location", "/echo")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def page_cookies(self, _: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Set-Cookie", "session=cookie-secret-123; Path=/; HttpOnly")
        self.send_header(
            "Set-Cookie", "theme=dark; Path=/; Expires=Fri, 01 Jan 2100 00:00:00 GMT"
        )
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def page_login(self, _: dict[str, str]) -> None:
        self.json(
            {"access_token": "tok-issued-42", "expires_in": 3600, "refresh_token": None}
        )

    def page_signin(self, _: dict[str, str]) -> None:
        """Issue a token, a cookie and a password in a URL, other ones in each release of the server."""
        release = self.server.release
        cookie = f"session=cookie-of-release-{release}; Path=/"
        user = {"access_token": f"token-of-release-{release}", "release": release}
        self.json(
            {
                "user": user,
                "files": f"https://zoe:word-of-release-{release}@files.test/",
            },
            Set_Cookie=cookie,
        )

    def page_account(self, _: dict[str, str]) -> None:
        """Accept the token, the cookie and the password of this release."""
        release = self.server.release
        token = self.headers.get("Authorization", "")
        cookie = self.headers.get("Cookie", "")
        files = self.headers.get("X-Files", "")
        is_known = (
            token == f"Bearer token-of-release-{release}"
            and f"cookie-of-release-{release}" in cookie
            and f"zoe:word-of-release-{release}@" in files
        )
        self.server.strangers += not is_known
        self.greet(is_known)

    def page_feed(self, _: dict[str, str]) -> None:
        """Events, of which the second depends on the release."""
        names = ["one", f"release {self.server.release}", "three"]
        events = [f'data: {{"name": "{name}"}}\n\n' for name in names]
        self.stream(events, "text/event-stream")

    def page_moody(self, _: dict[str, str]) -> None:
        """Answer, in later releases not any more."""
        if self.server.release == 1:
            self.json({"mood": "fine"})
        self.close_connection = True

    def page_mended(self, _: dict[str, str]) -> None:
        """Answer, in the first release not yet."""
        if self.server.release > 1:
            self.json({"mood": "fine"})
        self.close_connection = True

    def page_endless(self, _: dict[str, str]) -> None:
        """Events without an end."""
        self.begin(200, "text/event-stream", Transfer_Encoding="chunked")
        for number in range(1, 3):
            data = b'data: {"number": %d}\n\n' % number
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        self.server.stopping.wait(10)
        self.close_connection = True

    def page_items(self, _: dict[str, str]) -> None:
        self.json({"path": self.path})

    def page_pages(self, query: dict[str, str]) -> None:
        """Three pages, each with a link to the next."""
        page = int(query.get("page", "1"))
        following = f'<{self.server.url}/pages?page={page + 1}>; rel="next"'
        links = {"Link": following} if page < 3 else {}
        self.json({"items": [page * 10, page * 10 + 1]}, **links)

    def page_me(self, _: dict[str, str]) -> None:
        """Accepts the token of /login."""
        self.greet(self.headers.get("Authorization") == "Bearer tok-issued-42")

    def greet(self, is_known: bool) -> None:
        """Answer who was known, or not."""
        if is_known:
            self.json({"name": "Zoë"})
        else:
            self.json({"error": "who?"}, 401)

    def page_cart(self, _: dict[str, str]) -> None:
        """POST creates a cart; POST of items fills it."""
        if self.path.count("/") == 1:
            self.json({"cart": 7, "items": []}, 201)
        else:
            self.server.cart.append(json.loads(self.sent)["item"])
            self.json({"cart": 7, "items": self.server.cart}, 201)

    def page_private(self, _: dict[str, str]) -> None:
        """Requires basic authentication."""
        if self.headers.get("Authorization"):
            self.json({"welcome": True})
        else:
            self.json({"welcome": False}, 401, WWW_Authenticate='Basic realm="x"')

    def page_digest(self, _: dict[str, str]) -> None:
        """Requires digest authentication, with any password."""
        if (self.headers.get("Authorization") or "").startswith("Digest "):
            self.json({"welcome": True})
        else:
            self.json(
                {"welcome": False},
                401,
                WWW_Authenticate='Digest realm="x", nonce="nonce-47110815", qop="auth"',
            )

    def page_guarded(self, query: dict[str, str]) -> None:
        """Refuse with the status of the query, in later releases not any more."""
        name = "status" if self.server.release == 1 else "later"
        self.json({"release": self.server.release}, int(query.get(name, 200)))

    def page_restyled(self, _: dict[str, str]) -> None:
        """The content type of a problem in later releases."""
        kind = "json" if self.server.release == 1 else "problem+json"
        self.answer(
            200, json.dumps({"release": self.server.release}), f"application/{kind}"
        )

    def page_count(self, query: dict[str, str]) -> None:
        """The number of this request among those of the same query, as text."""
        with self.server.lock:
            self.server.flaky[f"count {query}"] += 1
            number = self.server.flaky[f"count {query}"]
        self.answer(200, str(number), "text/plain")

    def page_flaky(self, query: dict[str, str]) -> None:
        """503, 503, 200, for each query."""
        with self.server.lock:
            self.server.flaky[str(query)] += 1
            tries = self.server.flaky[str(query)]
        self.json({"try": tries}, 200 if tries > 2 else 503)


def _relay(reading: socket.socket, writing: socket.socket) -> None:
    """Send on what arrives, until one side closes."""
    with suppress(OSError):
        while data := reading.recv(65536):
            writing.sendall(data)
        writing.shutdown(socket.SHUT_WR)


class Server(loopback.Server):
    """Serves the pages in threads."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(Handler, port)
        self.flaky: Counter[str] = Counter()
        self.raw = b""
        self.cart: list[str] = []
        self.release = 1
        self.strangers = 0
        self.stopping = threading.Event()
        self.waiting = threading.Event()
        """A request waits in `page_hang` or `page_stall`."""

    def stop(self) -> None:
        """Close the port."""
        self.stopping.set()
        super().stop()


@contextmanager
def running_server(port: int = 0, *, tls: bool = False) -> Iterator[Server]:
    """Run a server in a thread, by default on a free port; it may be stopped early."""
    server = Server(port)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.url = server.url.replace("http:", "https:")
    with serving(server):
        try:
            yield server
        finally:
            server.stop()


# The path of a UNIX socket on macOS, in bytes.
_LONGEST_UNIX = 103


class UnixHandler(Handler):
    """Serves the pages on a UNIX socket, which has no option against delays."""

    disable_nagle_algorithm = False


class UnixServer(Server):
    """Serves the pages on a UNIX socket."""

    address_family = getattr(socket, "AF_UNIX", socket.AF_INET)  # Windows has none

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__()
        self.RequestHandlerClass = UnixHandler

    def server_bind(self) -> None:
        """Bind to the path."""
        self.socket.bind(str(self.path))
        self.server_name = self.server_port = self.server_address = "unix"

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Give the client an address, as the handler expects."""
        return self.socket.accept()[0], ("unix", 0)


@contextmanager
def running_unix_server(path: Path) -> Iterator[UnixServer]:
    """Run a server on a UNIX socket in a thread.

    The test is skipped if there can be none.
    """
    if not hasattr(socket, "AF_UNIX") or len(str(path)) > _LONGEST_UNIX:
        import pytest  # the servers of the benchmarks need none

        pytest.skip("there can be no UNIX socket of this path")
    server = UnixServer(path)
    with serving(server):
        try:
            yield server
        finally:
            server.stop()
