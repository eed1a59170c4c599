"""A small HTTP service on loopback whose one answer stands in a file, and an S3 whose objects hold that answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from support import loopback
from support.loopback import serving

_NO_KEY = b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"


class _Handler(loopback.Handler):
    server: _Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        answer = self.server.file.read_text(encoding="utf-8")
        if url.path == "/say":
            text = parse_qs(url.query)["text"][0]
            self.answer(200, json.dumps({"text": text, "answer": answer}), "application/json")
        elif url.path == "/events":
            events = [f"data: {word}\n\n" for word in ("one", "two", "three")]
            self.answer(200, "".join(events), "text/event-stream")
        elif url.path.startswith("/bucket/") and "nothing" not in url.path:
            self.answer(200, f"{url.path} {answer}", "text/plain")
        else:
            self.answer(404, _NO_KEY, "application/xml")


class _Server(loopback.Server):
    file: Path


@contextmanager
def answering_service(folder: Path) -> Iterator[str]:
    """Yield the URL of a service whose answer is in the folder's file `answer`. Its port stays the same."""
    port = folder / "port"
    file = folder / "answer"
    if not port.exists():
        file.write_text("as usual", encoding="utf-8")
    server = _Server(_Handler, int(port.read_text()) if port.exists() else 0)
    server.file = file
    port.write_text(str(server.server_port))
    with serving(server):
        yield server.url
