"""The changes a recorded call made to its arguments, made again in place."""

from __future__ import annotations

from collections import deque
from collections.abc import MutableMapping, MutableSequence, MutableSet
from typing import Any

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


def apply(current: Any, new: Any) -> None:
    """See `pytest_mimic._outcome.apply_changes`."""
    if current is new:
        return
    if type(current) is not type(new):
        raise TypeError(f"{type(current).__name__} cannot become {type(new).__name__} in place")
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
    elif not _has_state(current):
        raise TypeError(f"{type(current).__name__} cannot be changed in place")
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


def _has_state(value: object) -> bool:
    return hasattr(value, "__dict__") or any(getattr(cls, "__slots__", ()) for cls in type(value).__mro__)


def _replace_state(current: Any, new: Any) -> None:
    """The attributes of `new`, and none besides."""
    if hasattr(current, "__dict__"):
        current.__dict__.clear()
        current.__dict__.update(new.__dict__)
    for cls in type(current).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__"):
                _replace_slot(current, new, name)


def _replace_slot(current: object, new: object, name: str) -> None:
    if hasattr(new, name):
        object.__setattr__(current, name, getattr(new, name))
    elif hasattr(current, name):
        object.__delattr__(current, name)
