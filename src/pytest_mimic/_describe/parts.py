"""What a value is made of, found out without running code that its user wrote."""

from __future__ import annotations

import io
import sys
import warnings
from collections import OrderedDict
from collections.abc import Callable
from types import MemberDescriptorType
from typing import Any

from pytest_mimic._identity.state import MEMORIES

#: Libraries whose values are told by type, dtype and shape instead of by attributes.
_LIBRARIES = frozenset({"PIL", "numpy", "pandas", "polars", "pyarrow", "scipy", "torch"})

#: Those whose values all are data; of the others, what has a shape is.
_DATA_ONLY = frozenset({"PIL", "polars", "pyarrow"})

#: Of those libraries, what has one text.
_SCALARS = frozenset({"numpy.dtype", "numpy.generic"})

_FEW = 6


def lineage(kind: type) -> list[str]:
    """`module.qualname` of a type and its bases, in the order in which Python looks through them."""
    return [f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__]


def library_of(kind: type) -> str | None:
    """The data library that a type comes from, where its values are data: arrays, tables, images, scalars."""
    for base in kind.__mro__:
        top = str(base.__module__).partition(".")[0]
        if top in _LIBRARIES and (base is kind or top in _DATA_ONLY or hasattr(base, "shape")):
            return top
    return None


def type_name(kind: type) -> str:
    """`shop.models:Rate`; the bare name for what Python brings along."""
    module = str(kind.__module__)
    if module.partition(".")[0] in sys.stdlib_module_names and module != "__main__":
        return kind.__qualname__
    return f"{module}:{kind.__qualname__}"


def is_pair(value: Any) -> bool:
    """Whether a value is a (name, value) pair, as lists of headers hold them; where JSON held these, a list."""
    return type(value) in (tuple, list) and len(value) == 2 and type(value[0]) in (str, bytes)


def attributes_of(value: object) -> dict[str, Any]:
    """The attributes that an object itself holds, in `__dict__` and in slots; no property is evaluated."""
    found = _own_dict(value)
    for base in type(value).__mro__:
        for name, member in vars(base).items() if _has_slots(base) else ():
            if isinstance(member, MemberDescriptorType) and name not in found:
                _take_slot(found, name, member, value)
    extra = found.pop("__pydantic_extra__", None)
    return {**_public(found), **extra} if isinstance(extra, dict) else _public(found)


def _has_slots(base: type) -> bool:
    """Whether a class keeps its own data in slots: not generators, frames and the like, which Python fills."""
    return "__slots__" in vars(base) or base.__module__ in ("collections", "functools")


def own_attributes(value: object) -> dict[str, Any]:
    """The attributes in `__dict__` alone: those of an exception that its arguments do not tell already."""
    return _public(_own_dict(value))


