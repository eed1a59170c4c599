"""Plain data, which JSON keeps exactly, and its readable text."""

from __future__ import annotations

from json import JSONEncoder, encoder
from json.encoder import encode_basestring
from typing import Any

# A container without containers is written on one line of up to this many characters.
WIDTH = 120
# The deepest nesting: parsing recurses in C, and a replay may begin deep in the stack.
DEPTH = 100

_ATOMS = frozenset({str, int, float, bool, type(None)})


def layout_of(tree: object) -> str | None:
    """Return a tree of JSON as readable text with a final newline, or None if it has a part that no text keeps."""
    try:
        text = layout(tree) + "\n"
        text.encode()
    except ValueError:  # NaN, an infinity, a lone surrogate, an integer too long for text
        return None
    return text


def layout(value: Any, indent: str = "") -> str:
    """Return JSON with one key or item a line, or a short container without containers on one line."""
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    if kind is not dict and kind is not list:
        return "".join(_chunks(value, 0))
    inner = indent + " "
    if kind is dict and len(value) == 1:
        [(key, part)] = value.items()
        if key[:1] == "$":  # a tag without other facts takes no line of its own
            return f"{{{encode_basestring(key)}: {layout(part, indent)}}}"
    if _is_leaf(value.values() if kind is dict else value):
        text = "".join(_chunks(value, 0))
        line = text.replace(_BETWEEN, ", ")
        if len(line) <= WIDTH:
            return line
        broken = text.replace(_BETWEEN, ",\n" + inner)
        return f"{broken[0]}\n{inner}{broken[1:-1]}\n{indent}{broken[-1]}"
    if kind is dict:
        lines = [f"{inner}{encode_basestring(key)}: {layout(part, inner)}" for key, part in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    rows = _rows(value) or [layout(part, inner) for part in value]
    return f"[\n{inner}" + f",\n{inner}".join(rows) + f"\n{indent}]"


def _rows(items: list[Any]) -> list[str] | None:
    """Return a line for each item if all are dicts without containers, which are encoded at once, else None."""
    if set(map(type, items)) != {dict}:
        return None
    text = "".join(_chunks(items, 0))
    if '": {' in text or '": [' in text:
        return None
    rows = text[1:-1].replace(f"}}{_BETWEEN}{{", "}\n{").replace(_BETWEEN, ", ").split("\n")
    return rows if max(map(len, rows)) <= WIDTH else None


_BETWEEN = "\x01"  # between items until it is known what stands there: no character of a JSON text
# `JSONEncoder.encode` makes such an encoder at each call.
_chunks: Any = encoder.c_make_encoder(  # type: ignore[attr-defined]
    None, JSONEncoder().default, encode_basestring, None, ": ", _BETWEEN, False, False, False
)


def _is_leaf(parts: Any) -> bool:
    """Return whether no part is a container with parts, but for tags of one simple part: `{"$date": "2026-11-02"}`."""
    for part in parts:
        if part and (type(part) is dict or type(part) is list):
            if type(part) is not dict or len(part) > 1:
                return False
            [(key, inner)] = part.items()
            if key[:1] != "$" or type(inner) is dict or type(inner) is list:
                return False
    return True


def repeated_parts(value: object) -> list[tuple[int, int]] | None:
    """Return which lists and dicts of plain data are at several places, or None if it is not plain data.

    Plain data has exactly the types of JSON and is not too deep. Each repetition is the number of its place, and that
    of the first one. Places are counted level by level.
    """
    level: list[Any] = [value] if type(value) not in _ATOMS else []
    places: dict[int, int] = {}
    repeated: list[tuple[int, int]] = []
    for _ in range(DEPTH):
        if not level:
            return repeated
        inner: list[Any] = []
        keys: list[Any] = []
        for part in level:
            kind = type(part)
            if kind is not list and kind is not dict:
                return None
            place = len(places) + len(repeated)
            first = places.setdefault(id(part), place)
            if first != place:
                repeated.append((place, first))
            elif kind is list:
                inner.append(part)
            else:
                keys += part
                inner.append(part.values())
        if not {str}.issuperset(map(type, keys)):
            return None
        level = [part for parts in inner for part in parts if type(part) not in _ATOMS]
    return None if level else repeated
