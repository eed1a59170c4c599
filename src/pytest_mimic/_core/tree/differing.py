"""What differs between two trees: parts by their path, items of lists as they came and went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, NamedTuple

from pytest_mimic._core.tree.call_labels import by_name
from pytest_mimic._core.tree.drawing import is_file, items_of, kind_of, order, steps, tag_of

#: What a side has at a path that only the other side has.
ABSENT: Any = type("Absent", (), {})()
# Of longer lists, and of those with more items more or less, those at equal places are compared: time grows with the square.
_MANY, _FEW = 5_000, 3


class Difference(NamedTuple):
    """A part in which two values differ: both sides as trees, `ABSENT` where one does not have it."""

    path: str  # where it is, `rates.USD`, as `ignore=` and `volatile=` take it; empty for the whole
    old: Any = ABSENT
    new: Any = ABSENT
    fact: str = ""  # how they differ, if their trees do not show it


def argument_differences(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[Difference]:
    """Return the differences between the trees of two calls' arguments.

    There may be none although the calls differ, in a secret or in parts that are there incompletely. The recorded arguments
    are None if the vault does not store them.
    """
    if old is None or new is None:
        return []
    then, now = ({name.lstrip("*"): part for name, part in by_name(side).items()} for side in (old, new))
    return list(_between_parts(then, now, ""))


def differences(old: object, new: object) -> list[Difference]:
    """Return the differences between two trees, in the order of the old one."""
    return [one._replace(path=one.path.removeprefix(".")) for one in _between(old, new, "")]


def _between(old: Any, new: Any, path: str) -> Iterator[Difference]:
    kind = kind_of(old)
    if _is_same_value(old, new):
        return
    if kind != kind_of(new):
        yield Difference(path, old, new)
        return
    # Of two values of `content=`, the names do not count.
    if is_file(old) and is_file(new) and (kind == "$content" or old[kind] == new[kind]):
        yield from [Difference(path, old, new)] if old["digest"] != new["digest"] else []
        return
    then, now = items_of(old), items_of(new)
    is_partial = _length(old) is not None or _length(new) is not None
    if then is not None and now is not None:
        found = _between_items(then, now, path, in_order=not is_partial)
    elif (parts := steps(old)) is not None and (others := steps(new)) is not None:
        found = _between_parts(parts, others, path)
    else:
        found = iter([Difference(path, old, new)] if order(old) != order(new) else [])
    is_shown = False
    for one in found:
        is_shown = True
        yield one
    if is_partial and _length(old) != _length(new):
        yield Difference(path, _total(old), _total(new))
    elif not is_shown and isinstance(old, dict) and old.get("digest") != new.get("digest"):
        yield Difference(path, _total(old), _total(new)) if is_partial else Difference(path, old, new)


def _between_parts(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Difference]:
    for step in dict.fromkeys([*old, *new]):
        if step in old and step in new:
            yield from _between(old[step], new[step], path + step)
        else:
            yield Difference(path + step, old.get(step, ABSENT), new.get(step, ABSENT))


def _between_items(old: list[Any], new: list[Any], path: str, *, in_order: bool) -> Iterator[Difference]:
    """Yield the differences between two lists. A few items that were put in or taken out shift those behind them."""
    least = min(len(old), len(new))
    codes: list[Any] = [("replace", 0, least, 0, least)]
    if in_order and len(old) != len(new):
        if abs(len(old) - len(new)) > _FEW or len(old) + len(new) > _MANY:
            yield Difference(path, {"$count": len(old)}, {"$count": len(new)})
        else:
            marks = list(map(order, old)), list(map(order, new))
            codes = SequenceMatcher(None, *marks, autojunk=False).get_opcodes()
    for tag, a, b, c, d in codes:
        for place, other in () if tag == "equal" else zip_longest(range(a, b), range(c, d)):
            then = ABSENT if place is None else old[place]
            now = ABSENT if other is None else new[other]
            where = f"{path}[{place if other is None else other}]"
            yield from (
                [Difference(where, then, now)] if None in (place, other) else _between(then, now, where)
            )


def _is_same_value(old: Any, new: Any) -> bool:
    """Check whether two values have one identity, whose digest they show. A library's version may name them otherwise."""
    if not isinstance(old, dict) or not isinstance(new, dict) or is_file(old) or is_file(new):
        return False
    return tag_of(old) != "" and "digest" in old and old["digest"] == new.get("digest")


def _length(node: object) -> Any:
    """Return the length of a container of which only the first items are there; None of any other node."""
    is_partial = isinstance(node, dict) and tag_of(node) not in ("", "$cut")
    return node.get("length") if is_partial else None  # type: ignore[attr-defined]


def _total(node: Any) -> dict[str, Any]:
    """Return a node that shows only the length of a container, for a difference beyond the items in its tree."""
    length = _length(node)
    count = len(steps(node) or ()) if length is None else length
    digest = {"digest": node["digest"]} if isinstance(node, dict) and "digest" in node else {}
    return {"$count": count, **digest}
