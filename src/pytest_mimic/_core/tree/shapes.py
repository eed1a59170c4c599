"""Compares the shapes of two trees: keys, types and the lengths of tuples, but neither values nor the lengths of lists."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from pytest_mimic._core.tree.differing import ABSENT, Difference
from pytest_mimic._core.tree.library_values import form
from pytest_mimic._core.tree.making import Live
from pytest_mimic._core.tree.parts import items_of, kind_of, steps
from pytest_mimic._core.types.libraries import library_of

# Tags of values of Python's own types.
_PLAIN = {"$bytes": "bytes", "$float": "float", "$str": "str"}
_MANY = frozenset({"list", "$set", "$frozenset", "$events", "$deque"})


def shape_differences(old: Any, new: Any, path: str = "") -> Iterator[Difference]:
    """Yield the differences between the shapes of two trees.

    Of a list, each item now must have the shape of a recorded one, if there was any. Of events, that of a recorded one of
    its name; and the last of two whole streams must have the same shape, so that a stream that breaks off is found.
    """
    if ABSENT in (old, new) or _type_of(old) != _type_of(new):
        yield Difference(path, old, new)
        return
    kind = kind_of(old)
    if kind in _MANY:
        yield from _item_differences(kind, old, new, path)
        return
    if kind in ("$text", "$cut", "$hidden"):
        return
    then, now = steps(old) or {}, steps(new) or {}
    for step in dict.fromkeys([*then, *now]):
        yield from shape_differences(then.get(step, ABSENT), now.get(step, ABSENT), path + step)


def _item_differences(kind: str, old: Any, new: Any, path: str) -> Iterator[Difference]:
    then, now = (items_of(side) or list((steps(side) or {}).values()) for side in (old, new))
    if not then:
        return
    told: set[str] = set()
    for place, item in enumerate(now):
        alike = [one for one in then if _name_of(one, kind) == _name_of(item, kind)] or [ABSENT]
        shape = _shape(item)
        if shape in told or any(_fits(one, item) for one in alike):
            continue
        told.add(shape)
        same = [one for one in alike if one is ABSENT or _type_of(one) == _type_of(item)] or then
        yield from shape_differences(same[0], item, f"{path}[{place}]")
    if kind == "$events" and old.get("whole") and new.get("whole"):
        ends = zip_longest(then[-1:], now[-1:], fillvalue=ABSENT)
        for one, other in ends:
            if other is ABSENT or not _fits(one, other):
                yield from shape_differences(one, other, f"{path}[{max(len(now) - 1, 0)}]")


def _fits(old: Any, new: Any) -> bool:
    return old is not ABSENT and next(shape_differences(old, new), None) is None


def _name_of(item: Any, kind: str) -> object:
    return item.get("event") if kind == "$events" and isinstance(item, dict) and "data" in item else None


def _type_of(node: Any) -> object:
    """Return what must agree of two nodes: the type of the value, of a library's data its dtypes and columns, too."""
    if isinstance(node, Live) and "$text" in node and library_of(type(node.value)) is not None:
        return node.get("type"), form(node.value)
    kind = kind_of(node)
    if kind in ("$text", "$hidden"):
        return node.get("type")
    return {"$cut": node.get("$cut"), **_PLAIN}.get(kind, kind) if kind[0] == "$" else kind


def _shape(node: Any) -> str:
    """Return a text for the shape of a node, to tell each kind of difference once."""
    inner = sorted(f"{step}{_shape(part)}" for step, part in (steps(node) or {}).items())
    is_many = kind_of(node) in _MANY
    return f"{_type_of(node)}({sorted({one.partition(']')[2] for one in inner}) if is_many else inner})"
