"""Tells the packages that run the tests, and the calls that they make, from the code under test."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Final

PACKAGE: Final = f"{Path(__file__).parents[1]}{os.sep}"
"""The folder of this plugin, as the files of its frames begin."""

TEST_MACHINERY: Final = frozenset({"_pytest", "execnet", "pluggy", "pytest", "pytest_mimic", "xdist"})
"""The packages that run the tests, which keep the real functions: pytest, pytest-xdist, what these two are built on, and
this plugin."""

# What this plugin is built on calls functions for it.
_CALLED = sys.stdlib_module_names | TEST_MACHINERY | {"cloudpickle", "xxhash"}
# The standard library's folder. A name alone decides nothing: a project may have a package named `test`.
_STDLIB = os.path.dirname(os.__file__)  # noqa: PTH120


def is_machinery(module: str) -> bool:
    return module.partition(".")[0] in TEST_MACHINERY


def may_be_called_by_pytest(*modules: object) -> bool:
    """Return whether pytest or this plugin may call a function of one of these modules for itself."""
    packages = {module.replace(":", ".").partition(".")[0] for module in modules if isinstance(module, str)}
    return not packages.isdisjoint(_CALLED)


def called_by_pytest(*, depth: int = 2) -> bool:
    """Return whether pytest, a plugin or an import made the call of a wrapped function, so many frames up.

    The caller is the innermost frame outside the standard library.
    """
    frame: FrameType | None = sys._getframe(depth)
    answer = None
    while frame is not None and answer is None:
        answer = _classify(frame.f_code.co_filename, str(frame.f_globals.get("__name__")).partition(".")[0])
        frame = frame.f_back
    return bool(answer)


@cache
def _classify(file: str, package: str) -> bool | None:
    """Return True for pytest and the like, False for code under test, None for code that calls for its caller."""
    is_plugin = package.startswith("pytest_") and "site-packages" in file
    if is_plugin or package in ("cloudpickle", *TEST_MACHINERY):
        return True
    if file.startswith(("<frozen importlib", "<frozen zipimport")):
        return True
    is_stdlib = package in sys.stdlib_module_names and file.startswith((_STDLIB, "<frozen "))
    return None if is_stdlib else False
