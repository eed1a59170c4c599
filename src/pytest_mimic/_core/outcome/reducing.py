"""Ways to pickle a value that pickling by name and pickling by value share."""

from __future__ import annotations

import copyreg
import pickle
from enum import Enum, EnumMeta, Flag
from typing import Any

from pytest_mimic._core.identity.kinds import is_stdlib
from pytest_mimic._core.identity.object_state import slot_members, slot_values
from pytest_mimic._core.outcome import exceptions

# Values that may read files later, by package and class, and how to get their data.
_LAZY = {
    ("polars", "LazyFrame"): "collect()",
    ("pyarrow", "FileSystemDataset"): "to_table()",
}


class LazyValueError(TypeError):
    """A value cannot be stored, because it reads files later."""


def reduced(thing: Any) -> Any:
    """Return the reduction of a value that Python's own would not keep whole, or NotImplemented for any other."""
    if isinstance(thing, BaseException):
        return exceptions.reduce(thing)
    if (remedy := lazy_remedy(thing)) is not None:
        raise LazyValueError(remedy)
    if isinstance(thing, Enum):
        return _member(thing)
    # Its own way fetches a method by its name.
    if (
        type(thing).__name__ == "ZoneInfo"
        and getattr(thing, "key", None) is not None
        and type(thing).__module__ == "zoneinfo"
    ):
        return (type(thing), (thing.key,)) if type(thing)(thing.key) is thing else NotImplemented
    # Python 3.10 loses the scope.
    if type(thing).__name__ == "IPv6Address" and getattr(thing, "scope_id", None):
        return type(thing), (str(thing),)
    return _with_attributes(thing)


def _with_attributes(thing: Any) -> Any:
    """Return the reduction that a class inherits from one of Python's, with the attributes that this one leaves out."""
    cls: Any = type(thing)
    if (cls.__reduce_ex__, cls.__reduce__) == _OF_OBJECT or is_stdlib(cls.__module__):
        return NotImplemented
    decides = next(base for base in cls.__mro__ if not _DECIDING.isdisjoint(vars(base)))
    if not is_stdlib(decides.__module__) or cls in copyreg.dispatch_table:
        return NotImplemented
    attributes = getattr(thing, "__dict__", None) or None
    slots = slot_values(thing, slot_members(cls, below=decides))
    if not attributes and not slots:
        return NotImplemented
    reduction = thing.__reduce_ex__(4)
    make, arguments, state, *items = (*reduction, None) if len(reduction) == 2 else reduction
    if state is not None or not (make is cls or arguments[:1] == (cls,)):
        return reduction
    return make, arguments, (attributes, slots) if slots else attributes, *items


def _member(thing: Enum) -> Any:
    """Return the reduction of a member of an enum by its name: by its value, or in other ways, some Pythons call code."""
    cls = type(thing)
    reduces = (vars(base)[name] for base in cls.__mro__ for name in _MAKERS if name in vars(base))
    own = next(reduces)
    if getattr(own, "__module__", "enum") != "enum":
        return NotImplemented
    if vars(cls)["_member_map_"].get(thing._name_) is thing:
        return member, (cls, thing._name_)
    return (member, (cls, thing._value_)) if isinstance(thing, Flag) else NotImplemented


_MAKERS = ("__reduce_ex__", "__reduce__")
_OF_OBJECT = (object.__reduce_ex__, object.__reduce__)
# With one of these, a class decides itself what is kept of its objects.
_DECIDING = frozenset({*_MAKERS, "__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__"})


def member(cls: Any, name: str | int) -> object:
    """Return the member of an enum with a name, or the combination of flags with a number."""
    if not issubclass(type(cls), EnumMeta):
        raise pickle.UnpicklingError("no enum")
    if type(name) is int:
        return cls(name)
    try:
        return vars(cls)["_member_map_"][name]
    except KeyError:
        raise AttributeError(f"{cls.__module__}:{cls.__qualname__} has no member {name!r}") from None


def lazy_remedy(thing: object) -> str | None:
    """Return how to get the data of a value that may read files later, which may be gone then. None for any other value."""
    return _LAZY.get((str(type(thing).__module__).partition(".")[0], type(thing).__name__))


def named(module: str, qualname: str) -> Any:
    """Represent a function whose name leads to its mimic wrapper (see `NAMED`).

    It always raises UnpicklingError. Only pytest-mimic loads such a pickle, and never calls this.
    """
    raise pickle.UnpicklingError(f"{module}:{qualname} is loaded by pytest-mimic alone")
