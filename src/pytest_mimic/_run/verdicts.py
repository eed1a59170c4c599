"""Judges the phases of a test: fails one that hid an error of the plugin."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from inspect import unwrap
from pathlib import Path
from typing import Any

import pytest

from pytest_mimic._core.commands import Commands, relative_path
from pytest_mimic._core.modules import is_in_project
from pytest_mimic._core.swallowed.retries import handled_in
from pytest_mimic._core.words import limited, plural
from pytest_mimic._run.tracebacks import shown_errors
from pytest_mimic.errors import (
    MimicError,
    MissingRecordingError,
    TargetError,
)

SECTION = "mimic"
"""The title of a section in the report of a test."""


def judge_phase(
    item: pytest.Item,
    report: pytest.TestReport,
    errors: Sequence[MimicError],
    raised: BaseException | None,
) -> None:
    """Let a phase fail for the errors that were noted in it, unless the test itself handled them.

    `raised` is the exception with which the phase ended. Errors in a group of it were
    caught by the group's block only.

    Wrong targets fail the test in any case. If the phase has failed by itself, a
    section of its report shows each miss, and each other error that the report does not
    show. Drifts are no concern of a phase: see `drift_reports`.
    """
    left = list(errors)
    if not report.failed:
        files, grouped = own_files(item), list(_members(raised))
        left = [
            error
            for error in left
            if isinstance(error, TargetError)
            or not handled_in(error, files)
            or _is_among(error, grouped)
        ]
    # One of two equal ones may be handled, so that they are counted only here.
    left = _each_once(left)
    if left and not report.failed and not is_expected_failure(report):
        _fail_for_swallowed(item, report, left.pop(0))
    in_report = list(shown_errors(raised))
    if report.failed and not isinstance(raised, MimicError):
        _name_in_summary(report, left, own_files(item), in_report)
    shown = [
        f"{type(error).__name__}: {error}"
        for error in left
        if not _is_among(error, in_report)
    ]
    if shown:
        report.sections.append(
            (SECTION, "\n".join(limited(shown, of=" errors of calls")))
        )


def _name_in_summary(
    report: pytest.TestReport,
    errors: Sequence[MimicError],
    files: set[str],
    chain: Sequence[BaseException],
) -> None:
    """Name a miss in the line of pytest's short summary, which is all that `--tb=no` shows.

    The client may have made an error of its own of it: `Connection error.` becomes
    `MissingRecordingError: no recording of … (APIConnectionError: Connection error.)`.
    A miss that the test's own file has caught, and that is no cause of the failure, is
    not its reason.
    """
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    for error in errors:
        is_reason = _is_among(error, chain) or not _reached(error, files)
        if crash is not None and is_reason:
            first = str(error).partition("\n")[0]
            before = str(crash.message).partition("\n")[0]
            crash.message = f"{type(error).__name__}: {first} ({before})"
            return


def _reached(error: MimicError, files: set[str]) -> bool:
    """Return whether an error came up to one of these files, which then caught it."""
    trace = error.last_traceback
    return trace is not None and trace.tb_frame.f_code.co_filename in files


def _each_once(errors: Sequence[MimicError]) -> list[MimicError]:
    """Return the errors without those that are like an earlier one."""
    different: list[MimicError] = []
    for error in errors:
        if not _is_among(error, different):
            different.append(error)
    return different


def _is_among(error: MimicError, others: Sequence[BaseException]) -> bool:
    return any(error.is_like(other) for other in others)


def _members(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exceptions of a group, and of the groups in it."""
    for member in getattr(error, "exceptions", ()):
        yield member
        yield from _members(member)


def is_expected_failure(report: pytest.TestReport) -> bool:
    """Return whether a test has failed as its `xfail` says."""
    return report.skipped and hasattr(report, "wasxfail")


def _fail_for_swallowed(
    item: pytest.Item, report: pytest.TestReport, error: MimicError
) -> None:
    kind = type(error).__name__
    if isinstance(error, TargetError):
        report.longrepr = f"{kind}: {error}"
    else:
        named = (
            "a missing recording" if isinstance(error, MissingRecordingError) else kind
        )
        how = "was skipped after" if report.skipped else "passed only because"
        headline = f"{how} {named} was swallowed{_place(error, item.config.rootpath)}"
        report.longrepr = "\n".join(
            [headline, *(f"  {line}" for line in f"{kind}: {error}".splitlines())]
        )
    fail_for(item, report, error)


def _place(error: MimicError, rootdir: Path) -> str:
    """Return where the project's code caught an error; nothing for a library, or for an error of a forked process."""
    trace = error.last_traceback
    if trace is None or not is_in_project(
        file := trace.tb_frame.f_code.co_filename, rootdir
    ):
        return ""
    return f" in {relative_path(Path(file), start=rootdir)}:{trace.tb_lineno}"


def fail_for(item: pytest.Item, report: pytest.TestReport, error: MimicError) -> None:
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
        vars(report).pop(
            "wasxfail", None
        )  # pytest does not count a report as failed that has it


def name_replays(count: int, again: int, test: str, commands: Commands) -> str:
    """Return the line about the calls that were replayed in a failing test: they may differ from real ones by now.

    An option records so many of them `again`; it does not record those of
    `mimic_replay`.
    """
    replayed = f"{plural(count, 'call')} replayed"
    if not again:
        return f"{replayed}, which mimic_replay never records"
    them = f"{again} of them" if again < count else "it" if count == 1 else "them"
    return f"{replayed}; to record {them} again: {commands.pytest('--mimic-rerecord', tests=[test])}"


def own_files(item: pytest.Item) -> set[str]:
    """Return the files of a test's own code.

    Handling an error there counts as deliberate.
    """
    doctest = getattr(item, "dtest", None)
    if (
        doctest is not None
    ):  # only its examples are test code, as the file may be the code under test
        examples = (
            f"<doctest {doctest.name}[{number}]>"
            for number in range(len(doctest.examples))
        )
        return {*examples, str(sys.modules["doctest"].__file__)}
    function: Any = getattr(item, "function", None)
    if function is not None:
        function = unwrap(function)  # a decorator may be defined in the code under test
    code = getattr(function, "__code__", None)
    return {str(item.path), *([code.co_filename] if code is not None else [])}
