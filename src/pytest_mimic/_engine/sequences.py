"""Sequences: whom they belong to, and their outcomes while they are recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mimic._engine.steps import Call
    from pytest_mimic._vault import Stored


class Owner:
    """Whom the calls of a sequence belong to: a test, or a wider fixture's module, package or session.

    Attributes:
        fixtures: How many fixtures are set up whose calls belong to it.
    """

    __slots__ = ("_reached", "fixtures", "name", "ordinals", "positions", "tracks")

    def __init__(self, name: str) -> None:
        self.name = name
        self.fixtures = 0
        self.positions: dict[str, int] = {}
        self.tracks: dict[str, Track] = {}
        self.ordinals: dict[str, list[str]] = {}
        self._reached: dict[str, int] = {}

    def length(self, name: str) -> int:
        """How many calls of a sequence there were, the most of all times that it began."""
        return max(self.positions.get(name, 0), self._reached.get(name, 0))

    def rewind(self) -> None:
        """Sequences begin anew: their scope has ended, and may be entered again in the same run."""
        self._reached |= {name: self.length(name) for name in self.positions}
        self.positions.clear()
        self.ordinals.clear()
        for track in self.tracks.values():
            track.settle()


class Track:
    """The outcomes of one sequence while it is being recorded, by position."""

    __slots__ = ("call", "fresh", "old")

    def __init__(self, call: Call, old: list[Stored]) -> None:
        self.call = call
        self.old = old
        self.fresh: dict[int, Stored] = {}

    def settle(self) -> None:
        """What is fresh is recorded from now on."""
        self.old, self.fresh = self.outcomes(), {}

    def outcomes(self, *, length: int | None = None) -> list[Stored]:
        """All outcomes in order: fresh ones in place of old ones."""
        kept = {**dict(enumerate(self.old)), **self.fresh}
        return [kept[position] for position in sorted(kept) if length is None or position < length]
