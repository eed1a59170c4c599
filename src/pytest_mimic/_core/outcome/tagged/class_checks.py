"""Checks of classes in tags: that no code of them runs, that bare objects are safe to make, and that fields are the same.

That a copy is equal is proved by the round trip that each readable outcome makes when it is recorded. These checks are
for what it cannot show, and for recordings that were edited.
"""

from __future__ import annotations

import copyreg
import struct
import sys
from collections.abc import Callable, Iterable
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

from pytest_mimic._core.outcome.names import name_of
from pytest_mimic._core.outcome.tagged.nodes import (
    Node,
    NotTaggableError,
    OutdatedClassError,
    only_keys,
    typed,
)

# What makes a class more than its attributes when it is copied or pickled. `__new__` may return an object that exists.
_OWN_WAYS = frozenset(
    "__reduce__ __reduce_ex__ __getstate__ __setstate__ __getnewargs__ __getnewargs_ex__ __new__ __del__".split()
)
# Modules that give classes such methods, which do nothing else than Python.
_GENERATING = ("attr._make", "dataclasses", "enum", "pydantic.main", "pydantic.root_model")
HEAP_TYPE = 1 << 9
_MANAGED_DICT = 1 << 4
_POINTER = struct.calcsize("P")
# What the nodes of only some kinds of classes have besides the fields.
_PARTS = frozenset({"attributes", "extra", "fields_set", "private"})


def own_bases(cls: type, builtins: Iterable[type], ways: frozenset[str] = _OWN_WAYS) -> list[type]:
    """Return a class and its bases, less those in C, which must be among `builtins`.

    Raises:
        NotTaggableError: There are other bases in C, or a base has a way of its own to be made again.
    """
    own = [base for base in cls.__mro__ if base.__flags__ & HEAP_TYPE]
    if cls not in own or {*cls.__mro__}.difference(own, builtins) or cls in copyreg.dispatch_table:
        raise NotTaggableError(cls)
    for base in own:
        made = f"namedtuple_{base.__name__}", "collections"
        for name in ways & vars(base).keys():
            if not is_generated(vars(base)[name], made if tuple in base.__bases__ else ()):
                raise NotTaggableError(cls)
    return own


def hashes_itself(cls: type) -> bool:
    """Return whether the hash of a class's objects, or their comparison, is a method of a class, and not of Python's."""
    for base in cls.__mro__:
        if not vars(base).keys().isdisjoint(("__hash__", "__eq__")):
            return bool(base.__flags__ & HEAP_TYPE) and base.__module__ != "enum"
    return False


def is_generated(method: object, names: Iterable[str] = ()) -> bool:
    """Return whether a method is a function of one of the modules, which perhaps put it into another module's class."""
    if type(method) is staticmethod:
        method = method.__func__
    if type(method) is not FunctionType:
        return False
    modules = (vars(sys.modules[name]) for name in _GENERATING if name in sys.modules)
    space = method.__globals__
    return any(space is module for module in modules) or space.get("__name__") in {*names}


def check_layout(cls: type, builtin: type) -> None:
    """Check that objects have no state in C besides that of `builtin`. This is the check of `object.__reduce_ex__`.

    Raises:
        NotTaggableError: They have, or have two slots of one name.
    """
    members = [
        name
        for base in cls.__mro__[: cls.__mro__.index(builtin)]
        for name, member in vars(base).items()
        if type(member) is MemberDescriptorType
    ]
    size = builtin.__basicsize__ + _POINTER * len({*members})
    if cls.__dictoffset__ and not builtin.__dictoffset__ and not cls.__flags__ & _MANAGED_DICT:
        size += _POINTER
    if cls.__weakrefoffset__ > 0 and not builtin.__weakrefoffset__:
        size += _POINTER
    if cls.__basicsize__ > size or cls.__itemsize__ != builtin.__itemsize__:
        raise NotTaggableError(cls)


# Attributes and fields


def dict_getter(cls: type) -> Callable[[object], dict[str, Any]]:
    """Return a function that returns the `__dict__` itself of an object, past the class."""
    found = (vars(base).get("__dict__") for base in cls.__mro__)
    getter: Any = next((each for each in found if type(each) is GetSetDescriptorType), None)
    if getter is None:
        raise NotTaggableError(cls)
    return getter.__get__  # type: ignore[no-any-return]


def declared_of(bases: list[type]) -> dict[str, bool] | None:
    """Return the fields that a class declares, and whether each object has them. None: it declares no fields."""
    for base in bases:
        space = vars(base)
        if tuple in base.__bases__:
            return dict.fromkeys(space["_fields"], True) if "__new__" in space else None
        if "__attrs_attrs__" in space:
            return dict.fromkeys((field.name for field in space["__attrs_attrs__"]), True)
        if "__dataclass_fields__" in space:
            dataclasses: Any = sys.modules["dataclasses"]
            return {
                # A default that the class has for a field which is not in `__init__` is no attribute of the object.
                name: field.init or field.default is dataclasses.MISSING
                for name, field in space["__dataclass_fields__"].items()
                if field._field_type is dataclasses._FIELD
            }
    return None


def fields_changed(cls: type, gone: Iterable[str], new: Iterable[str]) -> OutdatedClassError:
    """Return the error that says which fields a class lost and gained."""
    changes = []
    if gone := sorted(gone):
        changes.append(f"no {_fields(gone)} any more")
    if new := sorted(new):
        changes.append(f"{'a ' if len(new) == 1 else ''}new {_fields(new)}, which the recording lacks")
    return OutdatedClassError(f"{name_of(cls)} has {', and has '.join(changes)}")


def _fields(names: list[str]) -> str:
    return f"field{'s' if len(names) > 1 else ''} {', '.join(f'{name!r:.60}' for name in names)}"


def fields_in(node: Node, cls: type, *names: str) -> dict[str, Any]:
    """Return the fields in the node of an object, which has no other parts than these.

    Raises:
        OutdatedClassError: It is the node of another kind of class.
        ValueError: There is no such node.
    """
    part = next(iter(node.values()))
    if type(part) in (str, list):  # the name of a member, or the names of flags
        raise OutdatedClassError(f"{name_of(cls)} is no enum any more")
    if not _PARTS.isdisjoint(node.keys() - {*names}):
        raise OutdatedClassError(f"{name_of(cls)} is of another kind now")
    only_keys(node, *names)
    return typed(part, dict)  # type: ignore[no-any-return]
