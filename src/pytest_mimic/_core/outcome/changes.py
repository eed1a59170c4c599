"""The changes that a recorded call made to its arguments, repeated in place."""

from __future__ import annotations

from collections import deque
from collections.abc import MutableMapping, MutableSequence, MutableSet
from contextlib import suppress
from types import FunctionType, ModuleType
from typing import Any

from pytest_mimic._core.identity.call_identity import identity_of
from pytest_mimic._core.identity.object_state import slot_members
from pytest_mimic._core.identity.opening import parts_of


def apply_changes(current: Any, new: Any) -> None:
    """Give `current`, an argument, the state of `new`, in place.

    Raises:
        TypeError: The two are of different types, or the type cannot be changed in place.
    """
    if current is new:
        return
    if type(current) is not type(new):
        raise TypeError(f"{type(current).__name__} cannot become {type(new).__name__} in place")
    # Taken first, as _replace makes the two values share their parts.
    expected = identity_of(new)
    _replace(current, new)
    if identity_of(current) != expected and hasattr(current, "__setstate__"):
        current.__setstate__(new.__reduce_ex__(4)[2])  # streams and random generators keep their state in C
    if identity_of(current) != expected:
        _relink(current, new)
    if identity_of(current) != expected:
        raise TypeError(f"{type(current).__name__} cannot be changed in place")


def _relink(current: Any, new: Any) -> None:
    """Put `current` where its parts refer to `new`, as the nodes of a tree refer to their root."""
    todo: list[Any] = [current]
    seen: set[int] = set()
    while todo:
        holder = todo.pop()
        if id(holder) in seen or isinstance(holder, (type, FunctionType, ModuleType)):
            continue
        seen.add(id(holder))
        for part in list(parts_of(holder)):
            if part.value is not new:
                todo.append(part.value)
            elif part.role == "attribute":
                object.__setattr__(holder, part.name, current)
            elif part.role in ("entry", "item") and hasattr(holder, "__setitem__"):
                holder[part.name] = current


def _replace(current: Any, new: Any) -> None:
    if hasattr(current, "__array_interface__") and hasattr(current, "__setitem__"):
        if current.shape != new.shape or current.dtype != new.dtype:
            current.resize(new.shape, refcheck=False)
        current[...] = new
    elif isinstance(current, deque):
        current.clear()
        current.extend(new)
    elif isinstance(current, MutableSequence):
        current[:] = new
    elif isinstance(current, MutableMapping):
        current.clear()
        current.update(new)
    elif isinstance(current, MutableSet):
        current.clear()
        for item in new:
            current.add(item)
    elif hasattr(current, "bit_generator"):  # numpy's random generators
        current.bit_generator.state = new.bit_generator.state
    if hasattr(current, "__dict__"):
        current.__dict__.clear()
        current.__dict__.update(new.__dict__)
    for slot in slot_members(type(current)).values():
        try:
            slot.__set__(current, slot.__get__(new))
        except AttributeError:  # empty in the new value
            with suppress(AttributeError):
                slot.__delete__(current)
