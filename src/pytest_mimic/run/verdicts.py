"""Judges the phases of a test: one that hid an error of a call fails for it."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from pytest_mimic.engine.events import Event, EventKind, Noted
from pytest_mimic.engine.refusals import EndlessCallsError
from pytest_mimic.errors import (
    DriftError,
    MimicError,
    MissingRecordingError,
    TargetError,
)
from pytest_mimic.words import duration

SECTION = "mimic"
_SHOWN = 10
_LIBRARY = Path(os.__file__).parent
_PACKAGE = Path(__file__).parent.parent
# How pytest says that a test with a strict `xfail` has passed.
_STRICT_PASS = "[XPASS(strict)] "


# -- misses and refusals


def judge_phase(
    item: pytest.Item,
    report: pytest.TestReport,
    noted: Sequence[Noted],
    raised: BaseException | None,
) -> None:
    """Let a phase fail for errors of calls that the test's own code did not handle.

    A phase that has failed by itself tells of them in a section, where its traceback
    does not.

    Args:
        item: The test.
        report: The report of the phase.
        noted: The errors of calls in the phase.
        raised: What ended the phase.
    """
    files = own_files(item)
    unhandled = [one.error for one in noted if not _is_handled(one, files)]
    if not report.failed or _has_passed_strictly(report):
        if not unhandled or _is_expected_failure(report):
            return
        text = _words_of_swallowed(unhandled[0], item, report)
        _fail(item, report, text, unhandled[0])
        errors = unhandled
    else:
        errors = [one.error for one in noted]
    shown = {str(error) for error in shown_errors(raised)} | {str(report.longrepr)}
    texts = []
    for text in dict.fromkeys(f"{type(error).__name__}: {error}" for error in errors):
        if not any(_tells(told, text) for told in shown):
            texts.append(text)
    if texts:
        report.sections.append((SECTION, "\n".join(_first(texts, "errors of calls"))))


def _tells(told: str, text: str) -> bool:
    """Return whether a text tells of an error, perhaps indented."""
    first = text.partition(": ")[2].partition("\n")[0]
    return first in told


def _is_handled(noted: Noted, files: set[str]) -> bool:
    """Return whether code in one of these files has caught an error last.

    The outermost frame of its traceback is where it was caught. A wrong target is
    nothing that a test may handle.
    """
    if isinstance(noted.error, TargetError):
        return False
    trace = _trace_of(noted.error)
    return trace is not None and trace.tb_frame.f_code.co_filename in files


def _trace_of(error: MimicError) -> TracebackType | None:
    return error.__traceback__ or error.caught_traceback


def own_files(item: pytest.Item) -> set[str]:
    """Return the files whose code belongs to a test: what it catches, it handles."""
    files = {inspect.getfile(pytest.raises)}
    for name in ("unittest.case", "doctest"):
        if name in sys.modules:
            files.add(str(sys.modules[name].__file__))
    doctest: Any = getattr(item, "dtest", None)
    if doctest is not None:
        # The file around the examples may be the code under test.
        count = len(doctest.examples)
        return files | {f"<doctest {doctest.name}[{n}]>" for n in range(count)}
    files.add(str(item.path))
    # A test may be inherited from a class in another file.
    given: Any = getattr(item, "function", item)
    function: Any = inspect.unwrap(given)
    code = getattr(function, "__code__", None)
    return files | ({code.co_filename} if code is not None else set())


def _words_of_swallowed(
    error: MimicError, item: pytest.Item, report: pytest.TestReport
) -> str:
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, TargetError):
        return text  # no call has raised it
    what = type(error).__name__
    if isinstance(error, MissingRecordingError):
        what = "a missing recording"
    verb = "was skipped after" if report.skipped else "passed only because"
    indented = text.replace("\n", "\n  ")
    return f"{verb} {what} was swallowed{_place_of_catch(error, item)}\n  {indented}"


def _place_of_catch(error: MimicError, item: pytest.Item) -> str:
    """Return ` in shop/api.py:12`; nothing if no code of the project caught it."""
    trace = _trace_of(error)
    if trace is None:
        return ""
    file, rootdir = trace.tb_frame.f_code.co_filename, item.config.rootpath
    if not _is_in_project(file, rootdir):
        return ""
    return f" in {Path(os.path.relpath(file, rootdir)).as_posix()}:{trace.tb_lineno}"


# -- drifts


def fail_for_drifts(
    item: pytest.Item, report: pytest.TestReport, drifts: Sequence[Noted]
) -> None:
    """Let a phase fail for drifts, or show them if it has failed by itself."""
    text = "\n".join(_first(_texts_of_drifts(drifts), "calls that drifted"))
    if report.failed and not _has_passed_strictly(report):
        report.sections.append((SECTION, text))
    elif not _is_expected_failure(report):
        _fail(item, report, text, drifts[0].error)


def _texts_of_drifts(drifts: Sequence[Noted]) -> list[str]:
    """Return each drift of a test once.

    The first one of a conversation may be the cause of those that follow: these stand
    under it, without their remedies.
    """
    blocks: dict[object, list[str]] = {}
    errors: dict[object, MimicError] = {}
    for noted in drifts:
        error = noted.error
        conversation = error.conversation if isinstance(error, DriftError) else ""
        block: object = conversation or str(error)
        if conversation and block in errors:
            facts = [f"  {fact}" for fact in error.facts]
            follower = "\n".join([f"then {noted.call}", *facts])
            if follower not in blocks[block]:
                blocks[block].append(follower)
        else:
            errors[block], blocks[block] = error, []
    texts = []
    for block, error in errors.items():
        facts = [*error.facts, *"\n".join(blocks[block]).splitlines()]
        texts.append(f"DriftError: {DriftError(error.what, facts, error.remedies)}")
    return texts


# -- reports


def _has_passed_strictly(report: pytest.TestReport) -> bool:
    """Return whether a test failed only because it passed under a strict `xfail`."""
    text = report.longrepr
    return report.failed and isinstance(text, str) and text.startswith(_STRICT_PASS)


def _is_expected_failure(report: pytest.TestReport) -> bool:
    return report.skipped and hasattr(report, "wasxfail")


def _fail(
    item: pytest.Item, report: pytest.TestReport, text: str, error: MimicError
) -> None:
    """Let a phase fail for an error, or be the failure that its `xfail` expects.

    pytest has judged the phase before, and knows nothing of the error.
    """
    if _has_passed_strictly(report):
        report.wasxfail = str(report.longrepr).removeprefix(_STRICT_PASS)
    report.longrepr = text
    if hasattr(report, "wasxfail") and _is_expected(error, item):
        report.outcome = "skipped"
    else:
        report.outcome = "failed"
        # A report with this attribute does not count as failed.
        vars(report).pop("wasxfail", None)


def _is_expected(error: MimicError, item: pytest.Item) -> bool:
    mark = item.get_closest_marker("xfail")
    expected: Any = None if mark is None else mark.kwargs.get("raises")
    if expected is None:
        return True
    if isinstance(expected, (type, tuple)):
        return isinstance(error, expected)
    return bool(expected.matches(error))


def _first(texts: Sequence[str], noun: str) -> list[str]:
    more = len(texts) - _SHOWN
    return [*texts[:_SHOWN], *([f"and {more} more {noun}"] if more > 0 else [])]


# -- the calls of a test

# In seconds: a shorter call says nothing of its time.
_WORTH_A_WORD = 0.01
_SHOWN_KINDS: tuple[EventKind, ...] = (
    "recorded",
    "replayed",
    "verified",
    "missing",
    "stale",
    "drifted",
)


def lines_of_calls(events: Iterable[Event]) -> list[str]:
    """Return a line for each call among some events."""
    return [_line_of_call(event) for event in events if event.kind in _SHOWN_KINDS]


def _line_of_call(event: Event) -> str:
    """Return what became of a call: `replayed shop:fetch() (21.0 s saved)`."""
    seconds = event.number("seconds")
    took = ""
    if seconds >= _WORTH_A_WORD:
        saved = "" if event.kind == "recorded" else " saved"
        took = f" ({duration(seconds)}{saved})"
    return f"{event.kind} {event.call}{took}"


# -- tracebacks


def shorten(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Leave of a traceback that ends in an error of ours the frames of the project.

    Below SQLAlchemy and an ASGI server a miss has a hundred frames.
    """
    option = item.config.option
    if option.fulltrace or option.usepdb or option.tbstyle == "native":
        return
    # A test of `unittest` keeps its failures until the report is made.
    kept: Any = getattr(item, "_excinfo", None)
    excinfo: Any = call.excinfo or (kept[0] if kept else None)
    if excinfo is None:
        return
    errors = list(shown_errors(excinfo.value))
    ours = (MimicError, EndlessCallsError)
    if not any(isinstance(error, ours) for error in errors):
        return
    for error in errors:
        if error.__traceback__ is not None:
            # A frozen exception refuses an assignment.
            traceback = _of_project(error.__traceback__, item)
            BaseException.with_traceback(error, traceback)
    # pytest shows this copy, which it made before.
    excinfo.traceback = type(excinfo.traceback)(excinfo.value.__traceback__)


