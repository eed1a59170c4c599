"""Judges the phases of a test: fails one that hid an error of the plugin, or in which a call drifted."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from inspect import unwrap
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mimic._core.ambient import command
from pytest_mimic._core.engine.cassette_types import NEVER_RECORDS
from pytest_mimic._core.origin import is_in_project
from pytest_mimic._core.swallowed.retries import caught_in, handled_in, where_swallowed
from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic._core.words import SHOWN, and_more, pattern_of, plural
from pytest_mimic.errors import DriftError, MimicError, MissingRecordingError, TargetError, printable

if TYPE_CHECKING:
    from pytest_mimic._core.engine.ledger import Replayed
    from pytest_mimic._core.vault import Vault

SECTION = "mimic (this test)"
"""The title of a section in the report of a test. Only that of the summary is titled `mimic`."""
# So many drifts of a test that are alike are each shown.
_FEW_ALIKE = 3


def judge_phase(
    item: pytest.Item,
    report: pytest.TestReport,
    errors: Sequence[MimicError],
    rootdir: Path,
    raised: BaseException | None,
) -> list[MimicError]:
    """Let a phase fail for the errors that were noted in it, unless the test itself handled them; return those.

    `raised` is the exception with which the phase ended. Errors in a group of it were caught by the group's block only.

    Drift, which nothing raises, and wrong targets fail the test in any case. If the phase has failed by itself, misses
    are shown before its own failure, and other errors are added to its report as sections.
    """
    drifts = [error for error in errors if isinstance(error, DriftError)]
    errors = [error for error in errors if not isinstance(error, DriftError)]
    files = own_files(item)
    # A test that failed may have handled a miss, and then raised another error. The chain of its errors shows that.
    is_handled = caught_in if report.failed else handled_in
    grouped = set(map(str, _members(raised)))
    handled = [
        error
        for error in errors
        if not isinstance(error, TargetError) and is_handled(error, files) and str(error) not in grouped
    ]
    if report.failed:
        handled = _show_misses(
            report, errors, handled, lambda file: file in files or is_in_project(file, rootdir)
        )
        errors = [error for error in errors if not isinstance(error, MissingRecordingError)]
    judged = list({str(error): error for error in errors if error not in handled}.values())
    for error in judged[:SHOWN]:
        _judge(item, report, error, rootdir)
    for more in and_more(len(judged) - SHOWN, " errors of calls"):
        report.sections.append((SECTION, more))
    if drifts:
        _fail_for_drift(item, report, drifts)
    return handled


def _members(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exceptions of a group, and of the groups in it."""
    for member in getattr(error, "exceptions", ()):
        yield member
        yield from _members(member)


def was_expected(error: BaseException, item: pytest.Item) -> bool:
    """Check whether the error of a recorded call was handled in the test's own file. `assertRaises` removes its traceback."""
    return error.__traceback__ is None or caught_in(error, own_files(item))


def _fail_for_drift(item: pytest.Item, report: pytest.TestReport, drifts: Sequence[DriftError]) -> None:
    groups = _alike(drifts)
    lines = [line for alike in groups[:SHOWN] for line in _shown(alike).splitlines()]
    more = sum(map(len, groups[SHOWN:]))
    lines += and_more(more, f" {'call' if more == 1 else 'calls'} that drifted")
    if report.failed:
        report.sections.append((SECTION, "\n".join(lines)))
    elif not (report.skipped and hasattr(report, "wasxfail")):
        report.longrepr = _Failure(lines)  # type: ignore[assignment]
        _fail(item, report, drifts[0])


def _alike(drifts: Sequence[DriftError]) -> list[list[DriftError]]:
    """Return drifts of one kind together where they are many: calls of one pattern with differences in the same places.

    Those in which only dates, times and ids differ come last.
    """
    groups: dict[object, list[DriftError]] = {}
    for drift in drifts:
        label, _, what = drift.what.partition(" no longer ")
        places = [re.sub(r"\[\d+\]", "[]", fact.rpartition(": ")[0]) for fact in drift.facts]
        groups.setdefault((pattern_of(label), what, *places), []).append(drift)
    found = list[list[DriftError]]()
    for group in groups.values():
        found += [group] if len(group) > _FEW_ALIKE else [[drift] for drift in group]
    return sorted(found, key=lambda alike: len(alike[0].remedies))


def _shown(alike: Sequence[DriftError]) -> str:
    first, more = alike[0].copy(), len(alike) - 1
    first.facts += (f"and {more} more calls like this",) if more else ()
    return f"DriftError: {first}"


