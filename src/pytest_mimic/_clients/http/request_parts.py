"""Bodies and URLs of requests as plain data, in which equal requests are equal however they are written."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

from pytest_mimic._clients.http.message import (
    as_text,
    charset_of,
    inflate,
    media_type,
    parameters,
    parse_json,
)

if TYPE_CHECKING:
    from pytest_mimic._clients.http.http_secrets import Secrets


# The parts of a request that is signed in advance for AWS: they depend on the time and on credentials.
_NAMES = ("algorithm", "credential", "date", "expires", "signedheaders", "security-token", "signature")
# The fields of versions 4 and 2 of signatures, in a query and, with a policy, in a form.
_VERSION_4 = frozenset({"policy", *(f"x-amz-{name}" for name in _NAMES)})
_VERSION_2 = frozenset({"policy", "awsaccesskeyid", "signature", "expires", "x-amz-security-token"})

_GENERAL = "application/octet-stream"


def describe_body(data: bytes, content_type: str | None, encoding: str | None) -> tuple[str | None, Any]:
    """Return the format of a request's whole body and its plain value, in which secrets are not yet hidden.

    These are `json` and the value, `form` and its fields, `multipart` and its parts, `text` and the text, `bytes` and
    their digest; or None and None for an empty body. A body in a `Content-Encoding` is decompressed first.
    """
    if not data:
        return None, None
    if encoding:
        inflated = inflate([data], encoding)
        data = data if inflated is None else b"".join(inflated)
    kind = media_type(content_type)
    if kind.startswith("multipart/"):
        boundary = parameters(content_type or "").get("boundary", "")
        parts = _parts(data, boundary.encode("latin-1"))
        if parts is not None:
            return "multipart", parts
    text = as_text(data, charset_of(content_type))
    if text is None:
        return "bytes", digest(data)
    if kind == "application/x-www-form-urlencoded":
        return "form", fields(text)
    if "json" in kind or text.lstrip()[:1] in ("{", "["):
        try:
            return "json", parse_json(text)
        except ValueError:
            pass
    return "text", text


def fields(form: str) -> dict[str, Any]:
    """Return the fields of a query or form. The values of a repeated field are a list, in their order."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True, errors="backslashreplace"):
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def digest(data: bytes) -> dict[str, Any]:
    """Return the size and the hash of binary data, which represent it."""
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _parts(data: bytes, boundary: bytes) -> dict[str, Any] | None:
    """Return the parts of a multipart body (RFC 7578) by name, or None if it is malformed."""
    pieces = (b"\r\n" + data).split(b"\r\n--" + boundary)
    if not boundary or len(pieces) < 3:
        return None
    found: dict[str, list[Any]] = {}
    # The first piece comes before the first part, the last one after the final boundary.
    for piece in pieces[1:-1]:
        head, blank, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not blank:
            return None
        name, part = _part(head.decode("utf-8", "backslashreplace"), content)
        found.setdefault(name, []).append(part)
    return {name: parts[0] if len(parts) == 1 else parts for name, parts in found.items()}


def _part(head: str, content: bytes) -> tuple[str, Any]:
    """Return the name of a part and its value, which for a file is a mapping."""
    lines = (line.partition(":") for line in head.split("\r\n"))
    headers = {name.strip().lower(): text.strip() for name, _, text in lines}
    about = parameters(headers.get("content-disposition", ""))
    kind = headers.get("content-type")
    value: Any = as_text(content)
    if value is None:
        value = digest(content)
    elif kind and "json" in kind:
        try:
            value = parse_json(value)
        except ValueError:
            pass
    filename = about.get("filename*", about.get("filename"))
    if filename is not None and kind in (_GENERAL, _guessed(filename)):
        kind = None  # some clients add it, others send none
    if filename is not None or (kind and not kind.startswith("text/plain")):
        value = {"filename": filename, "type": kind, "content": value}
    return about.get("name", ""), value


def _guessed(filename: str) -> str | None:
    from mimetypes import guess_type

    return guess_type(filename)[0]


def without_signature(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a query or a form without those of a signature.

    Without a signature, fields of these names mean something else, and stay.
    """
    names = {name.lower() for name in fields}
    if "x-amz-signature" in names:
        signing = _VERSION_4
    elif names >= {"awsaccesskeyid", "signature"} and names & {"expires", "policy"}:
        signing = _VERSION_2
    else:
        return fields
    return {name: value for name, value in fields.items() if name.lower() not in signing}


# URLs as RFC 3986 normalises them, since clients encode the same URL differently


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
    scheme, host, port, shown = read_origin(match["origin"])
    path = match["path"]
    if "/." in path or not _NORMAL.fullmatch(path):
        path = _normal_path(path)
    path = secrets.path(path) or "/"
    query = secrets.scrub(without_signature(fields(match["query"]))) if match["query"] else {}
    return Url(scheme, host, port, path, query, shown + path)


@lru_cache(maxsize=1_000)
def read_origin(origin: str) -> tuple[str, str, int | None, str]:
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
