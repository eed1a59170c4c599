"""What type and range each field of a recording has: its author may be a stranger.

A field that is not in a table is left alone. What a client keeps of a request and an
answer may stand in an object, `{"$json": name}`, and is looked at when that was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, NamedTuple, TypeAlias


class Count(NamedTuple):
    """A whole number; a truth value is none.

    Attributes:
        least: The least.
        most: The greatest.
    """

    least: int = 0
    most: int = 1_000_000_000


class Seconds(NamedTuple):
    """How long something took; no run waits so long."""

    most: float = 1e9


class Items(NamedTuple):
    """A list.

    Attributes:
        kind: What each of its items is.
        least: How many it has at least.
        most: How many it has at most.
    """

    kind: Kind
    least: int = 0
    most: int = 1_000_000_000


class Named(NamedTuple):
    """A mapping whose names are free.

    Attributes:
        kind: What stands under each name.
    """

    kind: Kind


class Fields:
    """A mapping with fields.

    Args:
        needed: The fields that it has, by name.
        others: Those that it may have.

    Attributes:
        needed: The names of the fields that it has.
        kinds: All of its fields by name.
    """

    def __init__(
        self, needed: Mapping[str, Kind], others: Mapping[str, Kind] | None = None
    ) -> None:
        self.needed = tuple(needed)
        self.kinds: dict[str, Kind] = {**needed, **(others or {})}


class OneOf(NamedTuple):
    """Whatever is of one of several kinds."""

    kinds: tuple[Kind, ...]


Kind: TypeAlias = "type | Count | Seconds | Items | Named | Fields | OneOf"
"""`str` is a text, `bool` a truth value, `object` whatever a tree may hold."""

_OBJECT = Fields({"$json": str})
_TEXTS = Items(str)
_BY_NAME = Named(str)

HEAD: Mapping[str, Kind] = {
    "owner": str,
    "recorded": str,
    "digest": str,
    "clients": _BY_NAME,
    "setup": str,
    "unfinished": bool,
    "fixtures": _BY_NAME,
}
_END = Fields({}, {"value": object, "raised": object})
# In the order in which they stand in a call.
CALL: Mapping[str, Kind] = {
    "at": Items(Count(), 1, 2),
    "target": str,
    "signature": str,
    "identity": str,
    "line": str,
    "python": bool,
    "imported": bool,
    "recorded": str,
    "arguments": Named(object),
    "request": Named(object),
    "hidden": _TEXTS,
    "source": str,
    "inputs": str,
    "asked": _TEXTS,
    "unrepeated": _TEXTS,
    "aside": bool,
    "layers": _TEXTS,
    "after": Fields(
        {}, {"$gone": Items(Items(str, 2, 2)), "$shared": str, "$result": str}
    ),
    "end": str,
    "value": object,
    "raised": object,
    "items": OneOf((Items(object), _OBJECT)),
    "last": _END,
    "answer": Named(object),
    "seconds": Seconds(),
    "test": str,
}

# -- what clients keep, by their kinds

_HEADERS = Named(OneOf((str, _TEXTS)))
_DATA = Fields(
    {},
    {
        "text": str,
        "base64": str,
        "charset": str,
        "layout": str,
        "ends": str,
        "form": Named(object),
        "events": Items(OneOf((str, Named(object)))),
        "lines": Items(object),
    },
)
_PART = Fields({"body": _DATA}, {"name": str, "filename": str, "type": str})
_BODY = Fields({}, {**_DATA.kinds, "parts": Items(_PART)})
_NETWORK_ERROR = Fields({"kind": str}, {"class": str, "text": str})
_ERROR_OF_DRIVER = Fields(
    {"class": str, "args": Items(object)},
    {"attributes": Named(object), "diag": Named(object), "held": _TEXTS},
)
_COMMAND = Fields({"command": str, "arguments": Named(object)})

REQUESTS: Mapping[str, Fields] = {
    "http": Fields({"method": str, "url": str}, {"headers": _BY_NAME, "body": _BODY}),
    "sqlalchemy": Fields(
        {"statement": str},
        {
            "parameters": OneOf((Named(object), Items(Named(object)))),
            "names": Named(_TEXTS),
            "database": Count(),
        },
    ),
    "redis": Fields(
        {},
        {**_COMMAND.kinds, "commands": Items(_COMMAND, 1), "database": Count()},
    ),
}
ANSWERS: Mapping[str, Fields] = {
    "http": Fields(
        {},
        {
            "status": Count(100, 599),
            "version": str,
            "reason": str,
            "headers": _HEADERS,
            "body": _BODY,
            "encoding": str,
            "left": bool,
            "pieces": Items(Count(1)),
            "error": _NETWORK_ERROR,
        },
    ),
    "sqlalchemy": Fields(
        {},
        {
            "columns": _TEXTS,
            "types": Items(OneOf((int, str, type(None)))),
            "row": str,
            "rows": Items(Named(object)),
            "unordered": bool,
            "count": OneOf((Count(-1), type(None))),
            "lastrowid": object,
            "raised": _ERROR_OF_DRIVER,
        },
    ),
    "redis": Fields(
        {},
        {"replies": Items(object), "results": Items(object), "raised": Named(object)},
    ),
}


Steps: TypeAlias = "tuple[str, ...]"
"""The way from a field to a part of it."""


def odd_field(plain: Any, kind: Kind, *, in_objects: bool = False) -> Steps | None:
    """Return the way to a field of another type or range; None: there is none.

    Args:
        plain: What was read.
        kind: What it should be.
        in_objects: Whether a text or a mapping may stand in an object.
    """
    found = type(plain)
    if kind is object or found is kind:
        return None
    if isinstance(kind, OneOf):
        for one in kind.kinds:
            if found is one or odd_field(plain, one, in_objects=in_objects) is None:
                return None
        return ()
    if in_objects and found is dict and _is_object(plain):
        return None
    is_right = False
    if isinstance(kind, Fields):
        if found is dict:
            return _odd_of_fields(plain, kind, in_objects=in_objects)
    elif isinstance(kind, Named):
        if found is dict:
            if kind.kind is object or {*map(type, plain.values())} <= {kind.kind}:
                return None  # So it is of most.
            return _odd_of(plain.items(), kind.kind, in_objects=in_objects)
    elif isinstance(kind, Items):
        if found is list and kind.least <= len(plain) <= kind.most:
            return _odd_of(enumerate(plain), kind.kind, in_objects=in_objects)
    elif isinstance(kind, Count):
        is_right = found is int and kind.least <= plain <= kind.most
    elif isinstance(kind, Seconds):
        is_right = _are_seconds(plain, kind.most)
    return None if is_right else ()


def _odd_of_fields(
    plain: dict[str, Any], fields: Fields, *, in_objects: bool
) -> Steps | None:
    for name in fields.needed:
        if name not in plain:
            return (name,)
    kinds = fields.kinds
    for name, part in plain.items():
        kind = kinds.get(name, object)
        if kind is object or type(part) is kind:
            continue
        odd = odd_field(part, kind, in_objects=in_objects)
        if odd is not None:
            return name, *odd
    return None


def _odd_of(
    parts: Iterable[tuple[object, Any]], kind: Kind, *, in_objects: bool
) -> Steps | None:
    """Return the way to the first odd part of many that are all of one kind."""
    if kind is object:
        return None
    for place, part in parts:
        odd = odd_field(part, kind, in_objects=in_objects)
        if odd is not None:
            return str(place), *odd
    return None


def _are_seconds(plain: Any, most: float) -> bool:
    # A number of many digits is no float.
    is_number = type(plain) is int or (type(plain) is float and isfinite(plain))
    return is_number and 0 <= plain <= most


def _is_object(plain: Mapping[str, object]) -> bool:
    """Return whether what is asked for stands in an object."""
    return str in (type(plain.get("$json")), type(plain.get("$text")))
