"""Plain data: what JSON keeps exactly, and the readable text of it."""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import Any

#: A container of atoms stands on one line up to this many characters.
WIDTH = 120
#: Parsing recurses in C, wherever on the stack the replay happens to be.
DEPTH = 100

_ATOMS = frozenset({str, int, float, bool, type(None)})
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode


def text_of(value: object) -> str | None:
    """The value as readable JSON with a newline at its end, or None where JSON does not keep it exactly.

    Order counts and is kept; that two parts are one object is not kept.
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
    """JSON with one key or item a line; a container of atoms on one line where it is short."""
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
    """Whether no part is a container that holds something."""
    return not any(part for part in parts if type(part) is dict or type(part) is list)


def _has_plain_types(value: object) -> bool:
    """Whether all parts are of exactly JSON's types, not too deep, and no cycle or explosion of shared parts."""
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
