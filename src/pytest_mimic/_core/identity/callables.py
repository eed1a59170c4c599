"""Functions, classes and modules count by name, source, and what they close over.

They count so as arguments of a recorded call, and inside of other arguments: a change
of their code makes the call a miss. Each function `_reduce_…` returns the values that
are hashed in the place of such an object.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from enum import Enum
from functools import cached_property, partial, partialmethod
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from pytest_mimic._core.identity.source import (
    KEPT_SOURCE,
    behind_wrappers,
    class_source,
    code_source,
    own_methods,
)
from pytest_mimic._core.modules import is_in_stdlib
from pytest_mimic._core.types.generated_classes import (
    class_recipe,
    origin_and_arguments,
)
from pytest_mimic._core.types.libraries import library_of
from pytest_mimic._core.types.reductions import PLAIN, Reduce, Reduction, Unstable
from pytest_mimic._core.types.stdlib_types import row_of
from pytest_mimic._core.types.type_names import (
    HEAP_TYPE,
    full_name,
    importable,
    is_stdlib,
    original,
    public_module,
)

# The attributes by which classes of dataclasses, attrs and pydantic are known.
_MARKS_OF_DATA_CLASSES = frozenset(
    {"__attrs_attrs__", "__dataclass_fields__", "__pydantic_fields__"}
)
# The attributes in which descriptors and the like hold functions, by class.
_ATTRIBUTES_WITH_FUNCTIONS: dict[type, tuple[str, ...]] = {
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    MethodType: ("__func__",),
    property: ("fget", "fset", "fdel"),
    cached_property: ("func",),
    partial: ("func",),
    partialmethod: ("func",),
}
# The name of the type of functions that Cython has compiled.
_CYTHON_FUNCTION = "cython_function_or_method"
# How the error goes on for a function or class that nothing tells from others.
NO_SOURCE = "with neither source nor an importable name"


def callable_reduction(type_: type) -> Reduction | None:
    """Return the reduction of functions, classes and modules, and of those in C.

    None: the type is that of other values.
    """
    for base in type_.__mro__:
        reduction = _REDUCTIONS_BY_TYPE.get(full_name(base))
        if reduction is not None:
            return reduction
    if type_.__name__ == _CYTHON_FUNCTION:
        # The module of this type is named after the version of Cython.
        return Reduction("function", _reduce_callable)
    return None


def _public_name(value: Any) -> str:
    """Return the name of a function or class, the same on every Python."""
    return f"{public_module(value.__module__)}:{value.__qualname__}"


def _is_from_stdlib(module: str | None, file: str | None) -> bool:
    """Return whether a function or class is really from the standard library.

    A module of the project may have the same name. `file` is that of the code, or None
    for code in C.
    """
    if not is_stdlib(module or ""):
        return False
    return file is None or file.startswith("<frozen") or is_in_stdlib(file)


# Functions


def _reduce_callable(value: Any) -> object:
    """Reduce a function, written in Python or C.

    A mimicked function counts as the function behind its wrapper.
    """
    value = original(value)
    reduce = _FUNCTION_RULES.get(full_name(type(value)))
    if reduce is not None:
        return reduce(value)
    if type(value).__name__ != _CYTHON_FUNCTION:
        # The object behind a mimic wrapper may be of any class.
        return "other", value
    if importable(value) is None:
        raise Unstable(f"a function {NO_SOURCE}", type(value))
    return "builtin", f"{value.__module__}:{value.__qualname__}"


def _reduce_function(value: FunctionType) -> object:
    """Reduce a Python function to its name, source, defaults and closure.

    | function | what counts |
    |---|---|
    | of the standard library | its name |
    | of `functools.singledispatch` | its name, the function behind it, the registry |
    | any other | its name, source, defaults, and the variables that it closes over |
    """
    name = _public_name(value)
    is_named = importable(value) is not None
    code = value.__code__
    if is_named and _is_from_stdlib(value.__module__, code.co_filename):
        return name
    wrapped = getattr(value, "__wrapped__", None)
    if wrapped is not None and _is_dispatcher(value):
        # The registry has the functions that it chooses among.
        return name, wrapped, dict(value.__dict__["registry"])
    source = function_source(value)
    if source is None and not is_named:
        remedy = ""
        if value.__name__ == "<lambda>":
            remedy = "or give it a line of its own: no other lambda beside it"
        raise Unstable(f"a function {NO_SOURCE}", FunctionType, remedy=remedy)
    defaults = tuple(map(_default_as_counted, value.__defaults__ or ()))
    keyword_defaults = {}
    for parameter, item in (value.__kwdefaults__ or {}).items():
        keyword_defaults[parameter] = _default_as_counted(item)
    parts = (name, source, defaults, keyword_defaults, _closure_variables(value))
    attributes = {}
    for attribute, item in value.__dict__.items():
        # Names with two underscores are bookkeeping: `__wrapped__` is in the closure.
        if not attribute.startswith("__"):
            attributes[attribute] = item
    if attributes:
        return (*parts, attributes)
    return parts


def _is_dispatcher(value: Any) -> bool:
    """Return whether `functools.singledispatch` has made a function.

    A decorator of a user may give its functions a `registry`, too.
    """
    made_by = value.__code__
    if "registry" not in value.__dict__ or not is_in_stdlib(made_by.co_filename):
        return False
    return Path(made_by.co_filename).name == "functools.py"


def function_source(value: FunctionType) -> str | None:
    """Return what counts as the source of a function, or None if it is not found.

    A pickle of the function by value keeps it, too, as its new code is in no file.
    """
    kept_source: str | None = value.__dict__.get(KEPT_SOURCE)
    if kept_source:
        # The function comes from such a pickle.
        return kept_source
    code = value.__code__
    if is_in_stdlib(code.co_filename):
        # A wrapper that the standard library made has a source that differs by version.
        return f"{Path(code.co_filename).name}:{code.co_name}"
    return code_source(code)


def _default_as_counted(value: object) -> object:
    """Return the default of a parameter as it counts.

    A bare object() is a marker for "not given", and all of them count as one.
    """
    if type(value) is object:
        return ...
    return value


def _closure_variables(function: FunctionType) -> dict[str, object]:
    """Return the variables that a function closes over, by name.

    An ellipsis stands for a variable to which nothing was assigned yet.
    """
    names = function.__code__.co_freevars
    variables: dict[str, object] = {}
    for name, cell in zip(names, function.__closure__ or (), strict=True):
        variables[name] = ...
        with suppress(ValueError):
            variables[name] = cell.cell_contents
    return variables


def _reduce_c_function(value: Any) -> object:
    """Reduce a function written in C to its name.

    A method counts with the object that it is bound to.
    """
    owner = value.__self__
    if owner is None or isinstance(owner, ModuleType):
        module = value.__module__
        if module == "_io":
            # The module of `open` is `io` before Python 3.12 and `_io` after.
            module = "io"
        # The functions of os.path, of which each version of Python has more in C:
        # `_path_exists` of `nt` counts as `exists` of `ntpath`, its form in Python.
        if value.__name__.startswith("_path_"):
            return f"{module}path:{value.__name__.removeprefix('_path_')}"
        return "builtin", f"{module}:{value.__qualname__}"
    shared = _shared_method(value)
    if shared is not None:
        return shared
    return "builtin", value.__name__, owner


def _reduce_method(value: Any) -> object:
    """Reduce a method to its function and the object that it is bound to."""
    shared = _shared_method(value)
    if shared is not None:
        return shared
    function, owner = value.__func__, value.__self__
    code: CodeType | None = getattr(function, "__code__", None)
    if code is not None and _is_from_stdlib(function.__module__, code.co_filename):
        name = function.__name__
        cls = owner if isinstance(owner, type) else type(owner)
        attribute = getattr(cls, name, None)
        if getattr(attribute, "__func__", attribute) is function:
            # The class that defines a method of the standard library differs by
            # version, so only its name counts.
            return name, owner
    return function, owner


def _shared_method(method: Any) -> object | None:
    """Return the name of a method of the generator behind `random.random()`.

    The state of that generator changes with each use, so it must not count. None: the
    method is one of another object.
    """
    if type(method.__self__).__module__ != "random":
        return None
    shared = getattr(sys.modules["random"], method.__name__, None)
    if shared != method:
        return None
    return "builtin", f"random:{method.__name__}"


# Classes


def _reduce_class(value: type) -> object:
    """Reduce a class to its name, its source, and its methods' closures.

    A parametrised generic counts by its origin and its arguments: `Page[Item]` by
    `Page` and `Item`. A class that its metaclass makes again from data counts by the
    data.
    """
    generic = origin_and_arguments(value)
    if generic is not None:
        origin, arguments = generic
        return "generic", origin, arguments
    recipe = class_recipe(value)
    if recipe is not None:
        return "made", type(value), recipe
    name = _public_name(value)
    module = sys.modules.get(value.__module__)
    # A class in C may have a name that leads to nothing, as that of iterators.
    is_named = importable(value) is not None or not value.__flags__ & HEAP_TYPE
    if is_named and _is_from_stdlib(
        value.__module__, getattr(module, "__file__", None)
    ):
        return name
    source = class_source(value)
    if source is None and not is_named:
        raise Unstable(f"a class {NO_SOURCE}", type)
    variables = variables_of_made_class(value)
    if variables:
        return name, source, variables
    # Most classes stand in a module: their identity has no further part.
    return name, source


def variables_of_made_class(value: type) -> dict[str, object]:
    """Return what a class that a function has made took from variables around it.

    Two classes that a function has made have the same source. They differ in these:

    | name | value |
    |---|---|
    | `rate` | of a variable that a method closes over |
    | `convert(0)`, `convert(rate)` | a default of the method `convert` |
    | `.rate` | of an attribute, which the body may have computed from variables |
    | `.convert.<name>` | the values of a function that was made outside of the body |

    A class that stands in a module has none.
    """
    if not _is_local(value):
        return {}
    variables: dict[str, object] = {}
    # What a class defines itself replaces what a base has under the name.
    for cls in reversed(value.__mro__):
        if not _is_local(cls):
            continue
        for method in own_methods(cls):
            variables.update(_closure_variables(method))
            for parameter, default in _values_among_defaults(method).items():
                variables[f"{method.__name__}({parameter})"] = default
        for name, attribute_value in _own_attributes(cls).items():
            # The source of the class tells nothing of a value that a variable gave.
            if _is_value(type(attribute_value)):
                variables[f".{name}"] = attribute_value
                continue
            for function in _functions_from_outside_body(attribute_value, cls):
                values = _values_of_function(function)
                variables[f".{name}.{function.__qualname__}"] = values
    # Methods that use `super()` close over the class itself.
    variables.pop("__class__", None)
    return variables


def _own_attributes(cls: Any) -> dict[str, Any]:
    """Return the attributes of a class by name, without those of Python itself.

    An enumeration has the values of its members, as each version of Python keeps the
    members themselves in another way.
    """
    attributes = {}
    is_enum = issubclass(cls, Enum)
    for name, attribute_value in vars(cls).items():
        is_of_enum = is_enum and (name[:1] == "_" or isinstance(attribute_value, cls))
        if not name.endswith("__") and not is_of_enum:
            attributes[name] = attribute_value
    if is_enum:
        for name, member in cls.__members__.items():
            attributes[name] = member.value
    return attributes


def _functions_from_outside_body(attribute_value: Any, cls: type) -> list[FunctionType]:
    """Return the functions in an attribute that the body of its class does not define.

    The class's own methods are looked at by themselves. Such a function was defined
    outside of the body, or is the wrapper that a decorator made. It closes over
    variables of its own, as `rate` of `convert = make(rate)`.
    """
    attribute_and_inside = [attribute_value]
    for holding_type, names in _ATTRIBUTES_WITH_FUNCTIONS.items():
        # The type is asked: a mock may say that it is of another class.
        if not issubclass(type(attribute_value), holding_type):
            continue
        for name in names:
            # A subclass may not have called the `__init__` of its base.
            with suppress(AttributeError):
                attribute_and_inside.append(
                    object.__getattribute__(attribute_value, name)
                )
    ids_of_methods = set(map(id, own_methods(cls)))
    functions = []
    for callable_or_other in attribute_and_inside:
        for function in behind_wrappers(callable_or_other):
            if type(function) is FunctionType and id(function) not in ids_of_methods:
                functions.append(function)
    return functions


def _values_of_function(function: FunctionType) -> dict[str, object]:
    """Return the values that a function closes over, and those of its defaults."""
    values = _values_among_defaults(function)
    for name, value in _closure_variables(function).items():
        if _is_value(type(value)):
            values[name] = value
    return values


def _values_among_defaults(function: FunctionType) -> dict[str, object]:
    """Return the defaults of a function that are values, by their parameters.

    A parameter is the number of its default, or the name if it is given by keyword.
    """
    defaults: dict[str, object] = {}
    for index, default in enumerate(function.__defaults__ or ()):
        defaults[str(index)] = default
    defaults.update(function.__kwdefaults__ or {})
    values = {}
    for parameter, default in defaults.items():
        if _is_value(type(default)):
            values[parameter] = default
    return values


def _is_value(type_: type) -> bool:
    """Return whether objects of a type are values of the standard library or data.

    Of what a class has from variables around it, only values count: any other object
    may lead anywhere. A property of a mock stands for the value that it gives.
    """
    if type_ in PLAIN or row_of(type_) is not None or library_of(type_) is not None:
        return True
    if issubclass(type_, Enum) or not _MARKS_OF_DATA_CLASSES.isdisjoint(dir(type_)):
        return True
    return full_name(type_) == "unittest.mock.PropertyMock"


def _is_local(cls: type) -> bool:
    """Return whether a function, or a call of `type`, makes classes of this name.

    A named tuple does not: it counts by its fields.
    """
    if "<locals>" in cls.__qualname__:
        return True
    is_written_in_c = not cls.__flags__ & HEAP_TYPE
    if is_written_in_c or issubclass(cls, tuple):
        return False
    if importable(cls) is not None:
        return False
    # Each mock has a class of its own, which has the name of the mock's class and
    # therefore its source.
    return cls.__module__ == "unittest.mock" or class_source(cls) is None


def _reduce_bound_c_method(value: Any) -> object:
    """Reduce a method of a builtin that is bound to an object, such as `[].__len__`."""
    return "builtin", value.__name__, value.__self__


def _reduce_cached_function(value: Any) -> object:
    """Reduce a function that `functools.lru_cache` has wrapped."""
    return "lru_cache", value.__wrapped__, value.cache_parameters()


def _reduce_c_descriptor(value: Any) -> object:
    """Reduce a method of a builtin that is bound to nothing, such as `str.lower`."""
    return f"{_public_name(value.__objclass__)}.{value.__name__}"


def _reduce_module(value: ModuleType) -> object:
    """Reduce a module to its name."""
    return value.__name__


# The functions that reduce functions, by the full name of their type.
_FUNCTION_RULES: dict[str, Reduce] = {
    "builtins.function": _reduce_function,
    "builtins.builtin_function_or_method": _reduce_c_function,
    # The type of methods in C that are told their class. Which methods are of this type
    # differs by version of Python.
    "builtins.builtin_method": _reduce_c_function,
    "builtins.method-wrapper": _reduce_bound_c_method,
    "functools._lru_cache_wrapper": _reduce_cached_function,
}
_DESCRIPTOR = Reduction("descriptor", _reduce_c_descriptor)
_REDUCTIONS_BY_TYPE = {
    **dict.fromkeys(_FUNCTION_RULES, Reduction("function", _reduce_callable)),
    "builtins.method": Reduction("builtins:method", _reduce_method),
    "builtins.type": Reduction("class", _reduce_class),
    "builtins.module": Reduction("module", _reduce_module),
    "builtins.method_descriptor": _DESCRIPTOR,
    "builtins.wrapper_descriptor": _DESCRIPTOR,
}
