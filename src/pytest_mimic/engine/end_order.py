"""Lets calls of a replay wait: for those that ended before them, or to be cancelled."""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Generator, Sequence
from functools import partial
from math import inf
from time import perf_counter
from types import coroutine
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_mimic.vault.recording import Entry

if TYPE_CHECKING:
    import asyncio

# Not a name that holds the function: tests freeze the clock by replacing such names.
seconds_now = partial(perf_counter)

# How many turns of its loop a task gives to others, so that they begin, or go on.
_TURNS = 20
# In seconds without an end: how long a call waits for others that have begun.
_LONGEST_WAIT = 5.0
# A call that was cancelled waits as long as then, and so many seconds more.
_TO_BE_CANCELLED = 5
# In seconds. A file may name any time.
_LONGEST_HANG = 60.0
_PAUSE = 0.005


class EndOrder:
    """The order in which the calls of one log end that overlap, in tasks.

    Such a call ends after those that ended before it when they were recorded and have
    begun in this run, and after their callers have gone on. Calls of threads and of
    trio end at once.

    Args:
        entries: The recorded calls.

    Attributes:
        vain: How many calls have waited in vain. After the first one, none waits.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.vain = 0
        overlapping = _overlapping(entries)
        ended = [(entries[index].at[1], index) for index in overlapping]
        # The calls that overlapped, in the order of their ends.
        self._order = [entries[index] for _, index in sorted(ended)]
        self._ranks = {index: rank for rank, (_, index) in enumerate(sorted(ended))}
        # The ranks of those that have begun and not ended, in order.
        self._open: list[int] = []
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._ends = 0

    def begin(self, index: int) -> None:
        """Take note that a recorded call has begun."""
        rank = self._ranks.get(index)
        if rank is not None:
            insort(self._open, rank)

    def end(self, index: int) -> None:
        """Take note that a recorded call has ended, in whichever thread."""
        rank = self._ranks.get(index)
        if rank in self._open:
            self._open.remove(rank)
            self._ends += 1
            # No other one may end before the first that waits.
            first = self._waiting.get(min(list(self._waiting), default=-1))
            if first is not None:
                first.get_loop().call_soon_threadsafe(_release, first)

    async def turn(self, index: int) -> None:
        """Wait until a call of a task may end."""
        rank = self._ranks.get(index)
        if rank is None or self.vain:
            return
        import asyncio  # few replays wait, and loading it takes long

        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # That of trio is another one.
            return
        await _turns()
        has_waited = False
        while not self.vain and self._open and self._open[0] < rank:
            has_waited, ends = True, self._ends
            await self._next_end(rank, loop)
            is_first = rank == min(self._waiting, default=rank)
            if ends == self._ends and is_first and self._open[0] < rank:
                self.vain += 1
        if has_waited:
            await _turns()

    async def _next_end(self, rank: int, loop: asyncio.AbstractEventLoop) -> None:
        """Wait until another call has ended, or for too long."""
        self._waiting[rank] = future = loop.create_future()
        before = self._order[self._open[0]]
        seconds = limit_of(before) if before.hangs else _LONGEST_WAIT
        late = loop.call_later(seconds, _release, future)
        try:
            await future
        finally:
            late.cancel()
            del self._waiting[rank]


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


@coroutine
def _turns() -> Generator[None, None, None]:
    """Let other tasks of asyncio go on; `asyncio.sleep` may be replaced."""
    for _ in range(_TURNS):
        yield


def _release(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def limit_of(entry: Entry) -> float:
    """Give how long a call waits in seconds that was cancelled when it was recorded."""
    return min(entry.seconds + _TO_BE_CANCELLED, _LONGEST_HANG)


def hang_in_thread(entry: Entry, ended: threading.Event) -> None:
    """Wait as a call waits in a thread that had no end.

    Args:
        entry: Its recording.
        ended: Is set when its owner ends.
    """
    limit = limit_of(entry)
    if entry.end == "open":
        # Beside the main thread, nobody could end its owner.
        is_main = threading.current_thread() is threading.main_thread()
        limit = 0 if is_main else inf
    ended.wait(None if limit == inf else limit)


async def hang_in_task(entry: Entry, ended: threading.Event) -> None:
    """As `hang_in_thread`, for a task of asyncio or trio."""
    began = seconds_now()
    while not ended.is_set() and seconds_now() - began < limit_of(entry):
        await _pause()


async def _pause() -> None:
    import asyncio  # few replays wait

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio  # which runs this, as asyncio does not

        await trio.sleep(_PAUSE)
        return
    future = loop.create_future()
    handle = loop.call_later(_PAUSE, _release, future)
    try:
        await future
    finally:
        handle.cancel()


def end_this_thread() -> NoReturn:
    """End a thread whose owner has ended, of which nobody is to hear.

    Raises:
        SystemExit: Always.
    """
    # pytest reports any exception of a thread, this one too, which Python does not.
    thread: Any = threading.current_thread()
    thread._invoke_excepthook = lambda _thread: None
    raise SystemExit
