"""Tells the packages that run the tests, and the calls that they make, from the code under test."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType
from typing import Final

PACKAGE: Final = f"{Path(__file__).parents[1]}{os.sep}"
"""The folder of this plugin, as the files of its frames begin."""

TEST_MACHINERY: Final = frozenset({"_pytest", "execnet", "pluggy", "pytest", "pytest_mimic", "xdist"})
"""The packages that run the tests, which keep the real functions: pytest, pytest-xdist, what these two are built on, and
this plugin."""

# Packages outside the standard library that call functions on behalf of their own caller.
_INTERMEDIATE = frozenset(
    "PIL backports cloudpickle filelock numpy pandas polars pyarrow scipy torch xxhash".split()
)
_TESTS = frozenset({"tests", "conftest"})
_CALLED = sys.stdlib_module_names | _INTERMEDIATE | TEST_MACHINERY
# The standard library's folder. A name alone decides nothing: a project may have a package named `test`.
_STDLIB = os.path.dirname(os.__file__)  # noqa: PTH120
_IMPORT_SYSTEM = ("<frozen importlib", "<frozen zipimport")
# By file: see `_classify`. This file is listed, as functions that `_classify` calls may be targets themselves.
_known: dict[str, bool | None] = {__file__: True}


def is_machinery(module: str) -> bool:
    return module.partition(".")[0] in TEST_MACHINERY


def may_be_called_by_pytest(*modules: object) -> bool:
    """Return whether pytest or this plugin may call a function of one of these modules for itself."""
    packages = {module.replace(":", ".").partition(".")[0] for module in modules if isinstance(module, str)}
    return not packages.isdisjoint(_CALLED)


def called_by_pytest(*, depth: int = 2) -> bool:
    """Return whether pytest, a plugin or an import made the call of a wrapped function, so many frames up.

    The caller is the innermost frame outside the standard library and the libraries that call on behalf of others.
    """
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None:
        file = frame.f_code.co_filename
        if file not in _known:
            _known[file] = _classify(file, frame.f_globals.get("__name__"))
        answer = _known[file]
        if answer is not None:
            return answer
        frame = frame.f_back
    return False


def _classify(file: str, module: object) -> bool | None:
    """Return True for pytest and the like, False for code under test, None for code that calls for its caller."""
    parts = module.split(".") if isinstance(module, str) else [""]
    package = parts[0]
    is_plugin = package.startswith("pytest_") and "site-packages" in file
    if package in TEST_MACHINERY or is_plugin or file.startswith(_IMPORT_SYSTEM):
        return True
    is_stdlib = package in sys.stdlib_module_names and file.startswith(_STDLIB)
    # pandas and others install their tests with the library.
    is_library = package in _INTERMEDIATE and _TESTS.isdisjoint(parts)
    is_intermediate = is_stdlib or is_library or file.startswith(("<frozen ", "<string>"))
    return None if is_intermediate else False
