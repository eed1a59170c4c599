"""Judges a phase of a test: a phase that hid an error of a call fails for it."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from traceback import format_exception_only
from types import TracebackType
from typing import Any

import pytest
from _pytest._code.code import (
    ExceptionChainRepr,
    ReprEntryNative,
    ReprExceptionInfo,
    Traceback,
    TracebackEntry,
)

from pytest_mimic.engine.refusals import EndlessCallsError
from pytest_mimic.errors import (
    DriftError,
    MimicError,
    MissingRecordingError,
    TargetError,
)
from pytest_mimic.words import SHOWN, and_more, on_one_line

_LIBRARY = Path(os.__file__).parent
_PACKAGE = Path(__file__).parent.parent
_OURS = (MimicError, EndlessCallsError)
# How an item of pytest says what is shown of a traceback.
_FILTER = "_traceback_filter"


def judged(
    item: pytest.Item,
    call: pytest.CallInfo[None],
    raised: pytest.ExceptionInfo[BaseException] | None,
    errors: Sequence[MimicError],
    drifts: Sequence[DriftError],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a phase fail for what its code has hidden, before pytest makes its report.

    An error is put where pytest looks for what the phase has raised: so `xfail`, `-x`
    and `--pdb` treat it like any other.

    Args:
        item: The test.
        call: The phase.
        raised: What it has raised.
        errors: Those of its calls, drifts apart.
        drifts: Its drifts.

    Returns:
        The report, with the errors that its traceback does not show.
    """
    from unittest import SkipTest  # pytest loads it when a test needs it

    drifted = "\n".join(_first(_texts_of_drifts(drifts)))
    shown_errors = [*_shown_errors(raised.value)] if raised is not None else []
    hidden: MimicError | None = None
    if raised is None or isinstance(raised.value, (pytest.skip.Exception, SkipTest)):
        files = own_files(item)
        errors = [one for one in errors if not _is_handled(one, files)]
        if errors:
            hidden = _in_words_of_test(errors[0], item, is_skipped=raised is not None)
        elif drifted:
            hidden = _DriftsError(drifted)
    elif any(isinstance(one, _OURS) for one in shown_errors):
        vars(item)[_FILTER] = partial(_of_project, item)
    if hidden is not None:
        call.excinfo = _raised(hidden)
        if hasattr(item, "_excinfo"):
            item._excinfo = None
    report = yield
    vars(item).pop(_FILTER, None)
    if hidden is not None:
        report.longrepr = str(hidden)
    elif report.failed and raised is not None:
        _leave_out_our_lines(report, raised, item)
    texts_of_errors = chain.from_iterable(map(format_exception_only, shown_errors))
    printed = "\n".join([str(report.longrepr), *texts_of_errors])
    unprinted = [one for one in errors if on_one_line(one.what) not in printed]
    if report.failed and hidden is None:
        files = own_files(item)
        leading = [one for one in unprinted if not _is_handled(one, files)]
        unprinted = [one for one in unprinted if one not in leading]
        texts = _first(_texts(leading))
        if drifted not in printed:
            texts.append(drifted)
        if texts:
            _lead_with(report, texts)
            drifted = ""
    shown = _first(_texts(unprinted))
    if drifted not in printed:
        shown.append(drifted)
    if shown:
        report.sections.append(("mimic", "\n".join(shown)))
    return report


def _texts(errors: Iterable[MimicError]) -> Collection[str]:
    return dict.fromkeys(f"{type(one).__name__}: {one}" for one in errors)


def _lead_with(report: pytest.TestReport, texts: Sequence[str]) -> None:
    """Let a failure begin with what may be its cause; its own error stands below."""
    lines = [f"E   {line}\n" for text in texts for line in text.splitlines()]
    shown = report.longrepr
    if not isinstance(shown, (ExceptionChainRepr, ReprExceptionInfo)):
        report.longrepr = "".join([*lines, str(shown)])
        return
    first = shown.reprtraceback
    if isinstance(shown, ExceptionChainRepr):
        first, *_ = shown.chain[0]
    first.reprentries = [ReprEntryNative(lines), *first.reprentries]
    if shown.reprcrash is not None:
        cause = texts[0].splitlines()[0]
        shown.reprcrash.message = f"{cause} (then {shown.reprcrash.message})"


