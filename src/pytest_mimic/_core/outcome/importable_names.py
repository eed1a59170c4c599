"""Classes and functions by name: `module:qualified.name`."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

# Recordings of 1.0.0rc1 name functions of this package there.
_BEFORE = "pytest_mimic._outcome."


def name_of(thing: object) -> str:
    """Return the name in a class's or function's own attributes, which may lead elsewhere."""
    return f"{getattr(thing, '__module__', None)}:{getattr(thing, '__qualname__', None)}"


def resolve(module: str, qualname: str) -> Any:
    """Return the object with a name, importing its module.

    If this Python lacks a private module of the standard library, the public module is used instead: Python 3.13
    has paths in `pathlib._local`, other versions in `pathlib`.

    Raises:
        ImportError: There is no such module.
        AttributeError: The module has no such name.
    """
    if module.startswith(_BEFORE):
        module = module.replace(_BEFORE, "pytest_mimic._core.outcome.")
    found: Any = sys.modules.get(module)
    if found is None:
        try:
            found = import_module(module)
        except ModuleNotFoundError:
            from pytest_mimic._core.identity.callables import public_module

            public = public_module(module)
            if public == module:
                raise
            found = import_module(public)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def importable(thing: object) -> Any:
    """Resolve the own name of a class or function. Return None unless it leads to that or to its mimic wrapper."""
    module, qualname = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(qualname, str) or module not in sys.modules:
        return None
    try:
        found = resolve(module, qualname)
    except AttributeError:
        return None
    if found is thing or getattr(found, "__mimic_original__", None) is thing:
        return found
    return found if getattr(thing, "__mimic_original__", None) is found else None
