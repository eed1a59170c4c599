"""Finds the functions that a target names in an imported module."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from pytest_mimic.errors import did_you_mean
from pytest_mimic.patch.binding import Binder
from pytest_mimic.patch.holders import (
    NOT_HELD,
    Holder,
    held_by,
    inside_of,
    is_lazy_import,
    is_only_reference,
    is_writable,
    namespace_of,
    read,
)
from pytest_mimic.patch.patches import NamedFunction, Patches
from pytest_mimic.patch.targets import Target
from pytest_mimic.values.tree import steps_of


class NotFoundError(Exception):
    """A target names nothing that can be mimicked: a predicate behind its name."""


class AbsentError(NotFoundError):
    """A module or a class does not have the name."""


def find(module: str, path: Sequence[str], patches: Patches) -> list[NamedFunction]:
    """Return the functions that a target names in an imported module; `*` names many.

    No descriptor is evaluated, and no module imported.

    Args:
        module: The name of the module.
        path: The names that lead to the function, `["Client", "get"]`.
        patches: Knows what a name held before it was patched.

    Raises:
        NotFoundError: The path names nothing, or nothing that can be mimicked.
    """
    *parents, last = path
    holder = _holder_of(sys.modules[module], module)
    place = module
    for parent in parents:
        holder = _holder_of(_looked_up(holder, parent, place), parent)
        place = f"{place}.{parent}"
    if module == "builtins" and not parents:
        raise NotFoundError("cannot be mimicked: name the function that calls it")
    if not is_writable(holder):
        raise NotFoundError("cannot be patched: its class is written in C")
    names = [last]
    if last == "*":
        names = list(_public_names(holder, module, patches))
    if not names:
        raise NotFoundError("names no public function")
    prefix = ".".join([*parents, ""])
    return [
        _named(holder, name, place, patches, f"{module}:{prefix}{name}")
        for name in names
    ]


def defined_name(named: NamedFunction, patches: Patches) -> str:
    """Return the name under which a function is defined, and recorded.

    Where that name does not lead to the function, it is the name of its target.
    """
    module = getattr(named.function, "__module__", None)
    path = getattr(named.function, "__qualname__", None)
    label = f"{module}:{path}"
    if named.is_inherited or module not in sys.modules or named.label == label:
        return named.label
    try:
        [defined] = find(str(module), str(path).split("."), patches)
    except NotFoundError:
        return named.label
    return label if defined.function is named.function else named.label


def _named(
    holder: Holder, name: str, place: str, patches: Patches, label: str
) -> NamedFunction:
    # This is asked before anything here refers to the function.
    is_only_here = name in held_by(holder) and is_only_reference(holder, name)
    original = patches.original_of(_looked_up(holder, name, place))
    function = _function_of(original, label)
    return NamedFunction(
        holder,
        name,
        original,
        function,
        label,
        is_inherited=patches.original(holder, name) is NOT_HELD,
        may_be_elsewhere=not is_only_here or function is not original,
    )


def _holder_of(candidate: object, name: str) -> Holder:
    """Return a class, or the namespace of a module.

    Raises:
        NotFoundError: The candidate is an object of another class.
    """
    if isinstance(candidate, type):
        return candidate
    if isinstance(candidate, ModuleType):
        return namespace_of(candidate)
    cls = type(candidate)
    raise NotFoundError(
        f"cannot be patched, {name} is an object: name the method of its class,"
        f" {cls.__module__}:{cls.__qualname__}"
    )


def _looked_up(holder: Holder, name: str, place: str) -> Any:
    """Return what a name leads to in a module, or in a class and its bases.

    Raises:
        NotFoundError: It leads to nothing, or only `__getattr__` can say to what.
    """
    holders: Sequence[Holder] = [holder]
    if isinstance(holder, type):
        holders = holder.__mro__
    for each in holders:
        value = read(each, name)
        if is_lazy_import(value):
            return value.resolve()
        if value is not NOT_HELD:
            return value
    # A lazy module may have `__getattr__` in a class of its own.
    cls = type(sys.modules.get(place))
    if "__getattr__" in held_by(holder) or hasattr(cls, "__getattr__"):
        raise NotFoundError(
            f"is not in {place}, which gives names on demand:"
            " name it where it is defined"
        )
    names = holder if isinstance(holder, dict) else dir(holder)
    hint = did_you_mean(name, [each for each in names if each[:2] != "__"])
    raise AbsentError(f"does not exist in {place}{hint}")


def _public_names(holder: Holder, module: str, patches: Patches) -> Iterator[str]:
    """Yield what `*` stands for: a module's own functions, the methods of a class."""
    for name in list(held_by(holder)):
        if name.startswith("_"):
            continue
        original = patches.original(holder, name)
        is_routine = _is_routine(original)
        if isinstance(holder, type):
            if is_routine or isinstance(original, (staticmethod, classmethod)):
                yield name
        elif is_routine and getattr(original, "__module__", None) == module:
            yield name


def _is_routine(value: object) -> bool:
    """Return whether `*` takes in a value; a proxy runs code when it is touched."""
    cls = type(value)
    if not hasattr(cls, "__get__") and not issubclass(cls, BuiltinFunctionType):
        return False
    return callable(value) and not issubclass(cls, type) and not _is_object(value)


def _function_of(original: Any, label: str) -> Any:
    """Return the function inside of what a name leads to.

    Raises:
        NotFoundError: There is none, or nobody would call it by this name.
    """
    if isinstance(original, type):
        raise NotFoundError(
            f"is a class, which cannot be mimicked: name its methods, {label}.*"
        )
    if isinstance(original, ModuleType):
        raise NotFoundError(f"is a module: name its functions, {original.__name__}:*")
    function = original
    # A static method can be called, too.
    if isinstance(original, staticmethod) or not callable(original):
        function = inside_of(original) or original
    cls = type(function)
    if not callable(function):
        article = "an" if cls.__name__[0] in "aeiouAEIOU" else "a"
        raise NotFoundError(f"is not callable: it is {article} {cls.__name__}")
    if _is_object(function):
        method = f"{cls.__module__}:{cls.__qualname__}.__call__"
        raise NotFoundError(
            f"is an object of a class: name the function inside, or {method}"
        )
    return function


def _is_object(function: object) -> bool:
    """Return whether a call runs the `__call__` of a class written in Python."""
    cls = type(function)
    if cls is FunctionType or issubclass(cls, type):
        return False
    for base in cls.__mro__:
        if "__call__" in vars(base):
            return isinstance(vars(base)["__call__"], FunctionType)
    return False


# -- the arguments that options name


def argument_problem(line: Target, function: NamedFunction) -> str:
    """Say which argument that options name a function lacks, or give an empty text.

    `ignore=` would leave out nothing. A decorator may take more arguments than the
    function that it shows.
    """
    given = [
        (option, path)
        for option in ("ignore", "mutates")
        for path in getattr(line.options, option)
    ]
    if not given or line.path[-1] == "*" or line.is_one_of_several:
        return ""
    binder = Binder(function.function)
    if binder.extra or hasattr(function.function, "__wrapped__"):
        return ""
    for option, path in given:
        name = steps_of(path)[0]
        if name not in (*binder.names, "*"):
            hint = did_you_mean(name, binder.names)
            hint = hint or f" (it has {', '.join(binder.names) or 'none'})"
            return f"{option}={path} names no argument{hint}"
    return ""
