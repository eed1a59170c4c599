"""Paths into values, such as `rows.*.id` or `payload.sent_at`, and copies of values without what paths name."""

from __future__ import annotations

import re
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from types import FunctionType, ModuleType
from typing import Any, cast

from pytest_mimic._core.identity.kinds import Unstable, human_name
from pytest_mimic._core.identity.object_state import slot_members, slot_values

Steps = tuple[str, ...]

# The attribute in which a pydantic model keeps attributes that are not fields.
EXTRA = "__pydantic_extra__"

# Types whose values count by name or source, never by their attributes.
BY_NAME = (type, FunctionType, ModuleType)

_STEP = r"[^\s.\[\]]+"
_BRACKET = r"""\[(?:-?\d+|\*|'[^']+'|"[^"]+")\]"""
_PATH = re.compile(rf"{_STEP}(?:\.{_STEP}|{_BRACKET})*")
_PART = re.compile(rf"{_BRACKET}|{_STEP}")


def parse_path(path: str) -> Steps:
    """Return the steps of a path.

    Between dots are mapping keys, attributes, indexes (`rows.0` or `rows[0]`), or `*` for any one. A key with spaces
    or dots is written as `rows['two words']`.

    Raises:
        ValueError: A step is empty, or brackets contain neither an index nor a quoted key.
    """
    if not _PATH.fullmatch(path.strip()):
        raise ValueError(f"not a path: {path!r} (write steps between dots, like rows.*.id)")
    parts = _PART.findall(path.strip())
    # In brackets: an index, or a key in quotes.
    return tuple(part if part[0] != "[" else part[2:-2] if part[1] in "'\"" else part[1:-1] for part in parts)


def prune(value: Any, paths: Iterable[Steps]) -> Any:
    """Return a value without the parts that paths name. Their containers are copied, and the other parts are shared.

    The value is not changed. Paths are steps as `parse_path` returns them, relative to the value. One that leads
    nowhere has no effect, except that a mapping of another class than dict becomes plain.

    Raises:
        Unstable: An object that contains a part cannot be copied.
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
    if pruned is not value or is_dict or not isinstance(value, Mapping):
        return pruned
    # Another mapping becomes a dict of lists, as a multidict has several values for a key. A copy made by its class
    # might share its contents with the value.
    result: dict[Any, list[Any]] = {}
    for key, item in value.items():
        gone, further = _further(wanted, str(key))
        if not gone:
            result.setdefault(key, []).append(prune(item, further))
    return result


def _further(paths: Sequence[Steps], *names: str) -> tuple[bool, list[Steps]]:
    """Return whether the paths leave out one part, and the paths that lead on into it."""
    matching = [steps for steps in paths if steps[0] == "*" or steps[0] in names]
    return any(len(steps) == 1 for steps in matching), [steps[1:] for steps in matching if len(steps) > 1]


def _pruned_dict(value: dict[Any, Any], paths: Sequence[Steps]) -> object:
    # Methods of dict itself: those of a user's subclass may change parts that the copy shares with the value.
    plain: Any = OrderedDict if isinstance(value, OrderedDict) else dict
    names = {steps[0] for steps in paths}
    touched = [key for key in plain.__iter__(value) if "*" in names or str(key) in names]
    if not touched:
        return value
    result = value.copy() if type(value) is dict else _copied_dict(value, plain)
    for key in touched:
        gone, further = _further(paths, str(key))
        if gone:
            plain.__delitem__(result, key)
        else:
            plain.__setitem__(result, key, prune(plain.__getitem__(value, key), further))
    return result


def _pruned_list(value: Any, paths: Sequence[Steps]) -> object:
    size = len(value)
    if all(steps[0] == "*" for steps in paths):
        gone, further = _further(paths, "*")
        items = [] if gone else [prune(item, further) for item in value]
    else:
        items, fields = [], getattr(value, "_fields", ())
        for place, item in enumerate(value):
            names = fields[place : place + 1]
            gone, further = _further(paths, str(place), str(place - size), *names)
            if not gone:
                items.append(prune(item, further))
    if isinstance(value, list):
        return items
    if isinstance(value, deque):
        return deque(items, value.maxlen)
    if hasattr(value, "_fields") and len(items) == size:
        return type(value)._make(items)
    return tuple(items)


def _pruned_object(value: object, paths: Sequence[Steps]) -> object:
    """Return a copy of an object with fewer attributes, made without code of its class if possible."""
    if isinstance(value, BY_NAME):
        return value
    slots = slot_members(type(value))
    has_dict = any("__dict__" in base.__dict__ for base in type(value).__mro__)
    found: dict[str, Any] = dict(value.__dict__) if has_dict else {}
    in_slots = slot_values(value, slots)
    found.update(in_slots)
    extra = found.get(EXTRA)
    kept = _pruned_dict(extra, paths) if isinstance(extra, dict) else extra
    if kept is not extra:
        found[EXTRA] = kept
    elif all(_further(paths, name) == (False, []) for name in found):
        return value
    result = _bare_copy(value)
    filled = slot_values(result, slots)
    for name, item in found.items():
        gone, further = _further(paths, name)
        if name in in_slots:
            place = slots[name]
            if not gone:
                place.__set__(result, prune(item, further))
            elif name in filled:
                place.__delete__(result)
        elif gone:
            result.__dict__.pop(name, None)
        else:
            result.__dict__[name] = prune(item, further)
    return result


def _bare_copy(value: object) -> object:
    """Return an object of the same class that shares no attributes with this one, or raise Unstable."""
    try:
        return object.__new__(type(value))
    except TypeError:
        pass  # Not all of its state is in attributes, as in a subclass of int: its class has to make the copy.
    refusal = Unstable(f"{human_name(type(value))} that cannot be copied to leave a part out", type(value))
    try:
        # Copies of exceptions lack their cause.
        result = value if isinstance(value, BaseException) else copy(value)
    except Exception as error:  # a class that cannot be copied may raise anything
        raise refusal from error
    if result is value or getattr(result, "__dict__", None) is getattr(value, "__dict__", ()):
        raise refusal
    return result


def _copied_dict(value: dict[Any, Any], plain: Any) -> dict[Any, Any]:
    """Return a dict of the same class and with the same attributes, made without code of its class."""
    result = plain.__new__(type(value))
    for key, item in plain.items(value):
        plain.__setitem__(result, key, item)
    if isinstance(value, defaultdict):
        result.default_factory = value.default_factory
    attributes = getattr(value, "__dict__", None)
    if attributes is value:  # a dict whose keys are its attributes
        object.__setattr__(result, "__dict__", result)
    elif attributes:
        result.__dict__.update(attributes)
    return cast("dict[Any, Any]", result)
