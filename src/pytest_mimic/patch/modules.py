"""Says whether what a line names exists, and imports no module for it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.machinery import ModuleSpec, PathFinder

from pytest_mimic.errors import TargetError, closest
from pytest_mimic.patch.holders import namespace_of
from pytest_mimic.patch.targets import Target


def is_incomplete(module: object) -> bool:
    """Return whether the import of a module has begun but not ended.

    `importlib.util.LazyLoader` puts the end off.
    """
    spec = namespace_of(module).get("__spec__")
    is_importing = bool(getattr(spec, "_initializing", False))
    return is_importing or type(module).__name__ == "_LazyModule"


def module_exists(name: str) -> bool:
    """Return whether a module is imported or can be found.

    What cannot be judged counts as there.
    """
    if name in sys.modules:
        return sys.modules[name] is not None
    try:
        return spec_of(name) is not None
    except LookupError:
        # Python's finder cannot judge a namespace package in another one.
        return True


def closest_module(name: str) -> str:
    """Return the module whose name comes closest, as its packages may differ.

    shopp.apy, beside shop/api.py → shop.api; empty: none is close.
    """
    from pkgutil import iter_modules  # only errors need it

    parent, dot, last = name.rpartition(".")
    if parent and _folders_of(parent) is None:
        parent = closest_module(parent)
        if not parent:
            return ""
        if module_exists(f"{parent}.{last}"):
            return f"{parent}.{last}"
    folders = (_folders_of(parent) or []) if parent else None
    found = closest(last, [module.name for module in iter_modules(folders)])
    return found and f"{parent}{dot}{found}"


def spec_of(name: str) -> ModuleSpec | None:
    """Return the spec of a module; `importlib.util.find_spec` imports its packages.

    Raises:
        LookupError: It is in a namespace package, and its finder cannot judge it.
    """
    parent = name.rpartition(".")[0]
    folders = _folders_of(parent) if parent else None
    if parent and folders is None:
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
        if spec:
            return spec
    return None


def _folders_of(package: str) -> list[str] | None:
    """Return the folders in which a package's modules lie; None: it is no package."""
    if package in sys.modules:
        # Ordinary access would load a lazy module.
        spec = namespace_of(sys.modules[package]).get("__spec__")
    else:
        spec = spec_of(package)
    folders = getattr(spec, "submodule_search_locations", None)
    return None if folders is None else list(folders)


# -- what lines name that does not exist


def missing_modules(targets: Iterable[Target]) -> list[TargetError]:
    """Return an error for each function without a module; imports nothing."""
    errors = []
    for target in targets:
        if not target.is_client and not module_exists(target.module):
            what = f"{target.name} does not exist: there is no module {target.module}"
            close = closest_module(target.module)
            hint = f" (did you mean {close}?)" if close else ""
            errors.append(target.error(what + hint))
    return errors


def is_absent_client(target: Target) -> bool:
    """Return whether a target is a client that is not installed."""
    is_of_one_library = target.is_client and target.module not in ("llm", "http")
    return is_of_one_library and not module_exists(target.module)


def absent_client(client: str) -> TargetError:
    """Return the error for a client that is not installed."""
    return TargetError(
        f"the client {client} is not installed",
        remedies=[("to install it", f"pip install {client}")],
    )
