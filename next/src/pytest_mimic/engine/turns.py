"""Lets calls of a replay wait, and end in the order in which they were recorded."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Literal, NoReturn

if TYPE_CHECKING:
    from pytest_mimic.engine.logs import Log, Slot

# Not a name that holds the function: tests freeze the clock by replacing such names.
seconds_now = partial(perf_counter)

# In seconds: for a call that another thread has yet to begin, and to end.
_TO_BEGIN = 0.05
_TO_END = 1.0
_PAUSE = 0.005
# How often a task lets the others run for a call that one of them has yet to begin.
_TURNS = 20
# After so many vain waits in a row, an owner waits no more.
_PATIENCE = 3

Wanted = Literal["nothing", "a begin", "an end"]


class Turns:
    """The order in which the calls of one log end.

    Attributes:
        vain: How many waits in a row were vain.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self.vain = 0

    @property
    def is_given_up(self) -> bool:
        """Whether the calls no longer end in the recorded order."""
        return self.vain >= _PATIENCE

    def wait(self, slot: Slot) -> None:
        """Return when the calls have ended that ended before this one, or in vain."""
        began = seconds_now()
        while (wanted := self._wanted(slot, in_thread=True)) != "nothing":
            limit = _TO_BEGIN if wanted == "a begin" else _TO_END
            if seconds_now() - began > limit:
                self.vain += 1
                return
            with self._log.condition:
                self._log.condition.wait(_PAUSE)
            self._note_success(slot)

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
            self._note_success(slot)

    def _note_success(self, slot: Slot) -> None:
        if self._wanted(slot, in_thread=False) == "nothing":
            self.vain = 0

    def _wanted(self, slot: Slot, *, in_thread: bool) -> Wanted:
        """Say what a call waits for.

        Args:
            slot: The call.
            in_thread: Whether this thread does nothing else while it waits.
        """
        if self.is_given_up:
            return "nothing"
        wanted: Wanted = "nothing"
        for other in self._log.before(slot):
            if other is None:
                if not in_thread or threading.active_count() > 1:
                    wanted = "a begin"
            elif not in_thread or other.thread != threading.get_ident():
                return "an end"
        return wanted


async def pause(seconds: float) -> None:
    """Let other tasks run, in whichever event loop this is."""
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
