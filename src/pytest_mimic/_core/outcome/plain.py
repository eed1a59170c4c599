"""Plain data, which JSON keeps exactly, and its readable text."""

from __future__ import annotations

from itertools import chain
from json import JSONEncoder, encoder
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from pytest_mimic._core.nodes.json_tags import SIGN

# A container without containers is written on one line of up to this many characters.
WIDTH = 120
# The deepest nesting: parsing recurses in C, and a replay may begin deep in the stack.
DEPTH = 100

_ATOMS = frozenset({str, int, float, bool, type(None)})


class Laid(NamedTuple):
    """A list or dict that is laid out already, in several lines."""

    text: str


def exact_text(tree: object) -> str | None:
    """Return JSON as readable text.

    None: no text keeps a part of it, such as NaN, an infinity, a lone surrogate, or an
    integer that is too long.
    """
    try:
        text = layout(tree)
        text.encode()
    except ValueError:
        return None
    return text


def layout(value: Any, indent: str = "") -> str:
    """Return JSON with one key or item a line.

    A short container without containers is on one line.
    """
    kind = type(value)
    if kind is Laid:
        text: str = value.text
        return text.replace("\n", f"\n{indent}")
    if kind is not dict and kind is not list:
        return "".join(_chunks(value, 0))
    inner = indent + " "
    if kind is dict and len(value) == 1:
        [(key, part)] = value.items()
        if key[:1] == SIGN:
            # A tag without other facts takes no line of its own.
            return f"{{{encode_basestring(key)}: {layout(part, indent)}}}"
    if _is_leaf(value.values() if kind is dict else value):
        text = "".join(_chunks(value, 0))
        line = text.replace(_BETWEEN, ", ")
        if len(line) <= WIDTH:
            return line
        broken = text.replace(_BETWEEN, ",\n" + inner)
        return f"{broken[0]}\n{inner}{broken[1:-1]}\n{indent}{broken[-1]}"
    if kind is dict:
        lines: list[str] = []
        for key, part in value.items():
            write = _TEXTS.get(type(part))
            text = layout(part, inner) if write is None else write(part)
            lines.append(f"{inner}{encode_basestring(key)}: {text}")
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    rows = _rows(value) or [layout(part, inner) for part in value]
    return f"[\n{inner}" + f",\n{inner}".join(rows) + f"\n{indent}]"


def _rows(items: list[Any]) -> list[str] | None:
    """Return a line for each item, if all are short dicts without containers.

    They are encoded at once. None: the items are others.
    """
    if set(map(type, items)) != {dict}:
        return None
    if not _CONTAINERS.isdisjoint(map(type, items[0].values())):
        return None
    text = "".join(_chunks(items, 0))
    if '": {' in text or '": [' in text:
        return None
    text = text[1:-1].replace(f"}}{_BETWEEN}{{", "}\n{")
    rows = text.replace(_BETWEEN, ", ").split("\n")
    return rows if max(map(len, rows)) <= WIDTH else None


_CONTAINERS = frozenset({dict, list, Laid})
# What needs no call of `layout`.
_TEXTS: dict[type, Any] = {str: encode_basestring, int: int.__repr__}
# It stands between items until it is known what does: no JSON text has this character.
_BETWEEN = "\x01"
# `JSONEncoder.encode` makes such an encoder at each call.
_chunks: Any = encoder.c_make_encoder(  # type: ignore[attr-defined]
    None,
    JSONEncoder().default,
    encode_basestring,
    None,
    ": ",
    _BETWEEN,
    False,
    False,
    False,
)


def _is_leaf(parts: Any) -> bool:
    """Return whether no part is a container with parts.

    Tags of one simple part are none: `{"$date": "2026-11-02"}`.
    """
    for part in parts:
        if part and type(part) in _CONTAINERS:
            if type(part) is not dict or len(part) > 1:
                return False
            [(key, inner)] = part.items()
            if key[:1] != SIGN or type(inner) is dict or type(inner) is list:
                return False
    return True


def repeated_parts(value: object) -> list[tuple[int, int]] | None:
    """Return which lists and dicts of plain data are at several places.

    Each repetition is the number of its place, and that of the first one. Places are
    counted level by level. Of `[a, [a]]` with one list `a`, level by level the places
    are 0, 1 for `a`, 2, and 3 for `a` again, so that the result is `[(3, 1)]`.

    None: it is not plain data, which has exactly the types of JSON and is not too deep.
    """
    level: list[Any] = [value] if type(value) not in _ATOMS else []
    places: dict[int, int] = {}
    repeated: list[tuple[int, int]] = []
    for _ in range(DEPTH):
        if not level:
            return repeated
        if not {list, dict}.issuperset(map(type, level)):
            return None
        fresh: list[Any] = []
        for place, part in enumerate(level, len(places) + len(repeated)):
            first = places.setdefault(id(part), place)
            if first == place:
                fresh.append(part)
            else:
                repeated.append((place, first))
        dicts = [part for part in fresh if type(part) is dict]
        if not {str}.issuperset(map(type, chain.from_iterable(dicts))):
            return None
        inner = chain.from_iterable(
            part if type(part) is list else part.values() for part in fresh
        )
        level = [part for part in inner if type(part) not in _ATOMS]
    return None if level else repeated
