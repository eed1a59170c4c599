"""Classes and functions by name: `module:qualified.name`."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def name_of(thing: object) -> str:
    """The name a class or function gives itself."""
    return f"{getattr(thing, '__module__', None)}:{getattr(thing, '__qualname__', None)}"


def resolve(module: str, qualname: str) -> Any:
    """What the name stands for, importing its module.

    A private module of the standard library that this Python does not have is looked for in its public one:
    3.13 keeps paths in `pathlib._local`, others in `pathlib`.

    Raises:
        ImportError: There is no such module.
        AttributeError: The module has no such name.
    """
    found: Any = sys.modules.get(module) or _imported(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def _imported(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError:
        from pytest_mimic._identity.source import public_module

        public = public_module(module)
        if public == module:
            raise
        return import_module(public)


def importable(thing: object) -> Any:
    """What a class's or function's own name leads to, if that is the thing itself or a mimic wrapper of it."""
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
