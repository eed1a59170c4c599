"""The shapes of recorded outcomes of clients, checked before they are used.

Nothing of a client is loaded for it: the command checks whole vaults.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any

_PARTS = {"status": int, "headers": list, "body": dict}
_CONTENTS = {
    "json": object,
    "text": str,
    "base64": str,
    "chunks": list,
    "events": list,
    "parts": list,
    "message": dict,
}


def check_http(value: Any) -> None:
    """Check the value of a recorded exchange.

    Raises:
        LookupError, TypeError, ValueError: No replay could give it.
    """
    if type(value) is not dict:
        raise TypeError("a client's outcome must be a mapping")
    for name, kind in _PARTS.items():
        if name in value and type(value[name]) is not kind:
            raise TypeError(f"{name} must be of type {kind.__name__}")
    if "status" in value or value.keys().isdisjoint(("end", "error")):
        for name in ("status", "reason", "version", "headers"):
            if name not in value:
                raise KeyError(name)
        for pair in value["headers"]:
            if [type(part) for part in pair] != [str, str]:
                raise ValueError("headers must be pairs of texts")
    _check_body(value.get("body", {"json": None}))


def _check_body(body: Any) -> None:
    """Check a body, or a part of one, in the same way."""
    is_known = any(
        name in body and isinstance(body[name], kind)
        for name, kind in _CONTENTS.items()
    )
    if not is_known:
        raise ValueError(f"a body needs one of {', '.join(_CONTENTS)}")
    charset = body.get("charset", "utf-8")
    chunks = body.get("chunks", [body] if "base64" in body else ())
    for chunk in (body.get("text", ""), *chunks):
        if type(chunk) is str:
            chunk.encode(charset)
        else:
            b64decode("".join(chunk["base64"].split()), validate=True)
    if not {type(event) for event in body.get("events", ())} <= {dict, str}:
        raise TypeError("an event must be a mapping or a text")
    parts = body.get("parts", ())
    delimiters = body.get("delimiters", [""])
    kinds = {type(delimiter) for delimiter in delimiters}
    if len(delimiters) != len(parts) + 1 or kinds != {str}:
        raise ValueError("a body needs one delimiter more than parts")
    inner = [*parts, body["message"]] if "message" in body else parts
    for part in inner:
        part["head"].encode()
        # A part may have a head alone.
        if part.keys() - {"head", "transfer"}:
            _check_body(part)


def check_sql(value: Any) -> None:
    """Check the value of a recorded statement.

    Raises:
        TypeError, ValueError: No replay could give it.
    """
    if type(value) is not dict:
        raise TypeError("a client's outcome must be a mapping")
    for name in ("columns", "rows"):
        if type(value.get(name, [])) is not list:
            raise TypeError(f"{name} must be of type list")
    columns, rows = value.get("columns", []), value.get("rows", [])
    is_table = all(type(row) is list for row in (*columns, *rows))
    if not is_table or any(len(row) != len(columns) for row in rows):
        raise ValueError("each row must have a value for each column")


def check_redis(value: Any) -> None:
    """Check the value of a recorded command.

    Raises:
        TypeError: No replay could give it.
    """
    if type(value) is not dict:
        raise TypeError("a client's outcome must be a mapping")
    if type(value.get("replies", [])) is not list:
        raise TypeError("replies must be of type list")
