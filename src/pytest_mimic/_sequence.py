"""Sequences: whom they belong to, and their outcomes while they are recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mimic._steps import Call
    from pytest_mimic._vault import Stored


class Owner:
    """Whom the calls of a sequence belong to: a test, or a wider fixture's module, package or session."""

    __slots__ = ("name", "ordinals", "positions", "tracks")

    def __init__(self, name: str) -> None:
        self.name = name
        self.positions: dict[str, int] = {}
        self.tracks: dict[str, Track] = {}
        self.ordinals: dict[str, list[str]] = {}


class Track:
    """The outcomes of one sequence while it is being recorded, by position."""

    __slots__ = ("call", "fresh", "old")

    def __init__(self, call: Call, old: list[Stored]) -> None:
        self.call = call
        self.old = old
        self.fresh: dict[int, Stored] = {}

    def outcomes(self, *, length: int | None = None) -> list[Stored]:
        """All outcomes in order: fresh ones in place of old ones."""
        kept = {**dict(enumerate(self.old)), **self.fresh}
        return [kept[position] for position in sorted(kept) if length is None or position < length]
