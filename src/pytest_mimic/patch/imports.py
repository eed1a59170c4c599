"""Says when a watched module has been imported."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from pytest_mimic.patch.holders import namespace_of


class ImportWatch:
    """A finder before all others that wraps the loaders they find for some modules.

    It calls `loaded` with a module's name each time the module has been executed.
    """

    def __init__(self, loaded: Callable[[str], None]) -> None:
        self.names: set[str] = set()
        self._loaded = loaded
        self._asking = threading.local()

    def watch(self, name: str) -> None:
        """Watch a module until `leave`."""
        self.names.add(name)
        # At its end, pyfakefs takes away the finder that stands first.
        place = int(type(sys.meta_path[0]).__module__.startswith("pyfakefs"))
        if sys.meta_path[place] is not self:
            # Another tool may have put its finder before this one.
            self.leave()
            sys.meta_path.insert(place, self)

    def leave(self) -> None:
        """Watch nothing until the next `watch`."""
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return the spec of another finder, with a loader that reports its end."""
        # Another finder may ask all finders in turn, this one too.
        asked: set[str] = vars(self._asking).setdefault("names", set())
        if fullname not in self.names or fullname in asked:
            return None
        finders = [one for one in sys.meta_path if hasattr(one, "find_spec")]
        found = (finder.find_spec(fullname, path, target) for finder in finders)
        asked.add(fullname)
        try:
            spec = next(filter(None, found), None)
        finally:
            asked.remove(fullname)
        # A namespace package has no loader that executes anything.
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _ReportingLoader(spec.loader, self._loaded)  # type: ignore[assignment]
        return spec


class _ReportingLoader:
    """Stands in for a loader until it has executed the module, and looks like it."""

    def __init__(self, loader: Any, loaded: Callable[[str], None]) -> None:
        self._loader = loader
        self._loaded = loaded

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def exec_module(self, module: ModuleType) -> None:
        # Code that asks the module for its loader gets its own.
        namespace = namespace_of(module)
        spec = namespace["__spec__"]
        spec.loader = self._loader
        if namespace.get("__loader__") is self:
            namespace["__loader__"] = self._loader
        self._loader.exec_module(module)
        self._loaded(spec.name)
