"""The names by which classes and functions are found again: `module:Outer.Inner`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any

from pytest_mimic.errors import StaleRecordingError


def name_of(thing: Any) -> str:
    """Give the name under which a class or function is found again.

    It is that of its module; of a private module (`pathlib._local`, `_io`) that of the
    public one before it, if this has it too, since private modules differ by version.
    """
    return name_in(str(thing.__module__), thing.__qualname__, thing)


def own_name_of(thing: Any) -> str:
    """Give the name of a thing that says it, as functions and classes do, or ""."""
    names = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    return name_of(thing) if all(isinstance(name, str) for name in names) else ""


def name_in(module: str, path: str, thing: object) -> str:
    """Give the name of a thing that stands in a module; see `name_of`."""
    public = _public(module)
    if public != module and is_found(thing, f"{public}:{path}"):
        return f"{public}:{path}"
    return f"{module}:{path}"


def _public(module: str) -> str:
    return module.lstrip("_").partition("._")[0]


def thing_at(name: str) -> object:
    """Give what a name leads to now, without importing anything; `None`: nothing."""
    module_name, _, path = name.partition(":")
    first, *rest = path.split(".")
    # A module may do anything when it is asked for a name that it does not have.
    names = getattr(sys.modules.get(module_name), "__dict__", {})
    found: object = names.get(first)
    for part in rest:
        found = getattr(found, part, None)
    return found


def is_of_python(name: str) -> bool:
    """Tell whether a module, or what has this name, comes with Python."""
    return name.partition(":")[0].partition(".")[0] in sys.stdlib_module_names


def is_found(thing: Any, name: str) -> bool:
    """Tell whether a name leads to this very thing, without importing anything."""
    return thing_at(name) is thing


def shared_generator(value: object) -> str:
    """Give the name of a generator of random numbers that a library shares, or ""."""
    if type(value).__name__ not in ("Random", "RandomState"):
        return ""
    for name in ("random:_inst", "numpy.random.mtrand:_rand"):
        if is_found(value, name):
            return name
    return ""


def generic_of(cls: type) -> tuple[type, tuple[Any, ...]] | None:
    """Give the generic model of pydantic and the types of which a class was made.

    Such a class has a name that leads to nothing: `Page[User]`.
    """
    metadata = getattr(cls, "__pydantic_generic_metadata__", None)
    if not metadata or metadata["origin"] is None:
        return None
    return metadata["origin"], metadata["args"]


def class_named(name: str) -> type:
    """Give the class that a name in a file leads to, and run nothing to find it.

    It is looked up in the dictionaries of modules and classes, where no property and
    no `__getattr__` runs. Only what this run has imported is looked at.

    Args:
        name: `module:Outer.Inner`.

    Raises:
        StaleRecordingError: The module, or the class in it, is not there.
    """
    module_name, _, path = name.partition(":")
    module = sys.modules.get(module_name)
    if module_name == "__main__" or not issubclass(type(module), ModuleType):
        what = f"this run has not imported {module_name}, where {path} is"
        raise StaleRecordingError(what)
    found: Any = module
    members = _names_of_module(module)
    for part in path.split("."):
        found = members.get(part)
        if not issubclass(type(found), type):
            raise StaleRecordingError(f"there is no class {name} any more")
        members = members_of(found)
    home = _module_of(found)
    is_there = type(home) is str and module_name in (home, _public(home))
    if _qualname_of(found) != path or not is_there:
        raise StaleRecordingError(f"{name} is not where its class is defined")
    made: type = found
    return made


FIELDS = (GetSetDescriptorType, MemberDescriptorType)
"""What a class has for what C, or a slot, keeps in its objects."""

# What a class may say of itself by a property or a metaclass is not asked.
members_of: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
"""Gives the dictionary of a class."""
bases_of: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
"""Gives a class and its bases in the order in which they are asked for a name."""
_module_of = type.__dict__["__module__"].__get__
_qualname_of = type.__dict__["__qualname__"].__get__
_names_of_module: Any = vars(ModuleType)["__dict__"].__get__


def member_of(cls: type, name: str) -> Any:
    """Give what a class or its nearest base has under a name; `None`: nothing."""
    for base in bases_of(cls):
        if name in members_of(base):
            return members_of(base)[name]
    return None
