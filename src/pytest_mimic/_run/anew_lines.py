"""The lines by which a recording run says what the next run will ask differently."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_mimic._core.commands import Commands
from pytest_mimic._core.engine.ledger import MadeAnew
from pytest_mimic._core.tree.made_anew import Kind
from pytest_mimic._core.tree.remedies import pages
from pytest_mimic._core.words import and_more, listed, plural

# A line of an ini file with more paths than these is no remedy.
_MOST_PATHS = 3
# How many parts the one line of a quiet run names.
_IN_LINE = 3


def anew_lines(plain: Iterable[Sequence[str]], *, quiet: bool = False) -> list[str]:
    """Return the block about parts of recorded calls that each run makes anew.

    Args:
        plain: The parts, as the fields of `MadeAnew`.
        quiet: Whether one line is all that is wanted.

    Returns:
        A heading, the parts by path, and what helps; nothing if there are no parts.
    """
    parts = [MadeAnew(*fields) for fields in plain]
    if not parts:
        return []
    calls = plural(len({part.call for part in parts}), "recorded call")
    heading = f"the next run will make {calls} with other values"
    kinds = frozenset(Kind(part.kind) for part in parts)
    ways = [Commands().line(page) for page in pages(kinds)]
    rows = _rows(parts)
    if quiet:
        names = [name for name, _ in rows]
        named = ", ".join([*names[:_IN_LINE], *and_more(len(names) - _IN_LINE)])
        return [f"{heading} ({named}); {ways[0]}"]
    lines = _lines(parts)
    if lines:
        ways += [f"if they may differ: {line}" for line in lines]
    return listed(f"{heading}, and miss:", rows, *ways)


def _rows(parts: Iterable[MadeAnew]) -> list[tuple[str, str]]:
    """Return the parts, frequent ones first, with their numbers of calls and tests."""
    calls: dict[str, set[str]] = {}
    tests: dict[str, set[str]] = {}
    for part in parts:
        name = f"{part.target} {part.path}"
        calls.setdefault(name, set()).add(part.call)
        tests.setdefault(name, set()).add(part.test)
    rows = []
    for name in sorted(calls, key=lambda name: -len(calls[name])):
        shown_calls = plural(len(calls[name]), "call")
        shown_tests = plural(len(tests[name]), "test")
        rows.append((name, f"{shown_calls} in {shown_tests}"))
    return rows


def _lines(parts: Sequence[MadeAnew]) -> list[str]:
    """Return the lines of `mimic_functions` that leave out all of these parts.

    There are none if one of the parts must count, and if different calls of the run
    would become one without these parts.
    """
    if not all(part.line for part in parts):
        return []
    calls: dict[str, set[str]] = {}
    paths: dict[str, dict[str, None]] = {}
    for part in parts:
        calls.setdefault(part.rest, set()).add(part.call)
        paths.setdefault(part.line, {})[part.path] = None
    is_one = any(len(numbers) > 1 for numbers in calls.values())
    if is_one or any(len(named) > _MOST_PATHS for named in paths.values()):
        return []
    return [line.replace("{paths}", ",".join(named)) for line, named in paths.items()]
