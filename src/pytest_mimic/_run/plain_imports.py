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


class _HiddenLoader(SourceFileLoader):
    """Leaves a module out of pytest's tracebacks.

    So a failure points at the user's line.
    """

    def exec_module(self, module: ModuleType) -> None:
        _hide(module)
        super().exec_module(module)


def _hide(module: ModuleType) -> None:
    """Set the global variable by which pytest hides the frames of a module."""
    module.__dict__["__tracebackhide__"] = True


class PlainImports:
    """A finder for the modules of this package, in front of pytest's own.

    pytest rewrites the assertions in all modules of a distribution that has a plugin,
    so that they report the values that they compare. No module of this package needs
    that, and it more than doubles the time of their import. Python's own finder would
    also look for compiled modules, which takes a tenth of that time.
    """

    def __init__(self) -> None:
        # By folder. A finder reads the names of the files in its folder once.
        self._finders: dict[str, FileFinder] = {}

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return the spec of a source file of this package.

        None: it is another module, for which other finders look.
        """
        if not path or not name.startswith("pytest_mimic."):
            return None
        folder = path[0]
        if folder not in self._finders:
            self._finders[folder] = FileFinder(folder, (_HiddenLoader, SOURCE_SUFFIXES))
        return self._finders[folder].find_spec(name, target)


def use_plain_imports() -> Callable[[], None]:
    """Import the plugin's own modules plainly from now on.

    Modules that are loaded already, such as the plugin, are left out of tracebacks,
    too.

    Returns:
        A function that ends it, for the end of the run.
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
