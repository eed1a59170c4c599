"""What a value shows to code that uses it, as data to be compared: types, items, order, sharing, attributes."""

from __future__ import annotations

import struct
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from enum import Enum, Flag
from types import FunctionType
from typing import Any

from support.face import there_and_back

from pytest_mimic import UnstorableOutcomeError

# Types whose `repr` says all of them.
PLAIN = (bool, complex, str, bytes, type(None), type(...), type(NotImplemented), range)

# Modules whose classes keep caches in their slots, and show all else in their `repr`.
SHOWN_WHOLE = (
    *("datetime", "decimal", "fractions", "ipaddress", "pathlib", "re", "uuid"),
    *("zoneinfo", "_pydatetime", "_pydecimal", "pathlib._local"),
)
IMMUTABLE = (tuple, frozenset, int, float, str, bytes, Enum)


def shown(value: Any, seen: dict[int, int] | None = None) -> Any:
    """Return what a value shows. A part at two places is a number the second time."""
    seen = {} if seen is None else seen
    kind = type(value)
    if kind in PLAIN:
        return kind, repr(value)
    if kind is int:
        return kind, hex(value)
    if kind is float:
        return kind, struct.pack(">d", value) if value == value else "nan"
    if kind.__module__ in SHOWN_WHOLE:
        zone = value.tzname() if kind.__name__ in ("datetime", "time") else None
        return kind, repr(value), getattr(value, "fold", None), zone
    if isinstance(value, Enum):
        return kind, value.name, hex(value.value) if isinstance(value, Flag) else None
    if isinstance(value, type | FunctionType):
        return kind, value.__module__, value.__qualname__
    if not isinstance(value, IMMUTABLE):
        if id(value) in seen:
            return "again", seen[id(value)]
        seen[id(value)] = len(seen)
    attributes = {name: shown(part, seen) for name, part in attributes_of(value)}
    return kind, content_of(value, seen), attributes


def content_of(value: Any, seen: dict[int, int]) -> Any:
    """Return the items that a value holds, whatever its class makes of them."""
    if isinstance(value, OrderedDict):
        pairs = [
            (key, OrderedDict.__getitem__(value, key))
            for key in OrderedDict.__iter__(value)
        ]
        return [(shown(key, seen), shown(part, seen)) for key, part in pairs]
    if isinstance(value, dict):
        factory = getattr(value, "default_factory", None)
        pairs = [*dict.items(value)]
        return factory, [(shown(key, seen), shown(part, seen)) for key, part in pairs]
    if isinstance(value, deque):
        return value.maxlen, [shown(part, seen) for part in deque.__iter__(value)]
    if isinstance(value, (set, frozenset)):
        base = set if isinstance(value, set) else frozenset
        return sorted(repr(shown(member)) for member in base.__iter__(value))
    if isinstance(value, list):
        return [shown(part, seen) for part in list.__iter__(value)]
    if isinstance(value, tuple):
        return [shown(part, seen) for part in tuple.__iter__(value)]
    if isinstance(value, BaseException):
        args = [shown(part, seen) for part in value.args]
        return args, str(value), shown(value.__cause__, seen)
    # What has attributes is shown by them.
    has_own_text = type(value).__repr__ is not object.__repr__
    return repr(value) if has_own_text and not any(attributes_of(value)) else None


def attributes_of(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what stands in the attributes and slots of an object, by name.

    What remembers the value's own hash is no part of it.
    """
    held = getattr(value, "__dict__", {})
    names = {name: None for name in held if isinstance(name, str)}
    for base in type(value).__mro__:
        if base.__module__ in SHOWN_WHOLE:
            continue
        slots = base.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            mangled = f"_{base.__name__.lstrip('_')}{slot}"
            is_private = slot.startswith("__") and not slot.endswith("__")
            names[mangled if is_private else slot] = None
    for name in sorted(names):
        if "hash" in name or name in ("__weakref__", "__dict__"):
            continue
        try:
            yield name, held[name] if name in held else getattr(value, name)
        except AttributeError:
            continue


def comes_back_or_is_refused(value: Any, *, shown: Callable[[Any], Any] = shown) -> Any:
    """Assert that a replay gives a value as it was, and return the copy; None: it is refused.

    Args:
        value: The outcome.
        shown: What must be equal of the value and its copy.
    """
    try:
        again = there_and_back(value)
    except UnstorableOutcomeError:
        return None
    assert shown(again) == shown(value)
    return again
