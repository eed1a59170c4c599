"""Ways to pickle a value that pickling by name and pickling by value share."""

from __future__ import annotations

import copy
import copyreg
import pickle
from enum import Enum, EnumMeta, Flag
from typing import Any

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
    _refuse_lost_attributes(thing)
    return NotImplemented


def _refuse_lost_attributes(thing: Any) -> None:
    """Raise UnkeptError if a library's way to pickle leaves out attributes that a class of another package adds."""
    cls: Any = type(thing)
    decides = next((base for base in cls.__mro__ if not _DECIDING.isdisjoint(vars(base))), object)
    package = decides.__module__.partition(".")[0]
    if package in ("builtins", "pydantic", cls.__module__.partition(".")[0]) or is_project(
        decides.__module__
    ):
        return
    reduction: Any = thing.__reduce_ex__(4) if cls not in copyreg.dispatch_table else ""
    if type(reduction) is str:
        return
    # A class may keep a state of its own, and change it.
    parts: list[Any] = [dict(part) if type(part) is dict else part for part in reduction]
    try:
        again = copy._reconstruct(thing, None, *parts)  # type: ignore[attr-defined]
    except Exception:  # which the pickle then raises too
        return
    slots = slot_members(cls, below=decides)
    had, has = ({*getattr(one, "__dict__", ()), *slot_values(one, slots)} for one in (thing, again))
    lost = had - has - {*getattr(cls, "_internal_names_set", ())}  # pandas fills its caches anew
    if lost or type(again) is not cls:
        names = (
            f"leaves out {', '.join(sorted(lost))}" if lost else f"makes a {type(again).__qualname__} of it"
        )
        raise UnkeptError(f"{name_of(decides)} decides how it is pickled, and {names}")


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
