"""Lets a replayed call wait as the recorded one did, which got no answer, or no next item."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_mimic._core.ambient import command
from pytest_mimic._core.vault.objects import OPEN
from pytest_mimic.errors import MissingRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.steps import Step

#: A replay waits this many times as long as the recorded call did, and so many seconds.
_TIMES, _MORE = 2, 5.0
#: Longer waits are named in the summary.
NAMED_SECONDS = 1.0


def limit_of(step: Step) -> float | None:
    """Return how many seconds a replayed call waits for its cancellation.

    None: it waits for the end of its test, however late that comes.
    """
    if step.stored.mark == OPEN:
        return None
    return _TIMES * step.stored.duration + _MORE


def never_cancelled(step: Step) -> MissingRecordingError:
    """Return the miss of a call that was cancelled when it was recorded, and is not now."""
    seconds = step.stored.duration
    label, test = step.call.label, step.state.again
    error = MissingRecordingError(
        f"{label} was cancelled after {seconds:.1f} s when it was recorded,"
        " and nobody cancels it now",
        remedies=[f"to record it again: {command('--mimic-rerecord', test)}"],
        call=label,
        test=test,
    )
    step.state.blame(error, step.call, option="--mimic-rerecord")
    return error


def wait_in_thread(step: Step, closed: Callable[[], BaseException]) -> NoReturn:
    """Wait in a thread until the test of a call has ended, and raise the error of a closed connection.

    The thread in which the test itself runs would wait for its own end: there, it is a
    miss if the recorded call waited for that end.

    Args:
        closed: Returns the error that the client raises for a connection that was
            closed.

    Raises:
        MissingRecordingError: The recorded call was cancelled, and this one was not.
    """
    state, limit = step.state, limit_of(step)
    if threading.current_thread() is state.thread and limit is None:
        raise step.exhausted()
    started = state.clock()
    try:
        is_released = step.ended.wait(limit)
    finally:
        _name_wait(step, state.clock() - started)
    if not is_released:
        raise never_cancelled(step)
    error = closed()
    state.released.add(threading.current_thread())
    # The shortest way of a replay does not know which threads wait.
    state.running.add(state.released)
    _keep_quiet_about(error)
    raise error


async def wait_in_task(step: Step) -> NoReturn:
    """Wait in a task of asyncio or trio until it is cancelled.

    Raises:
        MissingRecordingError: The recorded call was cancelled, and this one is not.
    """
    state = step.state
    started = state.clock()
    try:
        await _sleep(limit_of(step))
    finally:
        _name_wait(step, state.clock() - started)
    raise never_cancelled(step)


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
        timer = loop.call_later(seconds, _wake, future)
    try:
        await future
    finally:
        if timer is not None:
            timer.cancel()


def _is_in_trio() -> bool:
    trio = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True


def _wake(future: Any) -> None:
    if not future.done():
        future.set_result(None)


def _name_wait(step: Step, seconds: float) -> None:
    if seconds > NAMED_SECONDS:
        step.report(f"waited {seconds:.1f} s, as it did when it was recorded")


def _keep_quiet_about(error: BaseException) -> None:
    """Let the current thread end without a report if nobody catches an error.

    The test is over, and pytest would blame the next one.
    """
    thread: Any = threading.current_thread()
    report = getattr(thread, "_invoke_excepthook", None)
    if report is None:
        return

    def report_others(dying: Any) -> None:
        if not _leads_to(sys.exc_info()[1], error):
            report(dying)

    thread._invoke_excepthook = report_others


def _leads_to(raised: BaseException | None, error: BaseException) -> bool:
    """Return whether an exception is an error, or was raised because of it."""
    seen: set[int] = set()
    while raised is not None and id(raised) not in seen:
        if raised is error:
            return True
        seen.add(id(raised))
        raised = raised.__cause__ or raised.__context__
    return False
