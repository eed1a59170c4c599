"""Where two trees, or outcomes, differ, part by part, and each difference on a line."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import takewhile, zip_longest
from typing import Any, NamedTuple

from pytest_mimic.values.drawing import class_named_in, one_line
from pytest_mimic.values.folders import NOWHERE, Folders
from pytest_mimic.values.making import Maker
from pytest_mimic.values.tree import (
    IGNORED,
    Leaf,
    Node,
    Path,
    Paths,
    Tree,
    canonical_text,
    digest_of,
    is_tagged,
    parts,
    shown_path,
    without,
)
from pytest_mimic.values.walk import FEW, Walk, deeply
from pytest_mimic.words import ENDS, MOST_PARTS, first_of

# Of the values with a tag of their own, those that have parts.
_OPENED = frozenset({"$tuple", "$dict", "$partial"})
_PATHS = frozenset({"$path", "$relative"})
_SETS = frozenset({"$set", "$frozenset"})
_NUMBERS = frozenset({"int", "float", "$decimal", "$complex", "$fraction"})


class Missing(Leaf):
    """Stands for a part that only the other side has."""

    def plain(self) -> Tree:
        return self


MISSING = Missing()


class Rules(NamedTuple):
    """How outcomes are compared.

    Attributes:
        rtol: The relative tolerance of numbers.
        atol: The absolute one.
        shape: Whether values and the lengths of lists are free.
        volatile: The paths that are left out.
        sides: What the two sides are called.
    """

    rtol: float = 0.0
    atol: float = 0.0
    shape: bool = False
    volatile: Paths = ()
    sides: tuple[str, str] = ("recorded", "now")


EXACT = Rules()


class Difference(NamedTuple):
    """One part that differs.

    Attributes:
        steps: Where it is, as `ignore=` and `volatile=` take it; empty: the whole.
        old: What was recorded. Of a set, the members that only the recording has.
        new: What is there now.
        fact: Words in place of both sides: `1 of 2 differ, [1]: 2.5 recorded, 3.5 now`.
    """

    steps: Path
    old: Tree
    new: Tree
    fact: str = ""

    @property
    def is_new(self) -> bool:
        """Whether the part was not there when it was recorded."""
        return self.old is MISSING

    @property
    def pattern(self) -> Path:
        """Where it is, with `*` for the items of lists."""
        return tuple("*" if step.isdigit() else step for step in self.steps)


def differences(old: Tree, new: Tree, rules: Rules = EXACT) -> list[Difference]:
    """Give the parts that differ, the parts of the old tree first.

    - Mappings and objects are compared by their parts in any order, sets by members.
    - Lists are compared by place. Of lists of two lengths what is equal at both ends
      is left out first, so that one item more or less is one difference.
    - A column or an array is one difference, which counts the items.
    - What has a tag of its own, as a date has, is compared as a whole.
    """
    comparison = _Comparison(rules)
    old, new = without(old, rules.volatile), without(new, rules.volatile)
    return list(comparison.between(old, new, ()))


def outcome_differences(
    recorded: object,
    real: object,
    rules: Rules = EXACT,
    folders: Folders = NOWHERE,
    *,
    step: str = "",
) -> list[Difference]:
    """Give where two outcomes differ: values, exceptions, arrays and tables.

    Args:
        recorded: What a replay gives.
        real: What the call gives now.
        rules: How they are compared.
        folders: The folders of this run.
        step: Begins all paths: `items` of a stream. An exception begins them with its
            class.
    """
    if isinstance(recorded, BaseException) and type(recorded) is type(real):
        step = type(recorded).__name__
    if step:
        paths = rules.volatile
        below = [(step, *path) for path in paths]
        in_items = [(step, "*", *path) for path in paths]
        rules = rules._replace(volatile=(*paths, *below, *in_items))

    def trees(few: int) -> list[Tree]:
        found: list[Tree] = []
        for value in (recorded, real):
            walk = Walk("identity", folders)
            walk.is_by_code = True
            walk.few = few
            tree = walk.node(value)
            found.append({step: tree} if step else tree)
        return found

    def differing() -> list[Difference]:
        bare = [without(tree, rules.volatile) for tree in trees(FEW)]
        if len(set(map(digest_of, bare))) == 1:
            return []
        # Each item of an array is looked at.
        old, new = trees(sys.maxsize)
        found = differences(old, new, rules)
        if found or rules != EXACT:
            return found
        fact = "differs from the recording in a part that has no readable form"
        return [Difference((step,), MISSING, MISSING, fact)]

    return deeply(differing)


class _Comparison:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._before, self._now = rules.sides

    def between(self, old: Any, new: Any, path: Path) -> Iterator[Difference]:
        old, new = _plain(old), _plain(new)
        if old is new or IGNORED in (old, new):
            return
        kind = _kind(old)
        if kind != _kind(new):
            yield Difference(path, old, new)
        elif isinstance(old, list):
            yield from self._lists(old, new, path)
        elif isinstance(old, dict):
            yield from self._mappings(kind, old, new, path)
        elif not self._rules.shape and not self._are_close(kind, old, new):
            yield Difference(path, old, new)

    def _mappings(
        self, kind: str, old: Node, new: Node, path: Path
    ) -> Iterator[Difference]:
        if kind == "mapping":
            yield from self._keys(old, new, path)
        elif kind in _SETS:
            yield from self._sets(kind, old, new, path)
        elif "dtype" in old and "dtype" in new:
            yield from self._arrays(kind, old, new, path)
        elif _is_opened(kind, old):
            yield from self._objects(old, new, path)
        elif self._rules.shape or canonical_text(old) == canonical_text(new):
            return
        elif kind == "$content" or (kind in _PATHS and old[kind] == new[kind]):
            yield _fact(path, f"other content {self._now} than {self._before}")
        elif not self._are_close(kind, old, new):
            yield Difference(path, old, new)

    def _objects(self, old: Node, new: Node, path: Path) -> Iterator[Difference]:
        before, after = _by_step(old), _by_step(new)
        if old.get("rows") != new.get("rows"):
            # Each column would differ in its length.
            before, after = {"rows": old.get("rows")}, {"rows": new.get("rows")}
        yield from self._keys(before, after, path)
        has_order = "pairs" in old and before.keys() == after.keys()
        if has_order and list(before) != list(after):
            yield _fact(path, f"the keys are in another order {self._now}")

    def _are_close(self, kind: str, old: Tree, new: Tree) -> bool:
        """Tell whether two values are equal, or two numbers of one kind nearly so."""
        if repr(old) == repr(new):
            return True
        rtol, atol = self._rules.rtol, self._rules.atol
        if kind not in _NUMBERS or not (rtol or atol):
            return False
        try:
            before, after = _number_of(old), _number_of(new)
            # The sum of both, as numpy has it.
            return abs(before - after) <= atol + rtol * abs(before)
        except (ValueError, ArithmeticError):
            return False

    def _keys(self, old: Node, new: Node, path: Path) -> Iterator[Difference]:
        for key in dict.fromkeys([*old, *new]):
            before, after = old.get(key, MISSING), new.get(key, MISSING)
            yield from self.between(before, after, (*path, key))

    def _sets(
        self, kind: str, old: Node, new: Node, path: Path
    ) -> Iterator[Difference]:
        before, after = old[kind], new[kind]
        if self._rules.shape:
            yield from self._shapes(before, after, path)
            return
        gone, come = _not_in(after, before), _not_in(before, after)
        if gone or come:
            yield Difference(path, {kind: gone}, {kind: come})

    # -- lists

    def _lists(
        self, old: list[Tree], new: list[Tree], path: Path
    ) -> Iterator[Difference]:
        start = 0
        if self._rules.shape:
            yield from self._shapes(old, new, path)
            return
        if bool(old) != bool(new):
            sides = f"{len(old)} items {self._before}, {len(new)} items {self._now}"
            yield _fact(path, sides)
            return
        if len(old) != len(new):
            texts = list(map(canonical_text, old))
            texts_now = list(map(canonical_text, new))
            start = _equal_start(texts, texts_now)
            end = _equal_start(texts[start:][::-1], texts_now[start:][::-1])
            old, new = old[start : len(old) - end], new[start : len(new) - end]
        pairs = zip_longest(old, new, fillvalue=MISSING)
        for index, (one, other) in enumerate(pairs, start):
            yield from self.between(one, other, (*path, str(index)))

    def _shapes(
        self, old: list[Tree], new: list[Tree], path: Path
    ) -> Iterator[Difference]:
        """Give where the first item differs that has the shape of no recorded item."""
        for index, part in enumerate(new if old else ()):
            place = (*path, str(index))
            found = [list(self.between(before, part, place)) for before in old]
            if all(found):
                yield from found[min(index, len(old) - 1)]
                return

    def _arrays(
        self, kind: str, old: Node, new: Node, path: Path
    ) -> Iterator[Difference]:
        """Compare arrays and columns: what stands beside the items, then the items."""
        items, items_now = old[kind], new[kind]
        is_by_shape = self._rules.shape
        left_out = dict.fromkeys([kind, "shape"] if is_by_shape else [kind], IGNORED)
        beside, beside_now = old | left_out, new | left_out
        found = list(_Comparison(EXACT)._keys(beside, beside_now, path))
        if found or is_by_shape:
            yield from found
            return
        if not isinstance(items, list) or not isinstance(items_now, list):
            yield from self.between(items, items_now, path)
        elif len(items) != len(items_now):
            yield from self._lists(items, items_now, path)
        else:
            yield from self._count(items, items_now, old.get("shape"), path)

    def _count(
        self, old: list[Tree], new: list[Tree], shape: Tree, path: Path
    ) -> Iterator[Difference]:
        pairs = enumerate(zip(old, new, strict=True))
        differing = [index for index, pair in pairs if any(self.between(*pair, ()))]
        if differing:
            first = differing[0]
            one, other = one_line(old[first]), one_line(new[first])
            sides = f"{one} {self._before}, {other} {self._now}"
            count = f"{len(differing)} of {len(old)} differ"
            yield _fact(path, f"{count}, [{_place_in(shape, first)}]: {sides}")


def _fact(path: Path, words: str) -> Difference:
    return Difference(path, MISSING, MISSING, words)


def _plain(side: Any) -> Any:
    return side.plain() if isinstance(side, Leaf) else side


def _kind(side: Tree) -> str:
    """Give the tag of a tree, or its type."""
    if isinstance(side, dict):
        return next(iter(side)) if is_tagged(side) else "mapping"
    return type(side).__name__


def _is_opened(kind: str, tree: Node) -> bool:
    """Tell whether a value with a tag has parts: an object, and few of others."""
    # The content of a member of an enum is its name.
    return kind in _OPENED or (":" in kind and not isinstance(tree[kind], str))


def _by_step(tree: Node) -> Node:
    """Give the parts of a tree; of equal steps, which some mappings have, the last."""
    return {step: part for step, part in parts(tree) if step != "keys()"}


def _not_in(others: list[Tree], members: list[Tree]) -> list[Tree]:
    texts = set(map(canonical_text, others))
    return [member for member in members if canonical_text(member) not in texts]


def _number_of(tree: Tree) -> complex:
    """Give a number of any kind.

    Raises:
        ValueError, ArithmeticError: It is no finite number.
    """
    return complex(Maker(NOWHERE, read=dict).value_of(tree))


def _equal_start(old: Any, new: Any) -> int:
    """Count the signs of two texts, or items of two lists, that both begin with."""
    equal = takewhile(lambda pair: pair[0] == pair[1], zip(old, new))
    return sum(1 for _ in equal)


def _place_in(shape: Any, index: int) -> str:
    """Give the place of an item of an array: `1, 0`."""
    places: list[str] = []
    for size in reversed(shape or ()):
        index, place = divmod(index, size)
        places.insert(0, str(place))
    return ", ".join(places) or str(index)


# -- a difference on a line

_LONGEST_SIDE = 100
# Of longer texts what differs is shown, with so many signs before it.
_LONG_TEXT = 80
_BEFORE = 20


def difference_line(
    difference: Difference, words: tuple[str, str] = ("recorded", "now")
) -> str:
    """Draw one difference: `day: 2024-04-30 recorded, 2024-05-01 now`.

    Long texts are shown from where they begin to differ.

    Args:
        difference: What differs.
        words: What the two sides are called.
    """
    path = shown_path(difference.steps)
    if path[:1] in ("", "["):
        path = f"result{path}"
    before, now = words
    if difference.fact:
        return f"{path}: {difference.fact}"
    if difference.is_new:
        known = "not in the recording" if before == "recorded" else f"not {before}"
        return f"{path}: {_drawn(difference.new)} {now}, {known}"
    if difference.new is MISSING:
        return f"{path}: {_drawn(difference.old)} {before}, missing {now}"
    one, other = _told_apart(difference.old, difference.new)
    return f"{path}: {one} {before}, {other} {now}"


def _drawn(tree: Any) -> str:
    return one_line(tree, _LONGEST_SIDE)


def _told_apart(old: Tree, new: Tree) -> tuple[str, str]:
    """Draw two sides; where they read alike, with what tells them apart."""
    if isinstance(old, str) and isinstance(new, str):
        start = _equal_start(old, new) - _BEFORE
        if start > 0 and max(len(old), len(new)) > _LONG_TEXT:
            old, new = f"{ENDS}{old[start:]}", f"{ENDS}{new[start:]}"
    one, other = _drawn(old), _drawn(new)
    if one != other:
        return one, other
    # An object by its module, too: its class may have moved.
    kind, other_kind = class_named_in(old), class_named_in(new)
    if kind != other_kind:
        return f"{one} ({kind})", f"{other} ({other_kind})"
    return one, "another value"


def lines_of(
    found: Sequence[Difference],
    most: int = MOST_PARTS,
    words: tuple[str, str] = ("recorded", "now"),
) -> list[str]:
    """Draw the first differences, a line each, and count the others."""
    lines = [difference_line(one, words) for one in found[:most]]
    return first_of(lines, len(found), most)
