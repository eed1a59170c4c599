"""Leaves of a traceback that ends in an error of ours only the frames of the project.

Below SQLAlchemy and an ASGI server a miss has a hundred frames, which take longer to
print than all else, and say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
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
        return
    for error in errors:
        if error.__traceback__ is not None:
            error.__traceback__ = _of_project(error.__traceback__, item)
    # pytest shows this copy, which it made before.
    excinfo.traceback = type(excinfo.traceback)(excinfo.value.__traceback__)


def shown_errors(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, its causes, and those in groups, which pytest shows all."""
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
        if exception.__cause__ is not None:
            pending.append(exception.__cause__)
        elif not exception.__suppress_context__:
            pending.append(exception.__context__)


def _of_project(trace: TracebackType, item: pytest.Item) -> TracebackType:
    """Return a traceback with the frames of the project alone.

    Without any, the last frame stays that does not hide itself from pytest.
    """
    rootdir = item.config.rootpath
    files = {str(item.path)}
    frames_of_project: list[TracebackType] = []
    visible_frames: list[TracebackType] = []
    last_frame = trace
    frame: TracebackType | None = trace
    while frame is not None:
        if _is_of_project(frame, rootdir, files):
            frames_of_project.append(frame)
        if not _is_hidden(frame):
            visible_frames.append(frame)
        last_frame = frame
        frame = frame.tb_next
    kept_frames = frames_of_project
    if not kept_frames:
        kept_frames = visible_frames[-1:] or [last_frame]
    # A traceback is a linked list, which is made from its end.
    shortened: TracebackType | None = None
    for kept_frame in reversed(kept_frames):
        shortened = TracebackType(
            shortened,
            kept_frame.tb_frame,
            kept_frame.tb_lasti,
            kept_frame.tb_lineno,
        )
    return shortened or trace


def _is_of_project(frame: TracebackType, rootdir: Path, files: set[str]) -> bool:
    """Check whether a frame runs code of the project, or of the test's own file."""
    file = frame.tb_frame.f_code.co_filename
    return file in files or is_in_project(file, rootdir)


def _is_hidden(frame: TracebackType) -> bool:
    """Check whether the code of a frame has a name that hides it from pytest."""
    code = frame.tb_frame.f_code
    return "__tracebackhide__" in code.co_varnames + code.co_names
