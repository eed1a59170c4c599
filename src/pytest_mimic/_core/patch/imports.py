"""Reports when a watched module was imported or reloaded; imports nothing itself.

So the functions of a target are patched as soon as their module has been executed.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from pytest_mimic._core.patch.patches import namespace_of


class ImportWatch:
    """A finder before all others (`sys.meta_path`) that watches some modules.

    The finder wraps the loaders that the others find for these modules. It calls
    `loaded` with a module's name after the module has been executed.

    Attributes:
        names: The modules that are watched.
    """

    def __init__(self, loaded: Callable[[str], None]) -> None:
        self.names: set[str] = set()
        self._loaded = loaded
        self._searching = threading.local()

    def watch(self, name: str) -> None:
        """Watch a module, until `leave`."""
        self.names.add(name)
        if not (sys.meta_path and sys.meta_path[0] is self):
            # Another tool has put its finder before this one since.
            self.leave()
            sys.meta_path.insert(0, self)

    def leave(self) -> None:
        """Watch nothing any more, until the next `watch`."""
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return the others' spec, with a loader that reports the import's end.

        None: the module is not watched, or no finder finds it.
        """
        # Another finder may ask all finders in turn, this one included. So a search
        # within a search finds nothing.
        searched_names = vars(self._searching)
        if fullname not in self.names or fullname in searched_names:
            return None
        searched_names[fullname] = True
        try:
            spec = self._spec_of_others(fullname, path, target)
        finally:
            del searched_names[fullname]
        # A namespace package has no loader that executes anything.
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _ReportingLoader(spec.loader, self._loaded)  # type: ignore[assignment]
        return spec

    def _spec_of_others(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        """Return the spec that another finder gives for a module.

        None: no finder finds it.
        """
        for finder in list(sys.meta_path):
            # This finder would find nothing while `_searching` has the name, and a
            # finder of the old kind has no `find_spec`.
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None


class _ReportingLoader:
    """Stands in for a loader until it has executed the module, and looks like it."""

    def __init__(self, loader: Any, loaded: Callable[[str], None]) -> None:
        self._loader = loader
        self._loaded = loaded

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module as its own loader does, and report it."""
        namespace: Any = namespace_of(module)
        spec = namespace["__spec__"]
        # Code that asks the module for its loader gets its own.
        spec.loader = self._loader
        if namespace.get("__loader__") is self:
            namespace["__loader__"] = self._loader
        self._loader.exec_module(module)
        self._loaded(spec.name)


def is_incomplete(module: object) -> bool:
    """Return whether a module's import has begun but not ended.

    Its functions cannot be found yet: they are patched when the import ends.
    `importlib.util.LazyLoader` puts the end off.
    """
    if type(module).__name__ == "_LazyModule":
        return True
    spec = (namespace_of(module) or {}).get("__spec__")
    return bool(getattr(spec, "_initializing", False))
