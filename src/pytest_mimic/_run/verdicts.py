"""Judges the phases of a test: fails one that hid an error of the plugin.

The errors are those that `_core/swallowed/pending_errors.py` has noted for the test.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from inspect import unwrap
from pathlib import Path
from typing import Any

import pytest

from pytest_mimic._core.commands import relative_path
from pytest_mimic._core.modules import is_in_project
from pytest_mimic._core.swallowed.retries import handled_in
from pytest_mimic._core.words import limited
from pytest_mimic._run.tracebacks import shown_errors
from pytest_mimic.errors import (
    MimicError,
    MissingRecordingError,
    TargetError,
)

SECTION = "mimic"
"""The title of a section in the report of a test."""
# How pytest says that a test with a strict `xfail` has passed.
_STRICT_PASS = "[XPASS(strict)] "


def judge_phase(
    item: pytest.Item,
    report: pytest.TestReport,
    errors: Sequence[MimicError],
    raised: BaseException | None,
) -> None:
    """Let a phase fail for errors in it that the test itself did not handle.

    Wrong targets fail the test in any case. If the phase has failed by itself, a
    section of its report shows each miss, and each other error that the report does not
    show. Drifts are no concern of a phase: see `drift_reports`.

    Args:
        item: The test.
        report: The report of the phase.
        errors: The errors that were noted in the phase.
        raised: The exception with which the phase ended, or None.
    """
    errors_left = list(errors)
    passed_strictly = has_passed_strictly(report)
    if passed_strictly or not report.failed:
        errors_left = _not_handled(errors_left, own_files(item), raised)
    if passed_strictly and errors_left:
        judge_as_not_strict(report)
    # Two errors may be alike, and the test may have handled one of them. So equal ones
    # count as one only here.
    errors_left = _each_once(errors_left)
    if errors_left and not report.failed and not is_expected_failure(report):
        _fail_for_swallowed(item, report, errors_left.pop(0))
    in_report = list(shown_errors(raised))
    if report.failed and not isinstance(raised, MimicError):
        _name_in_summary(report, errors_left, own_files(item), in_report)
    reported_errors = [
        error for error in (*errors, *in_report) if isinstance(error, MimicError)
    ]
    _say_once(report, reported_errors)
    texts = []
    for error in errors_left:
        if not _is_among(error, in_report):
            texts.append(f"{type(error).__name__}: {error}")
    if texts:
        text = "\n".join(limited(texts, of=" errors of calls"))
        report.sections.append((SECTION, text))


def _not_handled(
    errors: Sequence[MimicError], files: set[str], raised: BaseException | None
) -> list[MimicError]:
    """Return the errors that the code of a test has not handled.

    A wrong target is no error that a test may handle. The block of an exception group
    catches the errors of its tasks, which does not mean that the test handled them.

    Args:
        errors: The errors.
        files: The files of the test's own code.
        raised: The exception with which the phase ended, or None.
    """
    grouped = list(_exceptions_of_group(raised))
    errors_left = []
    for error in errors:
        is_handled = handled_in(error, files) and not _is_among(error, grouped)
        if isinstance(error, TargetError) or not is_handled:
            errors_left.append(error)
    return errors_left


def _say_once(report: pytest.TestReport, errors: Sequence[MimicError]) -> None:
    """Leave of the errors in what was logged or printed in a phase only the first line.

    A library that tries again logs each error; the report itself shows the whole of it.
    """
    for index, (title, content) in enumerate(report.sections):
        for error in errors:
            text = str(error)
            if text in content:
                content = content.replace(text, text.partition("\n")[0])
        report.sections[index] = title, content


def _name_in_summary(
    report: pytest.TestReport,
    errors: Sequence[MimicError],
    files: set[str],
    chain: Sequence[BaseException],
) -> None:
    """Name a miss in the line of pytest's short summary, all that `--tb=no` shows.

    A client may turn the miss into an error of its own. Its line `Connection error.`
    becomes `MissingRecordingError: no recording of … (Connection error.)`.

    Args:
        report: The report of the phase.
        errors: The errors that the test did not handle.
        files: The files of the test's own code. A miss that this code caught is not the
            reason of the failure, unless it is in the chain.
        chain: The exceptions that the report shows.
    """
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    for error in errors:
        is_reason = _is_among(error, chain) or not _was_caught_in(error, files)
        if crash is not None and is_reason:
            first_line = str(error).partition("\n")[0]
            message_before = str(crash.message).partition("\n")[0]
            crash.message = f"{type(error).__name__}: {first_line} ({message_before})"
            return


def _was_caught_in(error: MimicError, files: set[str]) -> bool:
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


def _is_among(error: MimicError, other_errors: Sequence[BaseException]) -> bool:
    """Check whether one of some exceptions says the same as an error."""
    return any(error.is_like(other_error) for other_error in other_errors)


def _exceptions_of_group(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exceptions of a group, and of the groups in it."""
    for member in getattr(error, "exceptions", ()):
        yield member
        yield from _exceptions_of_group(member)


