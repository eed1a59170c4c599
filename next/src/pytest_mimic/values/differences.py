"""Where two trees differ, part by part."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias, cast

from pytest_mimic.values.tree import (
    IGNORED,
    PAIRS,
    Leaf,
    Path,
    Tree,
    canonical_text,
    is_open,
    is_tagged,
    shown_path,
    step_of,
    without,
)

# Of the values with a tag of their own, those that have parts.
_OPENED = frozenset({"$tuple", "$dict", "$partial"})
# In a tuple the place says what an item is; pairs are compared by their keys.
_LISTS = PAIRS | {"$tuple"}
_PATHS = frozenset({"$path", "$text"})
_SETS = frozenset({"$set", "$frozenset"})
_NUMBERS = frozenset({"$decimal", "$complex", "$fraction"})


class Missing:
    """Stands for a part that only the other side has."""

    def __repr__(self) -> str:
        return "missing"


MISSING = Missing()
Side: TypeAlias = "Tree | Missing"


class Rules(NamedTuple):
    """How outcomes are compared.

    Attributes:
        rtol: The relative tolerance of numbers.
        atol: The absolute one.
        shape: Whether values and the lengths of lists are free.
        volatile: The paths that are left out.
    """

    rtol: float = 0.0
    atol: float = 0.0
    shape: bool = False
    volatile: tuple[Path, ...] = ()


EXACT = Rules()


class Difference(NamedTuple):
    """One part that differs.

    Attributes:
        path: Where it is, as people write it; empty: the whole.
        old: What was recorded.
        new: What is there now.
        fact: Words in place of both sides: `1 of 2 differ, [1]: 2.5 recorded, 3.5 now`.
        steps: The path as `ignore=` and `volatile=` take it.
    """

    path: str
    old: Side
    new: Side
    fact: str = ""
    steps: Path = ()


def differences(old: Tree, new: Tree, rules: Rules = EXACT) -> list[Difference]:
    """Give the parts that differ, those of the old tree first.

    - Mappings and objects are compared by their parts in any order, sets by members.
    - Lists are compared by place. Of lists of two lengths what is equal at both ends
      is left out first, so that one item more or less is one difference.
    - A column or an array is one difference, which counts the items.
    - What has a tag of its own, as a date has, is compared as a whole.
    """
    comparison = _Comparison(rules)
    old, new = without(old, rules.volatile), without(new, rules.volatile)
    return list(comparison.between(old, new, ()))


class _Comparison:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def between(self, old: Side, new: Side, path: Path) -> Iterator[Difference]:
        old, new = _plain(old), _plain(new)
        if old is new or IGNORED in (old, new):
            return
        kind = _kind(old)
        if kind != _kind(new):
            yield _difference(path, old, new)
        elif isinstance(old, list) and isinstance(new, list):
            yield from self._lists(old, new, path)
        elif isinstance(old, dict) and isinstance(new, dict):
            yield from self._mappings(kind, old, new, path)
        elif not self._agree(old, new):
            yield _difference(path, old, new)

    def _agree(self, old: Side, new: Side) -> bool:
        """Tell whether two scalars of one type are equal enough."""
        if self._rules.shape or isinstance(old, Missing) or isinstance(new, Missing):
            return True
        if isinstance(old, bool) or not isinstance(old, (int, float)):
            return old == new
        return self._are_close(old, cast("float", new))

    def _are_close(self, old: float, new: float) -> bool:
        if old == new and (old or math.copysign(1, old) == math.copysign(1, new)):
            return True
        rtol, atol = self._rules.rtol, self._rules.atol
        try:
            # The sum of both, as numpy has it.
            return bool(rtol or atol) and abs(old - new) <= atol + rtol * abs(old)
        except OverflowError:
            return False

    # -- mappings, and what they stand for

    def _mappings(
        self, kind: str, old: dict[str, Tree], new: dict[str, Tree], path: Path
    ) -> Iterator[Difference]:
        if kind in _SETS:
            yield from self._sets(old[kind], new[kind], path)
        elif "dtype" in old and "dtype" in new and kind != "mapping":
            yield from self._columns(kind, old, new, path)
        elif old.get("rows") != new.get("rows") and ":" in kind:
            yield _fact(path, f"{old.get('rows')} rows recorded, {new.get('rows')} now")
        elif kind == "mapping":
            yield from self._keys(old, new, path)
        elif kind in _OPENED or _is_object(old):
            yield from self._tags(old, new, path)
        elif kind in _NUMBERS:
            if not self._numbers_agree(kind, old, new):
                yield _difference(path, old, new)
        elif not self._rules.shape and canonical_text(old) != canonical_text(new):
            yield _of_content(kind, old, new, path) or _difference(path, old, new)

    def _keys(
        self, old: dict[str, Tree], new: dict[str, Tree], path: Path
    ) -> Iterator[Difference]:
        for key in dict.fromkeys([*old, *new]):
            before, after = old.get(key, MISSING), new.get(key, MISSING)
            yield from self.between(before, after, (*path, key))

    def _tags(
        self, old: dict[str, Tree], new: dict[str, Tree], path: Path
    ) -> Iterator[Difference]:
        """Compare two objects of one class: attributes, and what stands beside them."""
        for key in dict.fromkeys([*old, *new]):
            before, after = old.get(key, MISSING), new.get(key, MISSING)
            if isinstance(before, list) and isinstance(after, list) and key in _LISTS:
                compare = self._items if key == "$tuple" else self._pairs
                yield from compare(before, after, path)
            else:
                inner = path if is_open(key) else (*path, key)
                yield from self.between(before, after, inner)

    def _pairs(
        self, old: list[Tree], new: list[Tree], path: Path
    ) -> Iterator[Difference]:
        before, after = _by_step(old), _by_step(new)
        yield from self._keys(before, after, path)
        if before.keys() == after.keys() and [*before] != [*after]:
            yield _fact(path, "the keys are in another order now")

    def _numbers_agree(
        self, kind: str, old: dict[str, Tree], new: dict[str, Tree]
    ) -> bool:
        if self._rules.shape or canonical_text(old) == canonical_text(new):
            return True
        try:
            one, other = _number(kind, old[kind]), _number(kind, new[kind])
        except (ValueError, TypeError, ZeroDivisionError):
            return False
        has_tolerance = bool(self._rules.rtol or self._rules.atol)
        pairs = zip(one, other, strict=True)
        return has_tolerance and all(self._are_close(*pair) for pair in pairs)

    def _sets(self, old: Tree, new: Tree, path: Path) -> Iterator[Difference]:
        before = {canonical_text(part): part for part in cast("list[Tree]", old)}
        after = {canonical_text(part): part for part in cast("list[Tree]", new)}
        if self._rules.shape:
            yield from self._shapes([*before.values()], [*after.values()], path)
            return
        for text in dict.fromkeys([*before, *after]):
            if text not in before or text not in after:
                one, other = before.get(text, MISSING), after.get(text, MISSING)
                member = _drawn(before.get(text, after.get(text)))
                yield Difference(f"{shown_path(path)}{{{member}}}", one, other)

    # -- lists

    def _lists(
        self, old: list[Tree], new: list[Tree], path: Path
    ) -> Iterator[Difference]:
        if self._rules.shape:
            yield from self._shapes(old, new, path)
        elif bool(old) != bool(new):
            yield _fact(path, f"{len(old)} items recorded, {len(new)} items now")
        elif len(old) == len(new):
            yield from self._items(old, new, path)
        else:
            start = _equal_items(old, new)
            end = _equal_items(old[start:][::-1], new[start:][::-1])
            before, after = old[start : len(old) - end], new[start : len(new) - end]
            yield from self._items(before, after, path, start)

    def _items(
        self, old: list[Tree], new: list[Tree], path: Path, start: int = 0
    ) -> Iterator[Difference]:
        for index in range(max(len(old), len(new))):
            one = old[index] if index < len(old) else MISSING
            other = new[index] if index < len(new) else MISSING
            yield from self.between(one, other, (*path, str(start + index)))

    def _shapes(
        self, old: list[Tree], new: list[Tree], path: Path
    ) -> Iterator[Difference]:
        """Give where the first item differs that has the shape of no recorded one."""
        if not old:
            return
        for index, part in enumerate(new):
            place = (*path, str(index))
            found = [list(self.between(before, part, place)) for before in old]
            if all(found):
                yield from found[min(index, len(old) - 1)]
                return

    # -- columns and arrays

    def _columns(
        self, kind: str, old: dict[str, Tree], new: dict[str, Tree], path: Path
    ) -> Iterator[Difference]:
        items, items_now = old[kind], new[kind]
        if old["dtype"] != new["dtype"]:
            one, other = (_drawn(side["dtype"]).strip("'") for side in (old, new))
            yield _fact(path, f"dtype {one} recorded, {other} now")
        elif self._rules.shape:
            return
        elif old.get("shape") != new.get("shape"):
            yield _fact(path, f"shape {old['shape']} recorded, {new['shape']} now")
        elif isinstance(items, list) and isinstance(items_now, list):
            yield from self._count(items, items_now, old.get("shape"), path)
        elif isinstance(items, dict) and isinstance(items_now, dict):
            yield from self.between(items, items_now, path)
        elif canonical_text(items) != canonical_text(items_now):
            yield _fact(path, "other values recorded than now")
        beside = {key: part for key, part in old.items() if key != kind}
        beside_now = {key: part for key, part in new.items() if key != kind}
        if old["dtype"] == new["dtype"]:
            yield from self._keys(beside, beside_now, path)

    def _count(
        self, old: list[Tree], new: list[Tree], shape: Tree, path: Path
    ) -> Iterator[Difference]:
        if len(old) != len(new):
            yield _fact(path, f"{len(old)} items recorded, {len(new)} now")
            return
        pairs = enumerate(zip(old, new, strict=True))
        differing = [index for index, pair in pairs if any(self.between(*pair, ()))]
        if differing:
            first = differing[0]
            sides = f"{_drawn(old[first])} recorded, {_drawn(new[first])} now"
            count = f"{len(differing)} of {len(old)} differ"
            yield _fact(path, f"{count}, [{_place_in(shape, first)}]: {sides}")


def _plain(side: Side) -> Side:
    return side.plain() if isinstance(side, Leaf) else side


def _kind(side: Side) -> str:
    """Give the tag of a tree, or its type."""
    if isinstance(side, dict):
        return next(iter(side)) if is_tagged(side) else "mapping"
    return type(side).__name__


def _is_object(tree: dict[str, Tree]) -> bool:
    tag, content = next(iter(tree.items()))
    # The content of a member of an enum is its name.
    return ":" in tag and not isinstance(content, str)


def _difference(path: Path, old: Side, new: Side) -> Difference:
    return Difference(shown_path(path), old, new, steps=path)


def _fact(path: Path, words: str) -> Difference:
    return Difference(shown_path(path), MISSING, MISSING, words, path)


def _of_content(
    kind: str, old: dict[str, Tree], new: dict[str, Tree], path: Path
) -> Difference | None:
    """Say that a file is another one, if its path is the same."""
    if kind == "$content":
        return _fact(path, "content differs from the recorded one")
    if kind not in _PATHS or old[kind] != new[kind]:
        return None
    name = _drawn({kind: old[kind]}).rpartition("/")[2]
    return _fact(path, f"content of {name} differs from the recorded one")


def _by_step(pairs: list[Tree]) -> dict[str, Tree]:
    """Give pairs as a mapping; of equal keys, which some mappings have, the last."""
    found: dict[str, Tree] = {}
    for pair in pairs:
        key, part = cast("list[Tree]", pair)
        found[step_of(key)] = part
    return found


def _number(kind: str, content: Tree) -> tuple[float, ...]:
    """Give the floats that a number stands for.

    Raises:
        ValueError, TypeError: It stands for none.
    """
    if kind == "$complex":
        real, imaginary = cast("list[Tree]", content)
        return _float(real), _float(imaginary)
    if kind == "$fraction":
        above, below = cast("list[int]", content)
        return (above / below,)
    return (_float(content),)


def _float(part: Tree) -> float:
    value = part["$float"] if isinstance(part, dict) else part
    return float(cast("float", value))


def _equal_items(old: list[Tree], new: list[Tree]) -> int:
    """Count the items at the beginning that both have."""
    count = 0
    for item, other in zip(old, new, strict=False):
        if canonical_text(item) != canonical_text(other):
            break
        count += 1
    return count


def _place_in(shape: Tree, index: int) -> str:
    """Give the place of an item of an array: `1, 0`."""
    places: list[str] = []
    for size in reversed(shape) if isinstance(shape, list) else ():
        index, place = divmod(index, cast("int", size))
        places.append(str(place))
    return ", ".join(reversed(places)) or str(index)


def _drawn(tree: Tree) -> str:
    from pytest_mimic.values.drawing import line  # it draws differences, too

    return line(tree)
