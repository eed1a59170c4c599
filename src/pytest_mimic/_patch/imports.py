"""Tells when a watched module has been imported or reloaded; imports nothing itself."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class ImportWatch:
    """A finder that stands first, lets the others find, and tells when a watched module has run.

    Args:
        loaded: Called with a module's name after the module has been executed.
    """

    def __init__(self, loaded: Callable[[str], None]) -> None:
        self.names: frozenset[str] = frozenset()
        self._loaded = loaded
        self._searching = threading.local()

    def watch(self, names: Iterable[str]) -> None:
        """Watch these modules and no others; with none, be no finder any more."""
        self.names = frozenset(names)
        if self.names and sys.meta_path and sys.meta_path[0] is self:
            return
        self._leave()
        if self.names:
            sys.meta_path.insert(0, self)

    def _leave(self) -> None:
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The other finders' spec, with a loader that tells."""
        if fullname not in self.names or fullname in self._searched():
            return None
        self._searched().add(fullname)
        try:
            spec = self._find(fullname, path, target)
        finally:
            self._searched().discard(fullname)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            _put_loader(spec, _TellingLoader(spec.loader, self._loaded))
        return spec

    def _searched(self) -> set[str]:
        """The names that this thread is looking for: a finder may ask all others, us included."""
        try:
            names: set[str] = self._searching.names
        except AttributeError:
            names = self._searching.names = set()
        return names

    def _find(self, *search: Any) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find_spec = getattr(finder, "find_spec", None)
            if finder is not self and find_spec is not None:
                spec: ModuleSpec | None = find_spec(*search)
                if spec is not None:
                    return spec
        return None


def _put_loader(spec: Any, loader: object) -> None:
    spec.loader = loader


class _TellingLoader:
    """Stands in for a loader until it executes the module, and passes for it meanwhile."""

    def __init__(self, loader: Any, loaded: Callable[[str], None]) -> None:
        self.loader = loader
        self._loaded = loaded

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    @property  # type: ignore[misc]  # object's can be set, this one only passes for another
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # so, too
        return type(self.loader)

    def create_module(self, spec: ModuleSpec) -> Any:
        create = getattr(self.loader, "create_module", None)
        return create(spec) if create else None

    def exec_module(self, module: ModuleType) -> None:
        __tracebackhide__ = True
        spec: Any = object.__getattribute__(module, "__spec__")
        spec.loader = self.loader
        namespace = object.__getattribute__(module, "__dict__")
        if namespace.get("__loader__") is self:
            namespace["__loader__"] = self.loader
        self.loader.exec_module(module)
        if is_lazy(module) and spec.loader is not self.loader:
            tell_when_loaded(module, self._loaded)
        else:
            self._loaded(spec.name)


def tell_when_initialised(module: object, loaded: Callable[[str], None]) -> None:
    """Tell when a module that is being imported just now has been executed.

    Its import has begun before anything was watched, so no loader of ours is in it. The import
    system ends it with `spec._initializing = False`, and that is what is heard here.
    """
    spec = _spec_of(module)
    if not isinstance(spec, ModuleSpec):
        return
    kind: Any = type(spec)

    class Heard(kind):  # type: ignore[misc]  # its own class, or that of another who listens
        @property
        def _initializing(self) -> bool:
            return True

        @_initializing.setter
        def _initializing(self, value: bool) -> None:
            self.__class__ = kind
            self._initializing = value
            if not value:
                loaded(self.name)

    spec.__class__ = Heard


def is_initialising(module: object) -> bool:
    spec = _spec_of(module)
    return bool(getattr(spec, "_initializing", False))


def _spec_of(module: object) -> Any:
    try:
        return object.__getattribute__(module, "__spec__")
    except AttributeError:
        return None


def is_lazy(module: object) -> bool:
    """Whether a module of `importlib.util.LazyLoader` has not been loaded yet."""
    lazy = getattr(sys.modules.get("importlib.util"), "_LazyModule", None)
    return lazy is not None and type(module) is lazy


def tell_when_loaded(module: object, loaded: Callable[[str], None]) -> None:
    """Tell when a lazy module has been loaded by its first use."""
    spec = _spec_of(module)
    if not isinstance(spec.loader, _TellingLoader):
        spec.loader = _TellingLoader(spec.loader, loaded)


def stop_telling(module: object) -> None:
    """Give a lazy module that is still not loaded its own loader back."""
    spec = _spec_of(module)
    if is_lazy(module) and isinstance(spec.loader, _TellingLoader):
        spec.loader = spec.loader.loader


class AskedModule:
    """Stands in for a module's `__getattr__`, and tells what it gives.

    Args:
        module: The module's name.
        namespace: Its namespace, where this takes the place of `__getattr__`.
        given: Called with the module, the name and the value; gives what the caller is to have.
    """

    def __init__(
        self, module: str, namespace: dict[str, Any], given: Callable[[str, str, object], object]
    ) -> None:
        self.names: set[str] = set()
        self._module = module
        self.namespace = namespace
        self._given = given
        self._real = namespace["__getattr__"]
        namespace["__getattr__"] = self

    def __call__(self, name: str) -> object:
        value = self._real(name)
        return self._given(self._module, name, value) if name in self.names else value

    def restore(self) -> None:
        """Give the module its own `__getattr__` back."""
        if self.namespace.get("__getattr__") is self:
            self.namespace["__getattr__"] = self._real
