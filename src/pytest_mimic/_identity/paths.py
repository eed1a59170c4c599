"""Paths into values: `rows.*.id`, `payload.sent_at`, `rows[0].id`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pytest_mimic._identity.state import slot_members

Steps = tuple[str, ...]

_INDEX = re.compile(r"\[(-?\d+|\*)\]")
_STEP = re.compile(r"[^\s.\[\]]+")


def parse_path(path: str) -> Steps:
    """The steps of a path.

    Args:
        path: Steps between dots: mapping keys, attributes, indexes (`rows.0` or `rows[0]`), `*` for any one.

    Raises:
        ValueError: An empty step, or a bracket that holds no index.
    """
    steps = _INDEX.sub(r".\1", path.strip()).split(".")
    for step in steps:
        if not _STEP.fullmatch(step):
            raise ValueError(f"not a path: {path!r} (write steps between dots, like rows.*.id)")
    return tuple(steps)


def prune(value: Any, paths: Iterable[Steps]) -> Any:
    """A value without the parts that paths name; what holds them is copied, the rest is shared.

    Args:
        value: Any value; it is not changed.
        paths: Steps as `parse_path` gives them, from the value on. One that leads nowhere has no effect.
    """
    wanted = [steps for steps in paths if steps]
    if not wanted:
        return value
    if isinstance(value, dict):
        return _pruned_dict(value, wanted)
    if isinstance(value, (list, tuple)):
        return _pruned_list(value, wanted)
    return _pruned_object(value, wanted)


def _further(paths: Sequence[Steps], *names: str) -> tuple[bool, list[Steps]]:
    """What paths say of one part: whether it goes, and which paths lead on into it."""
    matching = [steps for steps in paths if steps[0] == "*" or steps[0] in names]
    return any(len(steps) == 1 for steps in matching), [steps[1:] for steps in matching if len(steps) > 1]


def _pruned_dict(value: dict[Any, Any], paths: Sequence[Steps]) -> object:
    goes_on: dict[object, tuple[bool, list[Steps]]] = {}
    if not any(steps[0] == "*" for steps in paths):
        names = {steps[0] for steps in paths}
        touched = [key for key in value if str(key) in names]
    else:
        touched = list(value)
    if not touched:
        return value
    for key in touched:
        goes_on[key] = _further(paths, str(key))
    result = value.copy()
    for key, (gone, further) in goes_on.items():
        if gone:
            del result[key]
        else:
            result[key] = prune(value[key], further)
    return result


def _pruned_list(value: Any, paths: Sequence[Steps]) -> object:
    size = len(value)
    if all(steps[0] == "*" for steps in paths):
        gone, further = _further(paths, "*")
        items = [] if gone else [prune(item, further) for item in value]
    else:
        items = []
        for place, item in enumerate(value):
            gone, further = _further(paths, str(place), str(place - size), *_field(value, place))
            if not gone:
                items.append(prune(item, further))
    if isinstance(value, list):
        return items
    if hasattr(value, "_fields") and len(items) == size:
        return type(value)._make(items)
    return tuple(items)


def _field(value: Any, place: int) -> tuple[str, ...]:
    """The name of a named tuple's item."""
    return tuple(getattr(value, "_fields", ())[place : place + 1])


def _pruned_object(value: Any, paths: Sequence[Steps]) -> object:
    """An object's bare copy with fewer attributes: no code of its class runs."""
    slots = slot_members(type(value))
    attributes = dict(getattr(value, "__dict__", ()))
    in_slots = {name: getattr(value, name) for name in slots if hasattr(value, name)}
    if not attributes and not in_slots:
        return value
    copy = object.__new__(type(value))
    for name, item in {**attributes, **in_slots}.items():
        gone, further = _further(paths, name)
        if not gone:
            kept = prune(item, further)
            if name in in_slots:
                slots[name].__set__(copy, kept)
            else:
                copy.__dict__[name] = kept
    return copy
