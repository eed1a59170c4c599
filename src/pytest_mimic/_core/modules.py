"""Tells whether a module exists without importing it, and whose code a file is.

Whose code it is decides who gets the real function (`called_by_pytest`), which frames a
report shows, and which code and files count as inputs of a call.
"""

from __future__ import annotations

import os
import re
import sys
from enum import Enum
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from os.path import realpath
from pathlib import Path
from types import FrameType
from typing import Final

from pytest_mimic._core.words import closest_name


def module_exists(name: str) -> bool:
    """Check whether a module is imported or can be found.

    A line of a module that is not there is an error before the tests begin. Nothing is
    imported. What cannot be judged counts as there.
    """
    if name in sys.modules:
        return sys.modules[name] is not None
    try:
        return _find_spec(name) is not None
    except LookupError:
        # Python's finder cannot judge a namespace package in another one.
        return True


def file_of_module(name: str) -> str | None:
    """Return the source file of a module.

    The search for the code that a call reaches goes on in it. None: the module cannot
    be found, or is not written in Python.
    """
    try:
        origin: str | None = getattr(_find_spec(name), "origin", None)
    except (ImportError, LookupError, ValueError):
        return None
    if origin is None or not origin.endswith(".py"):
        return None
    return origin


def hint_of_closest_module(name: str) -> str:
    """Return ` (did you mean …?)` with the closest module.

    The text is empty if there is none.

    shopp.api, beside shop/api.py  →  (did you mean shop.api?)
    """
    close = _closest_module(name)
    if not close:
        return ""
    return f" (did you mean {close}?)"


def _closest_module(name: str) -> str:
    """Return the name of the closest module, whose packages may be misspelt, too.

    The name is empty if no module is close.
    """
    from pkgutil import iter_modules

    parent, dot, last = name.rpartition(".")
    if parent and _search_path(parent) is None:
        # There is no such package: the closest one is taken.
        parent = _closest_module(parent)
        if not parent:
            return ""
        if module_exists(f"{parent}.{last}"):
            return f"{parent}.{last}"
    # None: the folders of `sys.path`, for a module of the top level.
    path = None
    if parent:
        path = _search_path(parent) or []
    close = closest_name(last, [module.name for module in iter_modules(path)])
    if not close:
        return ""
    return f"{parent}{dot}{close}"


def _find_spec(name: str) -> ModuleSpec | None:
    """Return the spec of a module, None if no finder knows it.

    `importlib.util.find_spec` would import the packages around it.
    """
    path = None
    parent, _, _ = name.rpartition(".")
    if parent:
        path = _search_path(parent)
        if path is None:
            return None
    for finder in list(sys.meta_path):
        try:
            spec = finder.find_spec(name, path)
        except Exception:
            # Python's own finder needs the parents of a namespace package. That of
            # another package may expect that any parents were imported.
            if finder is PathFinder:
                raise
            continue
        if spec is not None:
            return spec
    return None


def _search_path(package: str) -> list[str] | None:
    """Return the folders in which a package's modules are looked for.

    None: it is no package.
    """
    imported_package = sys.modules.get(package)
    if imported_package is None:
        spec = _find_spec(package)
    else:
        try:
            # Ordinary attribute access would load a lazy module.
            spec = object.__getattribute__(imported_package, "__spec__")
        except AttributeError:
            # Something that is no module stands in its place.
            return None
    path = getattr(spec, "submodule_search_locations", None)
    if path is None:
        return None
    return list(path)


PACKAGE: Final = f"{Path(__file__).parents[1]}{os.sep}"
"""The folder of this plugin, as the files of its frames begin."""

# The packages that run the tests. They get the real function in place of a mimicked
# one, as a replay in them would break the run itself.
_TEST_MACHINERY = frozenset(
    {"_pytest", "execnet", "pluggy", "pytest", "pytest_mimic", "xdist"}
)
# The distributions that this plugin requires: they call functions for it.
_REQUIRED_PACKAGES = frozenset({"cloudpickle", "filelock", "xxhash"})
_PACKAGES_THAT_CALL = sys.stdlib_module_names | _TEST_MACHINERY | _REQUIRED_PACKAGES
# The name of the distribution in the text of a `pyproject.toml`.
_NAME_IN_PYPROJECT = (
    r"""(?ms)^\[(?:project|tool\.poetry)\]$(?:(?!^\[).)*?^name\s*=\s*["']([^"']+)"""
)
# Taken now, before a test may replace the file system by a fake one.
_STDLIB = f"{realpath(Path(os.__file__).parent)}{os.sep}"


