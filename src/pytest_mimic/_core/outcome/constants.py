"""Finds constants again by their names: objects that code tells apart by `is`.

A copy of `MISSING = object()` would be another one to everyone who asks `is MISSING`.
So it comes back as the object that its module holds under the same name, which
`named_constants` has given.
"""

from __future__ import annotations

import sys
from typing import Any

from pytest_mimic._core.outcome.outcome import OutdatedClassError
from pytest_mimic._core.types.type_names import name_of


def constant(cls: type, name: str) -> object:
    """Return the constant with a name in the module of its class.

    The reader of JSON asks it for the part of an object without attributes.

    Raises:
        OutdatedClassError: There is no such constant any more.
    """
    held_thing = vars(sys.modules[cls.__module__]).get(name)
    if type(held_thing) is not cls:
        raise OutdatedClassError(
            f"{cls.__module__} holds no {name_of(cls)} as {name:.60} any more"
        )
    return held_thing


def bare_object(places: list[tuple[str, str]]) -> object:
    """Return the `object()` that a loaded module holds at the first of these places.

    Loading a pickle calls this function by its name. No module is imported, and nothing
    else is returned, whatever a pickle asks for.

    Raises:
        OutdatedClassError: There is no such object any more.
    """
    for module_name, name in places:
        names: dict[str, Any] = getattr(sys.modules.get(module_name), "__dict__", {})
        if type(names.get(name)) is object:
            return names[name]
    raise OutdatedClassError(f"no loaded module holds an object() as {places!r:.90}")
