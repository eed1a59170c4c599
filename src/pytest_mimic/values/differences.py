"""Where two trees differ, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, NamedTuple, TypeAlias, cast

from pytest_mimic.values.drawing import line
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
_PATHS = frozenset({"$path", "$text"})
_SETS = frozenset({"$set", "$frozenset"})
_NUMBERS = frozenset({"int", "float", "$decimal", "$complex", "$fraction"})
_Mapping: TypeAlias = "dict[str, Tree]"


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
        elif kind == "mapping":
            before, after = cast("_Mapping", old), cast("_Mapping", new)
            yield from self._keys(before, after, path)
        elif isinstance(old, dict) and isinstance(new, dict):
            yield from self._tagged(kind, old, new, path)
        elif not self._rules.shape and not self._are_close(kind, old, new):
            yield _difference(path, old, new)

    def _tagged(
        self, kind: str, old: _Mapping, new: _Mapping, path: Path
    ) -> Iterator[Difference]:
        if kind in _SETS:
            yield from self._sets(old[kind], new[kind], path)
        elif "dtype" in old and "dtype" in new:
            yield from self._columns(kind, old, new, path)
        elif old.get("rows") != new.get("rows") and ":" in kind:
            yield _fact(path, f"{old.get('rows')} rows recorded, {new.get('rows')} now")
        elif kind in _OPENED or _is_object(old):
            yield from self._parts(old, new, path)
        elif self._rules.shape or canonical_text(old) == canonical_text(new):
            return
        elif kind == "$content" or (kind in _PATHS and old[kind] == new[kind]):
            yield _fact(path, "content differs from the recorded one")
        elif not self._are_close(kind, old[kind], new[kind]):
            yield _difference(path, old, new)

    def _are_close(self, kind: str, old: Side, new: Side) -> bool:
        """Tell whether two values are equal, or two numbers of one kind nearly so."""
        if repr(old) == repr(new):
            return True
        rtol, atol = self._rules.rtol, self._rules.atol
        if kind not in _NUMBERS or not (rtol or atol):
            return False
        try:
            pairs = [*zip(_numbers(kind, old), _numbers(kind, new), strict=True)]
            # The sum of both, as numpy has it.
            return all(abs(a - b) <= atol + rtol * abs(a) for a, b in pairs)
        except (ValueError, TypeError, ArithmeticError):
            return False

    # -- mappings, and what they stand for

    def _keys(self, old: _Mapping, new: _Mapping, path: Path) -> Iterator[Difference]:
        for key in dict.fromkeys([*old, *new]):
            before, after = old.get(key, MISSING), new.get(key, MISSING)
            yield from self.between(before, after, (*path, key))

    def _parts(self, old: _Mapping, new: _Mapping, path: Path) -> Iterator[Difference]:
        """Compare two objects of one class: attributes, and what stands beside them."""
        for key in dict.fromkeys([*old, *new]):
            before, after = old.get(key, MISSING), new.get(key, MISSING)
            inner = path if is_open(key) else (*path, key)
            if not isinstance(before, list) or not isinstance(after, list):
                yield from self.between(before, after, inner)
            elif key == "$tuple":
                yield from self._items(before, after, path)
            elif key in PAIRS:
                yield from self._pairs(before, after, path)
            else:
                yield from self._lists(before, after, inner)

    def _pairs(
        self, old: list[Tree], new: list[Tree], path: Path
    ) -> Iterator[Difference]:
        before, after = _by_step(old), _by_step(new)
        yield from self._keys(before, after, path)
        if before.keys() == after.keys() and [*before] != [*after]:
            yield _fact(path, "the keys are in another order now")

    def _sets(self, old: Tree, new: Tree, path: Path) -> Iterator[Difference]:
        before, after = (
            {canonical_text(part): part for part in cast("list[Tree]", side)}
            for side in (old, new)
        )
        if self._rules.shape:
            yield from self._shapes([*before.values()], [*after.values()], path)
            return
        # What only one side has.
        for text in sorted(before.keys() ^ after.keys(), key=[*before, *after].index):
            one, other = before.get(text, MISSING), after.get(text, MISSING)
            member = line({**before, **after}[text])
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
            texts, texts_now = map(canonical_text, old), map(canonical_text, new)
            start, end = equal_ends([*texts], [*texts_now])
            before, after = old[start : len(old) - end], new[start : len(new) - end]
            yield from self._items(before, after, path, start)

    def _items(
        self, old: list[Tree], new: list[Tree], path: Path, start: int = 0
    ) -> Iterator[Difference]:
        pairs = zip_longest(old, new, fillvalue=MISSING)
        for index, (one, other) in enumerate(pairs, start):
            yield from self.between(one, other, (*path, str(index)))

    def _shapes(
        self, old: list[Tree], new: list[Tree], path: Path
    ) -> Iterator[Difference]:
        """Give where the first item differs that has the shape of no recorded one."""
        for index, part in enumerate(new if old else ()):
            place = (*path, str(index))
            found = [list(self.between(before, part, place)) for before in old]
            if all(found):
                yield from found[min(index, len(old) - 1)]
                return

    # -- columns and arrays

    def _columns(
        self, kind: str, old: _Mapping, new: _Mapping, path: Path
    ) -> Iterator[Difference]:
        items, items_now = old[kind], new[kind]
        for fact in ("dtype",) if self._rules.shape else ("dtype", "shape"):
            if old.get(fact) != new.get(fact):
                sides = [line(side.get(fact)).strip("'") for side in (old, new)]
                yield _fact(path, f"{fact} {sides[0]} recorded, {sides[1]} now")
                return
        if self._rules.shape:
            return
        if isinstance(items, list) and isinstance(items_now, list):
            yield from self._count(items, items_now, old.get("shape"), path)
        elif isinstance(items, dict) and isinstance(items_now, dict):
            yield from self.between(items, items_now, path)
        elif canonical_text(items) != canonical_text(items_now):
            yield _fact(path, "other values recorded than now")
        # What stands beside the items: units, categories.
        yield from self._keys(old | {kind: None}, new | {kind: None}, path)

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
            sides = f"{line(old[first])} recorded, {line(new[first])} now"
            count = f"{len(differing)} of {len(old)} differ"
            yield _fact(path, f"{count}, [{_place_in(shape, first)}]: {sides}")


def _plain(side: Side) -> Side:
    return side.plain() if isinstance(side, Leaf) else side


def _kind(side: Side) -> str:
    """Give the tag of a tree, or its type."""
    if isinstance(side, dict):
        return next(iter(side)) if is_tagged(side) else "mapping"
    return type(side).__name__


def _is_object(tree: _Mapping) -> bool:
    tag, content = next(iter(tree.items()))
    # The content of a member of an enum is its name.
    return ":" in tag and not isinstance(content, str)


def _difference(path: Path, old: Side, new: Side) -> Difference:
    return Difference(shown_path(path), old, new, steps=path)


def _fact(path: Path, words: str) -> Difference:
    return Difference(shown_path(path), MISSING, MISSING, words, path)


def _by_step(pairs: list[Tree]) -> _Mapping:
    """Give pairs as a mapping; of equal keys, which some mappings have, the last."""
    return {step_of(key): part for key, part in cast("list[list[Tree]]", pairs)}


def _numbers(kind: str, content: Any) -> list[float]:
    """Give the floats that a number of a kind stands for.

    Raises:
        ValueError, TypeError, ArithmeticError: It stands for none.
    """
    if kind == "$fraction":
        return [content[0] / content[1]]
    parts = content if kind == "$complex" else [content]
    return [float(part["$float"] if isinstance(part, dict) else part) for part in parts]


def equal_ends(old: list[str], new: list[str]) -> tuple[int, int]:
    """Count the texts at the beginning and at the end that both have."""
    start = _equal_start(old, new)
    return start, _equal_start(old[start:][::-1], new[start:][::-1])


def _equal_start(old: list[str], new: list[str]) -> int:
    for count, (one, other) in enumerate(zip(old, new, strict=False)):
        if one != other:
            return count
    return min(len(old), len(new))


def _place_in(shape: Tree, index: int) -> str:
    """Give the place of an item of an array: `1, 0`."""
    places: list[str] = []
    for size in reversed(shape) if isinstance(shape, list) else ():
        index, place = divmod(index, cast("int", size))
        places.append(str(place))
    return ", ".join(reversed(places)) or str(index)
