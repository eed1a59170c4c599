"""Says when a watched module was imported, and whether one exists, importing none."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from pytest_mimic.errors import did_you_mean
from pytest_mimic.patch.patches import namespace_of


class ImportWatch:
    """A finder before all others that wraps the loaders they find for some modules.

    It calls `loaded` with a module's name each time the module has been executed.
    """

    def __init__(self, loaded: Callable[[str], None]) -> None:
        self.names: set[str] = set()
        self._loaded = loaded
        self._searching = threading.local()

    def watch(self, name: str) -> None:
        """Watch a module until `leave`."""
        self.names.add(name)
        if not (sys.meta_path and sys.meta_path[0] is self):
            # Another tool has put its finder before this one.
            self.leave()
            sys.meta_path.insert(0, self)

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
        searching = vars(self._searching)
        if fullname not in self.names or fullname in searching:
            return None
        searching[fullname] = True
        try:
            spec = self._spec_of_others(fullname, path, target)
        finally:
            del searching[fullname]
        # A namespace package has no loader that executes anything.
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _ReportingLoader(spec.loader, self._loaded)  # type: ignore[assignment]
        return spec

    def _spec_of_others(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
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
        namespace: Any = namespace_of(module)
        spec = namespace["__spec__"]
        # Code that asks the module for its loader gets its own.
        spec.loader = self._loader
        if namespace.get("__loader__") is self:
            namespace["__loader__"] = self._loader
        self._loader.exec_module(module)
        self._loaded(spec.name)


def is_incomplete(module: object) -> bool:
    """Return whether the import of a module has begun but not ended.

    `importlib.util.LazyLoader` puts the end off.
    """
    if type(module).__name__ == "_LazyModule":
        return True
    spec = (namespace_of(module) or {}).get("__spec__")
    return bool(getattr(spec, "_initializing", False))


# -- whether a module exists


def module_exists(name: str) -> bool:
    """Return whether a module is imported or can be found, without importing it.

    What cannot be judged counts as there.
    """
    if name in sys.modules:
        return sys.modules[name] is not None
    try:
        return _spec_of(name) is not None
    except LookupError:
        # Python's finder cannot judge a namespace package in another one.
        return True


def closest_module(name: str) -> str:
    """Return ` (did you mean …?)` with the closest module, whose packages may differ.

    shopp.api, beside shop/api.py → (did you mean shop.api?)
    """
    close = _closest(name)
    return f" (did you mean {close}?)" if close else ""


def _closest(name: str) -> str:
    from pkgutil import iter_modules

    parent, dot, last = name.rpartition(".")
    if parent and _folders_of(parent) is None:
        parent = _closest(parent)
        if not parent:
            return ""
        if module_exists(f"{parent}.{last}"):
            return f"{parent}.{last}"
    folders = (_folders_of(parent) or []) if parent else None
    hint = did_you_mean(last, [module.name for module in iter_modules(folders)])
    close = hint.removeprefix(" (did you mean ").removesuffix("?)")
    return f"{parent}{dot}{close}" if close else ""


def _spec_of(name: str) -> ModuleSpec | None:
    """Return the spec of a module; `importlib.util.find_spec` imports its packages."""
    folders = None
    parent = name.rpartition(".")[0]
    if parent:
        folders = _folders_of(parent)
        if folders is None:
            return None
    for finder in list(sys.meta_path):
        try:
            spec = finder.find_spec(name, folders)
        except Exception:
            # Python's own finder needs the parents of a namespace package; that of
            # another package may expect that any parents were imported.
            if finder is PathFinder:
                raise
            continue
        if spec is not None:
            return spec
    return None


def _folders_of(package: str) -> list[str] | None:
    """Return the folders in which a package's modules lie; None: it is no package."""
    if package in sys.modules:
        # Ordinary access would load a lazy module.
        spec = (namespace_of(sys.modules[package]) or {}).get("__spec__")
    else:
        spec = _spec_of(package)
    folders = getattr(spec, "submodule_search_locations", None)
    return None if folders is None else list(folders)
