"""Tells whose code a file, a module or a call is: the project's, the standard library's, an installed one's, or pytest's."""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from os.path import realpath
from pathlib import Path
from types import FrameType
from typing import Final

PACKAGE: Final = f"{Path(__file__).parents[1]}{os.sep}"
"""The folder of this plugin, as the files of its frames begin."""

# The packages that run the tests, which keep the real functions.
_TEST_MACHINERY = frozenset({"_pytest", "execnet", "pluggy", "pytest", "pytest_mimic", "xdist"})
# What this plugin is built on calls functions for it.
_CALLED = sys.stdlib_module_names | _TEST_MACHINERY | {"cloudpickle", "xxhash"}
# The folders in which distributions are installed.
_INSTALLED = r".*[/\\](?:site|dist)-packages[/\\](.+)"
_NAME = r"""(?ms)^\[(?:project|tool\.poetry)\]$(?:(?!^\[).)*?^name\s*=\s*["']([^"']+)"""
# Taken now, before a test may replace the file system by a fake one.
_STDLIB = f"{realpath(Path(os.__file__).parent)}{os.sep}"


def is_in_stdlib(file: str) -> bool:
    # Distributions are installed inside the standard library's folder.
    return realpath(file).startswith(_STDLIB) and path_when_installed(file) is None


def is_in_project(file: str, rootdir: Path) -> bool:
    """Check whether a file belongs to the project: to what is installed nowhere or editable, or to what its rootdir builds.

    tox installs the distribution that the `pyproject.toml` in the rootdir names.
    """
    installed = path_when_installed(file)
    if installed is not None:
        return installed in _files_of_project(rootdir)
    return Path(file).is_absolute() and not file.startswith(PACKAGE) and not is_in_stdlib(file)


def path_when_installed(file: str) -> str | None:
    """Return the path of an installed file in its folder of packages; None for one that is not installed."""
    place = re.match(_INSTALLED, file)
    return None if place is None else place[1].replace(os.sep, "/")


@cache
def _files_of_project(rootdir: Path) -> frozenset[str]:
    """Return the installed files of the distribution that the rootdir's configuration names."""
    # tomllib is there from Python 3.11 on.
    try:
        found = re.search(_NAME, (rootdir / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        found = None
    if found is None:
        return frozenset()
    from importlib.metadata import PackageNotFoundError, files

    try:
        return frozenset(map(str, files(found[1]) or ()))
    except PackageNotFoundError:
        return frozenset()


def is_machinery(module: str) -> bool:
    """Return whether a module is of the packages that run the tests."""
    return module.partition(".")[0] in _TEST_MACHINERY


def may_be_called_by_pytest(*modules: object) -> bool:
    """Return whether pytest or this plugin may call a function of one of these modules for itself."""
    packages = {module.replace(":", ".").partition(".")[0] for module in modules if isinstance(module, str)}
    return not packages.isdisjoint(_CALLED)


def called_by_pytest(*, depth: int = 2) -> bool:
    """Return whether pytest, a plugin or an import made the call of a wrapped function, so many frames up.

    The caller is the innermost frame outside the standard library.
    """
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None:
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if (answer := _classify(frame.f_code.co_filename, package)) is not None:
            return answer
        frame = frame.f_back
    return False


@cache
def _classify(file: str, package: str) -> bool | None:
    """Return True for pytest and the like, False for code under test, None for code that calls for its caller."""
    is_plugin = package.startswith("pytest_") and path_when_installed(file) is not None
    is_import = file.startswith(("<frozen importlib", "<frozen zipimport"))
    if is_plugin or is_import or package in ("cloudpickle", *_TEST_MACHINERY):
        return True
    # A name alone decides nothing: a project may have a package named `test`.
    is_stdlib = package in sys.stdlib_module_names and (file.startswith("<frozen ") or is_in_stdlib(file))
    return None if is_stdlib else False
