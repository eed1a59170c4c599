"""URLs of requests as RFC 3986 normalises them, since clients encode the same URL differently."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

from pytest_mimic._clients.http.request_body import fields, without_signature

if TYPE_CHECKING:
    from pytest_mimic._clients.http.http_secrets import Secrets

_DEFAULT_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"(?P<origin>[^:/?#]+://[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?")
# Besides letters and digits, the characters that a path may have as they are (RFC 3986, 3.3).
_ALLOWED = "-._~!$&'()*+,;=:@/"
_NORMAL = re.compile(rf"[A-Za-z0-9{re.escape(_ALLOWED)}]*")
_ENCODED = re.compile(r"%(?:[0-9A-Fa-f]{2})?")
# aiohttp decodes them before it sends a request, so a difference cannot count. Of the reserved characters, `/` and `+` stay.
_DECODED = re.compile(r"[A-Za-z0-9._~!$&'()*,;=:@-]")


class Url(NamedTuple):
    """The parts of a URL, without secrets."""

    scheme: str
    host: str
    port: int | None
    path: str
    query: dict[str, Any]
    shown: str


def read_url(secrets: Secrets, url: str) -> Url:
    """Return the parts of a URL. ValueError: it has no host, or its host or port is impossible."""
    match = _URL.match(url)
    if match is None:
        raise ValueError(f"{url} has no host")
    scheme, host, port, shown = _read_origin(match["origin"])
    path = secrets.path(_normal_path(match["path"])) or "/"
    query = secrets.scrub(without_signature(fields(match["query"]))) if match["query"] else {}
    return Url(scheme, host, port, path, query, shown + path)


@lru_cache(maxsize=1_000)
def _read_origin(origin: str) -> tuple[str, str, int | None, str]:
    """Return a URL's scheme, host, port and shown text."""
    parts = urlsplit(origin)
    host = (parts.hostname or "").lower()
    if not host.isascii():
        host = host.encode("idna").decode()
    usual = _DEFAULT_PORTS.get(parts.scheme)
    port = parts.port or usual
    shown = f"{parts.scheme}://" + (f"[{host}]" if ":" in host else host)
    return parts.scheme, host, port, shown if port == usual else f"{shown}:{port}"


def _normal_path(path: str) -> str:
    """Return a path with what must be encoded, and only that, encoded in capitals, and without dot segments."""
    if not _NORMAL.fullmatch(path):
        path = _ENCODED.sub(_normal_octet, quote(path, safe=f"{_ALLOWED}%"))
    if "/." not in path:
        return path
    found: list[str] = []
    *folders, last = path.split("/")[1:]
    for segment in folders:
        if segment == "..":
            del found[-1:]
        elif segment != ".":
            found.append(segment)
    if last == "..":
        del found[-1:]
    return "/" + "".join(f"{segment}/" for segment in found) + ("" if last in (".", "..") else last)


def _normal_octet(match: re.Match[str]) -> str:
    octet = match[0]
    if len(octet) == 1:
        return "%25"
    character = chr(int(octet[1:], 16))
    return character if _DECODED.fullmatch(character) else octet.upper()
