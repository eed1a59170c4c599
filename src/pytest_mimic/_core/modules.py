"""Tells whether a module exists, without importing it or its parents."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, PathFinder


def module_exists(name: str) -> bool:
    """Check whether a module is imported or can be found. Nothing is imported. What cannot be judged counts as there."""
    if name in sys.modules:
        return sys.modules[name] is not None
    try:
        return _find_spec(name) is not None
    except LookupError:  # a namespace package in another one
        return True


def file_of_module(name: str) -> str | None:
    """Return the source file of a module, if it can be found."""
    try:
        origin = getattr(_find_spec(name), "origin", None)
    except (ImportError, LookupError, ValueError):
        return None
    return origin if origin is not None and origin.endswith(".py") else None


def closest_module(name: str) -> str:
    """Return ` (did you mean …?)` with the existing module of the same package that is closest, or an empty string."""
    from pkgutil import iter_modules

    from pytest_mimic._core.words import closest_name

    parent, dot, last = name.rpartition(".")
    path = (_search_path(parent) or []) if parent else None
    close = closest_name(last, [module.name for module in iter_modules(path)])
    return f" (did you mean {parent}{dot}{close}?)" if close else ""


def _find_spec(name: str) -> ModuleSpec | None:
    # importlib.util.find_spec would import the parents.
    parent = name.rpartition(".")[0]
    path = _search_path(parent) if parent else None
    for finder in list(sys.meta_path) if path is not None or not parent else ():
        try:
            spec = finder.find_spec(name, path)
        except Exception:  # a finder of another package may expect the parents to be imported
            if finder is PathFinder:  # which needs the parents of a namespace package
                raise
            continue
        if spec is not None:
            return spec
    return None


def _search_path(package: str) -> list[str] | None:
    """Return the folders in which a package's modules are looked for, or None if it is not a package."""
    imported = sys.modules.get(package)
    try:
        # Ordinary attribute access would load a lazy module.
        spec = _find_spec(package) if imported is None else object.__getattribute__(imported, "__spec__")
    except AttributeError:  # some other object
        return None
    path = getattr(spec, "submodule_search_locations", None)
    return None if path is None else list(path)
