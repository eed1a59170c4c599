"""Headers that say what a body is, and bodies as text."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Control characters other than tab, newline, vertical tab, form feed, carriage return
# and escape.
_CONTROL_CHARACTER = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
# RFC 9110, 5.6.6: `; name=token` or `; name="quoted \" string"`. RFC 8187 adds names
# that end in `*`.
_PARAMETER = re.compile(
    r""";\s*(?P<name>[\w*-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^;\s]*))"""
)
# Parameters that only say how the parts of a multipart body are told apart. Clients
# make them anew for each body.
_PARAMETER_OF_FRAMING = re.compile(
    r""";\s*(?:boundary|start)\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^;\s]*)""", re.IGNORECASE
)
# Media types of texts: what a service means to be read as characters.
_MEDIA_TYPE_OF_TEXT = re.compile(
    r"(?:text|multipart|message)/.*"
    r"|application/(?:.*[+.-])?(?:json|jsonl|ndjson|json-seq|xml|yaml|eventstream)"
    r"|application/(?:http|sql|graphql|(?:x-)?javascript|x-www-form-urlencoded)"
)


def header_parts(header: str | None) -> tuple[str, dict[str, str]]:
    """Return a header's value and its parameters.

    `Text/Plain; charset="x"` gives `text/plain` and `{"charset": "x"}`; None gives an
    empty text.
    """
    if header is None:
        header = ""
    value, semicolon, _ = header.partition(";")
    parameters: dict[str, str] = {}
    if semicolon:
        for match in _PARAMETER.finditer(header):
            text = match["bare"]
            if text is None:
                # A backslash stands before a sign that a quoted text could not have.
                text = re.sub(r"\\(.)", r"\1", match["quoted"])
            parameters[match["name"].lower()] = text
    return value.strip().lower(), parameters


def header_of(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """Return the first header of this name, in lower case; None if it is missing."""
    for header_name, value in headers:
        if header_name.lower() == name:
            return value
    return None


def without_framing(content_type: str) -> str:
    """Return a content type without the strings that divide a multipart body."""
    return _PARAMETER_OF_FRAMING.sub("", content_type)


def is_text_type(media_type: str) -> bool:
    """Check whether a media type, in lower case, is that of a text."""
    return _MEDIA_TYPE_OF_TEXT.fullmatch(media_type) is not None


def as_text(data: bytes, charset: str = "utf-8") -> str | None:
    """Decode bytes; None if they are binary.

    Bytes count as binary, too, if encoding their text gives other bytes: a replay has
    to give the very bytes that were recorded.
    """
    try:
        text = data.decode(charset)
        is_exact = text.encode(charset) == data
    except (ValueError, LookupError):
        return None
    if not is_exact or _CONTROL_CHARACTER.search(text):
        return None
    return text
