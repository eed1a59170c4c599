"""Checks whether a module exists, without importing it or its parents."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder


def module_exists(name: str) -> bool:
    """Check whether a module is imported or can be found. Nothing is imported."""
    if name in sys.modules:
        return sys.modules[name] is not None
    return _find_spec(name) is not None


def file_of_module(name: str) -> str | None:
    try:
        spec = _find_spec(name)
    except (ImportError, ValueError):
        return None
    origin = None if spec is None else spec.origin
    return origin if origin is not None and origin.endswith(".py") else None


def closest_module(name: str) -> str | None:
    """Return the existing module that was most likely meant, or None.

    The first part of the name that does not exist is corrected, then the parts below it.
    """
    from pkgutil import iter_modules

    from pytest_mimic._core.words import closest_name

    parent, _, last = name.rpartition(".")
    if parent and not module_exists(parent):
        corrected = closest_module(parent)
        if corrected is None:
            return None
        below = f"{corrected}.{last}"
        return below if module_exists(below) else closest_module(below) or corrected
    siblings = {module.name for module in iter_modules(_search_path(parent) or [] if parent else None)}
    close = closest_name(last, siblings if parent else siblings | sys.stdlib_module_names)
    return close and (f"{parent}.{close}" if parent else close)


def _find_spec(name: str) -> ModuleSpec | None:
    # importlib.util.find_spec would import the parents.
    parent = name.rpartition(".")[0]
    path = _search_path(parent) if parent else None
    if parent and path is None:
        return None
    for finder in list(sys.meta_path):
        if finder is PathFinder:
            spec = _find_on_path(name, sys.path if path is None else path)
        else:
            try:
                spec = finder.find_spec(name, path)
            except Exception:  # a finder of another package may expect the parents to be imported
                spec = None
        if spec is not None:
            return spec
    return None


def _search_path(package: str) -> list[str] | None:
    """Return the folders in which a package's modules are looked for, or None if it is not a package."""
    if package in sys.modules:
        module = sys.modules[package]
        try:  # ordinary attribute access would load a lazy module
            own = object.__getattribute__(module, "__dict__")
        except AttributeError:
            own = {}
        path = own.get("__path__", getattr(type(module), "__path__", None))
    else:
        spec = _find_spec(package)
        path = spec.submodule_search_locations if spec else None
    return None if path is None else list(path)


def _find_on_path(name: str, path: Sequence[str]) -> ModuleSpec | None:
    # PathFinder would need the parent of a namespace package to be imported.
    from pkgutil import get_importer

    portions: list[str] = []
    for entry in path:
        finder = get_importer(entry)
        spec = finder.find_spec(name) if finder else None
        if spec and spec.loader:
            return spec
        portions.extend(spec.submodule_search_locations or () if spec else ())
    if not portions:
        return None
    namespace = ModuleSpec(name, None, is_package=True)
    namespace.submodule_search_locations = portions
    return namespace
