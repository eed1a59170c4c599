"""Lets a replayed call wait as the recorded one did.

The recorded call got no answer, or no next item.
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pytest_mimic._core.commands import rerecord
from pytest_mimic._core.engine.blame import blame
from pytest_mimic._core.engine.scopes import SECONDS_OF_LONG_WAIT
from pytest_mimic._core.vault.outcome_entries import OPEN
from pytest_mimic.errors import MissingRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.run import Run
    from pytest_mimic._core.vault.recording_facts import StoredOutcome

# How many times as long as the recorded call a replay waits.
_TIMES_AS_LONG = 2
# How many seconds a replay waits beyond that.
_SECONDS_MORE = 5.0


class Wait(NamedTuple):
    """The wait of one replayed call.

    Attributes:
        run: The run.
        call: The call.
        stored: Its recorded outcome, which is not whole.
        ended: Set when the test has ended in which the call began.
    """

    run: Run
    call: Call
    stored: StoredOutcome
    ended: threading.Event

    @property
    def limit(self) -> float | None:
        """How many seconds it waits for its cancellation.

        None: it waits for the end of its test, however late that comes.
        """
        if self.stored.mark == OPEN:
            return None
        return _TIMES_AS_LONG * self.stored.duration + _SECONDS_MORE

    def in_thread(self, closed: Callable[[], BaseException]) -> NoReturn:
        """Wait in a thread until the test has ended, as at a connection that is closed.

        Args:
            closed: Returns the error that the client raises for a connection that was
                closed.

        Raises:
            MissingRecordingError: The recorded call was cancelled, and this one was
                not.
        """
        run = self.run
        started = run.clock()
        if self.limit is None:
            run.real_calls.note_waiting_thread(self.call.key, math.inf)
        try:
            is_released = self.ended.wait(self.limit)
        finally:
            self._note_long_wait(run.clock() - started)
        if not is_released:
            raise self._never_cancelled()
        error = closed()
        if self.limit is None:
            run.real_calls.note_waiting_thread(self.call.key, run.clock())
        _end_thread_without_report(error)
        raise error

    async def in_task(self) -> NoReturn:
        """Wait in a task of asyncio or trio until it is cancelled.

        Raises:
            MissingRecordingError: The recorded call was cancelled, and this one is not.
        """
        run = self.run
        started = run.clock()
        try:
            await _sleep(self.limit)
        finally:
            self._note_long_wait(run.clock() - started)
        raise self._never_cancelled()

    def _never_cancelled(self) -> MissingRecordingError:
        """Return the miss of a call that nobody cancels now.

        It was cancelled when it was recorded.
        """
        label, test = self.call.label, self.run.current.test_to_run_again
        error = MissingRecordingError(
            f"{label} was cancelled after {self.stored.duration:.1f} s when it was"
            " recorded, and nobody cancels it now",
            remedies=[rerecord("to record it again", test)],
            call=label,
            target=self.call.plan.target,
            test=test,
        )
        blame(self.run, error, self.call, option="--mimic-rerecord")
        return error

    def _note_long_wait(self, seconds: float) -> None:
        """Name a long wait in the summary."""
        if seconds > SECONDS_OF_LONG_WAIT:
            self.call.report(f"waited {seconds:.1f} s, as it did when it was recorded")


async def _sleep(seconds: float | None) -> None:
    """Sleep, for ever if it is None, in whichever event loop runs.

    The functions that sleep may be replaced: by a test, or so that no code waits.
    """
    if _is_in_trio():
        trio = sys.modules["trio"]
        await (trio.sleep_forever() if seconds is None else trio.sleep(seconds))
        return
    import asyncio

    loop = asyncio.get_running_loop()
    future = loop.create_future()
    timer = None
    if seconds is not None:
        timer = loop.call_later(seconds, _end_wait_for, future)
    try:
        await future
    finally:
        if timer is not None:
            timer.cancel()


def _is_in_trio() -> bool:
    """Check whether a task of trio runs this.

    Then trio's `sleep` waits, else a future of asyncio.
    """
    trio = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        # The replayed call waits in a task of asyncio.
        return False
    return True


def _end_wait_for(future: Any) -> None:
    """End the sleep in a task of asyncio, unless the task was cancelled meanwhile."""
    if not future.done():
        future.set_result(None)


def _end_thread_without_report(error_of_wait: BaseException) -> None:
    """Let the thread end without a report if nobody catches the error after its wait.

    The test that it waited in is over, and pytest would blame the next one.
    """
    thread: Any = threading.current_thread()
    report = getattr(thread, "_invoke_excepthook", None)
    if report is None:
        return

    def report_others(dying: Any) -> None:
        if not _follows_from(sys.exc_info()[1], error_of_wait):
            report(dying)

    thread._invoke_excepthook = report_others


def _follows_from(
    exception: BaseException | None, error_of_wait: BaseException
) -> bool:
    """Return whether the exception that ends a thread follows from that of its wait.

    It does if it is the error, was raised from it, or was raised while code handled the
    error.
    """
    # Code may have set causes that form a circle.
    seen_exceptions: set[int] = set()
    while exception is not None and id(exception) not in seen_exceptions:
        if exception is error_of_wait:
            return True
        seen_exceptions.add(id(exception))
        exception = exception.__cause__ or exception.__context__
    return False
