"""Lets calls of a replay wait, and end in the order in which they were recorded."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Literal, NoReturn

from pytest_mimic.vault.recording import Entry

if TYPE_CHECKING:
    import asyncio

    from pytest_mimic.engine.logs import Log
    from pytest_mimic.engine.slots import Slot

# Not a name that holds the function: tests freeze the clock by replacing such names.
seconds_now = partial(perf_counter)

# In seconds: for a call that another thread has yet to begin, to end, to return from.
_TO_BEGIN = 0.05
_TO_END = 1.0
_TO_RETURN = 0.01
_PAUSE = 0.005
# How often a task lets the others run for a call that one of them has yet to begin.
_TURNS = 20
_TURNS_TO_RETURN = 5
# After so many vain waits in a row, an owner waits no more.
_PATIENCE = 3

# A call that was cancelled waits twice as long as then, and so many seconds more.
_TO_BE_CANCELLED = 5

Wanted = Literal["nothing", "a begin", "an end"]


class Turns:
    """The order in which the calls of one log end.

    A call that overlapped with others when it was recorded ends after those that ended
    before it. What stays open has no end, and nothing waits for it.

    Attributes:
        vain: How many waits in a row were vain.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self.vain = 0
        ended = [
            (entry.ended, index)
            for index, entry in enumerate(log.entries)
            if entry.ended is not None
        ]
        # The recorded calls in the order of their ends, and the rank of each.
        self._order = [index for _, index in sorted(ended)]
        self._ranks = {index: rank for rank, index in enumerate(self._order)}
        self._overlapping = _overlapping(log.entries)
        # So many of them, from the first on, have ended in this run.
        self._done = 0

    @property
    def is_given_up(self) -> bool:
        """Whether the calls no longer end in the recorded order."""
        return self.vain >= _PATIENCE

    def wait(self, slot: Slot) -> None:
        """Return when the calls have ended that ended before this one, or in vain."""
        began = seconds_now()
        turn = 0
        while (wanted := self._wanted(slot, in_thread=True)) != "nothing":
            limit = _TO_BEGIN if wanted == "a begin" else _TO_END
            if seconds_now() - began > limit:
                self.vain += 1
                return
            with self._log.condition:
                self._log.condition.wait(_PAUSE)
            turn += 1
        if turn:
            self.vain = 0
            # Another thread has ended its call, and has yet to return from it.
            with self._log.condition:
                self._log.condition.wait_for(_never, _TO_RETURN)

    async def wait_async(self, slot: Slot) -> None:
        """As `wait`, for a task."""
        began = seconds_now()
        turn = 0
        while (wanted := self._wanted(slot, in_thread=False)) != "nothing":
            is_late = seconds_now() - began > _TO_END
            if is_late or (wanted == "a begin" and turn > _TURNS):
                self.vain += 1
                return
            await pause(0 if turn <= _TURNS else _PAUSE)
            turn += 1
        if turn:
            self.vain = 0
            # Who waits for the other call has yet to hear of its end.
            for _ in range(_TURNS_TO_RETURN):
                await pause(0)

    def _wanted(self, slot: Slot, *, in_thread: bool) -> Wanted:
        """Say what a call waits for.

        Args:
            slot: The call.
            in_thread: Whether this thread does nothing else while it waits.
        """
        index = slot.index
        if self.is_given_up or index is None or index not in self._overlapping:
            return "nothing"
        wanted: Wanted = "nothing"
        for other in self._before(index):
            if other is None:
                if not in_thread or threading.active_count() > 1:
                    wanted = "a begin"
            elif not in_thread or other.thread != threading.get_ident():
                return "an end"
        return wanted

    def _before(self, index: int) -> Iterator[Slot | None]:
        """Give the calls that ended before one, and have not ended in this run.

        None stands for one that has not begun.
        """
        while self._done < len(self._order) and self._has_ended(self._done):
            self._done += 1
        for rank in range(self._done, self._ranks[index]):
            if not self._has_ended(rank):
                yield self._log.at(self._order[rank])

    def _has_ended(self, rank: int) -> bool:
        slot = self._log.at(self._order[rank])
        return slot is not None and slot.ended is not None


def _overlapping(entries: Sequence[Entry]) -> set[int]:
    """Give the places of calls that ran at the same time as others."""
    moments = []
    for index, entry in enumerate(entries):
        if entry.ended is not None:
            moments += [(entry.begin, index), (entry.ended, index)]
    found: set[int] = set()
    running: set[int] = set()
    for _, index in sorted(moments):
        if index in running:
            running.remove(index)
        else:
            running.add(index)
        if len(running) > 1:
            found |= running
    return found


def _never() -> bool:
    return False


async def pause(seconds: float) -> None:
    """Let other tasks run, in whichever event loop this is."""
    import asyncio  # few replays wait, and loading it takes long

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio  # which runs this, as asyncio does not

        await trio.sleep(seconds)
        return
    # `asyncio.sleep` may be replaced, in tests and after a recorded failure.
    woken = loop.create_future()
    handle = loop.call_later(seconds, _wake, woken)
    try:
        await woken
    finally:
        handle.cancel()


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


def hang(entry: Entry, ended: threading.Event) -> bool:
    """Wait as a call did that had no end, and return whether its owner has ended."""
    limit: float | None = None
    if entry.end == "waiting":
        limit = 2 * entry.seconds + _TO_BE_CANCELLED
    elif threading.current_thread() is threading.main_thread():
        limit = 0.0  # nobody else could end its owner
    return ended.wait(limit)


async def hang_async(entry: Entry, ended: threading.Event) -> bool:
    """As `hang`, for a task."""
    limit = 2 * entry.seconds + _TO_BE_CANCELLED
    began = seconds_now()
    while not ended.is_set():
        if seconds_now() - began > limit:
            return False
        await pause(_PAUSE)
    return True


def end_this_thread() -> NoReturn:
    """End a thread whose owner has ended, of which nobody is to hear.

    Raises:
        SystemExit: Always.
    """
    # pytest reports any exception of a thread, this one too, which Python does not.
    threading.current_thread()._invoke_excepthook = _say_nothing  # type: ignore[attr-defined]
    raise SystemExit


def _say_nothing(_thread: object) -> None:
    pass
