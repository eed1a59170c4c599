"""Plain data, which JSON keeps exactly, and its readable text."""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import Any

# A container without containers is written on one line of up to this many characters.
WIDTH = 120
# The deepest nesting: parsing recurses in C, and a replay may begin deep in the stack.
DEPTH = 100

_ATOMS = frozenset({str, int, float, bool, type(None)})
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode


def text_of(value: object) -> str | None:
    """Return the value as readable JSON with a final newline, or None if JSON does not keep it exactly.

    The order of dicts is kept. Two parts that are one object become two.
    """
    if not _has_plain_types(value):
        return None
    try:
        text = layout(value) + "\n"
        text.encode()
    except ValueError:  # NaN, an infinity, a lone surrogate, an integer too long for text
        return None
    return text


def layout(value: Any, indent: str = "") -> str:
    """Return JSON with one key or item a line, or a short container without containers on one line."""
    kind = type(value)
    if kind is not dict and kind is not list:
        return _encode(value)
    inner = indent + " "
    if kind is dict:
        if _is_leaf(value.values()):
            line = _encode(value)
            if len(line) <= WIDTH:
                return line
        lines = [f"{inner}{encode_basestring(key)}: {layout(part, inner)}" for key, part in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if _is_leaf(value):
        line = _encode(value)
        if len(line) <= WIDTH:
            return line
        if str not in set(map(type, value)):
            return "[\n" + inner + line[1:-1].replace(", ", ",\n" + inner) + f"\n{indent}]"
    return "[\n" + ",\n".join([inner + layout(part, inner) for part in value]) + f"\n{indent}]"


def _is_leaf(parts: Any) -> bool:
    """Return whether no part is a container with parts."""
    return not any(part for part in parts if type(part) is dict or type(part) is list)


def _has_plain_types(value: object) -> bool:
    """Return whether all parts are of exactly JSON's types, not too deep, and not shared over and over."""
    level: list[Any] = [value]
    for _ in range(DEPTH):
        inner: list[Any] = []
        for part in level:
            kind = type(part)
            if kind is list:
                inner.append(part)
            elif kind is dict:
                if set(map(type, part)) - {str}:
                    return False
                inner.append(part.values())
            elif kind not in _ATOMS:
                return False
        if len(inner) > 10_000 and len({id(part) for part in level}) * 10 < len(level):
            return False
        level = [part for parts in inner for part in parts if type(part) is not str]
        if not level:
            return True
    return False
