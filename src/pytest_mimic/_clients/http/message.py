"""The parts of requests and responses: media types, headers, text, JSON, content encodings, and the bodies of requests."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Iterable, Sequence
from itertools import product
from json import JSONEncoder, dumps, encoder, loads
from typing import Any
from urllib.parse import parse_qsl

# Control characters other than tab, newline, vertical tab, form feed, carriage return and escape.
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
# RFC 9110, 5.6.6: `; name=token` or `; name="quoted \" string"`. RFC 8187 adds names that end in `*`.
_PARAMETER = re.compile(
    r""";\s*(?P<name>[\w*-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^;\s]*))"""
)


def media_type(content_type: str | None) -> str:
    """Return `application/json` for `Application/JSON; charset=utf-8`, and an empty text for None."""
    return (content_type or "").partition(";")[0].strip().lower()


def parameters(header: str | None) -> dict[str, str]:
    """Return the parameters after the first `;` of a header: `{"charset": "utf-8"}`."""
    found = {}
    for match in _PARAMETER.finditer(header) if header and ";" in header else ():
        quoted = match["quoted"]
        found[match["name"].lower()] = match["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    return found


def as_text(data: bytes, charset: str = "utf-8") -> str | None:
    """Decode bytes, or return None if they are binary, or if encoding the text would give other bytes."""
    try:
        text = data.decode(charset)
        return None if _CONTROL.search(text) or text.encode(charset) != data else text
    except (ValueError, LookupError):
        return None


def text_pairs(headers: Iterable[tuple[Any, Any]]) -> list[tuple[str, str]]:
    """Return headers as text. Bytes are decoded as Latin-1, which loses nothing."""
    return [
        (
            name.decode("latin-1") if isinstance(name, bytes) else name,
            value.decode("latin-1") if isinstance(value, bytes) else value,
        )
        for name, value in headers
    ]


def header_of(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """Return the first header of this name, written in lower case, or None if it is missing."""
    return next((value for key, value in headers if key.lower() == name), None)


# JSON: read if plain data can hold it, and written again in the layout of its server


_INDENT = re.compile(r"[\[{]\n( {1,8})\S")
# As in `_core/outcome/plain.py`: `JSONEncoder.encode` makes such an encoder at each call.
_chunks: Any = encoder.c_make_encoder(  # type: ignore[attr-defined]
    None, JSONEncoder().default, encoder.encode_basestring, None, ":", ",", False, False, True
)


def parse_json(text: str) -> Any:
    """Parse a JSON text that plain data can hold.

    Raises:
        ValueError: It is not JSON, is nested too deep for Python, or has NaN, a lone surrogate or a repeated key.
    """
    try:
        value = loads(text, parse_constant=_refuse, object_pairs_hook=_unique_keys)
        dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return value


def json_of(text: str, kind: str = "") -> Any:
    """Return the value of a text that its media type or its beginning says is JSON; if it is none, this same text."""
    if "json" in kind or text.lstrip()[:1] in ("{", "["):
        try:
            return parse_json(text)
        except ValueError:
            pass
    return text


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is repeated")
    return value


def style_of(value: Any, text: str) -> str | None:
    """Return the style in which `write_json` makes this text of the value, or None if no style does.

    Styles are compact (an empty text), `spaced` and `indent-2`, as `json.dumps` writes them; with `ascii` where
    other characters are escaped, and with `newline` at the end.
    """
    indented = _INDENT.match(text)
    layouts = [f"indent-{len(indented[1])}"] if indented else ["", "spaced"]
    escapes = ["", "ascii"] if "\\u" in text else [""]
    words = ["newline"] if text.endswith("\n") else []
    for layout, escape in product(layouts, escapes):
        style = " ".join(filter(None, (layout, escape, *words)))
        if write_json(value, style) == text:
            return style
    return None


def write_json(value: Any, style: str = "") -> str:
    """Write a value as JSON in one of the styles that `style_of` returns."""
    if not style:
        return "".join(_chunks(value, 0))
    words = style.split()
    indent = next((int(word[7:]) for word in words if word.startswith("indent-")), None)
    separators = None if indent or "spaced" in words else (",", ":")
    text = dumps(value, ensure_ascii="ascii" in words, indent=indent, separators=separators)
    return f"{text}\n" if "newline" in words else text


# Bytes as readable plain data


def as_base64(data: bytes) -> dict[str, Any]:
    return {"base64": base64.b64encode(data).decode()}


def load_bytes(body: dict[str, Any]) -> bytes:
    """Return the bytes of `json`, `text` or `base64`."""
    if "base64" in body:
        return base64.b64decode(body["base64"])
    text: str = write_json(body["json"], body.get("style", "")) if "json" in body else body["text"]
    return text.encode(body.get("charset", "utf-8"))


# Content encodings: bodies are stored decompressed


def inflate(chunks: Sequence[bytes], encoding: str) -> list[bytes] | None:
    """Decompress the chunks of a body, perhaps without its end, one by one.

    There are as many as before, some perhaps empty. None if an encoding is unknown here, or the body is not in it.
    """
    found: list[bytes] | None = list(chunks)
    # `Content-Encoding: deflate, gzip`: the last encoding is undone first.
    for name in reversed([part.strip().lower() for part in encoding.split(",")]):
        if found is not None:
            found = _decode(found, name)
    return found


def _decode(chunks: Sequence[bytes], name: str) -> list[bytes] | None:
    for decoder in _decoders(name):
        try:
            found = [decoder(chunk) for chunk in chunks]
        except Exception:  # each library has its own
            continue
        # Unused data is a second gzip member, for example, which clients treat differently.
        if not getattr(getattr(decoder, "__self__", None), "unused_data", b""):
            return found
    return None


def _decoders(name: str) -> list[Any]:
    """Return the functions to try that decompress the chunks of a body."""
    if name in ("gzip", "x-gzip"):
        return [zlib.decompressobj(16 + zlib.MAX_WBITS).decompress]
    if name == "deflate":
        # RFC 9110 means the zlib format (RFC 1950); some servers send the bare stream (RFC 1951).
        return [zlib.decompressobj().decompress, zlib.decompressobj(-zlib.MAX_WBITS).decompress]
    try:
        if name == "zstd":
            from pytest_mimic._core.outcome.memory import zstd_module

            return [zstd_module().ZstdDecompressor().decompress]
        if name == "br":
            import brotli  # type: ignore[import-not-found, import-untyped, unused-ignore]

            return [brotli.Decompressor().process]
    except ImportError:
        pass
    return []


# The parts of a request that is signed in advance for AWS: they depend on the time and on credentials.
_NAMES = ("algorithm", "credential", "date", "expires", "signedheaders", "security-token", "signature")
# The fields of a signature, in a query and, with a policy, in a form.
_SIGNING = frozenset({"policy", *(f"x-amz-{name}" for name in _NAMES)})


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
        boundary = parameters(content_type).get("boundary", "")
        parts = _parts(data, boundary.encode("latin-1"))
        if parts is not None:
            return "multipart", parts
    text = as_text(data, parameters(content_type).get("charset", "utf-8"))
    if text is None:
        return "bytes", digest(data)
    if kind == "application/x-www-form-urlencoded":
        return "form", fields(text)
    value = json_of(text, kind)
    return "text" if value is text else "json", value


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
        value = json_of(value, kind)
    filename = about.get("filename*", about.get("filename"))
    if filename is not None or (kind and not kind.startswith("text/plain")):
        value = {"filename": filename, "type": kind, "content": value}
    return about.get("name", ""), value


def without_signature(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a query or a form without those of a signature.

    Without a signature, fields of these names mean something else, and stay.
    """
    if "x-amz-signature" not in {name.lower() for name in fields}:
        return fields
    return {name: value for name, value in fields.items() if name.lower() not in _SIGNING}
