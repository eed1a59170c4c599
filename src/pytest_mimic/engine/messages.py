"""What comes next to a call without a recording, and what a call has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pytest_mimic.errors import MutatedInputError
from pytest_mimic.values.differences import (
    MISSING,
    Difference,
    Rules,
    difference_line,
    differences,
)
from pytest_mimic.values.identity import MOST_PARTS, Line, first_of
from pytest_mimic.values.made_anew import ignorable
from pytest_mimic.values.states import AS_LIST
from pytest_mimic.values.tree import (
    Path,
    Tree,
    is_tagged,
    parts,
    shown_path,
    without,
)

_SIDES = "before", "after"


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
    paths = ignorable(found)
    left = without(call, paths)
    alike = [other for other in others if without(other, paths) == left]
    return tuple(map(shown_path, paths)) if len(alike) <= 1 else ()


def lines_of(
    found: Sequence[Difference],
    most: int = MOST_PARTS,
    words: tuple[str, str] = ("recorded", "now"),
) -> list[str]:
    """Draw the first differences, a line each, and count the others."""
    lines = [difference_line(one, words) for one in found[:most]]
    return first_of(lines, len(found), most)


def mutation(
    line: Line,
    before: Tree,
    after: Tree,
    files: Sequence[str],
    is_fixed: Callable[[Path], bool] | None,
    *,
    is_stream: bool,
) -> MutatedInputError:
    """Give the error for a call that has changed its arguments.

    Args:
        line: The line that mimics it.
        before: The tree of its arguments before the call.
        after: The tree after it.
        files: Lines for the files that it has changed.
        is_fixed: Tells whether a change lies in a part that no replay can set. `None`:
            a function makes the tree of the arguments.
        is_stream: Whether it gives its items while it changes them.
    """
    what = f"{line.name} has mutated its inputs"
    inner = "name the inner function that returns the new value instead", ""
    if files:
        return MutatedInputError(what, files, [inner])
    found = differences(before, after, Rules(sides=_SIDES))
    mocks = _first_parts(before, found, _is_mock)
    if mocks:
        facts = [f"{path}: a Mock, which notes each call" for path in mocks]
        # What it returns is a part of what is asked, so it is not to be left out.
        ways = [("pass a plain object in its place, which a replay need not call", "")]
        return MutatedInputError(what, facts, ways)
    facts = lines_of(found, words=_SIDES)
    if is_stream:
        return MutatedInputError(what, facts, [(AS_LIST, "")])
    if is_fixed is None:
        return MutatedInputError(what, facts, [inner])
    changed = dict.fromkeys(one.steps[0] for one in found if one.steps)
    ways = [("to let a replay change them, too", line.line(mutates=changed))]
    if any(is_fixed(one.steps) for one in found):
        ways = [inner]
    filled = _first_parts(before, found, _is_to_be_filled)
    if filled:
        words = "or, if they are only caches, leave them out"
        ways.append((words, line.line(ignore=filled)))
    return MutatedInputError(what, facts, ways)


def _first_parts(
    before: Tree, found: list[Difference], is_one: Callable[[str, Tree, Tree], bool]
) -> list[str]:
    """Give the first part of a kind on the way to each difference.

    Returns:
        Their paths; empty where one of the differences lies in none.
    """
    paths: dict[str, None] = {}
    for difference in found:
        around: Tree = before
        for count, step in enumerate(difference.steps, 1):
            inside = dict(parts(around))
            part = inside.get(step)
            is_known = step in inside or step.startswith("_")
            if is_known and is_one(step, part, around):
                paths[shown_path(difference.steps[:count])] = None
                break
            around = part
        else:
            return []
    return [*paths]


def _is_mock(_step: str, part: Tree, _around: Tree) -> bool:
    return isinstance(part, dict) and next(iter(part), "").startswith("$unittest.mock:")


def _is_to_be_filled(step: str, part: Tree, around: Tree) -> bool:
    """Tell whether a part is an attribute without a value: a cache, most likely.

    One that had a value may be what was asked for.
    """
    if not isinstance(around, dict) or not is_tagged(around):
        return False
    if not step.startswith("_"):
        return part is None
    return part is None or (isinstance(part, (dict, list)) and not list(parts(part)))
