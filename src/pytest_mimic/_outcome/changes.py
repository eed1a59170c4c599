"""The changes a recorded call made to its arguments, made again in place."""

from __future__ import annotations

from collections import deque
from collections.abc import MutableMapping, MutableSequence, MutableSet
from contextlib import suppress
from typing import Any

from pytest_mimic._identity.state import slot_members

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


def apply(current: Any, new: Any) -> None:
    """See `pytest_mimic._outcome.apply_changes`."""
    if current is new:
        return
    if type(current) is not type(new):
        raise TypeError(f"{type(current).__name__} cannot become {type(new).__name__} in place")
    _replace(current, new)
    if _differ(current, new) and hasattr(current, "__setstate__"):
        current.__setstate__(new.__reduce_ex__(4)[2])  # streams and random generators keep their state in C
    if _differ(current, new):
        raise TypeError(f"{type(current).__name__} cannot be changed in place")


def _differ(current: object, new: object) -> bool:
    """Whether the two are known to differ."""
    from pytest_mimic._identity import Unstable, fingerprint

    try:
        return fingerprint(current) != fingerprint(new)
    except Unstable:
        return False


def _replace(current: Any, new: Any) -> None:
    """Gives one value what Python shows of the other."""
    if _is_array(current):
        _fill_array(current, new)
    elif isinstance(current, (MutableSequence, deque)):
        _replace_items(current, new)
    elif isinstance(current, MutableMapping):
        current.clear()
        current.update(new)
    elif isinstance(current, MutableSet):
        current.clear()
        for item in new:
            current.add(item)
    elif hasattr(current, "bit_generator"):  # numpy's random generators
        current.bit_generator.state = new.bit_generator.state
    _replace_state(current, new)


def _replace_items(current: Any, new: Any) -> None:
    """One slice where the type has slices; a deque has none."""
    if isinstance(current, deque):
        current.clear()
        current.extend(new)
    else:
        current[:] = new


def _is_array(value: object) -> bool:
    """Whether it is a numpy array or one like it, filled through `[...]`."""
    return hasattr(value, "__array_interface__") and hasattr(value, "__setitem__")


def _fill_array(current: Any, new: Any) -> None:
    if current.shape != new.shape or current.dtype != new.dtype:
        current.resize(new.shape, refcheck=False)
    current[...] = new


def _replace_state(current: Any, new: Any) -> None:
    """The attributes of `new`, and none besides."""
    if hasattr(current, "__dict__"):
        current.__dict__.clear()
        current.__dict__.update(new.__dict__)
    for slot in slot_members(type(current)).values():
        try:
            slot.__set__(current, slot.__get__(new))
        except AttributeError:
            with suppress(AttributeError):
                slot.__delete__(current)
