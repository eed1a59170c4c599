"""Headers: their texts, values and parameters, and those that choose an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

#: The headers by which a client chooses one of several answers of a URL. Of a request
#: inside of a body, they count, too.
CHOOSING = tuple(
    "accept range if-match if-none-match if-modified-since prefer"
    " x-http-method-override x-amz-target soapaction".split()
)
#: An `Accept` that takes anything, which is as good as none.
ANYTHING = "*/*"
# RFC 9110, 5.6.6: `; name=token` or `; name="quoted \" string"`. RFC 8187 adds names
# that end in `*`.
_PARAMETER = re.compile(
    r""";\s*(?P<name>[\w*-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^;\s]*))"""
)
# Parameters that only say how the parts of a multipart body are told apart, and which
# is the first. Clients make them anew for each body, so they count in no identity.
_BOUNDARY_PARAMETER = re.compile(
    r""";\s*(?:boundary|start)\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^;\s]*)""", re.IGNORECASE
)


def header_parts(header: str | None) -> tuple[str, dict[str, str]]:
    """Return a header's value and its parameters.

    `Text/Plain; charset="x"` gives `text/plain` and `{"charset": "x"}`; None, for a
    header that is missing, gives an empty text.
    """
    if header is None:
        header = ""
    value, semicolon, _ = header.partition(";")
    parameters: dict[str, str] = {}
    if semicolon:
        for match in _PARAMETER.finditer(header):
            parameter = match["bare"]
            if parameter is None:
                # A backslash stands before a sign that a quoted text could not have.
                parameter = re.sub(r"\\(.)", r"\1", match["quoted"])
            parameters[match["name"].lower()] = parameter
    return value.strip().lower(), parameters


def header_of(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """Return the first header of a name; None if it is missing.

    The name is given in lower case.
    """
    for header_name, value in headers:
        if header_name.lower() == name:
            return value
    return None


def without_boundary(content_type: str) -> str:
    """Return a content type without the boundary of a multipart body.

    `multipart/mixed; boundary=1a2b` gives `multipart/mixed`. `start`, the id of the
    first part, is left out, too.
    """
    return _BOUNDARY_PARAMETER.sub("", content_type)


def text_pairs(headers: Iterable[tuple[Any, Any]]) -> list[tuple[str, str]]:
    """Return headers as text: httpx and aiohttp have bytes.

    They are decoded as Latin-1, which loses nothing.
    """
    headers_as_text = []
    for name, value in headers:
        if isinstance(name, bytes):
            name = name.decode("latin-1")
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        headers_as_text.append((name, value))
    return headers_as_text
