"""Whether a module exists: imported, or found along the path without importing it or its parents."""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

from pytest_mimic._targets.spelling import closest_name


def module_exists(name: str) -> bool:
    """Whether a module is imported or can be found; nothing is imported."""
    if name in sys.modules:
        return sys.modules[name] is not None
    return _find_spec(name) is not None


def closest_module(name: str) -> str | None:
    """The existing module that was most likely meant: the first part that is missing, put right."""
    parent, _, last = name.rpartition(".")
    if parent and not module_exists(parent):
        right = closest_module(parent)
        return right and _below(right, last)
    close = closest_name(last, _siblings(parent))
    return close and (f"{parent}.{close}" if parent else close)


def _below(parent: str, last: str) -> str:
    """The module of that name in a package, or one like it, or the package."""
    name = f"{parent}.{last}"
    return name if module_exists(name) else closest_module(name) or parent


def _siblings(parent: str) -> set[str]:
    """The names of the modules in a package, of those at the top without one."""
    if not parent:
        return {module.name for module in pkgutil.iter_modules()} | sys.stdlib_module_names
    return {module.name for module in pkgutil.iter_modules(_search_path(parent) or [])}


def _find_spec(name: str) -> ModuleSpec | None:
    """As `importlib.util.find_spec`, which would import the parents."""
    parent = name.rpartition(".")[0]
    path = _search_path(parent) if parent else None
    if parent and path is None:
        return None
    specs = (_ask(finder, name, path) for finder in list(sys.meta_path))
    return next((spec for spec in specs if spec is not None), None)


def _search_path(package: str) -> list[str] | None:
    """Where a package's modules are looked for; None for what is no package."""
    if package in sys.modules:
        path = _path_of(sys.modules[package])
    else:
        spec = _find_spec(package)
        path = spec.submodule_search_locations if spec else None
    return None if path is None else list(path)


def _path_of(module: object) -> Any:
    """A module's `__path__`; a lazy module is not made to load."""
    try:
        own = object.__getattribute__(module, "__dict__")
    except AttributeError:
        own = {}
    return own.get("__path__", getattr(type(module), "__path__", None))


def _ask(finder: Any, name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    if finder is PathFinder:
        return _find_on_path(name, sys.path if path is None else path)
    try:
        spec: ModuleSpec | None = finder.find_spec(name, path)
    except Exception:  # other people's code, which may expect the parents to be imported
        return None
    return spec


def _find_on_path(name: str, path: Sequence[str]) -> ModuleSpec | None:
    """As PathFinder, which needs the parent of a namespace package to be imported."""
    portions: list[str] = []
    for entry in path:
        finder = pkgutil.get_importer(entry)
        spec = finder.find_spec(name) if finder else None
        if spec and spec.loader:
            return spec
        portions.extend(spec.submodule_search_locations or () if spec else ())
    if not portions:
        return None
    namespace = ModuleSpec(name, None, is_package=True)
    namespace.submodule_search_locations = portions
    return namespace
