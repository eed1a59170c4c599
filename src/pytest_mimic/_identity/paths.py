"""Paths into values: `rows.*.id`, `payload.sent_at`, `rows[0].id`."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import Any

from pytest_mimic._identity.state import slot_members

Steps = tuple[str, ...]

# Where a pydantic model keeps the attributes that are none of its fields.
EXTRA = "__pydantic_extra__"

_STEP = r"[^\s.\[\]]+"
_BRACKET = r"""\[(?:-?\d+|\*|'[^']+'|"[^"]+")\]"""
_PATH = re.compile(rf"{_STEP}(?:\.{_STEP}|{_BRACKET})*")
_PART = re.compile(rf"{_BRACKET}|{_STEP}")


def parse_path(path: str) -> Steps:
    """The steps of a path.

    Args:
        path: Steps between dots: mapping keys, attributes, indexes (`rows.0` or `rows[0]`), `*` for any one; a
            key with blanks or dots in it as `rows['two words']`.

    Raises:
        ValueError: An empty step, or a bracket that holds neither an index nor a key in quotes.
    """
    if not _PATH.fullmatch(path.strip()):
        raise ValueError(f"not a path: {path!r} (write steps between dots, like rows.*.id)")
    return tuple(_key(part) for part in _PART.findall(path.strip()))


def _key(part: str) -> str:
    """A step without its brackets and quotes."""
    if not part.startswith("["):
        return part
    inner = part[1:-1]
    return inner[1:-1] if inner[0] in "'\"" else inner


def prune(value: Any, paths: Iterable[Steps]) -> Any:
    """A value without the parts that paths name; what holds them is copied, the rest is shared.

    Args:
        value: Any value; it is not changed.
        paths: Steps as `parse_path` gives them, from the value on. One that leads nowhere has no effect, except
            that a mapping that is no dict becomes plain.
    """
    wanted = [steps for steps in paths if steps]
    if not wanted:
        return value
    if isinstance(value, (list, tuple, deque)):
        return _pruned_list(value, wanted)
    is_dict = isinstance(value, dict)
    pruned = _pruned_dict(value, wanted) if is_dict else value
    if pruned is value:
        pruned = _pruned_object(value, wanted)
    is_mapping = pruned is value and not is_dict and isinstance(value, Mapping)
    return _pruned_mapping(value, wanted) if is_mapping else pruned


def _further(paths: Sequence[Steps], *names: str) -> tuple[bool, list[Steps]]:
    """What paths say of one part: whether it goes, and which paths lead on into it."""
    matching = [steps for steps in paths if steps[0] == "*" or steps[0] in names]
    return any(len(steps) == 1 for steps in matching), [steps[1:] for steps in matching if len(steps) > 1]


def _pruned_dict(value: dict[Any, Any], paths: Sequence[Steps]) -> object:
    names = {steps[0] for steps in paths}
    touched = list(value) if "*" in names else [key for key in value if str(key) in names]
    if not touched:
        return value
    result = value.copy() if type(value) is dict else copy(value)
    # Not as a class of the user's has it, which may change what the copy shares with the value.
    plain: Any = OrderedDict if isinstance(value, OrderedDict) else dict
    for key in touched:
        gone, further = _further(paths, str(key))
        if gone:
            plain.__delitem__(result, key)
        else:
            plain.__setitem__(result, key, prune(value[key], further))
    return result


def _pruned_mapping(value: Mapping[Any, Any], paths: Sequence[Steps]) -> object:
    """Another mapping as a plain one, each key with its values: its own copy might share what it holds with it."""
    result: dict[Any, list[Any]] = {}
    for key, item in value.items():
        gone, further = _further(paths, str(key))
        if not gone:
            result.setdefault(key, []).append(prune(item, further))
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
    if isinstance(value, deque):
        return deque(items, value.maxlen)
    if hasattr(value, "_fields") and len(items) == size:
        return type(value)._make(items)
    return tuple(items)


def _field(value: Any, place: int) -> tuple[str, ...]:
    """The name of a named tuple's item."""
    return tuple(getattr(value, "_fields", ())[place : place + 1])


def _pruned_object(value: Any, paths: Sequence[Steps]) -> object:
    """An object's copy with fewer attributes: a bare one, without code of its class, where Python allows it."""
    slots = slot_members(type(value))
    attributes = dict(getattr(value, "__dict__", ()))
    in_slots = {name: getattr(value, name) for name in slots if hasattr(value, name)}
    found = {**attributes, **in_slots}
    extra = found.get(EXTRA)
    kept = _pruned_dict(extra, paths) if isinstance(extra, dict) else extra
    if kept is not extra:
        found[EXTRA] = kept
    elif all(_further(paths, name) == (False, []) for name in found):
        return value
    result = _bare_copy(value)
    for name, item in found.items():
        gone, further = _further(paths, name)
        if name in in_slots:
            place = slots[name]
            if not gone:
                place.__set__(result, prune(item, further))
            elif hasattr(result, name):
                place.__delete__(result)
        elif gone:
            result.__dict__.pop(name, None)
        else:
            result.__dict__[name] = prune(item, further)
    return result


def _bare_copy(value: Any) -> Any:
    try:
        return object.__new__(type(value))
    except TypeError:  # what it holds is not in its attributes alone: an exception, a subclass of int
        return copy(value)
