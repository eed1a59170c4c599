"""Where recordings are: the log of an owner, and what all tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic.engine.calls import Call
from pytest_mimic.engine.decide import Mode, Recorded

if TYPE_CHECKING:
    from pytest_mimic.vault.recording import Entry


class Place(NamedTuple):
    """Where a call stands, and what was recorded there."""

    slot: int
    recorded: Recorded
    entry: Entry | None


class Log:
    """The calls of one owner, in the order in which they began."""

    def take(self, call: Call, mode: Mode) -> Place:
        """Give the next place to a call."""
        raise NotImplementedError

    def put(self, slot: int, entry: Entry) -> None:
        """Keep what the call at a place gave."""
        raise NotImplementedError

    def close(self, *, passed: bool) -> None:
        """Write what the owner leaves in the vault."""
        raise NotImplementedError
