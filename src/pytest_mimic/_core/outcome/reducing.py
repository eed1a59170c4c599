"""Ways to pickle a value that pickling by name and pickling by value share."""

from __future__ import annotations

import copy
import copyreg
import pickle
from contextlib import suppress
from enum import Enum, EnumMeta, Flag
from functools import lru_cache
from types import FunctionType
from typing import Any

from pytest_mimic._core.identity.kinds import is_stdlib
from pytest_mimic._core.identity.object_state import slot_members, slot_values
from pytest_mimic._core.outcome import exceptions
from pytest_mimic._core.outcome.names import name_of
from pytest_mimic._core.outcome.vouched import is_project

# Values that may read files later, by package and class, and how to get their data.
_LAZY = {
    ("polars", "LazyFrame"): "collect()",
    ("pyarrow", "FileSystemDataset"): "to_table()",
}


class UnkeptError(TypeError):
    """A value cannot be stored: it reads files later, or its class is pickled as a library's, which leaves out what it adds."""


def reduced(thing: Any) -> Any:
    """Return the reduction of a value that Python's own would not keep whole, or NotImplemented for any other."""
    if isinstance(thing, BaseException):
        return exceptions.reduce(thing)
    if (remedy := lazy_remedy(thing)) is not None:
        raise UnkeptError(remedy)
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
    state_of = getattr(cls, "__getstate__", None)
    keeps_all = state_of is _STATE_OF_OBJECT or getattr(state_of, "__module__", "") == "pydantic.main"
    if keeps_all and (cls.__reduce_ex__, cls.__reduce__) == _OF_OBJECT:
        return NotImplemented
    if is_stdlib(cls.__module__) or cls in copyreg.dispatch_table:
        return NotImplemented
    decides = next(base for base in cls.__mro__ if not _DECIDING.isdisjoint(vars(base)))
    package = decides.__module__.partition(".")[0]
    if package == cls.__module__.partition(".")[0] or is_project(decides.__module__):
        return NotImplemented
    reduction = thing.__reduce_ex__(4)
    if type(reduction) is not tuple:
        return NotImplemented
    attributes = getattr(thing, "__dict__", None) or None
    slots = slot_values(thing, slot_members(cls, below=decides))
    make, arguments, state, *items = (*reduction, None) if len(reduction) == 2 else reduction
    is_of_class = any(part is cls for part in (make, *arguments[:1]))
    if is_of_class and not (attributes or slots):
        return NotImplemented
    if is_of_class and state is None and is_stdlib(package):
        return make, arguments, (attributes, slots) if slots else attributes, *items
    again = thing
    # A class may keep a state of its own, and change it.
    state = dict(state) if type(state) is dict else state
    with suppress(Exception):  # which the pickle then raises too
        again = copy._reconstruct(thing, None, make, arguments, state)  # type: ignore[attr-defined]
    lost = {
        name for name, value in {**(attributes or {}), **slots}.items() if not _is_kept(name, value, again)
    }
    lost = lost and lost - _set_by(decides)
    if type(again) is cls and not lost:
        return NotImplemented
    names = f"leaves out {', '.join(sorted(lost))}" if lost else f"makes a {type(again).__qualname__} of it"
    raise UnkeptError(f"{name_of(decides)} decides how it is pickled, and {names}")


def _is_kept(name: str, value: object, again: Any) -> bool:
    """Return whether an attribute is equal in another object. One that is private may be made anew, as a lock or a cache."""
    with suppress(Exception):  # a property
        other = getattr(again, name)
        is_anew = name[:1] == "_" and (value is None or type(other) is type(value))
        if other is value or is_anew or pickle.dumps(other) == pickle.dumps(value):  # arrays and NaN too
            return True
        return bool(other == value)
    return name in getattr(type(again), "_internal_names_set", ())  # pandas' caches


@lru_cache
def _set_by(cls: type) -> frozenset[str]:
    """Return the names of the attributes that methods of a class and its bases set on `self`: it knows what it leaves out."""
    import dis

    members = (member for base in cls.__mro__ for member in vars(base).values())
    found: set[str] = set()
    for code in (member.__code__ for member in members if type(member) is FunctionType):
        loaded: Any = None
        for line in dis.get_instructions(code):
            if line.opname == "STORE_ATTR" and loaded in code.co_varnames[:1]:
                found.add(line.argval)
            # One instruction loads two variables, from Python 3.13 on.
            loaded = line.argval[-1] if type(line.argval) is tuple and line.argval else line.argval
    return frozenset(found)


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
_STATE_OF_OBJECT = getattr(object, "__getstate__", None)  # None before Python 3.11
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
