"""A log of the calls that were replayed on a server, to be done there before the first real call."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from itertools import count
from typing import Generic, Protocol, TypeVar

# The number of calls that a log keeps.
_LONGEST = 20_000

E = TypeVar("E")


class Caller(Protocol):
    """The test, the scope of a wider fixture, or the cassette that a call belongs to."""

    replayed: set[str]  # the clients at which calls of its conversations were replayed
    is_test: bool  # whether it is a test, whose calls run for real as a whole if one of them is new


class ReplayLog(Generic[E]):
    """The calls that were replayed on one server, in order.

    They are done for real before the first call that has to run: it must find what they made. From then on the callers
    whose calls were done make theirs for real, so that what a fixture set up is also torn down.
    """

    def __init__(self) -> None:
        # By their numbers, so that some can be removed without a look at the others.
        self._entries: dict[int, tuple[Caller, E]] = {}
        self._numbers = count()
        self._groups: dict[Hashable, list[int]] = {}
        self._real: set[Caller] = set()
        self._guard = threading.Lock()

    def note(self, caller: Caller, entry: E, *, group: Hashable = None) -> bool:
        """Add a replayed call, and return whether it is to be done at once. Those of a `group` can be removed together."""
        with self._guard:
            if len(self._entries) < _LONGEST:
                number = next(self._numbers)
                self._entries[number] = caller, entry
                if group is not None:
                    self._groups.setdefault(group, []).append(number)
            return caller in self._real

    def take(self) -> list[E]:
        """Return the calls and empty the log."""
        with self._guard:
            entries = list(self._entries.values())
            self._entries, self._groups = {}, {}
            self._real.update(caller for caller, _ in entries)
        return [entry for _, entry in entries]

    def remove(self, group: Hashable) -> None:
        with self._guard:
            for number in self._groups.pop(group, ()):
                del self._entries[number]

    def keep(self, group: Hashable) -> bool:
        """End a group, and return whether there was one: its calls stay in the log, and can be removed no more."""
        with self._guard:
            return self._groups.pop(group, None) is not None
