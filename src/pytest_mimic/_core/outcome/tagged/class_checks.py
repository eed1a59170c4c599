"""Checks that the objects of a class are no more than the attributes that Python keeps for them."""

from __future__ import annotations

import copyreg
import struct
import sys
from collections.abc import Iterable
from types import FunctionType

from pytest_mimic._core.identity.object_state import slot_members
from pytest_mimic._core.outcome.tagged.nodes import NotTaggableError

# What makes a class more than its attributes when it is copied or pickled. `__new__` may return an object that exists.
_OWN_WAYS = frozenset(
    "__reduce__ __reduce_ex__ __getstate__ __setstate__ __getnewargs__ __getnewargs_ex__ __new__ __del__".split()
)
_READ = frozenset("__getattribute__ __dict__ __mro__ __hash__ __eq__".split())
HEAP_TYPE = 1 << 9
_MANAGED_DICT = 1 << 4
_POINTER = struct.calcsize("P")


def own_bases(cls: type, builtins: Iterable[type] = (object,)) -> list[type]:
    """Return a class and its bases, less those in C, which must be among `builtins`.

    Raises:
        NotTaggableError: There are other bases in C.
    """
    own = [base for base in cls.__mro__ if base.__flags__ & HEAP_TYPE]
    if cls not in own or {*cls.__mro__}.difference(own, builtins):
        raise NotTaggableError(cls)
    return own


def check_metaclass(cls: type) -> None:
    """Check that a class can be looked at without code of its metaclass.

    Raises:
        NotTaggableError: The metaclass replaces how a class is read or compared.
    """
    metaclass: type = type(cls)
    for meta in metaclass.__mro__:
        if meta is type:
            return
        if not _READ.isdisjoint(vars(meta)):
            raise NotTaggableError(cls)


def check_ways(cls: type, bases: Iterable[type], *, generated: Iterable[str] = ()) -> None:
    """Check that a class has no way of its own to be made again, or one that these modules generate.

    Raises:
        NotTaggableError: It has.
    """
    if cls in copyreg.dispatch_table:
        raise NotTaggableError(cls)
    for base in bases:
        for name in _OWN_WAYS & vars(base).keys():
            if not is_of(vars(base)[name], generated):
                raise NotTaggableError(cls)


def check_layout(cls: type, builtin: type = object) -> None:
    """Check that objects have no state in C besides that of `builtin`. This is the check of `object.__reduce_ex__`.

    Raises:
        NotTaggableError: They have.
    """
    size = builtin.__basicsize__ + _POINTER * len(slot_members(cls, below=builtin))
    if cls.__dictoffset__ and not builtin.__dictoffset__ and not cls.__flags__ & _MANAGED_DICT:
        size += _POINTER
    if cls.__weakrefoffset__ > 0 and not builtin.__weakrefoffset__:
        size += _POINTER
    if cls.__basicsize__ > size or cls.__itemsize__ != builtin.__itemsize__:
        raise NotTaggableError(cls)


def is_of(method: object, modules: Iterable[str]) -> bool:
    """Return whether a method is a function of one of the modules, which perhaps put it into another module's class."""
    if type(method) is staticmethod:
        method = method.__func__
    if type(method) is not FunctionType:
        return False
    return any(method.__globals__ is vars(sys.modules[name]) for name in modules if name in sys.modules)
