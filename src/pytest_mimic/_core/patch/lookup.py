"""Finds the function that a target names in an imported module, and the name by which it is held."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partialmethod
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, NamedTuple, cast

from pytest_mimic._core.modules import module_exists
from pytest_mimic._core.patch.descriptors import behind, carried, is_object, kind_of
from pytest_mimic._core.patch.holders import MISSING, Holder, held_by, is_writable, namespace_of, read
from pytest_mimic._core.patch.imports import is_lazy


class FoundFunction(NamedTuple):
    """A function that a target names.

    Attributes:
        held: The object that the holder itself has under that name. MISSING if a class inherits it.
    """

    holder: Holder  # the module's namespace or the class by which it is named
    name: str
    held: object
    original: object  # the object that is held there, or in the base, while nothing is patched
    function: Any
    kind: str  # function, method, classmethod, staticmethod, property or cached_property
    label: str  # `module:path` as in the target


class NotFoundError(Exception):
    """A target names nothing that can be mimicked. The text is a predicate that follows the target's name."""


class Lookup:
    """Looks names up without evaluating a descriptor or importing a module.

    `original` returns the object that a patch has replaced with the given one.
    """

    def __init__(self, original: Callable[[object], object]) -> None:
        self._original = original
        self._owned: dict[tuple[int, str], tuple[type, object, Any]] = {}

    def find(self, module: str, path: Sequence[str]) -> list[FoundFunction]:
        """Return the functions that a target names; more than one for `*`.

        Raises:
            NotFoundError: It names nothing, or nothing that can be mimicked.
        """
        if is_lazy(sys.modules[module]):
            raise NotFoundError(
                f"cannot be patched, {module} is a lazy module: use it first, e.g. in conftest.py"
            )
        *parents, last = path
        if not parents and last != "*":
            place = self._in_module(module, last)
            return [self._found(*place, place[-1], label=f"{module}:{last}")]
        holder = self._holder(module, parents)
        prefix = f"{module}:{''.join(f'{name}.' for name in parents)}"
        names = list(self._public_names(holder, module)) if last == "*" else [_mangled(holder, last)]
        if not names:
            raise NotFoundError("names no public function")
        where = ".".join((module, *parents))
        return [
            self._found(holder, name, *_lookup(holder, name, where), label=f"{prefix}{name}")
            for name in names
        ]

    def leads_to(self, module: str, path: Sequence[str], function: object) -> bool:
        """Return whether a name leads to this very function."""
        found = self.find_imported(module, path)
        return bool(found) and found[0].function is function

    def find_imported(self, module: str, path: Sequence[str]) -> list[FoundFunction]:
        """Return the functions that a name leads to; none if it does not, or its module is not imported."""
        try:
            return self.find(module, path) if sys.modules.get(module) is not None else []
        except NotFoundError:
            return []

    def _in_module(self, module: str, name: str) -> tuple[Holder, str, object]:
        """Return the holder of a name in a module, the name, and the object that it leads to."""
        there = sys.modules[module]
        namespace = namespace_of(there)
        if namespace is None:
            raise NotFoundError(f"cannot be patched, {module} is no module but {_article(there)}")
        holders: list[Holder] = [namespace]
        holders += [cls for cls in type(there).__mro__ if cls not in (ModuleType, object)]
        for holder in holders:
            if read(holder, name) is not MISSING:
                return holder, name, read(holder, name)
        if module_exists(f"{module}.{name}"):  # not imported so far
            raise NotFoundError(f"is a module, name its functions: {module}.{name}:*")
        hint = _hint([*namespace, *dir(type(there))], name)
        if any(callable(read(holder, "__getattr__")) for holder in holders):
            raise NotFoundError(
                f"is not in {module}, which gives names on demand{hint}: {_definition(module, name)}"
            )
        raise NotFoundError(f"does not exist in {module}{hint}")

    def _holder(self, module: str, parents: Sequence[str]) -> Holder:
        """Return the class or module that the names before the last lead to."""
        if not parents:
            return namespace_of(sys.modules[module]) or {}
        current = self._in_module(module, parents[0])[2]
        holder = _as_holder(current, parents[0])
        for depth, name in enumerate(parents[1:], 1):
            holder = _as_holder(_lookup(holder, name, ".".join((module, *parents[:depth])))[0], name)
        return holder

    def _found(
        self, holder: Holder, name: str, current: object, held: object, *, label: str
    ) -> FoundFunction:
        original = self._original(current)
        in_class = not isinstance(holder, dict)
        if not is_writable(holder):
            raise NotFoundError("cannot be patched, its class is written in C")
        function = _function(original, label)
        if isinstance(holder, type):
            function = self._own(function, original, holder, name, is_inherited=held is MISSING)
        kind = kind_of(original, in_class=in_class)
        return FoundFunction(holder, name, held, original, function, kind=kind, label=label)

    def _own(self, function: object, original: object, cls: type, name: str, *, is_inherited: bool) -> Any:
        """Return a function that belongs to this class alone: a copy if the class inherits it; the same each time."""
        if not is_inherited and not isinstance(original, partialmethod):
            return function
        key = (id(cls), name)
        if key not in self._owned or self._owned[key][1] is not original:
            is_partial = isinstance(original, partialmethod)
            own: Any = cast("Any", original).__get__(None, cls) if is_partial else _copy_of(function)
            own.__module__, own.__qualname__ = cls.__module__, f"{cls.__qualname__}.{name}"
            self._owned[key] = (cls, original, own)
        return self._owned[key][2]

    def _public_names(self, holder: Holder, module: str) -> Iterator[str]:
        for name, held in list(held_by(holder).items()):
            original = self._original(held)
            if isinstance(holder, type):
                is_taken = isinstance(original, (staticmethod, classmethod, partialmethod)) or _is_routine(
                    original
                )
            else:
                is_taken = _is_routine(original) and getattr(original, "__module__", None) == module
            if is_taken and not name.startswith("_"):
                yield name