def is_expected_failure(report: pytest.TestReport) -> bool:
    """Return whether a test has failed as its `xfail` says."""
    return report.skipped and hasattr(report, "wasxfail")


def has_passed_strictly(report: pytest.TestReport) -> bool:
    """Return whether a test failed only because it passed under a strict `xfail`."""
    text = report.longrepr
    return report.failed and isinstance(text, str) and text.startswith(_STRICT_PASS)


def judge_as_not_strict(report: pytest.TestReport) -> None:
    """Take `strict` from the report of a test that passed under a strict `xfail`.

    An error of a call is the failure that the mark expects.
    """
    report.outcome = "passed"
    report.wasxfail = str(report.longrepr).removeprefix(_STRICT_PASS)
    report.longrepr = None


def _fail_for_swallowed(
    item: pytest.Item, report: pytest.TestReport, error: MimicError
) -> None:
    """Let a phase fail for an error that code of the project or a library caught."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, TargetError):
        report.longrepr = text
    else:
        name = type(error).__name__
        if isinstance(error, MissingRecordingError):
            name = "a missing recording"
        verb = "was skipped after" if report.skipped else "passed only because"
        place = _place_of_catch(error, item.config.rootpath)
        lines = [f"{verb} {name} was swallowed{place}"]
        lines += [f"  {line}" for line in text.splitlines()]
        report.longrepr = "\n".join(lines)
    fail_for(item, report, error)


def _place_of_catch(error: MimicError, rootdir: Path) -> str:
    """Return where the project's code caught an error, ` in shop/api.py:12`.

    The text is empty if a library caught the error, or if a forked process raised it.
    """
    trace = error.last_traceback
    if trace is None:
        return ""
    file = trace.tb_frame.f_code.co_filename
    if not is_in_project(file, rootdir):
        return ""
    return f" in {relative_path(Path(file), start=rootdir)}:{trace.tb_lineno}"


def fail_for(item: pytest.Item, report: pytest.TestReport, error: MimicError) -> None:
    """Let a phase fail for an error, unless the test is expected to fail with it."""
    expected: Any = None
    mark = item.get_closest_marker("xfail")
    if mark is not None:
        expected = mark.kwargs.get("raises")
    if expected is None:
        is_expected = True
    elif isinstance(expected, (type, tuple)):
        is_expected = isinstance(error, expected)
    else:
        # A pytest.RaisesExc or a pytest.RaisesGroup.
        is_expected = expected.matches(error)
    if hasattr(report, "wasxfail") and is_expected:
        report.outcome = "skipped"
    else:
        report.outcome = "failed"
        # pytest does not count a report as failed that has this attribute.
        vars(report).pop("wasxfail", None)


def own_files(item: pytest.Item) -> set[str]:
    """Return the files of a test's own code.

    A test whose own code catches a miss handles it, and need not fail for it. A miss
    that the code under test catches is swallowed.
    """
    doctest = getattr(item, "dtest", None)
    if doctest is not None:
        # Only its examples are code of a test. The file that has them may be the code
        # under test.
        files = {str(sys.modules["doctest"].__file__)}
        for number in range(len(doctest.examples)):
            files.add(f"<doctest {doctest.name}[{number}]>")
        return files
    function: Any = getattr(item, "function", None)
    if function is not None:
        # A decorator of the test may be defined in the code under test, which is no
        # code of the test's own.
        function = unwrap(function)
    files = {str(item.path)}
    code = getattr(function, "__code__", None)
    # Only a function in Python has code. It may be inherited from a class in another
    # file.
    if code is not None:
        files.add(code.co_filename)
    return files