def _public(attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes without Python's own bookkeeping, and attrs'; the notes of an exception are its user's."""
    return {
        name: part
        for name, part in attributes.items()
        if (name == "__notes__" or name[:2] != "__") and name not in MEMORIES
    }


def _own_dict(value: object) -> dict[str, Any]:
    try:
        found = object.__getattribute__(value, "__dict__")
    except Exception:  # a `__dict__` of the class's own making may do anything
        return {}
    return {str(name): part for name, part in found.items()} if isinstance(found, dict) else {}


def _take_slot(found: dict[str, Any], name: str, member: MemberDescriptorType, value: object) -> None:
    """Adds a slot's value where the slot is filled."""
    try:
        found[name] = member.__get__(value)
    except AttributeError:
        return


def plain_form(value: Any) -> Any:
    """What a value of a class derived from a plain one holds, as the plain class has it; None for any other."""
    for name in lineage(type(value)):
        if name in _PLAIN:
            return _PLAIN[name](value)
    return None


def stand_in(value: object) -> tuple[object] | None:
    """What stands for the value in its identity, where its class or `register_fingerprint` says so."""
    from pytest_mimic._identity.kinds import registered_kind

    told = registered_kind(type(value))
    if told is None:
        return None
    try:
        return (told.reduce(value),)
    except Exception:  # what a user's reduction raises is told when the identity is taken
        return None


def identity_of(value: object, roots: tuple[tuple[str, str], ...] = ()) -> str | None:
    """The value's fingerprint; None for what has no stable identity."""
    from pytest_mimic._identity import fingerprint

    try:
        return fingerprint(value, roots=roots)
    except Exception:  # no identity, or code of the value's own failed, which is told when a call needs it
        return None


def digest(value: object, roots: tuple[tuple[str, str], ...] = ()) -> str | None:
    """A few characters of the value's fingerprint, to show that two values differ."""
    identity = identity_of(value, roots)
    return None if identity is None else identity[:8]


def has_extent(kind: type) -> bool:
    """Whether values of a library's type have a shape or a length, instead of one text."""
    if not _SCALARS.isdisjoint(lineage(kind)):
        return False
    return any(hasattr(kind, name) for name in ("shape", "size", "__len__"))


def summary(value: Any) -> str:
    """`ndarray float64 1797x64`: a library's value by type, dtype and shape; small arrays with their items."""
    parts = [type(value).__qualname__]
    parts += (str(kind) for kind in [_dtype(value)] if kind is not None)
    shape = _shape(value)
    if shape:
        parts.append("x".join(map(str, shape)))
    return " ".join(parts) + _inside(value, shape)


def _dtype(value: Any) -> object:
    for name in ("dtype", "type", "mode"):
        kind = getattr(value, name, None)
        if kind is not None and not callable(kind):
            return kind
    return None


def _shape(value: Any) -> tuple[int, ...]:
    for name in ("shape", "size"):
        shape = getattr(value, name, None)
        if isinstance(shape, tuple):
            return tuple(shape)
    try:
        return (len(value),)
    except Exception:  # one rotation of scipy's has no length, as a class of many may have one that fails
        return ()


def _inside(value: Any, shape: tuple[int, ...]) -> str:
    """The items of a small array of numbers, the columns of a narrow table."""
    if type(value).__qualname__ == "ndarray" and value.dtype.kind in "biufc" and value.size <= _FEW:
        return f" {value.tolist()}"
    columns = getattr(value, "columns", None) if len(shape) == 2 else None
    if columns is None or not 0 < len(columns) <= _FEW or not all(isinstance(name, str) for name in columns):
        return ""
    return f": {', '.join(columns)}"


def iterator_parts(value: Any) -> Any:
    """What an iterator of Python's own goes over, and how far it is, as a copy of it is made; None for other values."""
    kind = type(value)
    if kind.__module__ not in ("builtins", "itertools") or not hasattr(kind, "__next__"):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # itertools give these up with Python 3.14
            return value.__reduce__()
    except TypeError:  # generators have none
        return None


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "_io.BytesIO": lambda value: b"" if value.closed else io.BytesIO.getvalue(value),
    "_io.StringIO": lambda value: "" if value.closed else io.StringIO.getvalue(value),
    "builtins.bytearray": lambda value: bytearray(bytearray.__iter__(value)),
    "builtins.bytes": lambda value: bytes(bytes.__iter__(value)),
    "builtins.dict": lambda value: dict(dict.items(value)),
    "builtins.float": float.__float__,
    "builtins.frozenset": lambda value: frozenset(frozenset.__iter__(value)),
    "builtins.int": int.__int__,
    "builtins.list": lambda value: list(list.__iter__(value)),
    "builtins.mappingproxy": dict,
    "builtins.set": lambda value: set(set.__iter__(value)),
    "builtins.str": str.__str__,
    "builtins.tuple": lambda value: tuple(tuple.__iter__(value)),
    # A dict that is one does not know where move_to_end has put a key.
    "collections.OrderedDict": lambda value: dict(OrderedDict.items(value)),
    "collections.deque": list,
}
