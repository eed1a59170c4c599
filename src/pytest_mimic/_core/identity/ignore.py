"""Paths into values, such as `rows.*.id` or `payload.sent_at`, and values without what paths name."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.types.kinds import PLAIN
from pytest_mimic._core.types.opening import attribute_reader
from pytest_mimic._core.types.table import row_of

Steps = tuple[str, ...]

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


class Pruned:
    """Stands for an object of which a part is left out, under the tag of the object's kind."""

    __slots__ = ("content",)
    content: object

    def __mimic_identity__(self) -> object:
        return self.content


@lru_cache
def _stand_in(tag: str) -> type[Pruned]:
    module, _, name = tag.partition(":")
    return type("Pruned", (Pruned,), {"__slots__": (), "__module__": module, "__qualname__": name})


def prune(value: Any, paths: Sequence[Steps], places: Places | None = None) -> Any:
    """Return a value without the parts that paths name. Their containers are copied, and the other parts are shared.

    The value is not changed. Paths are steps as `parse_path` returns them, relative to the value. One that leads
    nowhere has no effect, except that a mapping of another class than dict becomes plain. An object is pruned in the
    form to which its identity reduces it: what comes back has the identity of that object without the part.

    Raises:
        Unstable: An object that contains a part has no identity.
    """
    type_ = type(value)
    if not paths:
        return value
    if type_ in PLAIN:
        return _pruned(value, paths, places)
    from pytest_mimic._core.identity.callables import callable_kind
    from pytest_mimic._core.identity.rules import kind_of

    if callable_kind(type_) is not None:  # known by its name
        return value
    kind = kind_of(type_, places or Places(), layout=False)
    reduced: Any = kind.reduce(value)
    pruned = _pruned_form(value, reduced, paths, places)
    if pruned is not reduced:
        stand_in = _stand_in(kind.tag)()
        stand_in.content = pruned
        return stand_in
    if row_of(type_) is not None or not isinstance(value, Mapping):
        return value
    # Another mapping becomes a dict of lists, as a multidict has several values for a key.
    result: dict[Any, list[Any]] = {}
    for key, item in value.items():
        gone, inner = further(paths, str(key))
        if not gone:
            result.setdefault(key, []).append(prune(item, inner, places))
    return result


def _pruned_form(value: Any, reduced: Any, paths: Sequence[Steps], places: Places | None) -> Any:
    """Return the form to which an object is reduced with its dicts, of items or attributes, and its lists pruned."""
    found = row_of(type(value))
    if found is not None and found[1] is not type(value) and attribute_reader(type(value), below=found[1]):
        parts = _pruned_content(value, reduced[0], paths, places), _pruned(reduced[1], paths, places)
        return reduced if parts[0] is reduced[0] and parts[1] is reduced[1] else parts
    return _pruned_content(value, reduced, paths, places)


def _pruned_content(value: Any, reduced: Any, paths: Sequence[Steps], places: Places | None) -> Any:
    if isinstance(value, OrderedDict):  # whose order counts
        items = dict(reduced)
        kept = _pruned(items, paths, places)
        return reduced if kept is items else list(kept.items())
    if isinstance(value, tuple):
        return _pruned(reduced, paths, places, getattr(value, "_fields", ()))
    if type(reduced) is not tuple:
        return _pruned(reduced, paths, places)
    parts = tuple(_pruned(part, paths, places) if type(part) in (dict, list) else part for part in reduced)
    return reduced if all(one is other for one, other in zip(parts, reduced)) else parts


def _pruned(value: Any, paths: Sequence[Steps], places: Places | None, fields: Sequence[str] = ()) -> Any:
    """Return a plain container without parts, or the value itself if no path leads into it."""
    if type(value) is dict:
        names = {steps[0] for steps in paths}
        touched = [key for key in value if "*" in names or str(key) in names]
        result = value.copy() if touched else value
        for key in touched:
            gone, inner = further(paths, str(key))
            if gone:
                del result[key]
            else:
                result[key] = prune(value[key], inner, places)
        return result
    if type(value) not in (list, tuple):
        return value
    size, items = len(value), []
    for place, item in enumerate(value):
        gone, inner = further(paths, str(place), str(place - size), *fields[place : place + 1])
        if not gone:
            items.append(prune(item, inner, places))
    return type(value)(items)


def further(paths: Sequence[Steps], *names: str) -> tuple[bool, list[Steps]]:
    """Return whether the paths leave out one part, and the paths that lead on into it."""
    matching = [steps for steps in paths if steps[0] == "*" or steps[0] in names]
    return any(len(steps) == 1 for steps in matching), [steps[1:] for steps in matching if len(steps) > 1]
