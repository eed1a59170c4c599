"""Leaves of a traceback that ends in an error of ours only the frames of the project.

Below SQLAlchemy and an ASGI server a miss has a hundred frames, which take longer to
print than all else, and say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any

import pytest

from pytest_mimic._core.modules import is_in_project
from pytest_mimic.errors import MimicError


def shorten(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Shorten the traceback with which a phase of a test ended.

    It stays whole with `--full-trace`, `--tb=native` and `--pdb`.
    """
    option = item.config.option
    is_whole = option.fulltrace or option.tbstyle == "native" or option.usepdb
    excinfo: Any = call.excinfo
    if excinfo is None:
        # A test of `unittest` keeps its failures until the report is made.
        failures: Any = getattr(item, "_excinfo", None)
        if failures:
            excinfo = failures[0]
    if is_whole or excinfo is None:
        return
    errors = list(shown_errors(excinfo.value))
    if not any(isinstance(error, MimicError) for error in errors):
        # A failure of the test itself keeps the frames of libraries, as without us.
        return
    for error in errors:
        if error.__traceback__ is not None:
            error.__traceback__ = _of_project(error.__traceback__, item)
    # pytest shows this copy, which it made before.
    excinfo.traceback = type(excinfo.traceback)(excinfo.value.__traceback__)


def shown_errors(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, its causes, and those in groups: pytest shows all of them.

    An error among them needs no section of its own in the report: see `verdicts.py`.
    """
    pending = [error]
    # Exceptions may be equal without being the same. While they stand here, no other
    # one gets the id of one of them.
    errors_by_id: dict[int, BaseException] = {}
    while pending:
        exception = pending.pop()
        if exception is None or id(exception) in errors_by_id:
            continue
        errors_by_id[id(exception)] = exception
        yield exception
        pending += getattr(exception, "exceptions", ())
        # A cause, from `raise … from`, stands in place of the context.
        if exception.__cause__ is not None:
            pending.append(exception.__cause__)
        elif not exception.__suppress_context__:
            pending.append(exception.__context__)


def _of_project(first_entry: TracebackType, item: pytest.Item) -> TracebackType:
    """Return a traceback with the entries of the project alone, each of a frame.

    Without any, the last entry stays that does not hide itself from pytest: a report
    without an entry would not say where the error came from.
    """
    rootdir = item.config.rootpath
    file_of_test = str(item.path)
    entries_of_project: list[TracebackType] = []
    visible_entries: list[TracebackType] = []
    last_entry = first_entry
    entry: TracebackType | None = first_entry
    while entry is not None:
        file = entry.tb_frame.f_code.co_filename
        if file == file_of_test or is_in_project(file, rootdir):
            entries_of_project.append(entry)
        if not _is_hidden(entry):
            visible_entries.append(entry)
        last_entry = entry
        entry = entry.tb_next
    kept_entries = entries_of_project
    if not kept_entries:
        kept_entries = visible_entries[-1:] or [last_entry]
    # A traceback is a linked list of its entries, which is made from its end.
    shortened: TracebackType | None = None
    for kept_entry in reversed(kept_entries):
        shortened = TracebackType(
            shortened,
            kept_entry.tb_frame,
            kept_entry.tb_lasti,
            kept_entry.tb_lineno,
        )
    return shortened or first_entry


def _is_hidden(entry: TracebackType) -> bool:
    """Check whether the code of an entry has a name that hides it from pytest."""
    code = entry.tb_frame.f_code
    return "__tracebackhide__" in code.co_varnames + code.co_names
