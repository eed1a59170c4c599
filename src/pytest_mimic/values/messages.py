"""The facts of a miss and the words of a changed argument."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from pytest_mimic.errors import MutatedInputError
from pytest_mimic.values.differences import (
    Difference,
    difference_line,
    differences,
)
from pytest_mimic.values.looks import ignorable
from pytest_mimic.values.tree import Path, Tree, parts, without
from pytest_mimic.words import few

MOST_DIFFERENCES = 5
PAGE = "https://pytest-mimic.readthedocs.io/en/latest/how-to/dates-and-ids.html"


class Described(Protocol):
    """What a recording keeps of a call."""

    @property
    def arguments(self) -> dict[str, Tree] | None: ...
    @property
    def request(self) -> dict[str, Tree] | None: ...
    @property
    def line(self) -> str: ...
    @property
    def recorded(self) -> str: ...
    @property
    def hidden(self) -> tuple[str, ...]: ...


class Line(Protocol):
    """A line of `mimic_functions`."""

    @property
    def name(self) -> str: ...
    def line(self, *, ignore: tuple[str, ...] = ()) -> str: ...


class Nearest(NamedTuple):
    """The recording of which the fewest parts differ from a call.

    Attributes:
        owner: Who recorded it.
        call: What it keeps.
        differences: Where it differs from the call.
    """

    owner: str
    call: Described
    differences: list[Difference]


def nearest(call: Tree, recorded: Iterable[tuple[str, Described]]) -> Nearest | None:
    """Find the recording of which the fewest parts differ, arguments before parts.

    Args:
        call: What a recording would keep of the call.
        recorded: Recordings of its target with their owners; of equally near ones the
            first counts.
    """
    best: Nearest | None = None
    for owner, entry in recorded:
        found = Nearest(owner, entry, differences(_tree_of(entry), call))
        if best is None or _distance(found) < _distance(best):
            best = found
    return best


def _distance(found: Nearest) -> tuple[int, int, int]:
    arguments = {difference.steps[:1] for difference in found.differences}
    # Parts of which a fact is known are of one kind, as the contents of one file are.
    others = [difference for difference in found.differences if not difference.fact]
    return len(arguments), len(found.differences), len(others)


def nearest_facts(target: str, found: Nearest | None) -> list[str]:
    """Say what was recorded of a target that comes next to a call without a recording.

    Returns:
        Lines: `nearest: recorded by test_a.py::test_b on 2026-11-02`, then up to five
        as `day: 2024-04-30 recorded, 2024-05-01 now`.
    """
    if found is None:
        return [f"nothing of {target} is recorded"]
    day = f" on {found.call.recorded}" if found.call.recorded else ""
    lines = lines_of(found.differences, indent="  ")
    if not found.differences and found.call.hidden:
        lines.append(f"  a hidden part differs: {few(found.call.hidden)}")
    return [f"nearest: recorded by {found.owner}{day}", *lines]


def ignorable_in(
    call: Tree, found: Nearest | None, others: Iterable[Described] = ()
) -> tuple[str, ...]:
    """Give the narrowest paths for an `ignore=` under which a call has its recording.

    Args:
        call: What a recording would keep of the call.
        found: The nearest recording.
        others: Recordings that must not become the same: what all tests share.

    Returns:
        Paths. Empty: something else differs, or calls would become one.
    """
    if found is None:
        return ()
    paths = tuple(ignorable(found.differences))
    steps = tuple(tuple(path.split(".")) for path in paths)
    left = without(call, steps)
    alike = [entry for entry in others if without(_tree_of(entry), steps) == left]
    return paths if len(alike) <= 1 else ()


def _tree_of(call: Described) -> dict[str, Tree]:
    return (call.arguments if call.request is None else call.request) or {}


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
    way = "name the function inside that returns the new value, in place of it", ""
    if files:
        return MutatedInputError(what, files, [way])
    found = differences(before, after)
    filled = _filled(before, found)
    if filled:
        way = (
            "if they only remember something, leave them out",
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
        filled[".".join(path)] = True
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