def leave_out_our_lines(
    item: pytest.Item, report: pytest.TestReport, raised: BaseException
) -> None:
    """Show of an error that no code of the project has led to its words alone.

    A wrong target of a marker is one: no line of the test has run.
    """
    if not isinstance(raised, MimicError):
        return
    entries = _entries(raised.__traceback__)
    if not any(_is_of_project(entry, item) for entry in entries):
        text = f"pytest_mimic.{type(raised).__name__}: {raised}"
        report.longrepr = "\n".join(f"E   {line}" for line in text.splitlines())


def shown_errors(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, its causes and those in groups: pytest shows them."""
    pending = [error]
    seen: list[BaseException] = []
    while pending:
        one = pending.pop()
        if one is None or any(one is other for other in seen):
            continue
        seen.append(one)
        yield one
        pending += getattr(one, "exceptions", ())
        if one.__cause__ is not None:
            pending.append(one.__cause__)
        elif not one.__suppress_context__:
            pending.append(one.__context__)


def _of_project(trace: TracebackType, item: pytest.Item) -> TracebackType:
    """Return the entries of the project; without any, the last visible one."""
    entries = list(_entries(trace))
    visible = [entry for entry in entries if not _is_hidden(entry)]
    kept = [entry for entry in visible if _is_of_project(entry, item)]
    shortened: TracebackType | None = None
    for entry in reversed(kept or visible[-1:] or entries[-1:]):
        shortened = TracebackType(
            shortened, entry.tb_frame, entry.tb_lasti, entry.tb_lineno
        )
    return shortened or trace


def _entries(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _is_hidden(entry: TracebackType) -> bool:
    code = entry.tb_frame.f_code
    return "__tracebackhide__" in code.co_varnames


def _is_of_project(entry: TracebackType, item: pytest.Item) -> bool:
    file = entry.tb_frame.f_code.co_filename
    return file == str(item.path) or _is_in_project(file, item.config.rootpath)


def _is_in_project(file: str, rootdir: Path) -> bool:
    """Return whether a file is neither of a library nor of this package."""
    path = Path(file)
    if path.is_relative_to(_LIBRARY) or path.is_relative_to(_PACKAGE):
        return False
    # An environment may stand below the rootdir.
    return path.is_relative_to(rootdir) and "site-packages" not in path.parts


def hide_our_frames(trace: TracebackType | None) -> None:
    """Let a traceback end at the last frame outside of this package."""
    last = trace
    for entry in _entries(trace):
        file = Path(entry.tb_frame.f_code.co_filename)
        if not file.is_relative_to(_PACKAGE):
            last = entry
    if last is not None:
        last.tb_next = None
