"""The parts that requests and responses have in common: media types, parameters, text and headers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

# Control characters other than tab, newline, vertical tab, form feed, carriage return and escape.
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
# RFC 9110, 5.6.6: `; name=token` or `; name="quoted \" string"`. RFC 8187 adds names that end in `*`.
_PARAMETER = re.compile(
    r""";\s*(?P<name>[\w*-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^;\s]*))"""
)


def media_type(content_type: str | None) -> str:
    """Return `application/json` for `Application/JSON; charset=utf-8`, and an empty text for None."""
    return (content_type or "").partition(";")[0].strip().lower()


def parameters(header: str) -> dict[str, str]:
    """Return the parameters after the first `;` of a header: `{"charset": "utf-8"}`."""
    found = {}
    for match in _PARAMETER.finditer(header):
        quoted = match["quoted"]
        found[match["name"].lower()] = match["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    return found


def charset_of(content_type: str | None) -> str:
    """Return the charset that a `Content-Type` names, by default UTF-8."""
    return parameters(content_type or "").get("charset", "utf-8")


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
