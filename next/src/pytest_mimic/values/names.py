"""The names by which classes and functions are found again: `module:Outer.Inner`."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def name_of(thing: Any) -> str:
    """Give the name under which a class or function was defined."""
    return f"{thing.__module__}:{thing.__qualname__}"


def thing_at(name: str) -> object:
    """Give what a name leads to now, without importing anything; `None`: nothing."""
    module_name, _, path = name.partition(":")
    found: object = sys.modules.get(module_name)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def is_found(thing: Any, name: str) -> bool:
    """Tell whether a name leads to this very thing, without importing anything."""
    return thing_at(name) is thing


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

    Raises:
        LookupError: The module or what it should hold is gone.
    """
    module_name, _, path = name.partition(":")
    try:
        found = import_module(module_name)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise LookupError(f"there is no {name} any more ({error})") from error
    return found
