"""Reports when a watched module has been imported or reloaded; imports nothing itself."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class ImportWatch:
    """A finder before all others (`sys.meta_path`), which wraps the loaders that these find for watched modules.

    It calls `loaded` with a module's name after the module has been executed.

    Attributes:
        names: The modules that are watched.
    """

    def __init__(self, loaded: Callable[[str], None]) -> None:
        self.names: set[str] = set()
        self._loaded = loaded
        self._searching = threading.local()

    def watch(self, name: str) -> None:
        """Watch a module, until `end`."""
        self.names.add(name)
        if not (sys.meta_path and sys.meta_path[0] is self):
            self._leave()
            sys.meta_path.insert(0, self)

    def end(self) -> None:
        self.names.clear()
        self._leave()

    def _leave(self) -> None:
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the other finders' spec, with a loader that reports the end of the import."""
        # Another finder may ask all finders in turn, this one included. So a search within a search finds nothing.
        searched: set[str] = self._searching.__dict__.setdefault("names", set())
        if fullname not in self.names or fullname in searched:
            return None
        searched.add(fullname)
        try:
            others = (
                getattr(finder, "find_spec", None) for finder in list(sys.meta_path) if finder is not self
            )
            specs = (find(fullname, path, target) for find in others if find is not None)
            spec: ModuleSpec | None = next((spec for spec in specs if spec is not None), None)
        finally:
            searched.discard(fullname)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            loader: Any = _ReportingLoader(spec.loader, self._loaded)
            spec.loader = loader
        return spec


class _ReportingLoader:
    """Replaces a loader until it has executed the module; meanwhile it looks like that loader."""

    def __init__(self, loader: Any, loaded: Callable[[str], None]) -> None:
        self.loader = loader
        self._loaded = loaded

    def __getattr__(self, name: str) -> object:
        return getattr(self.loader, name)

    # importlib.resources and pkgutil choose by the class of a loader.
    @property  # type: ignore[misc]  # object's can be set, this one cannot
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # for the same reason
        return type(self.loader)

    def create_module(self, spec: ModuleSpec) -> object:
        create = getattr(self.loader, "create_module", None)
        return create(spec) if create else None

    def exec_module(self, module: ModuleType) -> None:
        spec: Any = object.__getattribute__(module, "__spec__")
        spec.loader = self.loader
        namespace = object.__getattribute__(module, "__dict__")
        if namespace.get("__loader__") is self:
            namespace["__loader__"] = self.loader
        self.loader.exec_module(module)
        self._loaded(spec.name)


def is_initialising(module: object) -> bool:
    """Return whether a module's import has begun but not ended."""
    return bool(getattr(_spec_of(module), "_initializing", False))


def is_lazy(module: object) -> bool:
    """Return whether a module of `importlib.util.LazyLoader` has not been loaded yet."""
    lazy = getattr(sys.modules.get("importlib.util"), "_LazyModule", None)
    if lazy is None or type(module) is not lazy:
        return False
    # From Python 3.12 on, the module keeps its class until it has been executed.
    return not _spec_of(module).loader_state.get("is_loading", False)


def _spec_of(module: object) -> Any:
    try:
        return object.__getattribute__(module, "__spec__")
    except AttributeError:
        return None
