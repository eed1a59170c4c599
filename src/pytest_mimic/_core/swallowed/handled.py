"""Find out where a raised error was caught: in the test's own file, or in the code under test."""

from __future__ import annotations

import dis
import os
import sys
from pathlib import Path

from pytest_mimic._core.machinery import PACKAGE
from pytest_mimic.errors import MimicError

# The folders in which libraries are installed.
INSTALLED = ("site-packages", "dist-packages")
# Given a function, `assertRaises` and `pytest.raises` catch its exception in a frame of these files.
_ASSERTING = ("unittest/case.py", "_pytest/raises.py", "_pytest/python_api.py")


def handled_in(error: MimicError, files: set[str]) -> bool:
    """Check whether an error was caught in one of these files, in a function that did not raise it again."""
    outermost = error.last_traceback
    if outermost is None or not caught_in(error, files):
        return False
    # A `finally` or `with` also runs later instructions, and then raises the error again.
    frame = outermost.tb_frame
    return dis.opname[frame.f_code.co_code[frame.f_lasti]] not in ("RERAISE", "RAISE_VARARGS")


def caught_in(error: MimicError, files: set[str]) -> bool:
    """Check whether an error was caught in one of these files, perhaps to be raised again.

    A traceback grows by one frame for each function that the error leaves. Its outermost frame is the function that
    caught the error, or one that the error left for C code, such as an event loop that stores the exceptions of its
    tasks. A function that caught the error went on to a later instruction; one that the error left did not.
    """
    outermost = error.last_traceback
    if outermost is None or outermost.tb_frame.f_lasti == outermost.tb_lasti:
        return False
    file = outermost.tb_frame.f_code.co_filename
    return file in files or Path(file).as_posix().endswith(_ASSERTING)


def is_in_project(file: str, rootdir: Path) -> bool:
    """Check whether a file belongs to the project, and not to a library that is installed in one of its folders."""
    return file.startswith(f"{rootdir}{os.sep}") and not any(folder in file for folder in INSTALLED)


def where_swallowed(error: MimicError, rootdir: Path) -> str:
    """Return the line that caught an error, `shop/rates.py:41`, or an empty string if it is not known."""
    outermost = error.last_traceback
    if outermost is None:
        return ""
    file = Path(outermost.tb_frame.f_code.co_filename)
    package = str(outermost.tb_frame.f_globals.get("__name__")).partition(".")[0]
    # An event loop, a pool or a thread caught it: that line helps nobody.
    if str(file).startswith(PACKAGE) or package in sys.stdlib_module_names:
        return ""
    shown = file.relative_to(rootdir) if file.is_relative_to(rootdir) else file
    return f"{shown.as_posix()}:{outermost.tb_lineno}"
