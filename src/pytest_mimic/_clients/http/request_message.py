"""Requests of HTTP/1.1 as they are sent, piece by piece."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from pytest_mimic._clients.http.exchange import HttpRequest
from pytest_mimic._clients.http.wire import unframe


class RequestMessage:
    """A request that is collected while a client sends it.

    Attributes:
        pieces: What was sent, in order.
        target: The target in its first line: a path, or a URL for a proxy.
    """

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.target = ""
        self._method = ""
        self._headers: tuple[tuple[str, str], ...] = ()
        self._body: list[bytes] = []
        self._missing: int | None = 0  # bytes of the body that have not come; None if it has chunks
        self._is_head_read = False

    def add(self, data: Any) -> bool:
        """Add what a client sends, and return whether the request is complete."""
        piece = _as_bytes(data)
        self.pieces.append(piece)
        if not self._is_head_read:
            head, end, rest = b"".join(self.pieces).partition(b"\r\n\r\n")
            if not end:
                return False
            self._read_head(head.decode("latin-1"))
            piece = rest
        self._body.append(piece)
        if self._missing is None:
            return piece.endswith(b"0\r\n\r\n") and unframe(b"".join(self._body))[1]
        self._missing -= len(piece)
        return self._missing <= 0

    def _read_head(self, head: str) -> None:
        self._is_head_read = True
        first, *lines = head.replace("\r\n\t", " ").replace("\r\n ", " ").split("\r\n")
        self._method, self.target, _ = first.rsplit(" ", 2)  # a wrong method may have blanks
        pairs = (line.partition(":") for line in lines)
        self._headers = tuple((name, value.strip()) for name, _, value in pairs)
        one = {name.lower(): value for name, value in self._headers}
        if "chunked" in one.get("transfer-encoding", "").lower():
            self._missing = None
        else:
            length = one.get("content-length", "")
            self._missing = int(length) if length.isdigit() else 0

    def request(self, url: str) -> HttpRequest:
        body = b"".join(self._body)
        if self._missing is None:
            body = b"".join(unframe(body)[0])
        return HttpRequest(self._method, url, self._headers, body)


def _as_bytes(data: Any) -> bytes:
    """Return what a connection would send of a file, of bytes, or of an iterable of bytes."""
    if hasattr(data, "read"):
        content = data.read()
        return content.encode("iso-8859-1") if isinstance(data, io.TextIOBase) else bytes(content)
    try:
        return bytes(memoryview(data))
    except TypeError:
        if isinstance(data, Iterable) and not isinstance(data, str):
            return b"".join(map(bytes, data))
        raise TypeError(f"data should be a bytes-like object or an iterable, got {type(data)!r}") from None
