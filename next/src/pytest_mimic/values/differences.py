"""Where two trees differ, part by part."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from difflib import SequenceMatcher
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

# Lists are aligned while the number of their pairs is below this.
_MOST_PAIRS = 4_000_000
# Of the values with a tag of their own, those that have parts.
_OPENED = frozenset({"$tuple", "$dict", "$partial"})
_SETS = frozenset({"$set", "$frozenset"})
_PATHS = ("$path", "$text")
# The tables of libraries, whose columns and items are compared as such.
TABLES = ("$numpy:", "$pandas:", "$polars:", "$pyarrow:")
# So many of a unit of moments are a second.
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_KINDS = {"i": "int", "u": "uint", "f": "float", "c": "complex"}


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


class _Place(NamedTuple):
    """Where a comparison is: the steps to it, and how people write them."""

    steps: Path = ()
    shown: str = ""

    def below(self, step: str) -> _Place:
        end = shown_path((step,))
        dot = "." if self.shown and not end.startswith("[") else ""
        return _Place((*self.steps, step), f"{self.shown}{dot}{end}")

    def at(self, step: str, shown: str) -> _Place:
        """Give a place below that is written in another way than its step."""
        return _Place((*self.steps, step), f"{self.shown}{shown}")

    def difference(self, old: Side, new: Side) -> Difference:
        return Difference(self.shown, old, new, steps=self.steps)

    def fact(self, words: str) -> Difference:
        return Difference(self.shown, MISSING, MISSING, words, self.steps)


def differences(old: Tree, new: Tree, rules: Rules = EXACT) -> list[Difference]:
    """Give the parts that differ, those of the old tree first.

    Mappings are compared by keys in any order, sets by members, and lists so that one
    item more or less is one difference.
    """
    comparison = _Comparison(rules)
    old, new = without(old, rules.volatile), without(new, rules.volatile)
    return list(comparison.between(old, new, _Place()))


class _Comparison:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def between(self, old: Side, new: Side, place: _Place) -> Iterator[Difference]:
        old, new = _plain(old), _plain(new)
        if old is new or IGNORED in (old, new):
            return
        if isinstance(old, dict) and isinstance(new, dict):
            yield from self._mappings(old, new, place)
        elif isinstance(old, list) and isinstance(new, list):
            yield from self._lists(old, new, place)
        elif not self._agree(old, new):
            yield place.difference(old, new)

    def _agree(self, old: Side, new: Side) -> bool:
        if type(old) is not type(new):
            return False
        if self._rules.shape:
            return True
        if isinstance(old, float) and isinstance(new, float):
            return self._are_close(old, new)
        if isinstance(old, int) and isinstance(new, int):
            return old == new or (type(old) is int and self._are_close(old, new))
        return old == new

    def _are_close(self, old: float, new: float) -> bool:
        if not self._rules.rtol and not self._rules.atol:
            return old == new and math.copysign(1, old) == math.copysign(1, new)
        return math.isclose(
            old, new, rel_tol=self._rules.rtol, abs_tol=self._rules.atol
        )

    # -- mappings, and what they stand for

    def _mappings(
        self, old: dict[str, Tree], new: dict[str, Tree], place: _Place
    ) -> Iterator[Difference]:
        if not is_tagged(old) and not is_tagged(new):
            yield from self._keys(old, new, place)
            return
        tag = next(iter(old), "")
        if tag != next(iter(new), "") or tag == "$long":
            yield from self._wholes(old, new, place)
        elif tag in _SETS:
            yield from self._sets(old[tag], new[tag], place)
        elif tag.startswith(TABLES):
            yield from self._tables(old, new, place)
        elif ":" in tag or tag in _OPENED:
            yield from self._tags(old, new, place)
        elif tag == "$content" and isinstance(old[tag], str):
            if old != new:
                yield place.fact("content differs from the recorded one")
        elif tag in _PATHS and old[tag] == new[tag]:
            if old != new:
                name = _drawn({tag: old[tag]}).rpartition("/")[2]
                yield place.fact(f"content of {name} differs from the recorded one")
        elif not self._are_close_decimals(old, new):
            yield from self._wholes(old, new, place)

    def _are_close_decimals(self, old: dict[str, Tree], new: dict[str, Tree]) -> bool:
        if "$decimal" not in old or not (self._rules.rtol or self._rules.atol):
            return False
        return self._are_close(float(str(old["$decimal"])), float(str(new["$decimal"])))

    def _wholes(
        self, old: dict[str, Tree], new: dict[str, Tree], place: _Place
    ) -> Iterator[Difference]:
        """Compare what differs as a whole, if it differs."""
        if canonical_text(old) == canonical_text(new):
            return
        if not self._rules.shape or old.get("$long") != new.get("$long"):
            yield place.difference(old, new)

    def _keys(
        self, old: dict[str, Tree], new: dict[str, Tree], place: _Place
    ) -> Iterator[Difference]:
        for key, part in old.items():
            yield from self.between(part, new.get(key, MISSING), place.below(key))
        for key, part in new.items():
            if key not in old:
                yield from self.between(MISSING, part, place.below(key))

    def _tags(
        self, old: dict[str, Tree], new: dict[str, Tree], place: _Place
    ) -> Iterator[Difference]:
        """Compare two objects of one class: attributes, and what stands beside them."""
        tag = next(iter(old))
        if isinstance(old[tag], str) or isinstance(new[tag], str):
            yield from self._wholes(old, new, place)  # a member of an enum
            return
        for key in dict.fromkeys([*old, *new]):
            before, after = old.get(key, MISSING), new.get(key, MISSING)
            if key in PAIRS and isinstance(before, list) and isinstance(after, list):
                yield from self._pairs(before, after, place)
            elif key == "$tuple":
                yield from self._tuples(before, after, place)
            elif is_open(key):
                yield from self.between(before, after, place)
            else:
                yield from self.between(before, after, place.below(key))

    def _pairs(
        self, old: list[Tree], new: list[Tree], place: _Place
    ) -> Iterator[Difference]:
        before, after = _by_step(old), _by_step(new)
        yield from self._keys(before, after, place)
        if before.keys() == after.keys() and [*before] != [*after]:
            yield place.fact("the keys are in another order now")

    def _sets(self, old: Tree, new: Tree, place: _Place) -> Iterator[Difference]:
        before = {canonical_text(part): part for part in cast("list[Tree]", old)}
        after = {canonical_text(part): part for part in cast("list[Tree]", new)}
        if self._rules.shape:
            yield from self._shapes([*before.values()], [*after.values()], place)
            return
        for text in dict.fromkeys([*before, *after]):
            if text not in before or text not in after:
                one, other = before.get(text, MISSING), after.get(text, MISSING)
                member = _drawn(before.get(text, after.get(text)))
                yield Difference(f"{place.shown}{{{member}}}", one, other)

    # -- lists

    def _lists(
        self, old: list[Tree], new: list[Tree], place: _Place
    ) -> Iterator[Difference]:
        if self._rules.shape:
            yield from self._shapes(old, new, place)
        elif not old or not new:
            if old or new:
                words = f"{len(old)} items recorded, {len(new)} items now"
                yield place.fact(words)
        elif len(old) == len(new):
            yield from self._items(old, new, place)
        else:
            yield from self._aligned(old, new, place)

    def _items(
        self, old: list[Tree], new: list[Tree], place: _Place, start: int = 0
    ) -> Iterator[Difference]:
        for index, (before, after) in enumerate(zip(old, new, strict=False), start):
            yield from self.between(before, after, place.below(str(index)))
        shared = min(len(old), len(new))
        for index in range(shared, len(old)):
            yield place.below(str(start + index)).difference(old[index], MISSING)
        for index in range(shared, len(new)):
            yield place.below(str(start + index)).difference(MISSING, new[index])

    def _tuples(self, old: Side, new: Side, place: _Place) -> Iterator[Difference]:
        """Compare item by item: the place in a tuple says what an item is."""
        assert isinstance(old, list)
        assert isinstance(new, list)
        yield from self._items(old, new, place)

    def _aligned(
        self, old: list[Tree], new: list[Tree], place: _Place
    ) -> Iterator[Difference]:
        if len(old) * len(new) > _MOST_PAIRS:
            yield from self._items(old, new, place)
            return
        texts = [canonical_text(part) for part in old]
        others = [canonical_text(part) for part in new]
        matcher = SequenceMatcher(None, texts, others, autojunk=False)
        for kind, start, end, other_start, other_end in matcher.get_opcodes():
            if kind != "equal":
                before, after = old[start:end], new[other_start:other_end]
                first = start if before else other_start
                yield from self._items(before, after, place, first)

    def _shapes(
        self, old: list[Tree], new: list[Tree], place: _Place
    ) -> Iterator[Difference]:
        """Give where the first item differs that has the shape of no recorded one."""
        if not old:
            return
        for index, part in enumerate(new):
            step = place.below(str(index))
            found = [list(self._events(before, part, step)) for before in old]
            if all(found):
                yield from found[min(index, len(old) - 1)]
                return

    def _events(self, old: Tree, new: Tree, place: _Place) -> Iterator[Difference]:
        """Compare items; the name of an event of a stream is no free value."""
        if isinstance(old, dict) and isinstance(new, dict):
            name, other = old.get("event"), new.get("event")
            if "data" in old and "data" in new and name != other:
                yield place.below("event").difference(name, other)
        yield from self.between(old, new, place)

    # -- tables and arrays of libraries

    def _tables(
        self, old: dict[str, Tree], new: dict[str, Tree], place: _Place
    ) -> Iterator[Difference]:
        tag = next(iter(old))
        before, after = old[tag], new[tag]
        if not isinstance(before, dict) or not isinstance(after, dict):
            yield from self.between(before, after, place)
        elif _is_column(before) and _is_column(after):
            yield from self._columns(before, after, place)
        else:
            yield from self._bodies(before, after, place)
        beside = {key: part for key, part in old.items() if key != tag}
        beside_now = {key: part for key, part in new.items() if key != tag}
        yield from self._keys(beside, beside_now, place)

    def _bodies(
        self, old: dict[str, Tree], new: dict[str, Tree], place: _Place
    ) -> Iterator[Difference]:
        rows, rows_now = _rows_of(old), _rows_of(new)
        if rows != rows_now and not self._rules.shape:
            yield place.fact(f"{rows} rows recorded, {rows_now} now")
            return
        for key in dict.fromkeys([*old, *new]):
            before, after = old.get(key, MISSING), new.get(key, MISSING)
            if _is_column(before) and _is_column(after):
                # The data of a series are the series.
                column = place.at(key, "" if key == "data" else f".{key}")
                yield from self._columns(before, after, column)
            elif key == "data" and isinstance(before, dict) and isinstance(after, dict):
                yield from self._named_columns(before, after, place.at(key, ""))
            elif key != "columns":  # their names are those of the data
                yield from self.between(before, after, place.below(key))

    def _named_columns(
        self, old: dict[str, Tree], new: dict[str, Tree], place: _Place
    ) -> Iterator[Difference]:
        before, after = _by_name(old), _by_name(new)
        for name in dict.fromkeys([*before, *after]):
            column, column_now = before.get(name), after.get(name)
            at = place.at(name, f"[{name!r}]")
            if column is None:
                yield at.fact("a column now, not in the recording")
            elif column_now is None:
                yield at.fact("a column recorded, missing now")
            elif _is_column(column) and _is_column(column_now):
                yield from self._columns(column, column_now, at)
            else:
                yield from self.between(column, column_now, at)
        shared = [name for name in before if name in after]
        if shared != [name for name in after if name in before]:
            yield place.fact("the columns are in another order now")

    def _columns(self, old: object, new: object, place: _Place) -> Iterator[Difference]:
        assert isinstance(old, dict)
        assert isinstance(new, dict)
        fact = self._fact_of_columns(old, new)
        if fact:
            yield place.fact(fact)

    def _fact_of_columns(self, old: dict[str, Tree], new: dict[str, Tree]) -> str:
        """Say how two columns or arrays differ; empty: they do not."""
        if old["dtype"] != new["dtype"]:
            return f"dtype {dtype_of(old)} recorded, {dtype_of(new)} now"
        if self._rules.shape:
            return ""
        shape, shape_now = shape_of(old), shape_of(new)
        if shape != shape_now:
            return f"{_sized(shape)} recorded, {_sized(shape_now)} now"
        items, items_now = old["data"], new["data"]
        if not isinstance(items, list) or not isinstance(items_now, list):
            is_equal = canonical_text(old) == canonical_text(new)
            return "" if is_equal else "other values recorded than now"
        differing = [
            index
            for index, pair in enumerate(zip(items, items_now, strict=True))
            if any(self.between(*pair, _Place()))
        ]
        if not differing:
            rest = {**new, "data": items}
            is_equal = canonical_text(old) == canonical_text(rest)
            return "" if is_equal else "other missing values recorded than now"
        first = differing[0]
        one, other = _item(old, items[first]), _item(new, items_now[first])
        sides = f"{one} recorded, {other} now"
        place = _place_in(shape, first)
        return f"{len(differing)} of {len(items)} differ, [{place}]: {sides}"


def _plain(side: Side) -> Side:
    return side.plain() if isinstance(side, Leaf) else side


def _by_step(pairs: list[Tree]) -> dict[str, Tree]:
    """Give pairs as a mapping; of equal keys, which some mappings have, the last."""
    found: dict[str, Tree] = {}
    for pair in pairs:
        assert isinstance(pair, list)
        key, part = pair
        found[step_of(key)] = part
    return found


def _by_name(columns: dict[str, Tree]) -> dict[str, Tree]:
    pairs = columns.get("$dict")
    return _by_step(pairs) if isinstance(pairs, list) else columns


def _is_column(part: object) -> bool:
    return isinstance(part, dict) and "dtype" in part and "data" in part


def _rows_of(table: dict[str, Tree]) -> int | None:
    """Give the number of rows, if all columns of a table stand in its tree."""
    columns = table.get("data")
    if not isinstance(columns, dict) or _is_column(columns):
        return None
    lengths: set[int] = set()
    for column in _by_name(columns).values():
        items = column.get("data") if isinstance(column, dict) else None
        if isinstance(items, list):
            lengths.add(len(items))
    return lengths.pop() if len(lengths) == 1 else None


def dtype_of(column: dict[str, Tree]) -> str:
    """Give the type of the items of a column or an array, as numpy names it."""
    dtype = column["dtype"]
    if isinstance(dtype, str) and dtype[:1] in "<>|" and dtype[1:2] in _KINDS:
        return f"{_KINDS[dtype[1]]}{8 * int(dtype[2:])}"
    return dtype if isinstance(dtype, str) else "object"


def shape_of(column: dict[str, Tree]) -> list[int]:
    """Give the sizes of an array, or the length of a column as far as it is known."""
    shape, items = column.get("shape"), column["data"]
    if isinstance(shape, list):
        return [size for size in shape if isinstance(size, int)]
    return [len(items)] if isinstance(items, list) else []


def _sized(shape: list[int]) -> str:
    if len(shape) == 1:
        return f"{shape[0]} rows"
    return f"shape {'x'.join(map(str, shape))}"


def _item(column: dict[str, Tree], item: Tree) -> str:
    """Draw an item of a column; a moment is kept as a number of its unit."""
    unit = re.match(r"datetime64\[(\w+)", dtype_of(column))
    if unit is None or not isinstance(item, int) or unit[1] not in _UNITS:
        return _drawn(item)
    try:
        return str(datetime(1970, 1, 1) + timedelta(seconds=item / _UNITS[unit[1]]))
    except OverflowError:
        return "NaT"


def _drawn(tree: Tree) -> str:
    from pytest_mimic.values.drawing import line  # it draws differences, too

    return line(tree)


def _place_in(shape: list[int], index: int) -> str:
    """Give the place of an item of an array: `1, 0`."""
    places: list[str] = []
    for size in reversed(shape):
        index, place = divmod(index, size)
        places.append(str(place))
    return ", ".join(reversed(places))
