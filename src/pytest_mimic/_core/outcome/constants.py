"""Objects without a value, which code tells apart by `is`: `MISSING = object()`.

A copy of such an object would be another one to everyone who asks `is MISSING`. So it
comes back as the object that its module holds under the same name.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

from pytest_mimic._core.outcome.outcome import OutdatedClassError
from pytest_mimic._core.types.kinds import name_of
from pytest_mimic._core.types.named_constants import (
    constants_of,
    is_known_by_name,
    variables_of,
)
from pytest_mimic._core.types.opening import all_attributes


def constant_name(thing: object) -> str | None:
    """Return the name of a constant in the module of its class.

    None: the object has attributes, its class compares or pickles objects in its own
    way, or the module has no such name.
    """
    kind = type(thing)
    if not is_known_by_name(kind) or all_attributes(thing):
        return None
    variables = variables_of(sys.modules.get(kind.__module__))
    for name, held_thing in constants_of(kind, variables):
        if held_thing is thing:
            return name
    return None


def constant(cls: type, name: str) -> object:
    """Return the constant with a name in the module of its class.

    Raises:
        OutdatedClassError: There is no such constant any more.
    """
    held_thing = vars(sys.modules[cls.__module__]).get(name)
    if type(held_thing) is not cls:
        raise OutdatedClassError(
            f"{cls.__module__} holds no {name_of(cls)} as {name:.60} any more"
        )
    return held_thing


def places_of_bare_object(thing: object) -> list[tuple[str, str]]:
    """Return the modules that hold an `object()`, each with the name for it there."""
    return _places_of_bare_objects(len(sys.modules)).get(id(thing), [])


@lru_cache(maxsize=1)
def _places_of_bare_objects(_loaded: int) -> dict[int, list[tuple[str, str]]]:
    """Return the places of each `object()` in a loaded module, by its id.

    Args:
        _loaded: How many modules are loaded. With another number, the modules are
            searched again.
    """
    places: dict[int, list[tuple[str, str]]] = {}
    for module_name, module in list(sys.modules.items()):
        names = getattr(module, "__dict__", {})
        for name, held_thing in list(names.items()):
            if type(held_thing) is object:
                places.setdefault(id(held_thing), []).append((module_name, name))
    return places


def bare_object(places: list[tuple[str, str]]) -> object:
    """Return the `object()` that a loaded module holds at the first of these places.

    No module is imported, and nothing else is returned, whatever a pickle asks for.

    Raises:
        OutdatedClassError: There is no such object any more.
    """
    for module_name, name in places:
        names: dict[str, Any] = getattr(sys.modules.get(module_name), "__dict__", {})
        if type(names.get(name)) is object:
            return names[name]
    raise OutdatedClassError(f"no loaded module holds an object() as {places!r:.90}")
