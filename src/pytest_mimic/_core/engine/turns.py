"""Turns: threads, and the processes that a run has forked, take them by a lock."""

from __future__ import annotations

from threading import RLock
from typing import Protocol


class _Processes(Protocol):
    """The processes of a run that has forked, as `Turns` uses them."""

    def begin_turn(self) -> None:
        """Keep other processes out, and learn what they did."""

    def end_turn(self) -> None:
        """Tell other processes what this one did, and let them in."""


class Turns:
    """A lock that a thread may take again, and that processes share once a run forks.

    A turn is a `with` block. Other threads and processes see all of what it does, or
    none: a call takes its place, a recording is written.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        # How many turns the thread that holds the lock has begun, one inside another.
        self._depth = 0
        # None until the run forks.
        self._processes: _Processes | None = None

    def begin(self) -> None:
        """Begin a turn, once neither another thread nor another process has one."""
        self._lock.acquire()
        self._depth += 1
        if self._depth > 1 or self._processes is None:
            # The outermost turn keeps other processes out already, or there are none.
            return
        try:
            self._processes.begin_turn()
        except BaseException:
            self._depth -= 1
            self._lock.release()
            raise

    def end(self, *_: object) -> None:
        """End a turn."""
        try:
            is_outermost = self._depth == 1
            if is_outermost and self._processes is not None:
                # Other processes have waited for the whole of this turn.
                self._processes.end_turn()
        finally:
            self._depth -= 1
            self._lock.release()

    __enter__ = begin
    __exit__ = end

    def share(self, processes: _Processes) -> None:
        """Share the turns with processes that are forked from now on.

        The caller holds a turn.
        """
        processes.begin_turn()
        self._processes = processes

    def start_over(self) -> None:
        """Begin anew in a forked process.

        The turn in which it was forked is its parent's.
        """
        self._lock = RLock()
        self._depth = 0
