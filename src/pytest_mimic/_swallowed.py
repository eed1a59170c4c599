"""Where a raised error of ours ended up: handled in the test's own file, or swallowed elsewhere."""

from __future__ import annotations

import dis
from pathlib import Path
from types import TracebackType

from pytest_mimic.errors import MimicError

_OURS = Path(__file__).parent
#: `assertRaises` and `pytest.raises`, given a function, catch what it raises in a file of their own.
_ASSERTING = ("unittest/case.py", "_pytest/raises.py", "_pytest/python_api.py")


def handled_in(error: MimicError, files: set[str]) -> bool:
    """Whether an error was caught in one of these files.

    A traceback grows by a frame for each function that the error leaves, up to and including the one
    that catches it. A frame that caught it went on to a later instruction; one that the error left for
    C code (an event loop that keeps the exceptions of its tasks) did not.
    """
    caught = error.way
    if caught is None:
        return False
    file = caught.tb_frame.f_code.co_filename
    if file not in files and not Path(file).as_posix().endswith(_ASSERTING):
        return False
    return _went_on(caught)


def _went_on(step: TracebackType) -> bool:
    last = step.tb_frame.f_lasti
    if last == step.tb_lasti:
        return False
    code = step.tb_frame.f_code.co_code
    return dis.opname[code[last]] not in ("RERAISE", "RAISE_VARARGS")


def where_swallowed(error: MimicError, rootdir: Path) -> str:
    """The place that an error did not get past, `shop/rates.py:41`; empty where it is not known."""
    caught = error.way
    if caught is None:
        return ""
    file = Path(caught.tb_frame.f_code.co_filename)
    if file.is_relative_to(_OURS):  # it left the target itself for C code: an event loop, a pool
        return ""
    shown = file.relative_to(rootdir) if file.is_relative_to(rootdir) else file
    return f"{shown.as_posix()}:{caught.tb_lineno}"
