"""Classes and functions by their names, `module:qualname`, which are equal on every Python."""

from __future__ import annotations

import sys
import types
from collections.abc import Collection
from importlib import import_module
from typing import Any

from pytest_mimic._core.types.kinds import is_stdlib


def name_of(thing: object) -> str:
    """Return the name in a class's or function's own attributes, which may lead elsewhere."""
    return f"{getattr(thing, '__module__', None)}:{getattr(thing, '__qualname__', None)}"


def public_module(name: str) -> str:
    """Return a module's name without the private parts of the standard library, which vary by version."""
    first, *rest = name.split(".") if name else ("",)
    if is_stdlib(first):
        return ".".join([first, *(part for part in rest if not part.startswith("_"))])
    return name


def find(name: str) -> Any:
    """Return the object with a name, importing its module.

    If this Python lacks a private module of the standard library, the public module is used instead: Python 3.13
    has paths in `pathlib._local`, other versions in `pathlib`.

    Raises:
        ImportError: There is no such module.
        AttributeError: The module has no such name.
    """
    module, _, qualname = name.partition(":")
    found: object = sys.modules.get(module)
    if found is None:
        try:
            found = import_module(module)
        except ModuleNotFoundError:
            public = public_module(module)
            if public == module:
                raise
            found = import_module(public)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def original(thing: object) -> Any:
    """Return the function behind a mimic wrapper. Any other value is returned as it is."""
    return getattr(thing, "__mimic_original__", thing)


def named_like(thing: object) -> object:
    """Return what the own name of a class or function leads to, None if there is nothing."""
    found: Any = sys.modules.get(getattr(thing, "__module__", None) or "")
    for step in str(getattr(thing, "__qualname__", "")).split("."):
        found = getattr(found, step, None)
    return found


def importable(thing: object) -> object:
    """Return what the own name of a class or function leads to: that, or its mimic wrapper. None for anything else."""
    found = named_like(thing)
    return found if found is not None and original(found) is original(thing) else None


# Modules that write methods into the classes of others, which do nothing else than Python's own.
_GENERATING = (
    *("attr._make", "dataclasses", "enum"),
    *("pydantic.main", "pydantic.root_model", "pydantic._internal._model_construction"),
)


def is_generated(method: object, names: Collection[str] = ()) -> bool:
    """Return whether one of these modules, or one of the `names`, has written a method."""
    function: Any = method.__func__ if isinstance(method, (staticmethod, classmethod)) else method
    is_function = type(function) is types.FunctionType
    return is_function and function.__globals__.get("__name__") in (*_GENERATING, *names)
