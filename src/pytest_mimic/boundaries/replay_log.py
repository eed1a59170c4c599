"""A log of the calls that were replayed on a server, to be done there before the first real call."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

# The number of calls that a log keeps.
_LONGEST = 20_000

E = TypeVar("E")


class Caller(Protocol):
    """The test, the scope of a wider fixture, or the cassette that a call belongs to.

    Attributes:
        is_aborted: Whether this attempt of the test was ended, so that its calls do not count.
    """

    is_aborted: bool


class ReplayLog(Generic[E]):
    """The calls that were replayed on one server, in order.

    They are done for real before the first call that has to run: it must find what they made. From then on the callers
    whose calls were done make theirs for real, so that what a fixture set up is also torn down.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[Caller, E]] = []
        self._real: set[Caller] = set()
        self._guard = threading.Lock()

    def note(self, caller: Caller, entry: E) -> bool:
        """Add a replayed call, and return whether it is to be done at once."""
        with self._guard:
            if len(self._entries) < _LONGEST:
                self._entries.append((caller, entry))
            return caller in self._real

    def take(self) -> list[E]:
        """Return the calls and empty the log. Those of attempts that were ended are left out."""
        with self._guard:
            entries = [(caller, entry) for caller, entry in self._entries if not caller.is_aborted]
            self._entries = []
            self._real.update(caller for caller, _ in entries)
        return [entry for _, entry in entries]

    def remove(self, is_removed: Callable[[E], bool]) -> list[E]:
        """Remove some calls, and return them, the last one first. The function is called with the last one first."""
        with self._guard:
            checked = [(is_removed(each[1]), each) for each in reversed(self._entries)]
            self._entries = [each for removed, each in reversed(checked) if not removed]
        return [entry for removed, (_, entry) in checked if removed]
