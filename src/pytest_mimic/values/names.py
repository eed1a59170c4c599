"""The names by which classes and functions are found again: `module:Outer.Inner`."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def name_of(thing: Any) -> str:
    """Give the name under which a class or function is found again.

    It is that of its module; of a private module (`pathlib._local`, `_io`) that of the
    public one before it, if this has it too, since private modules differ by version.
    """
    return name_in(str(thing.__module__), thing.__qualname__, thing)


def has_name(thing: Any) -> bool:
    """Tell whether a thing says what its name is, as functions and classes do."""
    names = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    return all(isinstance(name, str) for name in names)


def name_in(module: str, path: str, thing: object) -> str:
    """Give the name of a thing that stands in a module; see `name_of`."""
    public = module.lstrip("_").partition("._")[0]
    if public != module and is_found(thing, f"{public}:{path}"):
        return f"{public}:{path}"
    return f"{module}:{path}"


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


def find(name: str) -> Any:
    """Give what a name leads to, and import its module.

    It leads through classes alone: an attribute of an object may run a property.

    Raises:
        LookupError: The module or what it should hold is gone.
    """
    module_name, _, path = name.partition(":")
    try:
        found: Any = import_module(module_name)
        for part in path.split("."):
            if not isinstance(found, (type, ModuleType)):
                raise LookupError(f"{name} leads through an object")
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise LookupError(f"there is no {name} any more ({error})") from error
    return found