def _lookup(holder: Holder, name: str, where: str) -> tuple[object, object]:
    """Return the object that a name leads to, and the one that the holder itself has under it (or MISSING)."""
    own = read(holder, name)
    if own is not MISSING:
        return own, own
    inherited = () if isinstance(holder, dict) else holder.__mro__[1:]
    found = next((read(base, name) for base in inherited if read(base, name) is not MISSING), MISSING)
    if found is MISSING:
        names = holder if isinstance(holder, dict) else dir(holder)
        raise NotFoundError(f"does not exist in {where}{_hint(names, name)}")
    return found, MISSING


def _hint(names: Mapping[str, object] | Sequence[str], name: str) -> str:
    from pytest_mimic._core.words import did_you_mean

    return did_you_mean(name, [known for known in names if not known.startswith("__")])


def _definition(module: str, name: str) -> str:
    """Return the remedy for a name that a module gives on demand, with the module that defines it where that is loaded."""
    below = [
        known
        for known, there in list(sys.modules.items())
        if known.startswith(f"{module}.")
        and getattr((namespace_of(there) or {}).get(name), "__module__", None) == known
    ]
    return f"name it where it is defined: {below[0]}:{name}" if below else "name the module that defines it"


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
    if isinstance(original, property) and original.fget is None:
        raise NotFoundError("is a property that cannot be read")
    is_descriptor = isinstance(original, staticmethod) or not callable(original)
    function = behind((carried(original) if is_descriptor else None) or original)
    if not callable(function):
        raise NotFoundError(f"is not callable, it is {_article(original)}")
    if is_object(function):
        kind = type(function)
        method = f"{kind.__module__}:{kind.__qualname__}.__call__"
        raise NotFoundError(f"is an object of a class, name the function inside, or {method}")
    return function


def _copy_of(function: Any) -> Any:
    if not isinstance(function, FunctionType):
        # A function written in C cannot be copied.
        return functools.wraps(function)(lambda *args, **kwargs: function(*args, **kwargs))
    twin: Any = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    twin.__kwdefaults__ = function.__kwdefaults__
    functools.update_wrapper(twin, function)
    del twin.__wrapped__  # set by update_wrapper, but the copy wraps nothing
    twin.__dict__.update(function.__dict__)
    return twin


def _is_routine(held: object) -> bool:
    """Return whether it is a function of some kind. Only its type is examined: a proxy may run code when touched."""
    kind = type(held)
    is_function = hasattr(kind, "__get__") or issubclass(kind, BuiltinFunctionType)
    return is_function and callable(held) and not issubclass(kind, type) and not is_object(held)


def _article(thing: object) -> str:
    kind = type(thing).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
