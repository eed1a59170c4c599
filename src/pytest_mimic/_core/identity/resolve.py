"""Finds the kind of a type. Rules and walk are loaded when a value needs them: small plain arguments do not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mimic._core.files.places import Places
    from pytest_mimic._core.identity.kinds import Kind
    from pytest_mimic._core.identity.walk import Walk


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
        from pytest_mimic._core.identity.rules import kind_of

        return kind_of(type_, self.places, layout=self.layout)

    def locator(self) -> Callable[[str], object]:
        """Return the function that replaces strings which are paths: see `text_locator`."""
        from pytest_mimic._core.identity.paths import text_locator

        return text_locator(self.places)

    def digest(self, value: object, *, ordered: bool = False) -> bytes:
        """Return the digest of a value that has no short form. If it is `ordered`, the order of dicts counts."""
        from pytest_mimic._core.identity.walk import HoldsMark, Walk

        make = partial(Walk, self, ordered=ordered)
        try:
            return self._digest_by(value, partial(make, marks=self.places.marks))
        except HoldsMark:
            return self._digest_by(value, partial(make, locate=self.locator()))

    def _digest_by(self, value: object, make: Callable[[], Walk]) -> bytes:
        from pytest_mimic._core.identity.walk import TooLarge

        try:
            return make().digest([value])
        except TooLarge:
            from pytest_mimic._core.identity.graph import digest

            return digest(value, make())
