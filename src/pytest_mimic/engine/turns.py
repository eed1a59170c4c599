"""Lets calls of a replay wait, and end in the order in which they were recorded."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Literal, NoReturn

from pytest_mimic.vault.recording import Entry

if TYPE_CHECKING:
    import asyncio

    from pytest_mimic.engine.calls import Place

# Not a name that holds the function: tests freeze the clock by replacing such names.
seconds_now = partial(perf_counter)

# In seconds: for a call that another thread has yet to begin, to end, to return from.
_TO_BEGIN = 0.05
_TO_END = 1.0
_TO_RETURN = 0.01
_PAUSE = 0.001
# How often a task lets the others run for a call that one of them has yet to begin.
_TURNS = 20
_TURNS_TO_RETURN = 5
# After so many vain waits in a row, an owner waits no more.
_PATIENCE = 3

# A call that was cancelled waits twice as long as then, and so many seconds more.
_TO_BE_CANCELLED = 5
_LONG_PAUSE = 0.005


class Turns:
    """The order in which the calls of one log end.

    A call that overlapped with others when it was recorded ends after those that ended
    before it. What stayed open had no end, and nothing waits for it.

    Args:
        entries: The recorded calls.
        begun: The calls of this run, by the index of their recording.
    """

    def __init__(self, entries: Sequence[Entry], begun: Mapping[int, Place]) -> None:
        self._begun = begun
        self._overlapping = _overlapping(entries)
        ended = [
            (entry.ended, index)
            for index, entry in enumerate(entries)
            if entry.ended is not None
        ]
        # The recorded calls in the order of their ends.
        self._order = [index for _, index in sorted(ended)]
        self._vain = 0

    @property
    def is_given_up(self) -> bool:
        """Whether the calls no longer end in the recorded order."""
        return self._vain >= _PATIENCE

    def waits(self, index: int, *, is_task: bool) -> Iterator[float]:
        """Yield a pause in seconds again and again, until a call may end.

        Args:
            index: Which of the recorded calls it is.
            is_task: Whether other tasks run in this thread meanwhile.
        """
        before = self._before(index)
        began = seconds_now()
        turn = 0
        while wanted := self._wanted(before, is_task=is_task):
            is_late = seconds_now() - began > _TO_END
            if wanted == "a begin" and is_task:
                is_late = is_late or turn > _TURNS
            elif wanted == "a begin":
                is_late = seconds_now() - began > _TO_BEGIN
            if is_late:
                self._vain += 1
                return
            yield 0 if is_task and turn <= _TURNS else _PAUSE
            turn += 1
        if turn:
            self._vain = 0
            # Who has ended the other call has yet to return from it.
            yield from [0] * _TURNS_TO_RETURN if is_task else [_TO_RETURN]

    def _before(self, index: int) -> list[int]:
        """Give the calls that ended before one, and have not ended in this run."""
        if index not in self._overlapping or self.is_given_up:
            return []
        before = self._order[: self._order.index(index)]
        return [one for one in before if not self._has_ended(one)]

    def _has_ended(self, index: int) -> bool:
        place = self._begun.get(index)
        return place is not None and place.ended is not None

    def _wanted(
        self, before: Sequence[int], *, is_task: bool
    ) -> Literal["", "a begin", "an end"]:
        """Say what a call waits for."""
        wanted: Literal["", "a begin"] = ""
        this_thread = threading.get_ident()
        for index in before:
            other = self._begun.get(index)
            if other is None:
                if is_task or threading.active_count() > 1:
                    wanted = "a begin"
            elif other.ended is None and (is_task or other.thread != this_thread):
                return "an end"
        return wanted


def _overlapping(entries: Sequence[Entry]) -> set[int]:
    """Give the places of calls that ran at the same time as others."""
    moments = []
    for index, entry in enumerate(entries):
        if entry.ended is not None:
            moments += [(entry.begin, index), (entry.ended, index)]
    found: set[int] = set()
    running: set[int] = set()
    for _, index in sorted(moments):
        running ^= {index}
        if len(running) > 1:
            found |= running
    return found


def hang(entry: Entry, ended: threading.Event, *, is_task: bool) -> Iterator[float]:
    """Yield a pause in seconds again and again, as a call waits that had no end.

    Args:
        entry: Its recording.
        ended: Is set when its owner ends.
        is_task: Whether other tasks run in this thread meanwhile.
    """
    limit: float = 2 * entry.seconds + _TO_BE_CANCELLED
    if entry.end == "open" and not is_task:
        is_main = threading.current_thread() is threading.main_thread()
        # Beside the main thread, nobody could end its owner.
        limit = 0 if is_main else inf
    began = seconds_now()
    while not ended.is_set() and seconds_now() - began < limit:
        yield _LONG_PAUSE


def pause(seconds: float) -> None:
    """Let other threads run; `time.sleep` may be replaced."""
    threading.Event().wait(seconds)


async def pause_task(seconds: float) -> None:
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
