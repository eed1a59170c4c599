"""The lines about parts of calls that each run makes anew.

A recording run says of which calls the next run will miss for them, and a replay says
which misses differ in nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from pytest_mimic._core.commands import Commands
from pytest_mimic._core.engine.account_events import MadeAnew, Miss
from pytest_mimic._core.tree.made_anew import Kind
from pytest_mimic._core.tree.remedies import pages
from pytest_mimic._core.words import Line, and_more, plural, tabled

# A line of an ini file with more paths than these is no remedy.
_MOST_PATHS_IN_REMEDY = 3
# How many parts the one line of a quiet run names.
_MOST_PARTS_IN_QUIET_LINE = 3


def anew_lines(anew_parts: Sequence[MadeAnew], *, quiet: bool = False) -> list[Line]:
    """Return the block about parts of recorded calls that each run makes anew.

    Args:
        anew_parts: The parts.
        quiet: Whether one line is all that is wanted.

    Returns:
        A heading, the parts by path, and what helps; nothing if there are no parts.
    """
    if not anew_parts:
        return []
    calls = plural(len({anew_part.call for anew_part in anew_parts}), "recorded call")
    heading = f"the next run will make {calls} with other values"
    kinds = frozenset(Kind(anew_part.kind) for anew_part in anew_parts)
    remedies = [Commands().line(page) for page in pages(kinds)]
    rows_of_parts = _rows_of_parts(anew_parts)
    if quiet:
        parts_in_line = [name for name, _ in rows_of_parts[:_MOST_PARTS_IN_QUIET_LINE]]
        parts_in_line += and_more(len(rows_of_parts) - _MOST_PARTS_IN_QUIET_LINE)
        return [f"{heading} ({', '.join(parts_in_line)}); {remedies[0]}"]
    for line in _target_lines(anew_parts):
        remedies.append(f"if they may differ: {line}")
    # Each of these parts is a miss of the next run, so none is left out.
    return tabled(
        f"{heading}, and miss:", rows_of_parts, *remedies, most=len(rows_of_parts)
    )


def _rows_of_parts(anew_parts: Iterable[MadeAnew]) -> list[tuple[str, str]]:
    """Return the parts, frequent ones first, with their numbers of calls and tests.

    A row: `("http headers.x-request-id", "4 calls in 2 tests")`.
    """
    # All by the target and the path of the part.
    calls_by_part: dict[str, set[str]] = {}
    tests_by_part: dict[str, set[str]] = {}
    for anew_part in anew_parts:
        part = f"{anew_part.target} {anew_part.path}"
        calls_by_part.setdefault(part, set()).add(anew_part.call)
        tests_by_part.setdefault(part, set()).add(anew_part.test)
    call_count_by_part: Counter[str] = Counter()
    for part, calls in calls_by_part.items():
        call_count_by_part[part] = len(calls)
    rows_of_parts = []
    for part, call_count in call_count_by_part.most_common():
        shown_tests = plural(len(tests_by_part[part]), "test")
        rows_of_parts.append((part, f"{plural(call_count, 'call')} in {shown_tests}"))
    return rows_of_parts


def _target_lines(anew_parts: Sequence[MadeAnew]) -> list[str]:
    """Return the lines of `mimic_functions` that leave out all of these parts.

    There are none if one of the parts must count, or if different calls of the run
    would become one without these parts: a replay would give one call the outcome of
    another.
    """
    if not all(anew_part.line for anew_part in anew_parts):
        return []
    # The rest of a call is what it is without the parts that are made anew: see
    # `MadeAnew.rest`.
    calls_by_rest: dict[str, set[str]] = {}
    # The paths that each line of `mimic_functions` would name, in the order of the run.
    paths_by_line: dict[str, dict[str, None]] = {}
    for anew_part in anew_parts:
        calls_by_rest.setdefault(anew_part.rest, set()).add(anew_part.call)
        paths_by_line.setdefault(anew_part.line, {})[anew_part.path] = None
    for equal_calls in calls_by_rest.values():
        if len(equal_calls) > 1:
            return []
    target_lines = []
    for line, line_paths in paths_by_line.items():
        if len(line_paths) > _MOST_PATHS_IN_REMEDY:
            return []
        target_lines.append(line.replace("{paths}", ",".join(line_paths)))
    return target_lines


def missed_anew(misses: Sequence[Miss]) -> list[Line]:
    """Return what helps missing calls that differ in values that each run makes anew.

    It stands below the list of misses. Recording these calls again does not help: the
    next run makes other values.

    Args:
        misses: The misses that differ from a recording in nothing else.
    """
    # Both by the target and the path of the part.
    call_count_by_part: Counter[str] = Counter()
    tests_by_part: dict[str, set[str]] = {}
    for miss in misses:
        for path in miss.paths_made_anew.split():
            part = f"{miss.target} {path}"
            call_count_by_part[part] += 1
            tests_by_part.setdefault(part, set()).add(miss.test)
    rows = []
    for part, call_count in call_count_by_part.most_common():
        shown_tests = plural(len(tests_by_part[part]), "test")
        rows.append((part, f"{plural(call_count, 'call')} in {shown_tests}"))
    heading = f"{len(misses)} of them differ only in parts that look made anew:"
    # The line of `mimic_functions` that leaves the parts out, if one does for all.
    ignoring_lines = {miss.line for miss in misses}
    if len(ignoring_lines) == 1 and "" not in ignoring_lines:
        return tabled(heading, rows, f"if it may change: {ignoring_lines.pop()}")
    kinds: set[Kind] = set()
    for miss in misses:
        kinds.update(map(Kind, miss.kinds_made_anew.split()))
    remedies = [Commands().line(page) for page in pages(frozenset(kinds))]
    return tabled(heading, rows, *remedies)


class AnewLines:
    """Functions of the record layer; the summary loads them."""

    anew_lines = staticmethod(anew_lines)
    missed_anew = staticmethod(missed_anew)
