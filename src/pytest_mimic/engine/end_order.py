"""Lets calls of a replay wait, and end in the order in which they were recorded."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from pytest_mimic.vault.recording import Entry

if TYPE_CHECKING:
    import asyncio

    from pytest_mimic.engine.calls import Slot

# Not a name that holds the function: tests freeze the clock by replacing such names.
seconds_now = partial(perf_counter)
_seconds_of_work = partial(process_time)

# In seconds without any call of the log that begins or ends: how long a call waits for
# one that has yet to begin, and for one that has yet to end.
_TO_BEGIN = 0.25
_TO_END = 1.0
# They are counted in pauses: on a busy machine, each of them takes longer.
_PAUSE = 0.05
_MOST_PAUSES = 100
_ASLEEP = 5.0
# How long a thread has to return from a call, in pauses of this length, and how many
# turns of its loop a task.
_TO_RETURN = 0.03
_SHORT_PAUSE = 0.005
_TURNS_TO_RETURN = [0.0] * 20
# After so many vain waits in a row, an owner waits no more.
_PATIENCE = 3

# A call that was cancelled waits as long as then, and so many seconds more.
_TO_BE_CANCELLED = 5
# In seconds. A file may name any time.
_LONGEST_WAIT = 60.0
_LONG_PAUSE = 0.005


Waker: TypeAlias = "ThreadWaker | TaskWaker | TrioWaker"
"""Lets a call wait; `is_task`: other tasks run in its thread meanwhile."""


class EndOrder:
    """The order in which the calls of one log end.

    A call that overlapped with others when it was recorded ends after those that ended
    before it, and after their callers have gone on. What stayed open had no end, and
    nothing waits for it.

    Args:
        entries: The recorded calls.
        begun: The calls of this run, by the index of their recording.

    Attributes:
        vain: How many calls have waited in vain.
    """

    def __init__(self, entries: Sequence[Entry], begun: Mapping[int, Slot]) -> None:
        self.vain = 0
        self._entries = entries
        self._begun = begun
        self._overlapping = _overlapping(entries)
        ended = [
            (entry.at[1], index)
            for index, entry in enumerate(entries)
            if len(entry.at) > 1
        ]
        # The recorded calls in the order of their ends, and the place of each in it.
        self._order = [index for _, index in sorted(ended)]
        self._ranks = {index: rank for rank, index in enumerate(self._order)}
        # All calls before this place have ended in this run.
        self._first = 0
        # Those that wait, by their place in the order.
        self._waiting: dict[int, Waker] = {}
        self._vain_in_a_row = 0
        # How many calls have begun and ended.
        self._moves = 0
        # The last end, and whether its thread has begun another call.
        self._ended: Slot | None = None
        self._has_gone_on = False

    def note_move(self, slot: Slot, *, is_end: bool) -> None:
        """Take note that a call has begun or ended."""
        self._moves += 1
        if is_end:
            self._ended = slot
        elif self._ended is None or self._ended.thread != slot.thread:
            return
        self._has_gone_on = not is_end
        if self._waiting:  # Most calls do not overlap.
            self._wake()

    def _wake(self) -> None:
        """Wake the first call that waits: no other call may end before it."""
        waker = self._waiting.get(min(list(self._waiting), default=-1))
        if waker is not None:
            waker.wake()

    def waits(self, index: int, waker: Waker) -> Iterator[float]:
        """Yield again and again how many seconds a call waits, if nobody wakes it.

        Args:
            index: Which of the recorded calls it is.
            waker: Wakes it.
        """
        if index not in self._overlapping or self._vain_in_a_row >= _PATIENCE:
            return
        rank = self._ranks[index]
        self._waiting[rank] = waker
        try:
            pauses: Iterator[float] = iter(())
            moves, has_waited = -1, False
            while limit := self._limit(rank, waker):
                if self._vain_in_a_row >= _PATIENCE:
                    return
                if min(list(self._waiting)) < rank:
                    moves = -1
                    yield _ASLEEP
                    continue
                if moves != self._moves:
                    pauses, moves = _pauses(limit, _PAUSE), self._moves
                pause = next(pauses, None)
                if pause is None:
                    self.vain += 1
                    self._vain_in_a_row += 1
                    return
                has_waited = True
                yield pause
            if has_waited:
                self._vain_in_a_row = 0
            yield from self._to_return(rank, waker)
        finally:
            self._waiting.pop(rank, None)  # Equal calls of a cassette have one place.
            self._wake()

    def _limit(self, rank: int, waker: Waker) -> float:
        """Give the seconds of quiet for which a call waits; 0: it may end."""
        first = self._first
        while first < rank:
            slot = self._begun.get(self._order[first])
            if slot is None or not slot.has_ended:
                break
            first += 1
        self._first = first
        limit = 0.0
        for index in self._order[first:rank]:
            other = self._begun.get(index)
            if other is None:
                if waker.is_task or threading.active_count() > 1:
                    limit = max(limit, _TO_BEGIN)
            elif not other.has_ended and (
                waker.is_task or other.thread != threading.get_ident()
            ):
                entry = self._entries[index]
                return entry.seconds if entry.hangs else _TO_END
        return limit

    def _to_return(self, rank: int, waker: Waker) -> Iterator[float]:
        """Wait until the caller of the call before has gone on from it."""
        last = self._ended
        if rank == 0 or last is None or last.index != self._order[rank - 1]:
            return
        if waker.is_task:
            yield from _TURNS_TO_RETURN
        elif last.thread != threading.get_ident():
            for pause in _pauses(_TO_RETURN, _SHORT_PAUSE):
                if not self._has_gone_on:
                    yield pause


def _pauses(seconds: float, pause: float) -> Iterator[float]:
    """Yield pauses until this process has been idle for so many seconds."""
    for _ in range(_MOST_PAUSES):
        worked = _seconds_of_work()
        yield pause
        if _seconds_of_work() - worked < pause / 5:
            seconds -= pause
        if seconds <= 0:
            return


def _overlapping(entries: Sequence[Entry]) -> set[int]:
    """Give the places of calls that ran at the same time as others."""
    found: set[int] = set()
    latest, until = -1, 0
    # They stand in the order of their beginning.
    for index, entry in enumerate(entries):
        if len(entry.at) < 2:
            continue
        begin, end = entry.at
        if begin < until:
            found |= {latest, index}
        if end > until:
            latest, until = index, end
    return found


def hang(entry: Entry, ended: threading.Event, *, is_task: bool) -> Iterator[float]:
    """Yield a pause in seconds again and again, as a call waits that had no end.

    Args:
        entry: Its recording.
        ended: Is set when its owner ends.
        is_task: Whether other tasks run in this thread meanwhile.
    """
    limit = min(entry.seconds + _TO_BE_CANCELLED, _LONGEST_WAIT)
    if entry.end == "open" and not is_task:
        is_main = threading.current_thread() is threading.main_thread()
        # Beside the main thread, nobody could end its owner.
        limit = 0 if is_main else inf
    began = seconds_now()
    while not ended.is_set() and seconds_now() - began < limit:
        yield _LONG_PAUSE


class ThreadWaker:
    """Lets a thread wait."""

    is_task = False

    def __init__(self) -> None:
        # An event takes long to make, and most calls do not wait.
        self._asleep = threading.Lock()
        self._asleep.acquire()

    def wake(self) -> None:
        """Let it go on, from whichever thread."""
        with suppress(RuntimeError):  # It was woken before.
            self._asleep.release()

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it is woken; `time.sleep` may be replaced."""
        self._asleep.acquire(timeout=seconds)


