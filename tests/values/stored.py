"""What stands in the vault for one request and its answer, as JSON to be looked through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from support.face import hidden


def stored_http(
    *,
    target: str = "/in",
    method: str = "POST",
    headers: tuple[tuple[str, str], ...] = (),
    body: str = "",
    type_: str = "text/plain",
    answer: str = "{}",
    answer_headers: tuple[tuple[str, str], ...] = (),
    answer_type: str = "application/json",
    redact: tuple[str, ...] = (),
) -> str:
    """Return the JSON text of a call with this request and this answer."""
    request_headers = (("Host", "shop.test"), ("Content-Type", type_), *headers)
    request = message(f"{method} {target} HTTP/1.1", request_headers, body)
    given_headers = (("Content-Type", answer_type), *answer_headers)
    given = message("HTTP/1.1 200 OK", given_headers, answer)
    return hidden("http", request, given, redact=redact)


def message(first: str, headers: tuple[tuple[str, str], ...], body: str) -> bytes:
    """Return the bytes of a request or an answer."""
    data = body.encode()
    lines = [first, *(f"{name}: {value}" for name, value in headers)]
    lines.append(f"Content-Length: {len(data)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def documents_of(text: str) -> Iterator[Any]:
    """Yield the JSON documents that stand one after another in a text."""
    decoder = json.JSONDecoder()
    text = text.strip()
    while text:
        document, end = decoder.raw_decode(text)
        yield document
        text = text[end:].strip()


def parts_of(tree: Any) -> Iterator[Any]:
    """Yield a tree and all parts of it, keys too."""
    yield tree
    if isinstance(tree, dict):
        yield from tree
        for part in tree.values():
            yield from parts_of(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from parts_of(part)


def holds(text: str, part: Any) -> bool:
    """Return whether a part stands in the stored JSON as it is."""
    return any(
        part == one for document in documents_of(text) for one in parts_of(document)
    )


def texts_in(text: str) -> str:
    """Return all texts of the stored JSON, one a line, without the escapes of JSON."""
    parts = [one for document in documents_of(text) for one in parts_of(document)]
    return "\n".join(one for one in parts if isinstance(one, str))
