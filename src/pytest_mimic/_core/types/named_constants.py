"""Objects without a value, which code tells apart by `is`: `MISSING = Missing()`.

Such an object is called a constant here. All that such an object says is which one it
is. So it is known by the name under which a module holds it. An identity takes a name
in any module. An outcome takes one in the module of the class alone, by which
`constants` finds the object again.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from linecache import getlines
from typing import Any

from pytest_mimic._core.types.added_attributes import (
    METHODS_OF_PICKLES,
    is_of_decorator,
)
from pytest_mimic._core.types.attributes_and_parts import all_attributes
from pytest_mimic._core.types.type_names import HEAP_TYPE


def is_known_by_name(type_: Any) -> bool:
    """Return whether only `is` tells attribute-less objects of a class apart.

    Then the name of such an object counts in identities. False: the class compares or
    pickles objects in its own way, or is written in C.
    """
    if type_ is object:
        return False
    for base in type_.__mro__[:-1]:
        # To ask the class for its `__eq__` may run code: a mock makes another mock.
        if not base.__flags__ & HEAP_TYPE or "__eq__" in vars(base):
            return False
        for name in METHODS_OF_PICKLES:
            method = vars(base).get(name)
            if method is not None and not is_of_decorator(method):
                return False
    return True


def variables_of(module: object) -> Mapping[str, object]:
    """Return the variables of a module, without loading one that loads when it is used.

    Entries of `sys.modules` may be None, and any other object.
    """
    with suppress(AttributeError):
        variables: dict[str, object] = object.__getattribute__(module, "__dict__")
        return variables
    return {}


def constants_of(
    type_: type, variables: Mapping[str, object]
) -> Iterator[tuple[str, object]]:
    """Yield the objects of exactly this class among variables, behind their names.

    An object may have several names.
    """
    for name, constant in list(variables.items()):
        if type(constant) is type_:
            yield name, constant


def name_among_constants(constant: object) -> str | None:
    """Return the name that tells a constant from the others of its class.

    It counts in identities, and descriptions show it.

    | who holds the object | its name |
    |---|---|
    | the module of its class, or a class in it, and no other such object | None |
    | the module of its class, or a class in it | `MISSING`, `Markers.MISSING` |
    | another module | `shop.cart:MISSING` |
    | none | None |

    So an object gets a name only where its class alone may say too little. The object
    has no attributes, and its class `is_known_by_name`.
    """
    type_: Any = type(constant)
    return _constants_of_class(type_).name_of(constant)


def constant_name(constant: object) -> str | None:
    """Return the name of a constant in the module of its class.

    An outcome is stored by it, and is the same object in a replay. None: the object has
    attributes, its class compares or pickles objects in its own way, or the module has
    no such name.
    """
    type_ = type(constant)
    if not is_known_by_name(type_) or all_attributes(constant):
        return None
    variables = variables_of(sys.modules.get(type_.__module__))
    for name, held_object in constants_of(type_, variables):
        if held_object is constant:
            return name
    return None


def places_of_bare_object(constant: object) -> list[tuple[str, str]]:
    """Return the modules that hold an `object()`, each with the name for it there.

    A pickle of an outcome imports the object by such a name.
    """
    return _places_of_bare_objects(len(sys.modules)).get(id(constant), [])


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
        for name, held_object in list(names.items()):
            if type(held_object) is object:
                places.setdefault(id(held_object), []).append((module_name, name))
    return places


class _Constants:
    """The constants of one class, as identities and descriptions name them.

    Outcomes do not: they ask `constant_name`.

    They stay known while a test has put another object in the place of one. And they
    stay alive, so that no other object gets the id of one.
    """

    def __init__(self, class_: type) -> None:
        self._class = class_
        # The constants that were found, by their ids.
        self._constants: dict[int, object] = {}
        # Their names by their ids: in the module of the class, and in other modules.
        self._own_names: dict[int, str] = {}
        self._names_elsewhere: dict[int, str] = {}
        # With another count of names or modules, these are searched again.
        self._searched_names = self._searched_modules = -1

    def name_of(self, constant: object) -> str | None:
        """Return the name that tells a constant from the others of its class.

        None: it has no name, or there are no others.
        """
        own_variables = variables_of(sys.modules.get(self._class.__module__))
        if len(own_variables) != self._searched_names:
            self._search_own_module(own_variables)
            self._searched_names = len(own_variables)
        name = self._own_names.get(id(constant))
        if name is not None:
            if len(set(self._own_names.values())) == 1:
                # The class alone tells its only constant.
                return None
            return name
        if len(sys.modules) != self._searched_modules:
            self._search_other_modules()
            self._searched_modules = len(sys.modules)
        return self._names_elsewhere.get(id(constant))

    def _search_own_module(self, variables: Mapping[str, object]) -> None:
        """Find constants in the module of the class, and in the classes of it."""
        module_name = self._class.__module__
        for name, constant in constants_of(self._class, variables):
            self._note(constant, name, self._own_names)
        for holder in list(variables.values()):
            if isinstance(holder, type) and holder.__module__ == module_name:
                for name, constant in constants_of(self._class, vars(holder)):
                    full_name = f"{holder.__qualname__}.{name}"
                    self._note(constant, full_name, self._own_names)

    def _search_other_modules(self) -> None:
        """Find constants in the modules other than that of the class."""
        # By the id of a constant, the module and the name of each variable with it.
        places: dict[int, list[tuple[str, str]]] = {}
        constants: dict[int, object] = {}
        for module_name, module in list(sys.modules.items()):
            if module_name == self._class.__module__:
                continue
            for name, constant in constants_of(self._class, variables_of(module)):
                constants[id(constant)] = constant
                places.setdefault(id(constant), []).append((module_name, name))
        for address, constant in constants.items():
            name = ":".join(_place_of_origin(places[address]))
            self._note(constant, name, self._names_elsewhere)

    def _note(self, constant: object, name: str, names: dict[int, str]) -> None:
        """Note the name of an object if it is a constant without attributes."""
        if not all_attributes(constant):
            self._constants[id(constant)] = constant
            names.setdefault(id(constant), name)


_constants_of_class = lru_cache(maxsize=256)(_Constants)


def _place_of_origin(places: list[tuple[str, str]]) -> tuple[str, str]:
    """Return the place at which a constant is made.

    Modules that import the constant hold it, too, and which of them are loaded differs
    by run. An example, with the lines by which the modules hold it:

    | place | line |
    |---|---|
    | `shop.api:UNSET` | `from shop.cart import UNSET` |
    | `shop.cart:UNSET` | `UNSET = Missing()`: this is the place |
    """
    if len(places) == 1:
        return places[0]
    assigning_places = []
    for module_name, name in places:
        file = getattr(sys.modules.get(module_name), "__file__", None) or ""
        lines: list[str] = []
        with suppress(OSError, SyntaxError, UnicodeError):
            lines = getlines(file)
        assignment = re.compile(rf"{re.escape(name)}\s*(:.*)?=(?!=)")
        if any(map(assignment.match, lines)):
            assigning_places.append((module_name, name))
    return min(assigning_places or places)