def is_in_stdlib(file: str) -> bool:
    """Check whether a file is one of the standard library.

    Its code is no input of a call. What it calls counts as called by its own caller.
    """
    # Distributions are installed inside the standard library's folder.
    return realpath(file).startswith(_STDLIB) and path_when_installed(file) is None


def is_in_project(file: str, rootdir: Path) -> bool:
    """Check whether a file belongs to the project.

    The project is what is installed nowhere, or editable, or what its rootdir builds.
    The code of the project is an input of its calls. Frames of it stay in reports.

    tox installs the distribution that the `pyproject.toml` in the rootdir names.
    """
    if file.startswith(PACKAGE):
        return False
    installed_path = path_when_installed(file)
    if installed_path is not None:
        return installed_path in _files_of_project(rootdir)
    return Path(file).is_absolute() and not is_in_stdlib(file)


def path_when_installed(file: str) -> str | None:
    """Return the path of an installed file in its folder of packages.

    None: it is not installed.
    """
    path = file.replace(os.sep, "/")
    path_inside = path
    for folder in ("/site-packages/", "/dist-packages/"):
        path_inside = path_inside.rpartition(folder)[2]
    if path_inside == path:
        return None
    return path_inside


@cache
def _files_of_project(rootdir: Path) -> frozenset[str]:
    """Return the installed files of the distribution that the rootdir builds."""
    try:
        text = (rootdir / "pyproject.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return frozenset()
    # Python 3.10 has no reader of TOML.
    name = re.search(_NAME_IN_PYPROJECT, text)
    if name is None:
        return frozenset()
    from importlib.metadata import PackageNotFoundError, files

    try:
        return frozenset(map(str, files(name[1]) or ()))
    except PackageNotFoundError:
        return frozenset()


def is_machinery(module: str) -> bool:
    """Return whether a module is of the packages that run the tests.

    References to a target in such a module are not replaced.
    """
    return module.partition(".")[0] in _TEST_MACHINERY


class _CallerOfMimicked(Enum):
    """Whose code has called a mimicked function, directly or through others."""

    #: pytest, a plugin of it, or an import: it gets the real function.
    MACHINERY = "machinery"
    #: The code under test: its calls are recorded and replayed.
    PROJECT = "project"
    #: The standard library, which calls for the frame behind it.
    GO_BETWEEN = "go-between"


def may_be_called_by_pytest(*modules: object) -> bool:
    """Return whether pytest or this plugin may call functions of a module.

    They may call those of the standard library, for example. Calls of any other
    function need no look at their caller, which takes time.
    """
    for module in modules:
        if isinstance(module, str):
            package = module.replace(":", ".").partition(".")[0]
            if package in _PACKAGES_THAT_CALL:
                return True
    return False


def called_by_pytest(*, depth: int = 2) -> bool:
    """Return whether pytest, a plugin or an import has called a mimicked function.

    The caller is the innermost frame outside the standard library.

    Args:
        depth: How many frames up the code is that has called the function.
    """
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None:
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        caller = _caller_of_code(frame.f_code.co_filename, package)
        if caller is not _CallerOfMimicked.GO_BETWEEN:
            return caller is _CallerOfMimicked.MACHINERY
        frame = frame.f_back
    # All of the stack is the standard library, as in a thread that the code under test
    # has started.
    return False


@cache
def _caller_of_code(file: str, package: str) -> _CallerOfMimicked:
    """Return whose code a frame is that may have called a mimicked function.

    Args:
        file: The file of its code.
        package: The first word of its module's name.
    """
    # A package of the project may be named like a plugin.
    is_plugin = package.startswith("pytest_") and path_when_installed(file) is not None
    is_import = file.startswith(("<frozen importlib", "<frozen zipimport"))
    if is_plugin or is_import or package in _TEST_MACHINERY | _REQUIRED_PACKAGES:
        return _CallerOfMimicked.MACHINERY
    # A package of the project may be named like one of the standard library: `test`.
    has_name_of_stdlib = package in sys.stdlib_module_names
    if has_name_of_stdlib and (file.startswith("<frozen ") or is_in_stdlib(file)):
        return _CallerOfMimicked.GO_BETWEEN
    return _CallerOfMimicked.PROJECT
