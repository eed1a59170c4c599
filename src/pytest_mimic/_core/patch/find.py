"""Finds the functions that a target names in an imported module, and the names by which they are held."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Sequence
from types import BuiltinFunctionType, ModuleType
from typing import Any, NamedTuple, Protocol

from pytest_mimic._core.modules import module_exists
from pytest_mimic._core.patch.descriptors import behind, carried, is_object
from pytest_mimic._core.patch.holders import (
    MISSING,
    Holder,
    held_by,
    identity_of,
    is_writable,
    namespace_of,
    read,
)
from pytest_mimic._core.patch.imports import is_lazy
from pytest_mimic._core.words import did_you_mean


class Found(NamedTuple):
    """A function that a target names.

    Attributes:
        original: The object that is held there, or in the base, while nothing is patched.
        function: The function itself, inside of descriptors.
        label: `module:path` as in the target.
        key: What tells functions apart: one that a class inherits is its own, by class and name.
        is_own: Whether the holder itself holds the function; if not, a class inherits it.
    """

    holder: Holder
    name: str
    original: object
    function: Any
    label: str
    key: int | tuple[int, str]
    is_own: bool


class Held(Protocol):
    """What was held before this run patched it."""

    def original(self, held: object) -> object: ...

    def held(self, holder: Holder, name: str) -> object: ...


class NotFoundError(Exception):
    """A target names nothing that can be mimicked. The text is a predicate that follows the target's name."""


def find(module: str, path: Sequence[str], patches: Held) -> list[Found]:
    """Return the functions that a target names; more than one for `*`. No descriptor is evaluated, no module imported.

    Raises:
        NotFoundError: It names nothing, or nothing that can be mimicked.
    """
    if is_lazy(sys.modules[module]):
        raise NotFoundError(
            f"cannot be patched, {module} is a lazy module: use it first, e.g. in conftest.py"
        )
    namespace = namespace_of(sys.modules[module])
    if namespace is None or not isinstance(sys.modules[module], ModuleType):
        raise NotFoundError(f"cannot be patched, {module} is no module but {_article(sys.modules[module])}")
    holder: Holder = namespace
    *parents, last = path
    where = module
    for name in parents:
        holder = _as_holder(_current(holder, name, where), name)
        where = f"{where}.{name}"
    prefix = f"{module}:{''.join(f'{name}.' for name in parents)}"
    names = list(_public_names(holder, module, patches)) if last == "*" else [_mangled(holder, last)]
    if not names:
        raise NotFoundError("names no public function")
    return [_found(holder, name, _current(holder, name, where), f"{prefix}{name}", patches) for name in names]


def _current(holder: Holder, name: str, where: str) -> object:
    """Return the object that a name leads to, in a module or a class and its bases."""
    for base in [holder] if isinstance(holder, dict) else holder.__mro__:
        if (held := read(base, name)) is not MISSING:
            return held
    if isinstance(holder, dict) and where in sys.modules:
        if module_exists(f"{where}.{name}"):  # not imported so far
            raise NotFoundError(f"is a module, name its functions: {where}.{name}:*")
        if "__getattr__" in holder or hasattr(type(sys.modules[where]), "__getattr__"):
            below = [
                known
                for known, there in list(sys.modules.items())
                if known.startswith(f"{where}.")
                and getattr((namespace_of(there) or {}).get(name), "__module__", None) == known
            ]
            remedy = (
                f"name it where it is defined: {below[0]}:{name}"
                if below
                else "name the module that defines it"
            )
            raise NotFoundError(f"is not in {where}, which gives names on demand: {remedy}")
    names = holder if isinstance(holder, dict) else dir(holder)
    hint = did_you_mean(name, [known for known in names if not known.startswith("__")])
    raise NotFoundError(f"does not exist in {where}{hint}")


def _found(holder: Holder, name: str, current: object, label: str, patches: Held) -> Found:
    if not is_writable(holder):
        raise NotFoundError("cannot be patched, its class is written in C")
    original: Any = patches.original(current)
    is_own, function = patches.held(holder, name) is not MISSING, _function(original, label)
    key = identity_of(function) if is_own else (identity_of(holder), name)
    return Found(holder, name, original, function, label, key, is_own)


def _public_names(holder: Holder, module: str, patches: Held) -> Iterator[str]:
    for name in list(held_by(holder)):
        original = patches.held(holder, name)
        if isinstance(holder, type):
            is_taken = isinstance(original, (staticmethod, classmethod)) or _is_routine(original)
        else:
            is_taken = _is_routine(original) and getattr(original, "__module__", None) == module
        if is_taken and not name.startswith("_"):
            yield name


def _as_holder(current: object, name: str) -> Holder:
    if isinstance(current, type):
        return current
    namespace = namespace_of(current) if isinstance(current, ModuleType) else None
    if namespace is not None:
        return namespace
    cls = f"{type(current).__module__}:{type(current).__qualname__}"
    raise NotFoundError(f"cannot be patched, {name} is an object: name the method of its class, {cls}")


def _mangled(holder: Holder, name: str) -> str:
    """Return the name under which a class holds `__private` (name mangling)."""
    if isinstance(holder, dict) or not name.startswith("__") or name.endswith("__"):
        return name
    return f"_{holder.__name__.lstrip('_')}{name}"


def _function(original: object, label: str) -> object:
    if isinstance(original, type):
        raise NotFoundError(f"is a class, which cannot be mimicked, name its methods: {label}.*")
    if isinstance(original, ModuleType):
        raise NotFoundError(f"is a module, name its functions: {original.__name__}:*")
    if isinstance(original, functools.singledispatchmethod):  # calls a registered function, not a wrapper
        raise NotFoundError(
            "is a singledispatchmethod, which cannot be mimicked, name a function that it calls"
        )
    if isinstance(original, functools.partialmethod):
        raise NotFoundError("is a partialmethod, name the function in it")
    if isinstance(original, property) and original.fget is None:
        raise NotFoundError("is a property that cannot be read")
    is_descriptor = isinstance(original, staticmethod) or not callable(original)
    function = behind((carried(original) if is_descriptor else None) or original)
    if not callable(function):
        raise NotFoundError(f"is not callable, it is {_article(original)}")
    if is_object(function):
        method = f"{type(function).__module__}:{type(function).__qualname__}.__call__"
        raise NotFoundError(f"is an object of a class, name the function inside, or {method}")
    return function


def _is_routine(held: object) -> bool:
    """Return whether it is a function of some kind. Only its type is examined: a proxy may run code when touched."""
    kind = type(held)
    is_function = hasattr(kind, "__get__") or issubclass(kind, BuiltinFunctionType)
    return is_function and callable(held) and not issubclass(kind, type) and not is_object(held)


def _article(thing: object) -> str:
    kind = type(thing).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
