"""Imports the plugin's own modules fast: without pytest's assertion rewriting."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import (
    SOURCE_SUFFIXES,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from types import ModuleType

_NOT_FOR_CALLS = (
    "pytest_mimic._clients.",
    "pytest_mimic._tools.cli",
    "pytest_mimic.__main__",
)


class _HiddenLoader(SourceFileLoader):
    """Leaves a module out of pytest's tracebacks, so that a failure points at the user's line."""

    def exec_module(self, module: ModuleType) -> None:
        _hide(module)
        super().exec_module(module)


def _hide(module: ModuleType) -> None:
    module.__dict__["__tracebackhide__"] = True


class PlainImports:
    """A finder for the modules of this package, in front of pytest's own.

    pytest rewrites the assertions in all modules of a distribution that has a plugin,
    so that they report the values
    that they compare. No module of this package needs that, and it more than doubles
    the time of their import. Python's
    own finder would also look for compiled modules, which takes a tenth of that time.
    """

    def __init__(self) -> None:
        self._finders: dict[
            str, FileFinder
        ] = {}  # by folder: each keeps the names of its files

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return the spec of a source file of this package.

        None for any other module: other finders look for it.
        """
        if not path or not name.startswith("pytest_mimic."):
            return None
        if path[0] not in self._finders:
            self._finders[path[0]] = FileFinder(
                path[0], (_HiddenLoader, SOURCE_SUFFIXES)
            )
        return self._finders[path[0]].find_spec(name, target)


def use_plain_imports() -> Callable[[], None]:
    """Import the plugin's own modules plainly from now on, until the returned function is called.

    Modules that are loaded by now, such as the plugin's, are left out of tracebacks as
    those to come.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith("pytest_mimic."):
            _hide(module)
    finder = PlainImports()
    sys.meta_path.insert(0, finder)

    def end() -> None:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)

    return end


def load_all() -> None:
    """Load all modules that a call may need, and let pyfakefs leave them alone.

    It replaces `os` and `open` in all modules but those with these names. A module that
    is loaded within its fake would
    keep the fake for the rest of the run. Those of clients are loaded when one is
    mimicked.
    """
    from importlib import import_module
    from pkgutil import walk_packages

    import pytest_mimic

    for module in walk_packages(pytest_mimic.__path__, "pytest_mimic."):
        if not module.name.startswith(_NOT_FOR_CALLS):
            import_module(module.name)
    fakes = sys.modules["pyfakefs.fake_filesystem_unittest"]
    fakes.Patcher.SKIPNAMES |= {
        name for name in sys.modules if name.startswith("pytest_mimic")
    }
