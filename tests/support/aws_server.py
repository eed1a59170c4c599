"""A small fake of AWS on loopback for what moto lacks: streams of events, failures, and instance metadata."""

from __future__ import annotations

import json
import struct
from binascii import crc32
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from support import loopback
from support.loopback import serving

MODEL = "test.model-v1"
ANSWERS = ["Good", " morning", ", Zoë"]
_TEXT = 7  # the type of a header's value


def event(kind: str, payload: bytes, content_type: str = "application/json") -> bytes:
    """Return one message of an event stream: lengths, their checksum, headers, payload, checksum of all."""
    names = {":message-type": "event", ":event-type": kind, ":content-type": content_type}
    headers = b""
    for name, value in names.items():
        headers += struct.pack("!B", len(name)) + name.encode()
        headers += struct.pack("!BH", _TEXT, len(value)) + value.encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    start = prelude + struct.pack("!I", crc32(prelude)) + headers + payload
    return start + struct.pack("!I", crc32(start))


class Handler(loopback.Handler):
    """Answers by the path of a request."""

    server: Server

    def do_GET(self) -> None:
        self.take(b"")

    def do_PUT(self) -> None:
        self.server.expected.append(self.headers.get("Expect"))
        self.take(self.body())

    def do_POST(self) -> None:
        self.take(self.body())

    do_HEAD = do_GET

    def take(self, body: bytes) -> None:
        server = self.server
        server.seen.append(f"{self.command} {self.path}")
        server.headers.append(dict(self.headers.items()))
        server.bodies.append(body)
        path = self.path.partition("?")[0]
        if "busy" in path and server.first_time(path):
            self.answer(503, b"<Error><Code>SlowDown</Code><Message>slow down</Message></Error>")
        elif "cut" in path:
            self.close_connection = True
        elif "echo" in path:
            key = self.headers["Authorization"].partition("Credential=")[2].partition("/")[0]
            self.answer(403, f"<Error><Code>Denied</Code><Message>{key} may not</Message></Error>".encode())
        elif "early" in path:
            self.answer(412, b"<Error><Code>PreconditionFailed</Code><Message>no</Message></Error>")
        elif "moved" in path and "eu-west-1" not in self.headers.get("Authorization", ""):
            xml = b"<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>"
            self.answer(301, xml, x_amz_bucket_region="eu-west-1")
        elif server.events and path.endswith("-stream"):
            self.events(server.events)
        elif path.endswith("/invoke-with-response-stream"):
            self.events([event("chunk", json.dumps({"bytes": _base64(one)}).encode()) for one in ANSWERS])
        elif path.endswith("/converse-stream"):
            deltas = [{"contentBlockIndex": 0, "delta": {"text": one}} for one in ANSWERS]
            events = [event("contentBlockDelta", json.dumps(delta).encode()) for delta in deltas]
            self.events([*events, event("messageStop", b'{"stopReason":"end_turn"}')])
        elif "select" in self.path:
            records = [event("Records", b"1,a\n2,b\n", "application/octet-stream"), event("End", b"")]
            self.events(records)
        elif path == "/keys":  # of a container
            keys = {"AccessKeyId": "AKIAFROMCONTAINER4711", "SecretAccessKey": "s", "Token": "t"}
            self.answer(200, json.dumps({**keys, "Expiration": "2999-01-01T00:00:00Z"}).encode())
        elif path.startswith("/latest/"):
            self.answer(404, b"")
        elif b"Action=" in body:
            self.answer(200, b"<Response/>")
        else:
            self.answer(200, b"")

    def answer(self, status: int, body: bytes | str, kind: str = "application/xml", **headers: str) -> None:
        """Send a response, usually with XML."""
        super().answer(status, body, kind, **headers)

    def events(self, events: list[bytes]) -> None:
        """Send events, each in a chunk of its own."""
        self.stream(events, "application/vnd.amazon.eventstream")

    def handle_expect_100(self) -> bool:
        """Refuse the body of some requests."""
        if "early" not in self.path:
            return super().handle_expect_100()
        self.close_connection = True
        self.take(b"")
        return False


def _base64(text: str) -> str:
    from base64 import b64encode

    return b64encode(json.dumps({"text": text}).encode()).decode()


class Server(loopback.Server):
    """The server, and what it has seen.

    Attributes:
        headers: The headers of each.
        expected: The `Expect` of each PUT.
        events: A stream to answer with, instead of the usual ones.
    """

    def __init__(self) -> None:
        super().__init__(Handler)
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.expected: list[str | None] = []
        self.events: list[bytes] = []
        self._failed: set[str] = set()

    def first_time(self, name: str) -> bool:
        """Return True once for each name."""
        with self.lock:
            is_first = name not in self._failed
            self._failed.add(name)
        return is_first


@cache
def loader() -> Any:
    """Return what reads the models of services, for all sessions: reading them takes longest."""
    from botocore.loaders import Loader

    return Loader(include_default_search_paths=True)


@contextmanager
def running_server() -> Iterator[Server]:
    """Return a running server."""
    with serving(Server()) as server:
        yield server


@contextmanager
def running_moto() -> Iterator[str]:
    """Return the URL of moto's server, which takes seconds to import."""
    from moto.server import ThreadedMotoServer

    moto: Any = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        moto.stop()
