"""Owners of sequences: a test, or the module, package or session of a wider fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mimic._engine.call import Call
    from pytest_mimic._vault import Stored


class Owner:
    """The test, or the scope of a wider fixture, that the calls of a sequence belong to.

    Attributes:
        fixtures: How many fixtures of this scope are set up now.
        positions, sequences: The number of calls made, and the sequence being recorded, by the recording's name.
        ordinals: The databases that calls went to, in order of first use.
    """

    __slots__ = ("_longest", "fixtures", "name", "ordinals", "positions", "sequences")

    def __init__(self, name: str) -> None:
        self.name = name
        self.fixtures = 0
        self.positions: dict[str, int] = {}
        self.sequences: dict[str, SequenceInProgress] = {}
        self.ordinals: dict[str, list[str]] = {}
        self._longest: dict[str, int] = {}

    def length(self, name: str) -> int:
        """Return how many calls a sequence had; the most, if the scope was entered several times."""
        return max(self.positions.get(name, 0), self._longest.get(name, 0))

    def rewind(self) -> None:
        """Start all sequences over: the scope has ended, and the same run may enter it again."""
        self._longest |= {name: self.length(name) for name in self.positions}
        self.positions.clear()
        self.ordinals.clear()
        for sequence in self.sequences.values():
            sequence.commit()


class SequenceInProgress:
    """The outcomes of one sequence while it is recorded, by position.

    Attributes:
        call: The first call.
        old: The outcomes recorded before.
        new: The outcomes of this pass, by position.
    """

    __slots__ = ("call", "new", "old")

    def __init__(self, call: Call, old: list[Stored]) -> None:
        self.call = call
        self.old = old
        self.new: dict[int, Stored] = {}

    def commit(self) -> None:
        """Treat the new outcomes as recorded."""
        self.old, self.new = self.outcomes(), {}

    def outcomes(self, *, length: int | None = None) -> list[Stored]:
        """Return all outcomes in order, each new one in place of the old one."""
        merged = {**dict(enumerate(self.old)), **self.new}
        return [merged[position] for position in sorted(merged) if length is None or position < length]
