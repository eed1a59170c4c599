"""Descriptors: the function inside, and the same thing around another function."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial, partialmethod
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

CARRIERS: frozenset[type] = frozenset(
    {staticmethod, classmethod, property, cached_property, partialmethod, MethodType}
)
"""The types that may carry a function in a class or, for bound methods, in a module."""

# Where descriptors of other libraries keep their function, such as Django's cached_property.
_SLOTS = ("func", "fget", "wrapped", "__wrapped__")


def carried(held: object) -> object:
    """Return the function inside a descriptor or bound method, also a nested one; None for anything else."""
    inside = inner(held)
    return None if inside is None else carried(inside) or inside


def inner(held: object) -> Any:
    """Return the object directly inside a descriptor or bound method; None for anything else."""
    if isinstance(held, (staticmethod, classmethod, MethodType)):
        return held.__func__
    if isinstance(held, property):
        return held.fget
    if isinstance(held, (cached_property, partialmethod)):
        return held.func
    if callable(held) or not hasattr(type(held), "__get__"):
        return None
    own = getattr(held, "__dict__", {})
    return next((own[slot] for slot in _SLOTS if callable(own.get(slot))), None)


def rebuilt(held: object, wrapper: Callable[..., object]) -> Any:
    """Return a descriptor or bound method like `held`, with the wrapper in place of its function."""
    inside = inner(held)
    if inside is None:
        return wrapper
    replacement = rebuilt(inside, wrapper)
    if isinstance(held, MethodType):
        return MethodType(replacement, held.__self__)
    if isinstance(held, property):
        return _reborn(property, held, replacement, held.fset, held.fdel, held.__doc__)
    if isinstance(held, staticmethod):
        return _reborn(staticmethod, held, replacement)
    if isinstance(held, classmethod):
        return _reborn(classmethod, held, replacement)
    # Not copy.copy(), which leaves a `__slotnames__` in the class.
    twin: Any = object.__new__(type(held))
    vars(twin).update({name: replacement if value is inside else value for name, value in vars(held).items()})
    return twin


def _reborn(base: Any, held: object, *arguments: object) -> object:
    """Return an instance of the class of `held`. Its `__init__` may be a subclass's, with other parameters."""
    twin = type(held).__new__(type(held))
    base.__init__(twin, *arguments)
    getattr(twin, "__dict__", {}).update(getattr(held, "__dict__", {}))
    return twin


def behind(function: object) -> object:
    """Return the function behind a wrapper, of another run or put back after its end; else the function itself."""
    try:
        own = object.__getattribute__(function, "__dict__")
    except AttributeError:
        return function
    inside = own.get("__mimic_original__")
    # `functools.wraps` copies the mark onto what others wrap around a wrapper.
    return inside if inside is not None and own.get("__wrapped__") is inside else function


def as_attribute(function: object, wrapper: Callable[..., object]) -> object:
    """Return the object for a class to hold, so that the wrapper binds to instances if the function itself does."""
    kind = type(function)
    binds = hasattr(kind, "__get__") and not issubclass(kind, (MethodType, BuiltinFunctionType, partial))
    return wrapper if binds else staticmethod(wrapper)


def is_object(function: object) -> bool:
    """Check whether this is an object of a class written in Python, such as a decorator's, and no function."""
    kind = type(function)
    if kind is FunctionType:
        return False
    calls = next((vars(base)["__call__"] for base in kind.__mro__ if "__call__" in vars(base)), None)
    return isinstance(calls, FunctionType) and not issubclass(kind, type)