class _Crash(SimpleNamespace):
    """The message of a failure, which `--tb=line` shows as it is."""

    def __str__(self) -> str:
        return str(self.message)


class _Failure:
    """The lines of an error as pytest shows those of a failed test."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = [f"E   {line}" for line in lines]
        self.reprcrash = _Crash(message=lines[0])

    def __str__(self) -> str:
        return "\n".join(self._lines)

    def toterminal(self, terminal: Any) -> None:
        for line in self._lines:
            terminal.line(line, bold=True, red=True)


def _show_misses(
    report: pytest.TestReport,
    errors: Sequence[MimicError],
    handled: Sequence[MimicError],
    is_own: Callable[[str], bool],
) -> list[MimicError]:
    """Show the misses first, and return what was handled: not a miss that the test failed for all the same."""
    misses = [error for error in errors if isinstance(error, MissingRecordingError)]
    if not misses:
        return list(handled)
    from pytest_mimic._run.miss_reports import is_shown_as_error, show_first

    # A test may handle a miss and fail for it all the same: tenacity's `Retrying` catches it within the test.
    shown = [miss for miss in misses if miss not in handled or is_shown_as_error(report, miss)]
    if shown:
        show_first(report, shown, lambda path: is_own(os.path.abspath(path)))  # noqa: PTH100 - a link stays one
    return [error for error in handled if error not in shown]


def _judge(item: pytest.Item, report: pytest.TestReport, error: MimicError, rootdir: Path) -> None:
    if report.failed:
        if error.what not in report.longreprtext:
            report.sections.append((SECTION, str(error)))
        return
    if report.skipped and hasattr(report, "wasxfail"):
        return
    kind = type(error).__name__
    if isinstance(error, TargetError):
        report.longrepr = f"{kind}: {error}"
    else:
        named = f"an {kind}" if kind.startswith("U") else f"a {kind}"
        if isinstance(error, MissingRecordingError):
            named = "a missing recording"
        place = where_swallowed(error, rootdir)
        how = "was skipped after" if report.skipped else "passed only because"
        headline = f"{how} {named} was swallowed{f' in {place}' if place else ''}"
        report.longrepr = "\n".join([headline, *(f"  {line}" for line in f"{kind}: {error}".splitlines())])
    _fail(item, report, error)


def _fail(item: pytest.Item, report: pytest.TestReport, error: MimicError) -> None:
    """Let a phase fail for an error, unless the test is expected to fail with it."""
    mark = item.get_closest_marker("xfail")
    expected = mark.kwargs.get("raises") if mark is not None else None
    if expected is None or isinstance(expected, (type, tuple)):
        is_expected = expected is None or isinstance(error, expected)
    else:
        is_expected = expected.matches(error)  # a pytest.RaisesExc or RaisesGroup
    if hasattr(report, "wasxfail") and is_expected:
        report.outcome = "skipped"
    else:
        report.outcome = "failed"
        vars(report).pop("wasxfail", None)  # pytest does not count a report as failed that has it


def name_replays(replays: Sequence[Replayed], vault: Vault, test: str, fixtures: Collection[str]) -> str:
    """Return the line about the calls that were replayed in a failing test: they may differ from real ones by now."""
    dates = set()
    names = {replay[1] for replay in replays}
    for name in names:
        with suppress(MimicError):  # the error of the test names a damaged file
            dates.add(vault.date_of(name))
    known = sorted(dates - {""})
    recorded = f", recorded {' to '.join(dict.fromkeys([known[0], known[-1]]))}" if known else ""
    them = "it" if len(replays) == 1 else "them"
    remedy = f"to record {them} again: {command('--mimic-rerecord', test)}"
    if "mimic_replay" in fixtures and all(name.startswith(CASSETTES) for name in names):
        remedy = NEVER_RECORDS
    return printable(f"{plural(len(replays), 'call')} replayed{recorded}; {remedy}")


def own_files(item: pytest.Item) -> set[str]:
    """Return the files of a test's own code. Handling an error there counts as deliberate."""
    doctest = getattr(item, "dtest", None)
    if doctest is not None:  # only its examples are test code, as the file may be the code under test
        examples = (f"<doctest {doctest.name}[{number}]>" for number in range(len(doctest.examples)))
        return {*examples, str(sys.modules["doctest"].__file__)}
    function: Any = getattr(item, "function", None)
    if function is not None:
        function = unwrap(function)  # a decorator may be defined in the code under test
    code = getattr(function, "__code__", None)
    return {str(item.path), *([code.co_filename] if code is not None else [])}
