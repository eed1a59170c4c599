"""The names of classes and functions, and what a name leads to when it is imported."""

from __future__ import annotations

import sys
import types
from importlib import import_module
from typing import Any

# Py_TPFLAGS_HEAPTYPE, the flag of a class that a program makes while it runs. The
# classes of the builtins do not have it.
HEAP_TYPE = 1 << 9

# Members that a class, asked for them, gives bound to itself or unwrapped.
_BOUND_BY_CLASSES = (classmethod, staticmethod, types.ClassMethodDescriptorType)


def full_name(type_: type) -> str:
    """Return the dotted name under which tables list a type, on every Python."""
    name = f"{type_.__module__}.{type_.__qualname__}"
    return name.replace("pathlib._local.", "pathlib.")


def lineage(type_: type) -> list[str]:
    """Return the full names of a type and of its bases, in their order."""
    return [full_name(base) for base in type_.__mro__]


def is_stdlib(module: str) -> bool:
    """Return whether a module of this name is in the standard library."""
    return module.partition(".")[0] in sys.stdlib_module_names


def name_of(class_or_function: object) -> str:
    """Return the name that a class or function says it has: `shop.models:Rate`.

    Outcomes store classes and functions by it. Nothing checks the name: it may lead to
    something else, or to nothing. To check it, compare the thing with what `find`
    returns for the name. A part that is missing is `None`, as in `shop.models:None`.
    """
    module = getattr(class_or_function, "__module__", None)
    qualname = getattr(class_or_function, "__qualname__", None)
    return f"{module}:{qualname}"


def public_module(name: str) -> str:
    """Return a module's name without the private parts of the standard library.

    The private parts vary by version: `pathlib._local` is `pathlib` on Python 3.12.
    """
    if not name or not is_stdlib(name):
        return name
    first, *steps = name.split(".")
    public = [step for step in steps if not step.startswith("_")]
    return ".".join([first, *public])


def find(name: str) -> Any:
    """Return the class or function with a name, importing its module.

    To ask for an attribute may run code. So the name is one that a table or the
    recording lists, or that of a value which is being recorded.

    Raises:
        ImportError: There is no such module.
        AttributeError: The module has no such name.
    """
    module, _, qualname = name.partition(":")
    found_object: object = module_of(module)
    for step in qualname.split("."):
        found_object = getattr(found_object, step)
    return found_object


def find_plainly(name: str) -> Any:
    """Return the object with a name, importing its module; no attribute runs code.

    The name is one in a readable outcome. Neither the `__getattr__` of a module nor a
    property of a class is asked.

    Raises:
        ImportError: There is no such module.
        AttributeError: The module has no such name, or it leads through what is no
            class.
    """
    module, _, qualname = name.partition(":")
    first, *steps = qualname.split(".")
    namespace = object.__getattribute__(module_of(module), "__dict__")
    if first not in namespace:
        raise AttributeError(f"{module} has no {first}")
    found_object: Any = namespace[first]
    for step in steps:
        found_object = _class_attribute(found_object, step)
    return found_object


def find_through_classes(name: str) -> Any:
    """Return the object that a pickle imports under a name, importing its module.

    Only the first step of a qualified name is taken from the module. Each further step
    is an attribute that a class defines:

    | name | gives |
    |---|---|
    | `shop:Basket.Item` | a class in a class |
    | `shop:Basket.empty` | a function of a class, a class method bound to the class |
    | `shop:json.codecs.open` | AttributeError: `shop.json` is no class |

    Raises:
        ImportError: There is no such module.
        AttributeError: The module has no such name, or it leads through what is no
            class.
    """
    module, _, qualname = name.partition(":")
    first, *steps = qualname.split(".")
    found_object: Any = getattr(module_of(module), first)
    for step in steps:
        attribute = _class_attribute(found_object, step)
        if isinstance(attribute, _BOUND_BY_CLASSES):
            # The pickle was made of what the class gives, a class method bound to it.
            attribute = attribute.__get__(None, found_object)
        found_object = attribute
    return found_object


def _class_attribute(holder: Any, name: str) -> Any:
    """Return what a class or its bases have under a name; no code of theirs runs.

    Raises:
        AttributeError: They have nothing, or the holder is no class.
    """
    bases = type.__getattribute__(holder, "__mro__") if isinstance(holder, type) else ()
    for base in bases:
        namespace = type.__getattribute__(base, "__dict__")
        if name in namespace:
            return namespace[name]
    # The holder is not shown: its `__repr__` is code, too.
    raise AttributeError(
        f"what should have {name!r:.60} is no class with an attribute of that name"
    )


def module_of(name: str) -> Any:
    """Return a module, importing it if needed.

    In place of a private module that is gone, the public one is returned.
    Python 3.13 has paths in `pathlib._local`, other versions in `pathlib`.

    Raises:
        ImportError: There is no such module.
    """
    loaded_module = sys.modules.get(name)
    if loaded_module is not None:
        return loaded_module
    try:
        return import_module(name)
    except ModuleNotFoundError:
        public = public_module(name)
        if public == name:
            raise
        return import_module(public)


def original(function_or_other: object) -> Any:
    """Return the function behind a mimic wrapper.

    Any other value is returned as it is.
    """
    return getattr(function_or_other, "__mimic_original__", function_or_other)


def named_like(class_or_function: object) -> object:
    """Return what the own name of a class or function leads to; None: to nothing."""
    namesake: Any = sys.modules.get(
        getattr(class_or_function, "__module__", None) or ""
    )
    for step in str(getattr(class_or_function, "__qualname__", "")).split("."):
        namesake = getattr(namesake, step, None)
    return namesake


def importable(class_or_function: object) -> object:
    """Return what the own name of a class or function leads to.

    The name leads to the thing itself, or to its mimic wrapper. None: it leads
    elsewhere.
    """
    namesake = named_like(class_or_function)
    if namesake is None or original(namesake) is not original(class_or_function):
        return None
    return namesake
