"""What comes next to a call without a recording, and what a call has changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from pytest_mimic.errors import MutatedInputError, UnstableIdentityError
from pytest_mimic.values.differences import (
    MISSING,
    Difference,
    difference_line,
    differences,
)
from pytest_mimic.values.looks import ignorable
from pytest_mimic.values.tree import (
    Path,
    Refused,
    Tree,
    parts,
    shown_path,
    steps_of,
    without,
)

MOST_DIFFERENCES = 5
_TEACH = "say what stands for it: register_fingerprint(TYPE, reduce)"


class Line(Protocol):
    """A line of `mimic_functions`."""

    @property
    def name(self) -> str: ...
    def line(self, *, ignore: Iterable[str] = ()) -> str: ...


def nearest(call: Tree, recorded: Iterable[Tree]) -> tuple[int, list[Difference]]:
    """Find the recording of which the fewest parts differ, arguments before parts.

    Args:
        call: What a recording would keep of the call.
        recorded: What recordings of its target keep; of equally near ones the first
            counts.

    Returns:
        Its number, and where it differs from the call.

    Raises:
        ValueError: Nothing is recorded.
    """
    found = [differences(tree, call) for tree in recorded]
    distances = list(map(_distance, found))
    number = distances.index(min(distances))
    return number, found[number]


def _distance(found: Sequence[Difference]) -> tuple[int, int, int, int]:
    arguments = {difference.steps[:1] for difference in found}
    # Parts of which a fact is known are of one kind, as the contents of one file are.
    others = [difference for difference in found if not difference.fact]
    of_one_side = [one for one in others if MISSING in (one.old, one.new)]
    return len(arguments), len(found), len(of_one_side), len(others)


def ignorable_in(
    call: Tree, found: Sequence[Difference], others: Iterable[Tree] = ()
) -> tuple[str, ...]:
    """Give the narrowest paths for an `ignore=` under which a call has its recording.

    Args:
        call: What a recording would keep of the call.
        found: Where the nearest recording differs.
        others: What recordings keep that must not become the same: what tests share.

    Returns:
        Paths. Empty: something else differs, or calls would become one.
    """
    paths = tuple(ignorable(found))
    steps = tuple(map(steps_of, paths))
    left = without(call, steps)
    alike = [other for other in others if without(other, steps) == left]
    return paths if len(alike) <= 1 else ()


def lines_of(
    found: Sequence[Difference],
    most: int = MOST_DIFFERENCES,
    indent: str = "",
    words: tuple[str, str] = ("recorded", "now"),
) -> list[str]:
    """Draw the first differences, a line each, and count the others."""
    lines = [f"{indent}{difference_line(one, words)}" for one in found[:most]]
    more = len(found) - len(lines)
    return [*lines, f"{indent}and {more} more"] if more > 0 else lines


def unstable(
    what: str, found: dict[str, Refused], line: Line | None
) -> UnstableIdentityError:
    """Give the error for parts without identity, with one way out.

    Args:
        what: What has no stable identity.
        found: The parts by their paths.
        line: The line that mimics the call; `None`: there is no call.
    """
    facts = [f"{path}: {refused.what}" for path, refused in found.items()]
    more = len(facts) - MOST_DIFFERENCES
    shown = facts[:MOST_DIFFERENCES] + ([f"and {more} more"] if more > 0 else [])
    parts = found.values()
    ways = [refused.way for refused in parts if refused.way]
    if ways:
        way = ways[0], ""
    elif line is None:
        way = _TEACH, ""
    elif any(refused.may_hold_value for refused in parts):
        way = f"pass plain data that it is made of, or {_TEACH}", ""
    else:
        words = "leave it out" if len(found) == 1 else "leave them out"
        way = words, line.line(ignore=found)
    return UnstableIdentityError(what, shown, [way])


def mutation(
    line: Line, before: Tree, after: Tree, files: Sequence[str] = ()
) -> MutatedInputError:
    """Give the error for a call that has changed its arguments.

    Args:
        line: The line that mimics it.
        before: The tree of its arguments before the call.
        after: The tree after it.
        files: Lines for the files that it has changed.
    """
    what = f"{line.name} has mutated its inputs"
    way = "name the inner function that returns the new value instead", ""
    if files:
        return MutatedInputError(what, files, [way])
    found = differences(before, after)
    filled = _filled(before, found)
    if filled:
        way = (
            "if they are only caches, leave them out",
            line.line(ignore=tuple(filled)),
        )
    return MutatedInputError(what, lines_of(found, words=("before", "after")), [way])


def _filled(before: Tree, found: list[Difference]) -> list[str]:
    """Give the private attributes that were empty, if nothing else has changed.

    One that had a value may be what was asked for.
    """
    filled: dict[str, bool] = {}
    for difference in found:
        path = _private(difference.steps)
        if not path or not _is_empty(_part_at(before, path)):
            return []
        filled[shown_path(path)] = True
    return list(filled)


def _private(steps: Path) -> Path:
    """Give the path of the first private attribute on the way to a part."""
    for count, step in enumerate(steps, 1):
        if step.startswith("_"):
            return steps[:count]
    return ()


def _part_at(tree: Tree, path: Path) -> Tree | None:
    for step in path:
        tree = dict(parts(tree)).get(step)
    return tree


def _is_empty(part: Tree) -> bool:
    if isinstance(part, (dict, list)):
        return not list(parts(part))
    return part is None
