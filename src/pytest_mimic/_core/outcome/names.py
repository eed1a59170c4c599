"""Classes and functions by their names, `module:qualname`: no code of theirs runs to find them."""

from __future__ import annotations

import sys
import types
from collections.abc import Collection
from importlib import import_module
from typing import TypeGuard


def name_of(thing: object) -> str:
    """Return the name in a class's or function's own attributes, which may lead elsewhere."""
    return f"{getattr(thing, '__module__', None)}:{getattr(thing, '__qualname__', None)}"


def resolve(module: str, qualname: str) -> object:
    """Return the object with a name, importing its module.

    If this Python lacks a private module of the standard library, the public module is used instead: Python 3.13
    has paths in `pathlib._local`, other versions in `pathlib`.

    Raises:
        ImportError: There is no such module.
        AttributeError: The module has no such name.
    """
    found = _imported(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def _imported(module: str) -> object:
    found = sys.modules.get(module)
    if found is not None:
        return found
    try:
        return import_module(module)
    except ModuleNotFoundError:
        from pytest_mimic._core.identity.callables import public_module

        public = public_module(module)
        if public == module:
            raise
        return import_module(public)


def resolve_plainly(module: str, qualname: str) -> object:
    """Return what has a name, importing its module. Nothing else of it runs: only modules and classes are opened.

    The errors are those of `resolve`, and NoClassError: it leads through something else, or a class that may run code.
    """
    found = _imported(module)
    for part in qualname.split("."):
        if issubclass(type(found), types.ModuleType):
            found = getattr(found, part)
            continue
        if not has_plain_metaclass(found):
            raise NoClassError
        space = next((vars(base) for base in found.__mro__ if part in vars(base)), None)
        if space is None:
            raise AttributeError(f"{module} has no class {qualname}", name=qualname)
        found = space[part]
        if type(found) is staticmethod:
            found = found.__func__
        elif type(found) not in _INERT and not has_plain_metaclass(found) and hasattr(type(found), "__get__"):
            raise NoClassError
    return found


_INERT = (
    *(types.FunctionType, types.BuiltinFunctionType, types.ModuleType),
    *(types.MethodDescriptorType, types.WrapperDescriptorType),
)


class RefusedError(Exception):
    """A recording imports a name that it may not, or its pickle would change an object that it imports."""


class NoClassError(Exception):
    """A name leads to something else than a class, or through what has to run to be looked at."""


def has_plain_metaclass(thing: object) -> TypeGuard[type]:
    """Return whether a thing is a class whose metaclass leaves to Python how a class is read and compared."""
    for meta in type(thing).__mro__:
        if meta is type:
            return True
        if not _READING.isdisjoint(vars(meta)) or type(vars(meta).get("__module__", "")) is not str:
            return False
    return False


_READING = frozenset(
    "__getattribute__ __class__ __dict__ __mro__ __flags__ __qualname__ __name__ __hash__ __eq__".split()
)


# Modules that write methods into the classes of others, which do nothing else than Python's own.
_GENERATING = (
    *("attr._make", "dataclasses", "enum"),
    *("pydantic.main", "pydantic.root_model", "pydantic._internal._model_construction"),
)


def is_generated(method: object, names: Collection[str] = ()) -> bool:
    """Return whether one of these modules, or one of the `names`, has written a method."""
    function = method.__func__ if isinstance(method, (staticmethod, classmethod)) else method
    if type(function) is not types.FunctionType:
        return False
    space = function.__globals__
    modules = (vars(sys.modules[name]) for name in _GENERATING if name in sys.modules)
    return any(space is module for module in modules) or space.get("__name__") in names


def importable(thing: object) -> object:
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