class TaskWaker:
    """Lets a task of asyncio wait.

    Args:
        loop: The event loop that runs it.
    """

    is_task = True

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._woken: asyncio.Future[None] = loop.create_future()

    def wake(self) -> None:
        """Let it go on, from whichever thread."""
        with suppress(RuntimeError):  # Its loop is closed.
            self._loop.call_soon_threadsafe(self._go_on)

    def _go_on(self) -> None:
        if not self._woken.done():
            self._woken.set_result(None)

    async def wait(self, seconds: float) -> None:
        """Wait so long, or until it is woken; no seconds are a turn of the loop."""
        # `asyncio.sleep` may be replaced, in tests and after a recorded failure.
        handle = self._loop.call_later(seconds, self._go_on)
        try:
            await self._woken
        finally:
            handle.cancel()
            self._woken = self._loop.create_future()


class TrioWaker:
    """Lets a task of trio wait."""

    is_task = True

    def __init__(self) -> None:
        import trio  # which runs this, as asyncio does not

        self._trio: Any = trio
        self._token = trio.lowlevel.current_trio_token()
        self._woken = trio.Event()

    def wake(self) -> None:
        """Let it go on, from whichever thread."""
        with suppress(RuntimeError):  # trio has ended.
            self._token.run_sync_soon(self._go_on)

    def _go_on(self) -> None:
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """As a task of asyncio."""
        with self._trio.move_on_after(seconds):
            await self._woken.wait()
        self._woken = self._trio.Event()


def waker_of_task() -> TaskWaker | TrioWaker:
    """Give what lets the running task wait, in whichever event loop it is."""
    import asyncio  # few replays wait, and loading it takes long

    try:
        return TaskWaker(asyncio.get_running_loop())
    except RuntimeError:
        return TrioWaker()


def end_this_thread() -> NoReturn:
    """End a thread whose owner has ended, of which nobody is to hear.

    Raises:
        SystemExit: Always.
    """
    # pytest reports any exception of a thread, this one too, which Python does not.
    thread: Any = threading.current_thread()
    thread._invoke_excepthook = lambda _thread: None
    raise SystemExit
