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
        excinfo = next(iter(getattr(item, "_excinfo", None) or ()), None)
    if is_whole or excinfo is None:
        return
    errors = list(shown_errors(excinfo.value))
    if not any(isinstance(error, MimicError) for error in errors):
        return
    for error in errors:
        if error.__traceback__ is not None:
            error.__traceback__ = _of_project(error.__traceback__, item)
    # It has a traceback of its own, made before.
    excinfo.traceback = type(excinfo.traceback)(excinfo.value.__traceback__)


def shown_errors(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exceptions that pytest shows for one: its causes, and those in groups."""
    pending, seen = [error], list[BaseException]()
    while pending:
        shown = pending.pop()
        if shown is None or any(shown is other for other in seen):
            continue
        seen.append(shown)
        yield shown
        pending += getattr(shown, "exceptions", ())
        if shown.__cause__ is not None:
            pending.append(shown.__cause__)
        elif not shown.__suppress_context__:
            pending.append(shown.__context__)


def _of_project(trace: TracebackType, item: pytest.Item) -> TracebackType:
    """Return a traceback of the project's frames, or if it has none, of the last."""
    rootdir, files = item.config.rootpath, {str(item.path)}
    every: list[TracebackType] = []
    rest: TracebackType | None = trace
    while rest is not None:
        every.append(rest)
        rest = rest.tb_next
    own = [one for one in every if _is_own(one, rootdir, files)]
    if not own:
        shown = [one for one in every if "__tracebackhide__" not in _names(one)]
        own = (shown or every)[-1:]
    made: TracebackType | None = None
    for one in reversed(own):
        made = TracebackType(made, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return made or trace


def _is_own(trace: TracebackType, rootdir: Path, files: set[str]) -> bool:
    file = trace.tb_frame.f_code.co_filename
    return file in files or is_in_project(file, rootdir)


def _names(trace: TracebackType) -> tuple[str, ...]:
    code = trace.tb_frame.f_code
    return code.co_varnames + code.co_names
