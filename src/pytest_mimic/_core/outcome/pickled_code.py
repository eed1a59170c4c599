"""Tells which of the names that a pickle imports are code, by what it does with them: all but data and vouched builders."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import Enum, EnumMeta
from types import BuiltinFunctionType, FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any

from pytest_mimic._core.outcome.names import NoClassError, RefusedError, name_of, resolve, resolve_plainly
from pytest_mimic._core.outcome.unpickling import NAMED
from pytest_mimic._core.outcome.vouched import (
    BUILDERS,
    BY_VALUE,
    CONSTANTS,
    LIBRARIES,
    METACLASSES,
    TEXTS,
    is_project,
    is_vouched,
)

#: Stands behind a name in the list of code: the pickle changes what a call of it returns.
STATE = "+state"
# The methods that may run for each way in which a class and its objects are used.
_METHODS = {
    "new": ("__new__",),
    "bare": ("__array_finalize__",),
    "call": ("__new__", "__init__"),
    **dict.fromkeys(("raise", "raise with", "member", "plain new", "new with"), ()),
    "handed": ("__new__", "__init__"),
    "hash": (),
    "state": ("__setstate__", "__getattribute__", "__getattr__", "__dict__"),
    "restored": ("__getattribute__", "__getattr__", "__dict__"),
    "items": ("append", "extend", "__getattribute__", "__getattr__"),
    "add": ("add", "__getattribute__", "__getattr__"),
    "setitem": ("__setitem__",),
    "object hash": ("__hash__", "__eq__"),
    "object call": ("__call__",),
}
_OBJECT = "builtins:object"
_CHANGING = frozenset({"state", "items", "add", "setitem", STATE})
# Whose `__new__` makes a value of plain values, and does nothing else.
_VALUE_TYPES = (tuple, str, bytes, int, float, complex, frozenset)
# Whose arguments are looked at.
_LOOKING_ERRORS = (OSError, SyntaxError, UnicodeError)


class Use:
    """The things that a pickle does with one import, and with the objects that it makes.

    Attributes:
        ways: Of the import: `new`, `call` (both without arguments), `plain new` (with one builtin value), `new with`,
            `call with`, `raise`, `hash`, `handed` (to what calls it later). Of the objects that it makes:
            `state`, `items`, `add`, `setitem`, `object hash`, `object call` (later), `+state` (what a call gave is
            changed), `odd` (no value is restored like this).
    """

    __slots__ = ("is_library", "name", "names", "slots", "usual", "ways")

    def __init__(self, name: str) -> None:
        self.name = name  # `module:qualname`
        self.ways: set[str] = set()
        self.slots: set[str] = set()  # the names that are set as attributes, and not in a `__dict__`
        self.names: set[str] = set()  # the other names in the states of the objects that it makes
        self.usual: set[str] = set()  # those of them, if a further state with no others does nothing new
        self.is_library = name.startswith(LIBRARIES)


def code_in(uses: Iterable[Use], listed: Iterable[str] | None = None) -> set[str]:
    """Return the names among the imports of a pickle that are code. This imports the modules of all of them.

    Those that are `listed`, or all with None, may be found by other ways than through modules and classes. RefusedError:
    it would change a class, a module, a function or a member of an enum.
    """
    found: set[str] = set()
    for use in uses:
        thing, is_reached = _resolved(use.name, listed)
        needs_state = STATE in use.ways
        if is_reached or needs_state or _is_code(use, thing):
            found.add(use.name)
        if issubclass(type(thing), type):
            if issubclass(type(thing), EnumMeta) and not _CHANGING.isdisjoint(use.ways):
                raise RefusedError(f"it changes a member of {use.name}")
        elif not _CHANGING.isdisjoint(use.ways) and use.name not in BUILDERS:
            needs_state = True
        if needs_state and use.name not in BY_VALUE:
            found.add(f"{use.name}{STATE}")
    return found


def surely_code_in(uses: Iterable[Use]) -> set[str]:
    """Return those names that are code whatever they lead to. Nothing is imported."""
    found: set[str] = set()
    for use in uses:
        package = use.name.partition(":")[0].partition(".")[0]
        is_handed = "handed" in use.ways and package in sys.stdlib_module_names and use.name != _OBJECT
        if is_handed or not use.ways.isdisjoint({"odd", "call with", STATE}):
            found.add(use.name)
        if STATE in use.ways and use.name not in BY_VALUE:
            found.add(f"{use.name}{STATE}")
    return found


def _resolved(name: str, listed: Iterable[str] | None) -> tuple[Any, bool]:
    """Return what a name leads to, and whether it leads there through another object, whose code may run."""
    module, _, qualname = name.partition(":")
    try:
        return resolve_plainly(module, qualname), False
    except NoClassError:
        if listed is not None and name not in listed:
            raise RefusedError(f"it imports {name}, which its recording does not list as code") from None
        return resolve(module, qualname), True


def _is_code(use: Use, thing: Any) -> bool:
    ways = use.ways
    if not issubclass(type(thing), type):
        is_kept = ways <= {"handed"} or (
            ways == {"hash"} and _runs_vouched(type(thing), ("__hash__", "__eq__"))
        )
        return not (is_kept and _is_inert(use.name, thing))
    if not ways:  # a class as a value
        return thing is type
    if name_of(type(thing)) not in METACLASSES or issubclass(thing, type) or not ways <= _METHODS.keys():
        return True
    if "handed" in ways and use.name != _OBJECT and not is_project(thing.__module__):
        return True
    if "new with" in ways and not _is_named_tuple(thing):
        return True
    makes_value = _owner(thing, "__new__") in _VALUE_TYPES or name_of(thing) in TEXTS
    if "plain new" in ways and not (_is_named_tuple(thing) or makes_value):
        return True
    if not ways.isdisjoint({"raise", "raise with"}):
        looks = issubclass(thing, _LOOKING_ERRORS) and "raise with" in ways
        if looks or not issubclass(thing, BaseException):
            return True
    methods = {"__del__", *(method for way in ways for method in _METHODS[way])}
    names = set(use.slots)
    if (
        "state" in ways
        and issubclass(thing, BaseException)
        and _owner(thing, "__setstate__") is BaseException
    ):
        names |= use.names  # which a builtin method sets as attributes
    return not (_runs_vouched(thing, methods) and all(_is_set_plainly(thing, name) for name in names))


def _owner(cls: type, name: str) -> type | None:
    return next((base for base in cls.__mro__ if name in vars(base)), None)


def _runs_vouched(cls: type, methods: Iterable[str]) -> bool:
    for method in methods:
        owner = _owner(cls, method)
        if owner is None or (method == "__dict__" and type(vars(owner)[method]) is GetSetDescriptorType):
            continue
        if method == "__del__" and owner.__module__ == "_io":  # which only closes it
            if not _runs_vouched(cls, ("close",)):
                return False
        elif not is_vouched(owner, method):
            return False
    return True


def _is_set_plainly(cls: type, name: str) -> bool:
    """Return whether setting an attribute runs nothing but what the project or Python has written."""
    owner = _owner(cls, name)
    if not _runs_vouched(cls, ("__setattr__",)):
        return False
    if owner is None or type(vars(owner)[name]) is MemberDescriptorType:
        return True
    return not hasattr(type(vars(owner)[name]), "__set__") or is_project(owner.__module__)


def _is_inert(name: str, thing: object) -> bool:
    """Return whether something else than a class is the project's, a constant or a vouched builder."""
    if name in BUILDERS or name == NAMED or name in CONSTANTS:
        return True
    if type(thing) in (FunctionType, BuiltinFunctionType):
        return is_project(str(thing.__module__))
    if type(thing) is ModuleType:
        return False
    is_constant = type(thing).__module__ == "typing" or issubclass(type(thing), Enum)
    return is_constant or is_project(name.partition(":")[0])


def _is_named_tuple(cls: type) -> bool:
    owner = _owner(cls, "__new__")
    made = None if owner is None else vars(owner)["__new__"]
    made = getattr(made, "__func__", made)
    return (
        owner is not None
        and tuple in owner.__bases__
        and type(made) is FunctionType
        and made.__globals__.get("__name__") == f"namedtuple_{owner.__name__}"
    )
