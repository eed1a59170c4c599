"""Generators and async generators: recorded as far as they are read, verified, and replayed item by item."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any

from pytest_mimic._core.engine.steps import Step, given
from pytest_mimic._core.outcome.outcome import Outcome, is_outcome
from pytest_mimic.errors import MimicError, UnstorableOutcomeError


class Reading:
    """The part of a real stream that its reader has read so far."""

    def __init__(self, real_call: Step) -> None:
        self._call = real_call
        self._items: list[object] = []
        real_call.begun = True

    def take(self, item: Any) -> Any:
        self._items.append(self._call.copy(item))  # a copy, because the stream may change the item later
        return item

    def end(self, end: Outcome | None = None) -> None:
        """Complete the call with what was read, and the end of the stream if it was reached."""
        try:
            self._call.complete(Outcome("stream", items=self._items, end=end))
        except MimicError as refused:
            raise refused from None  # without the StopIteration that ended the stream

    def fail(self, error: BaseException) -> None:
        if is_outcome(error):
            self.end(Outcome("raised", exception=error))


def relay(real_call: Step, stream: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Relay a real generator and record it.

    Raises:
        UnstorableOutcomeError: An item, or the end, cannot be stored, or the reader sends something.
    """
    reading = Reading(real_call)
    try:
        while True:
            try:
                with real_call.running():
                    item = next(stream)
            except StopIteration as stop:
                reading.end(Outcome("value", stop.value))
                return stop.value
            except BaseException as error:
                reading.fail(error)
                raise
            try:
                sent = yield reading.take(item)
            except BaseException as thrown:
                refuse_sent(real_call, thrown)
                with real_call.running():  # what it does when it is closed is part of the call
                    stream.close()
                reading.end()
                raise
            refuse_sent(real_call, sent)
    finally:
        real_call.abandon()
        stream.close()


async def relay_async(real_call: Step, stream: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
    """Relay a real async generator and record it."""
    reading = Reading(real_call)
    try:
        while True:
            try:
                with real_call.running():
                    item = await stream.__anext__()
            except StopAsyncIteration:
                reading.end(Outcome("value", None))
                return
            except BaseException as error:
                reading.fail(error)
                raise
            try:
                sent = yield reading.take(item)
            except BaseException as thrown:
                refuse_sent(real_call, thrown)
                reading.end()
                raise
            refuse_sent(real_call, sent)
    finally:
        real_call.abandon()
        await stream.aclose()


def replay(step: Step) -> Generator[Any, Any, Any]:
    """Give the items of a recorded stream, and its end.

    Raises:
        MissingRecordingError: The reader reads further than the recording goes.
    """
    outcome = step.load()
    for item in outcome.items:
        try:
            sent = yield item
        except BaseException as thrown:
            refuse_sent(step, thrown)
            raise
        refuse_sent(step, sent)
    if outcome.end is None:
        raise step.exhausted()
    return given(outcome.end)


async def replay_async(
    step: Step, before: Callable[[], Awaitable[None]] | None = None
) -> AsyncGenerator[Any, Any]:
    """Give the items of a recorded async stream, and its end. What is to be done `before` is awaited first."""
    if before is not None:
        await before()
    for item in replay(step):
        try:
            sent = yield item
        except BaseException as thrown:
            refuse_sent(step, thrown)
            raise
        refuse_sent(step, sent)


def verify(real_call: Step, stream: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Read a real generator as far as its recording goes, compare both, and give the recorded one."""
    real, recorded = relay(real_call, stream), real_call
    try:
        for _ in range(_extent(recorded)):
            next(real)
    except BaseException as error:
        if not is_outcome(error):
            raise
    real.close()
    return (yield from replay(recorded))


def verify_async(real_call: Step, stream: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
    """Do the same with an async generator."""
    real, recorded = relay_async(real_call, stream), real_call

    async def read() -> None:
        try:
            for _ in range(_extent(recorded)):
                await real.__anext__()
        except BaseException as error:
            if not is_outcome(error):
                raise
        await real.aclose()

    return replay_async(recorded, read)


def _extent(recorded: Step) -> int:
    """Return how many items are asked for: one more than those recorded, if the stream has ended after these."""
    outcome = recorded.load()
    return len(outcome.items) + (outcome.end is not None)


def refuse_sent(step: Step, sent: object) -> None:
    """Refuse what a reader sends or throws into a stream: the items that follow may depend on it.

    Raises:
        UnstorableOutcomeError: It is a value or an error, and no sign that the reader stops.
    """
    if sent is None or (isinstance(sent, BaseException) and not is_outcome(sent)):
        return
    what = f"{step.call.label} cannot be mimicked: its reader sends or throws something into it"
    remedy = "name a function inside or around it that is only called"
    raise step.state.pending.note(UnstorableOutcomeError(what, remedies=[remedy])) from None
