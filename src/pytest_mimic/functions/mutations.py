"""The error for a call that has changed its arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_mimic.errors import MutatedInputError
from pytest_mimic.values.differences import Difference, Rules, differences, lines_of
from pytest_mimic.values.identity import Line
from pytest_mimic.values.states import AS_LIST
from pytest_mimic.values.tree import Path, Tree, is_tagged, parts, shown_path

_SIDES = "before", "after"


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
