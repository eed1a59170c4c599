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
    show. Drifts are not among the errors: see `drift_reports`.

    Args:
        item: The test.
        report: The report of the phase.
        errors: The errors that were noted in the phase.
        raised: The exception with which the phase ended, or None.
    """
    unhandled_errors = list(errors)
    passed_strictly = has_passed_strictly(report)
    if passed_strictly or not report.failed:
        unhandled_errors = _not_handled(unhandled_errors, own_files(item), raised)
    if passed_strictly and unhandled_errors:
        judge_as_not_strict(report)
    # Two errors may be alike, and the test may have handled one of them. So equal ones
    # count as one only here.
    unhandled_errors = _each_once(unhandled_errors)
    if unhandled_errors and not report.failed and not is_expected_failure(report):
        # The first error becomes the report itself, so no section repeats it.
        _fail_for_swallowed(item, report, unhandled_errors.pop(0))
    errors_in_traceback = list(shown_errors(raised))
    # pytest's line of an error of ours names the miss already.
    if report.failed and not isinstance(raised, MimicError):
        _name_in_summary(report, unhandled_errors, own_files(item), errors_in_traceback)
    reported_errors = [
        error
        for error in (*errors, *errors_in_traceback)
        if isinstance(error, MimicError)
    ]
    _shorten_in_captured_output(report, reported_errors)
    error_texts = []
    for error in unhandled_errors:
        if not _is_among(error, errors_in_traceback):
            error_texts.append(f"{type(error).__name__}: {error}")
    if error_texts:
        section_text = "\n".join(limited(error_texts, of=" errors of calls"))
        report.sections.append((SECTION, section_text))


def _not_handled(
    errors: Sequence[MimicError], files_of_test: set[str], raised: BaseException | None
) -> list[MimicError]:
    """Return the errors that the code of a test has not handled: the phase fails.

    A wrong target is no error that a test may handle. The block of an exception group
    catches the errors of its tasks, which does not mean that the test handled them.

    Args:
        errors: The errors.
        files_of_test: The files of the test's own code.
        raised: The exception with which the phase ended, or None.
    """
    errors_of_tasks = list(_exceptions_of_group(raised))
    unhandled_errors = []
    for error in errors:
        is_of_task = _is_among(error, errors_of_tasks)
        is_handled = handled_in(error, files_of_test) and not is_of_task
        if isinstance(error, TargetError) or not is_handled:
            unhandled_errors.append(error)
    return unhandled_errors


def _shorten_in_captured_output(
    report: pytest.TestReport, errors: Sequence[MimicError]
) -> None:
    """Leave of the errors in what was logged or printed in a phase only the first line.

    A library that tries again logs each error; the report itself shows the whole of it.
    """
    # A section is pytest's: `Captured log call`, `Captured stdout call`.
    for index, (title, content) in enumerate(report.sections):
        for error in errors:
            error_text = str(error)
            if error_text in content:
                content = content.replace(error_text, error_text.partition("\n")[0])
        report.sections[index] = title, content


def _name_in_summary(
    report: pytest.TestReport,
    errors: Sequence[MimicError],
    files_of_test: set[str],
    errors_in_traceback: Sequence[BaseException],
) -> None:
    """Name a miss in the line of pytest's short summary, all that `--tb=no` shows.

    A client may turn the miss into an error of its own. Its line `Connection error.`
    becomes `MissingRecordingError: no recording of … (Connection error.)`.

    Args:
        report: The report of the phase.
        errors: The errors that the test did not handle.
        files_of_test: The files of the test's own code. A miss that this code caught is
            not the reason of the failure, unless the report shows it.
        errors_in_traceback: The exceptions that the report shows.
    """
    # pytest prints the message of this in its short summary.
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    for error in errors:
        is_shown = _is_among(error, errors_in_traceback)
        is_reason = is_shown or not _was_caught_in(error, files_of_test)
        if crash is not None and is_reason:
            first_line = str(error).partition("\n")[0]
            message_of_client = str(crash.message).partition("\n")[0]
            name = type(error).__name__
            crash.message = f"{name}: {first_line} ({message_of_client})"
            # There is one line for the phase, so the first reason is in it alone.
            return


def _was_caught_in(error: MimicError, files: set[str]) -> bool:
    """Return whether an error came up to one of these files, which then caught it.

    Only the line of the short summary depends on it, and not whether the test fails.
    """
    trace = error.last_traceback
    return trace is not None and trace.tb_frame.f_code.co_filename in files


def _each_once(errors: Sequence[MimicError]) -> list[MimicError]:
    """Return the errors without those that are like an earlier one, as of a retry."""
    different: list[MimicError] = []
    for error in errors:
        if not _is_among(error, different):
            different.append(error)
    return different


def _is_among(error: MimicError, other_errors: Sequence[BaseException]) -> bool:
    """Check whether an error has been told of already by one of some exceptions.

    It need not be the same object: a library that tries again raises another one.
    """
    return any(error.is_like(other_error) for other_error in other_errors)


def _exceptions_of_group(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exceptions in a group, such as the errors of a `TaskGroup`'s tasks."""
    for member in getattr(error, "exceptions", ()):
        yield member
        yield from _exceptions_of_group(member)


def is_expected_failure(report: pytest.TestReport) -> bool:
    """Return whether a test has failed as its `xfail` says. Then no error counts."""
    return report.skipped and hasattr(report, "wasxfail")


def has_passed_strictly(report: pytest.TestReport) -> bool:
    """Return whether a test failed only because it passed under a strict `xfail`.

    With a hidden error of a call, or a drift, it did not pass.
    """
    report_text = report.longrepr
    return (
        report.failed
        and isinstance(report_text, str)
        and report_text.startswith(_STRICT_PASS)
    )


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
    full_text = f"{type(error).__name__}: {error}"
    if isinstance(error, TargetError):
        # No call has raised it, so no code has swallowed it.
        report.longrepr = full_text
    else:
        error_in_words = type(error).__name__
        if isinstance(error, MissingRecordingError):
            error_in_words = "a missing recording"
        verb = "was skipped after" if report.skipped else "passed only because"
        place = _place_of_catch(error, item.config.rootpath)
        lines = [f"{verb} {error_in_words} was swallowed{place}"]
        lines += [f"  {line}" for line in full_text.splitlines()]
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
    """Let a phase fail for an error, unless the test is expected to fail with it.

    pytest has judged the phase before by its `xfail`, and knows nothing of this error.
    """
    expected_errors: Any = None
    mark = item.get_closest_marker("xfail")
    if mark is not None:
        expected_errors = mark.kwargs.get("raises")
    if expected_errors is None:
        is_expected = True
    elif isinstance(expected_errors, (type, tuple)):
        is_expected = isinstance(error, expected_errors)
    else:
        # A pytest.RaisesExc or a pytest.RaisesGroup.
        is_expected = expected_errors.matches(error)
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
        files_of_test = {str(sys.modules["doctest"].__file__)}
        for number in range(len(doctest.examples)):
            files_of_test.add(f"<doctest {doctest.name}[{number}]>")
        return files_of_test
    function: Any = getattr(item, "function", None)
    if function is not None:
        # A decorator of the test may be defined in the code under test, which is no
        # code of the test's own.
        function = unwrap(function)
    files_of_test = {str(item.path)}
    code = getattr(function, "__code__", None)
    # Only a function in Python has code. It may be inherited from a class in another
    # file.
    if code is not None:
        files_of_test.add(code.co_filename)
    return files_of_test
