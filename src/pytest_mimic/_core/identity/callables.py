"""Functions, classes and modules: by name, with their source and what they close over."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from pytest_mimic._core.identity.source import (
    KEPT_SOURCE,
    class_source,
    code_source,
    own_methods,
)
from pytest_mimic._core.modules import is_in_stdlib
from pytest_mimic._core.types.kinds import (
    HEAP_TYPE,
    PLAIN,
    Kind,
    Reduce,
    Unstable,
    class_recipe,
    full_name,
    generic_of,
    importable,
    is_stdlib,
    original,
    public_module,
)
from pytest_mimic._core.types.libraries import library_of
from pytest_mimic._core.types.table import row_of

_CYTHON = "cython_function_or_method"
NO_SOURCE = "with neither source nor an importable name"


def callable_kind(type_: type) -> Kind | None:
    """Return the kind of functions, classes, modules and C's equivalents of them, or None for any other type."""
    for base in type_.__mro__:
        kind = _KINDS.get(full_name(base))
        if kind is not None:
            return kind
    # Known by the name alone: their module is named after the version of Cython that
    # compiled them.
    return Kind("function", _callable) if type_.__name__ == _CYTHON else None


def _public_name(value: Any) -> str:
    return f"{public_module(value.__module__)}:{value.__qualname__}"


def _is_from_stdlib(module: str | None, file: str | None) -> bool:
    if not is_stdlib(module or ""):
        return False
    return file is None or file.startswith("<frozen") or is_in_stdlib(file)


# Functions


def _callable(value: Any) -> object:
    """Reduce a function, written in Python or C.

    A mimicked function counts as the one behind its wrapper.
    """
    value = original(value)
    reduce = _CALLABLES.get(full_name(type(value)))
    if reduce is not None:
        return reduce(value)
    if (
        type(value).__name__ != _CYTHON
    ):  # what a mimicked function stands for may be anything
        return "other", value
    if importable(value) is None:
        raise Unstable(f"a function {NO_SOURCE}", type(value))
    return "builtin", f"{value.__module__}:{value.__qualname__}"


def _function(value: FunctionType) -> object:
    """Reduce a Python function to its name, its source, its defaults, and the variables that it closes over."""
    name = _public_name(value)
    is_named = importable(value) is not None
    code = value.__code__
    if is_named and _is_from_stdlib(value.__module__, code.co_filename):
        return name
    registry = getattr(value, "registry", None)
    wrapped = getattr(value, "__wrapped__", None)
    if registry is not None and wrapped is not None:  # functools.singledispatch
        return name, wrapped, dict(registry)
    source = function_source(value)
    if source is None and not is_named:
        is_lambda = value.__name__ == "<lambda>"
        remedy = (
            "or give it a line of its own: no other lambda beside it"
            if is_lambda
            else ""
        )
        raise Unstable(f"a function {NO_SOURCE}", FunctionType, remedy=remedy)
    parts = (
        name,
        source,
        tuple(map(_default, value.__defaults__ or ())),
        {name: _default(item) for name, item in (value.__kwdefaults__ or {}).items()},
        _closure(value),
    )
    # Names with two underscores are bookkeeping: `__wrapped__` is in the closure.
    attributes = {
        name: item for name, item in value.__dict__.items() if name[:2] != "__"
    }
    return (*parts, attributes) if attributes else parts


def function_source(value: FunctionType) -> str | None:
    """Return what counts as the source of a function, or None if it is not found."""
    code = value.__code__
    # A wrapper that the standard library made has a source that differs by version.
    made = (
        f"{Path(code.co_filename).name}:{code.co_name}"
        if is_in_stdlib(code.co_filename)
        else None
    )
    return value.__dict__.get(KEPT_SOURCE) or made or code_source(code)


def _default(value: object) -> object:
    """Return a default.

    A bare object() is a marker for "not given", and all of them count as one.
    """
    return ... if type(value) is object else value


def _closure(function: FunctionType) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, cell in zip(
        function.__code__.co_freevars, function.__closure__ or (), strict=True
    ):
        found[name] = ...  # nothing was assigned to the variable yet
        with suppress(ValueError):
            found[name] = cell.cell_contents
    return found


