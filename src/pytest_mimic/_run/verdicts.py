"""Fails a phase of a test that hid an error of the plugin: its code caught the error, or the error is drift."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from inspect import unwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_mimic._swallowed.handled import handled_in, where_swallowed
from pytest_mimic.errors import DriftError, MimicError, MissingRecordingError, TargetError

# How many drifts of a test are shown.
_SHOWN = 10


def judge_phase(
    item: pytest.Item, report: pytest.TestReport, errors: Sequence[MimicError], rootdir: Path
) -> None:
    """Let a phase fail for the errors that were noted in it, unless the test itself handled them.

    Drift, which nothing raises, and wrong targets fail the test in any case. If the phase has failed by itself, the
    errors are added to its report as sections.
    """
    drifts = [error for error in errors if isinstance(error, DriftError)]
    if drifts:
        _fail_for_drift(item, report, drifts)
    for error in errors:
        if not isinstance(error, DriftError):
            _fail_for_swallowed(item, report, error, rootdir)


def _fail_for_drift(item: pytest.Item, report: pytest.TestReport, drifts: Sequence[DriftError]) -> None:
    lines = [line for drift in drifts[:_SHOWN] for line in f"DriftError: {drift}".splitlines()]
    if len(drifts) > _SHOWN:
        more = len(drifts) - _SHOWN
        lines.append(f"and {more} more {'call' if more == 1 else 'calls'} that drifted")
    if report.failed:
        report.sections.append(("mimic", "\n".join(lines)))
    elif not (report.skipped and hasattr(report, "wasxfail")):
        report.longrepr = _Failure(lines)  # type: ignore[assignment]
        _fail(item, report, drifts[0])


class _Failure:
    """The lines of an error as pytest shows those of a failed test."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = [f"E   {line}" for line in lines]
        self.reprcrash = SimpleNamespace(message=lines[0])

    def __str__(self) -> str:
        return "\n".join(self._lines)

    def toterminal(self, terminal: Any) -> None:
        for line in self._lines:
            terminal.line(line, bold=True, red=True)


def _fail_for_swallowed(
    item: pytest.Item, report: pytest.TestReport, error: MimicError, rootdir: Path
) -> None:
    if not isinstance(error, TargetError) and handled_in(error, _own_files(item)):
        return
    if report.failed:
        if error.what not in report.longreprtext:
            report.sections.append(("mimic", str(error)))
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


def _own_files(item: pytest.Item) -> set[str]:
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
