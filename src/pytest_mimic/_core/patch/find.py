"""Finds the functions that a target, or the edge of a client, names in a module.

Nothing is patched here. The errors say why a target names nothing that can be mimicked,
in words that follow its name.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from pytest_mimic._core.patch.patches import (
    NOT_HELD,
    Holder,
    NamedFunction,
    Patches,
    function_inside,
    held_by,
    is_writable,
    namespace_of,
    read_held,
    references_to,
)
from pytest_mimic._core.words import did_you_mean


class NotFoundError(Exception):
    """A target names nothing that can be mimicked.

    The text is a predicate that follows the target's name.
    """


class AbsentError(NotFoundError):
    """A module or a class does not have the name."""


# Methods that return nothing, and give an object its attributes: there is no outcome.
_INITIALIZING_METHODS = frozenset({"__init__", "__post_init__", "__setstate__"})


def functions_of_target(
    module: str,
    names: Sequence[str],
    patches: Patches,
    *,
    with_initializing_methods: bool = False,
) -> list[NamedFunction]:
    """Return the functions that a target names; more than one for `*`.

    No descriptor is evaluated, no module imported.

    Args:
        module: The name of the module.
        names: The names that lead from the module to the function, `["Client", "get"]`.
        patches: Read, for what a name held before it was mimicked.
        with_initializing_methods: Whether `__init__` and its like may be named. The
            edge of an adapter may be one, as the adapter calls it. A recording of one
            would have nothing to give back.

    Raises:
        NotFoundError: The target names nothing, or nothing that can be mimicked.
    """
    holder = _as_holder(sys.modules[module], module)
    path_so_far = module
    *parents, last = names
    if module == "builtins" and not parents:
        # The wrapper itself calls the functions of this module.
        raise NotFoundError("cannot be mimicked, name the function that calls it")
    for name in parents:
        holder = _as_holder(_object_of_name(holder, name, path_so_far), name)
        path_so_far = f"{path_so_far}.{name}"
    is_initializing = last in _INITIALIZING_METHODS and isinstance(holder, type)
    if is_initializing and not with_initializing_methods:
        raise NotFoundError(
            "fills an object that exists, name a function that makes the object"
        )
    function_names = [last]
    if last == "*":
        function_names = list(_public_names(holder, module, patches))
    if not function_names:
        raise NotFoundError("names no public function")
    if not is_writable(holder):
        raise NotFoundError("cannot be patched, its class is written in C")
    functions = []
    for name in function_names:
        reference_count = 0
        if name in held_by(holder):
            # The references are counted before this function holds some itself.
            reference_count = references_to(holder, name)
        original = patches.original_of(_object_of_name(holder, name, path_so_far))
        label = f"{module}:{'.'.join([*parents, name])}"
        function = _function_inside(original, label)
        is_inherited = patches.held_before(holder, name) is NOT_HELD
        functions.append(
            NamedFunction(
                holder, name, original, function, label, is_inherited, reference_count
            )
        )
    return functions


def defined_name(named_function: NamedFunction, patches: Patches) -> str:
    """Return the name under which a function is defined, `module:path`.

    Its recordings lie under this name, whichever name a line has for it. Where that
    name does not lead to the function, its target's name is returned.
    """
    module = getattr(named_function.function, "__module__", None)
    path = getattr(named_function.function, "__qualname__", None)
    is_named = isinstance(path, str) and "<" not in path
    if (
        not is_named
        or named_function.is_inherited
        or module not in sys.modules
        or named_function.label == f"{module}:{path}"
    ):
        return named_function.label
    try:
        [defined] = functions_of_target(str(module), str(path).split("."), patches)
    except NotFoundError:
        return named_function.label
    if defined.function is not named_function.function:
        # Another function has taken the name since.
        return named_function.label
    return defined.label


def _object_of_name(holder: Holder, name: str, module_name: str) -> object:
    """Return the object that a name leads to, in a module or a class and its bases.

    Raises:
        AbsentError: The name leads to nothing.
        NotFoundError: Only a call of `__getattr__` can say what the name leads to.
    """
    holders: Iterable[Holder] = [holder]
    if isinstance(holder, type):
        holders = holder.__mro__
    for holder_or_base in holders:
        value = read_held(holder_or_base, name)
        if value is not NOT_HELD:
            return value
    has_getattr = "__getattr__" in held_by(holder)
    # For the hint `did you mean`.
    names: Iterable[str] = dir(holder)
    if isinstance(holder, dict):
        names = holder
        # A lazy module may have `__getattr__` in a class of its own.
        module = sys.modules.get(module_name)
        has_getattr = has_getattr or hasattr(type(module), "__getattr__")
    if has_getattr:
        raise NotFoundError(
            f"is not in {module_name}, which gives names on demand: "
            "name it where it is defined"
        )
    candidates = [candidate for candidate in names if candidate[:2] != "__"]
    raise AbsentError(
        f"does not exist in {module_name}{did_you_mean(name, candidates)}"
    )


def _public_names(holder: Holder, module: str, patches: Patches) -> Iterator[str]:
    """Yield the names that `*` stands for, in a module or a class.

    A module's are its own functions, without those that it imports. `patches` knows
    what a name held before it was mimicked.
    """
    for name in list(held_by(holder)):
        if name.startswith("_"):
            continue
        # Of a function that is mimicked already, the function counts, not its wrapper.
        original = patches.held_before(holder, name)
        if isinstance(holder, type):
            is_method = isinstance(original, (staticmethod, classmethod))
            if is_method or _is_routine(original):
                yield name
        elif _is_routine(original) and getattr(original, "__module__", None) == module:
            yield name


def _as_holder(candidate: object, name: str) -> Holder:
    """Return what names can be replaced in: a class, or the namespace of a module.

    Raises:
        NotFoundError: The candidate is neither of them, but an object of a class.
    """
    if isinstance(candidate, type):
        return candidate
    if isinstance(candidate, ModuleType):
        namespace = namespace_of(candidate)
        if namespace is not None:
            return namespace
    cls = f"{type(candidate).__module__}:{type(candidate).__qualname__}"
    raise NotFoundError(
        f"cannot be patched, {name} is an object: name the method of its class, {cls}"
    )


def _function_inside(original: Any, label: str) -> object:
    """Return the function inside of what a name leads to, such as a static method.

    Raises:
        NotFoundError: No function is in there, or nobody would call it by the target's
            name.
    """
    if isinstance(original, type):
        raise NotFoundError(
            f"is a class, which cannot be mimicked, name its methods: {label}.*"
        )
    if isinstance(original, ModuleType):
        raise NotFoundError(f"is a module, name its functions: {original.__name__}:*")
    function = original
    # A static method can be called, too, since Python 3.10.
    if isinstance(original, staticmethod) or not callable(original):
        function = function_inside(original) or original
    if not callable(function):
        type_name = type(function).__name__
        article = "an" if type_name[0] in "aeiouAEIOU" else "a"
        raise NotFoundError(f"is not callable, it is {article} {type_name}")
    if _is_object(function):
        method = f"{type(function).__module__}:{type(function).__qualname__}.__call__"
        raise NotFoundError(
            f"is an object of a class, name the function inside, or {method}"
        )
    return function


def _is_object(function: object) -> bool:
    """Check whether this is an object of a class written in Python, and no function.

    A call of it runs the `__call__` of its class, which a target may name.
    """
    type_ = type(function)
    if type_ is FunctionType or issubclass(type_, type):
        return False
    for base in type_.__mro__:
        if "__call__" in vars(base):
            return isinstance(vars(base)["__call__"], FunctionType)
    return False


def _is_routine(value: object) -> bool:
    """Return whether a value that a name holds is a function that `*` takes in.

    Only its type is examined: a proxy may run code when touched.
    """
    type_ = type(value)
    if not hasattr(type_, "__get__") and not issubclass(type_, BuiltinFunctionType):
        return False
    return callable(value) and not issubclass(type_, type) and not _is_object(value)
