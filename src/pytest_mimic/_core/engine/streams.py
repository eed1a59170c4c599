"""Performs the streams of functions: relays real ones, and replays recorded ones.

A stream is a generator, an async generator, or an iterator of C code. One body serves
all of them. `_relay` and `_replay_items` are plain generators. To read an async stream,
they yield an `_Await`, and `_to_async` awaits what is in it.
"""

from __future__ import annotations

import types
from collections.abc import AsyncGenerator, Awaitable, Generator, Iterator
from functools import partial
from math import inf
from typing import TYPE_CHECKING, NamedTuple, cast
from weakref import finalize

from pytest_mimic._core.engine.function_plan import descriptions
from pytest_mimic._core.outcome.outcome import (
    Raised,
    Stream,
    Value,
    is_outcome,
    raise_again,
)
from pytest_mimic.errors import UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.steps import Step
    from pytest_mimic._core.outcome.outcome import End, Outcome

    _AsyncStream = AsyncGenerator[object, object]


class _Await(NamedTuple):
    """What a generator yields to `_to_async` to have it awaited."""

    awaitable: Awaitable[object]


def perform_stream(step: Step, stream: object, *, is_async: bool) -> object:
    """Return a stream that relays a real one; the call ends with it, also unread."""
    step.observed.stop_clock()
    items: list[object] = []
    step.outcome_so_far = partial(_stream_so_far, items)
    relayed = _relay(step, stream, items, is_async=is_async)
    performed: object = relayed
    if is_async:
        performed = _to_async(relayed, stream)
    # At the exit of the process, the run has ended.
    finalize(performed, _end_if_unread, step).atexit = False
    return performed


def _end_if_unread(step: Step) -> None:
    """Complete the call of a stream that nobody holds, if nobody has read of it.

    A stream that somebody has begun to read completes its call when Python closes it.
    """
    if not step.is_read_by_caller:
        step.run.real_calls.end_unread_stream(partial(step.complete, Stream(())))


def _stream_so_far(items: list[object], _end: str) -> Outcome:
    """Return the outcome of a call that ends before its stream: the items so far."""
    return Stream(items)


async def _to_async(
    generator: Generator[object, object, object], real_stream: object = None
) -> AsyncGenerator[object, object]:
    """Give what `_relay` or `_replayed_items` yields, and await for it what it needs.

    At the end, the real stream is closed.
    """
    try:
        item = next(generator)
        while True:
            try:
                if type(item) is _Await:
                    sent = await item.awaitable
                else:
                    sent = yield item
            except BaseException as thrown:
                item = generator.throw(thrown)
            else:
                item = generator.send(sent)
    except StopIteration:
        return
    finally:
        if real_stream is not None:
            await cast("AsyncGenerator[object, object]", real_stream).aclose()


def _relay(
    step: Step, stream: object, items: list[object], *, is_async: bool
) -> Generator[object, object, object]:
    """Relay a real generator, and record its `items` as far as its reader wants.

    To verify, it is read as far as its recording goes, and the recorded stream is
    given.

    Raises:
        UnstorableOutcomeError: An item, or the end, cannot be stored, or the reader
            sends something.
    """
    end: End | None = None
    # Whether the stream, as far as it was read, is an outcome.
    is_whole = False
    step.is_read_by_caller = True
    most_items = inf
    if step.mode == "verify":
        most_items = _recorded_length(step)
    try:
        while end is None and len(items) < most_items:
            is_whole = False
            item: object = None
            raised: BaseException | None = None
            step.observed.start_clock()
            try:
                with step.running():
                    # No error leaves this block: the block would set its traceback,
                    # which a frozen exception refuses.
                    try:
                        if is_async:
                            item = yield _Await(anext(cast("_AsyncStream", stream)))
                        else:
                            item = next(cast("Iterator[object]", stream))
                    except BaseException as error:
                        raised = error
                step.observed.stop_clock()
                if raised is not None:
                    raise_again(raised)
                # A copy, because the stream may change the item later.
                with step.run.current.pending:
                    copy = descriptions().snapshot(
                        item, target=step.call.plan.target, paths=step.call.paths
                    )
                if step.mode == "run":
                    items.append(copy)
                else:
                    items.append(copy.load())
            except (StopIteration, StopAsyncIteration) as stop:
                end = Value(getattr(stop, "value", None))
            except BaseException as error:
                if not is_outcome(error):
                    step.abandon(error, is_awaited=is_async)
                    raise
                end = Raised(error)
            finally:
                # The traceback of the error refers to this frame.
                del raised
            # The reader of the stream may want no more.
            is_whole = True
            if step.mode == "run" and end is None:
                yield from _only_read(step, [item])
    finally:
        if not is_async:
            # What the stream does when it is closed is part of the call.
            with step.running():
                # An iterator made by C code has nothing to close.
                if isinstance(stream, types.GeneratorType):
                    stream.close()
        if is_whole:
            step.complete(Stream(items, end=end))
        # A call that was completed has ended already.
        step.abandon()
    if end is not None and step.mode == "run":
        return end.give()
    return (yield from _replay_items(step, is_async=is_async))


def _recorded_length(step: Step) -> int:
    """Return how many items a recorded stream has, and its end counts as one more."""
    recorded = step.load()
    if not isinstance(recorded, Stream):
        return 1
    return len(recorded.items) + (recorded.end is not None)


def replay_stream(step: Step, *, is_async: bool) -> object:
    """Return the recorded stream, as one that is read in the same way."""
    items_and_end = _replay_items(step, is_async=is_async)
    if is_async:
        return _to_async(items_and_end)
    return items_and_end


def _replay_items(step: Step, *, is_async: bool) -> Generator[object, object, object]:
    """Return the items of a recorded stream, and its end.

    To read further than the recording goes is a miss, unless the recorded reader waited
    for more.
    """
    # The outcome is loaded now. The generator only begins when somebody reads it.
    return _replayed_items(step, step.load(), is_async=is_async)


def _replayed_items(
    step: Step, outcome: Outcome, *, is_async: bool
) -> Generator[object, object, object]:
    """Give the items of a recorded stream, and then its end, as the reader asks."""
    items: list[object] = []
    # Another outcome is an end without items.
    end: End | None
    if isinstance(outcome, Stream):
        items = outcome.items
        end = outcome.end
    else:
        end = outcome
    try:
        yield from _only_read(step, items)
    finally:
        step.leave_states()
    if end is not None:
        return end.give()
    if not step.waits:
        # The recorded reader stopped here, and this one reads on.
        raise step.exhausted()
    if is_async:
        yield _Await(step.wait_async())
    step.wait()


def _only_read(step: Step, items: list[object]) -> Generator[object, object, None]:
    """Give items, and refuse what the reader sends or throws, unless it stops.

    The items that follow may depend on that.
    """
    for item in items:
        try:
            sent_or_thrown = yield item
        except BaseException as thrown:
            if not is_outcome(thrown):
                # The reader stops: it closes the stream, or is cancelled.
                raise
            sent_or_thrown = thrown
        if sent_or_thrown is not None:
            step.abandon()
            error = UnstorableOutcomeError(
                f"{step.call.label} cannot be mimicked: its reader sends or throws"
                " something into it",
                remedies=["name a function inside or around it that is only called"],
            )
            raise step.run.current.pending.note(error) from None