def _raised(error: MimicError) -> pytest.ExceptionInfo[BaseException]:
    try:
        raise error
    except MimicError:
        return pytest.ExceptionInfo.from_current()


def _in_words_of_test(
    error: MimicError, item: pytest.Item, *, is_skipped: bool
) -> MimicError:
    name = type(error).__name__
    text = f"{name}: {error}"
    if isinstance(error, TargetError):
        return TargetError(text)  # no call has raised it
    what = "a missing recording" if isinstance(error, MissingRecordingError) else name
    verb = "was skipped after" if is_skipped else "passed only because"
    place = _place_of_catch(error, item)
    return type(error)(f"{verb} {what} was swallowed{place}", text.split("\n"))


class _DriftsError(DriftError):
    """The drifts of a test, of which each is a whole error."""

    def __str__(self) -> str:
        return self.what


def _first(texts: Collection[str]) -> list[str]:
    return [*islice(texts, SHOWN), *and_more(len(texts) - SHOWN)]


# -- who has caught an error


def _is_handled(error: MimicError, files: set[str]) -> bool:
    """Return whether code in some files has caught an error last.

    The outermost frame of its traceback is where it was caught. A wrong target is
    nothing that a test may handle.
    """
    trace = _trace_of(error)
    if trace is None or isinstance(error, TargetError):
        return False
    return trace.tb_frame.f_code.co_filename in files


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
    if code is not None:
        files.add(code.co_filename)
    return files


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


def _texts_of_drifts(drifts: Sequence[DriftError]) -> list[str]:
    """Return each drift of a test once.

    The first one of a conversation may be the cause of those that follow: these have no
    remedies.
    """
    texts: dict[str, None] = {}
    met = {""}
    for error in drifts:
        shown: MimicError = error
        if error.conversation in met - {""}:
            shown = DriftError(f"then {error.call}", error.facts)
        met.add(error.conversation)
        texts[f"DriftError: {shown}"] = None
    return [*texts]


# -- tracebacks


def _of_project(item: pytest.Item, excinfo: pytest.ExceptionInfo[Any]) -> Traceback:
    """Return of a traceback the frames of the project.

    Below SQLAlchemy and an ASGI server a miss has a hundred frames. Without any, an
    error of ours is its words alone, and another one has its last frame.
    """
    traceback = excinfo.traceback
    kept = traceback.filter(
        lambda entry: not entry.ishidden(excinfo) and _is_of_project(entry, item)
    )
    if kept or isinstance(excinfo.value, _OURS):
        return kept
    return traceback.filter(excinfo)[-1:]


def _leave_out_our_lines(
    report: pytest.TestReport,
    raised: pytest.ExceptionInfo[BaseException],
    item: pytest.Item,
) -> None:
    """Show of an error that no code of the project has led to its words alone.

    A wrong target of a marker is one: no line of the test has run.
    """
    error = raised.value
    if not isinstance(error, MimicError):
        return
    if not any(_is_of_project(entry, item) for entry in raised.traceback):
        text = f"pytest_mimic.{type(error).__name__}: {error}"
        report.longrepr = "\n".join(f"E   {line}" for line in text.splitlines())


def _shown_errors(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, its causes and the members of groups: pytest shows them."""
    pending: list[BaseException | None] = [error]
    visited: list[BaseException] = []
    while pending:
        one = pending.pop()
        if one is None or any(one is other for other in visited):
            continue
        visited.append(one)
        yield one
        pending += getattr(one, "exceptions", ())
        if one.__cause__ is not None:
            pending.append(one.__cause__)
        elif not one.__suppress_context__:
            pending.append(one.__context__)


def _is_of_project(entry: TracebackEntry, item: pytest.Item) -> bool:
    file = entry.frame.code.raw.co_filename
    return file == str(item.path) or _is_in_project(file, item.config.rootpath)


def _is_in_project(file: str, rootdir: Path) -> bool:
    """Return whether a file is neither of a library nor of this package."""
    path = Path(file)
    if path.is_relative_to(_LIBRARY) or path.is_relative_to(_PACKAGE):
        return False
    # An environment may stand below the rootdir.
    return path.is_relative_to(rootdir) and "site-packages" not in path.parts