def _c_function(value: Any) -> object:
    """Reduce a function written in C to its name, or a method to its name and the object it is bound to."""
    owner = value.__self__
    if owner is None or isinstance(owner, ModuleType):
        # The module of `open` is `io` before Python 3.12 and `_io` after.
        module = "io" if value.__module__ == "_io" else value.__module__
        # Functions of os.path. Each version writes more of them in C.
        if value.__name__.startswith("_path_"):
            return f"{module}path:{value.__name__.removeprefix('_path_')}"
        return "builtin", f"{module}:{value.__qualname__}"
    return _shared_method(value) or ("builtin", value.__name__, owner)


def _method(value: Any) -> object:
    function, owner = value.__func__, value.__self__
    code: CodeType | None = getattr(function, "__code__", None)
    # The class that defines a method of the standard library differs by version, so
    # only its name counts.
    if code is not None and _is_from_stdlib(function.__module__, code.co_filename):
        name = function.__name__
        found = getattr(owner if isinstance(owner, type) else type(owner), name, None)
        function = name if getattr(found, "__func__", found) is function else function
    return _shared_method(value) or (function, owner)


def _shared_method(method: Any) -> object | None:
    """Return the name of a method of the generator behind `random.random()`, or None for any other method."""
    # The state of that generator changes with each use, so it must not count.
    if type(method.__self__).__module__ != "random":
        return None
    shared = getattr(sys.modules["random"], method.__name__, None)
    return ("builtin", f"random:{method.__name__}") if shared == method else None


# Classes


def _class(value: type) -> object:
    """Reduce a class to its name, its source, and the variables that its methods close over.

    A parametrised generic counts by its origin and its arguments, and a class that its
    metaclass makes again from data by these.
    """
    generic = generic_of(value)
    if generic is not None:
        origin, arguments = generic
        return "generic", origin, arguments
    recipe = class_recipe(value)
    if recipe is not None:
        return "made", type(value), recipe
    name = _public_name(value)
    module = sys.modules.get(value.__module__)
    is_named = importable(value) is not None or not value.__flags__ & HEAP_TYPE
    if is_named and _is_from_stdlib(
        value.__module__, getattr(module, "__file__", None)
    ):
        return name
    source = class_source(value)
    if source is None and not is_named:
        raise Unstable(f"a class {NO_SOURCE}", type)
    closed = class_variables(value)
    return (name, source, closed) if closed else (name, source)


def class_variables(value: type) -> dict[str, object]:
    """Return the variables that the methods of classes made in functions close over, and their attributes that are values.

    The body of such a class may have computed these from variables of the function
    around it.
    """
    found: dict[str, object] = {}
    for cls in reversed(value.__mro__) if _is_local(value) else ():
        if _is_local(cls):
            for method in own_methods(cls):
                found.update(_closure(method))
            for name, item in vars(cls).items():
                kind = type(item)
                if name[-2:] != "__" and (
                    kind in PLAIN or row_of(kind) or library_of(kind)
                ):
                    found[f".{name}"] = item
    found.pop("__class__", None)  # the class itself, in methods that use `super()`
    return found


def _is_local(cls: type) -> bool:
    """Return whether a function, or a call of `type`, makes classes of this name.

    A named tuple counts by its fields.
    """
    if "<locals>" in cls.__qualname__:
        return True
    is_made = (
        cls.__flags__ & HEAP_TYPE
        and not issubclass(cls, tuple)
        and importable(cls) is None
    )
    return bool(is_made) and class_source(cls) is None


_CALLABLES: dict[str, Reduce] = {
    "builtins.function": _function,
    "builtins.builtin_function_or_method": _c_function,
    "builtins.method-wrapper": lambda value: (
        "builtin",
        value.__name__,
        value.__self__,
    ),
    "functools._lru_cache_wrapper": lambda value: (
        "lru_cache",
        value.__wrapped__,
        value.cache_parameters(),
    ),
}
_DESCRIPTOR = Kind(
    "descriptor", lambda value: f"{_public_name(value.__objclass__)}.{value.__name__}"
)
_KINDS = {
    **dict.fromkeys(_CALLABLES, Kind("function", _callable)),
    "builtins.method": Kind("builtins:method", _method),
    "builtins.type": Kind("class", _class),
    "builtins.module": Kind("module", lambda value: value.__name__),
    "builtins.method_descriptor": _DESCRIPTOR,  # such as `str.lower`
    "builtins.wrapper_descriptor": _DESCRIPTOR,
}
