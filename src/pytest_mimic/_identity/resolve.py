"""The search for the kind of a type: registrations first, then callables, libraries, the standard library, plain state."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from pytest_mimic._identity.callables import callable_kind
from pytest_mimic._identity.kinds import Kind, registered_kind
from pytest_mimic._identity.refused import Unstable
from pytest_mimic._identity.state import state_kind
from pytest_mimic._identity.stdlib import stdlib_kind

if TYPE_CHECKING:
    from pytest_mimic._files.places import Places


class Resolver:
    """Finds the kind of a type.

    Args:
        places: The folders of the run, under which paths count by their place.
        layout: Whether the value is an outcome: then the memory layout of arrays counts, and other facts that
            equality ignores and a replay gives back.
        locates: Whether strings that are paths below the base temporary folder count as such. Otherwise the caller finds
            out whether there are any: see `is_marked`.
    """

    __slots__ = ("layout", "locates", "places")

    def __init__(self, places: Places, *, layout: bool = False, locates: bool = False) -> None:
        self.places = places
        self.layout = layout
        self.locates = locates

    def __call__(self, type_: type) -> Kind:
        """Return the kind of a type that is neither a scalar nor a plain container.

        Raises:
            Unstable: The type has no module, and so no name that is the same in another process.
        """
        return (
            registered_kind(type_)
            or callable_kind(type_)
            or self._library_kind(type_)
            or stdlib_kind(type_, self.places, layout=self.layout)
            or state_kind(type_)
        )

    def locator(self) -> Callable[[str], object]:
        """Return the function that replaces strings which are paths: see `text_locator`."""
        from pytest_mimic._identity.paths import text_locator

        return text_locator(self.places)

    def _library_kind(self, type_: type) -> Kind | None:
        if type(type_.__module__) is not str:
            raise Unstable(f"an object of {type_.__qualname__}, a class without a module", type_)
        # Imported late: a run whose arguments are all plain never needs it.
        from pytest_mimic._values.libraries import LIBRARIES

        for base in type_.__mro__:
            library = LIBRARIES.get(str(base.__module__).partition(".")[0])
            if library is not None and library.identity:
                module = import_module(library.identity)
                kind: Kind | None = module.library_kind(type_, base, self.layout)
                if kind is not None:
                    return kind
        return None
