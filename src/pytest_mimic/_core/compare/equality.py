"""The equality of values, and the pairs of parts that are compared."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, TypeVar

from pytest_mimic._core.compare.lines import ABSENT
from pytest_mimic._core.identity.identities import identity_of
from pytest_mimic._core.identity.opening import attributes_of, type_name

K = TypeVar("K")


def paired(old: Mapping[K, Any], new: Mapping[K, Any]) -> list[tuple[K, Any, Any]]:
    """Return each key of two mappings with both values, `ABSENT` where a side lacks the key."""
    return [(key, old.get(key, ABSENT), new.get(key, ABSENT)) for key in dict.fromkeys([*old, *new])]


def is_same_type(recorded: object, actual: object) -> bool:
    """Return whether two values have the same type; a class that was imported again is the same."""
    return type(recorded) is type(actual) or type_name(type(recorded)) == type_name(type(actual))


def key_identity(key: Any) -> object:
    """Return what makes two keys, or two members of a set, the same: `1`, `1.0` and `True` are three."""
    if type(key) is str:
        return key
    if type(key) in (int, float, bool, bytes):
        return type(key), repr(key)
    return type(key), identity_of(key) or key


def exception_parts(error: BaseException) -> dict[str, Any]:
    """Return the parts of an exception that are compared, by name."""
    # Python keeps the names and paths of some errors apart from their arguments.
    also = ("name", "path", "filename", "filename2") if isinstance(error, (ImportError, OSError)) else ()
    parts = {name: getattr(error, name, None) for name in ("args", "__cause__", *also)}
    return {name: part for name, part in parts.items() if part is not None} | attributes_of(error)


def parts_beside(value: Any) -> dict[str, Any]:
    """Return the parts of a value that are neither items nor attributes, by name."""
    return {"maxlen": value.maxlen} if issubclass(type(value), deque) else {}


def other_identity(recorded: object, actual: object) -> bool | None:
    """Return whether two values have different identities; None if one of them has no identity."""
    old, new = identity_of(recorded), identity_of(actual)
    return None if old is None or new is None else old != new


def is_equal(recorded: Any, actual: Any) -> bool:
    """Return whether two values without parts are equal: by identity, or else as Python compares them."""
    other = other_identity(recorded, actual)
    if other is not None:
        return not other
    try:
        return bool(recorded == actual)
    except Exception:  # a comparison that fails shows no equality
        return False
