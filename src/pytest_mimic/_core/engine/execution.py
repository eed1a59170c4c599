"""Carries out what is decided about the calls of functions.

Three performers run the users' functions, and nothing else does:

| performer | what it performs | when the call ends |
|---|---|---|
| `call` | what a function returns at once | with the function |
| `_awaiting` | a coroutine | when it was awaited |
| `relay` | a generator, an async one, or an iterator of C code | when it was read |

A function may return what is performed later: a coroutine, or a stream.
"""

from __future__ import annotations

import types
from collections.abc import AsyncGenerator, Awaitable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from math import inf
from typing import TYPE_CHECKING, NamedTuple, cast
from weakref import finalize

from pytest_mimic._core.engine.begin import begin
from pytest_mimic._core.engine.call import descriptions
from pytest_mimic._core.engine.steps import Step
from pytest_mimic._core.outcome.iterators import is_c_iterator
from pytest_mimic._core.outcome.outcome import Raised, Stream, Value, is_outcome
from pytest_mimic.errors import UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import FunctionPlan
    from pytest_mimic._core.outcome.outcome import End, Outcome

    _AsyncStream = AsyncGenerator[object, object]


# -- values


def call(
    plan: FunctionPlan, args: tuple[object, ...], kwargs: dict[str, object]
) -> object:
    """Return what a call gives.

    That is a value, or the coroutine, generator or async generator of the outcome.
    """
    run = plan.run
    if run.real_calls.inside.is_nested:
        return plan.function(*args, **kwargs)
    step = begin(run, plan.call(args, kwargs))
    is_async = plan.is_async
    if step.mode == "replay":
        return _recorded(step, is_async=is_async)
    result: object = None
    with _recording(step):
        result = plan.function(*args, **kwargs)
    if not step.active:
        # The function has raised, and the caller gets the recorded outcome.
        return _recorded(step, is_async=is_async)
    is_stream = _is_stream(result)
    is_awaited = is_async or isinstance(result, _AWAITED)
    if is_stream or is_awaited:
        step.observed.is_awaited = is_awaited and not is_async
        if is_stream:
            return _relayed(step, result, is_async=is_awaited)
        return _awaiting(step, cast("Awaitable[object]", result))
    step.complete(Value(result))
    if step.mode == "verify":
        return _recorded(step, is_async=is_async)
    return result


# What a function may return that is awaited.
_AWAITED = (types.CoroutineType, types.AsyncGeneratorType)


@contextmanager
def _recording(step: Step, *, is_awaited: bool = False) -> Iterator[None]:
    """Return the block for the original function, which ends the call if it raises.

    To verify, the block then ends without the exception. An interrupt, an exit, a
    cancellation and a skip are not outcomes. Only what `is_awaited` can be cancelled: a
    plain function raises the cancellation of something else.
    """
    try:
        with step.running():
            yield
    except BaseException as error:
        if is_outcome(error):
            step.complete(Raised(error))
        else:
            step.abandon(error, is_awaited=is_awaited)
        if not step.answers(error):
            raise


def _recorded(step: Step, *, is_async: bool) -> object:
    """Return the recorded outcome in the form in which the real call returned it."""
    is_awaited = is_async or step.stored.awaited
    if step.stored.is_stream:
        coroutine_gave = step.stored.coroutine_gave
        if coroutine_gave:
            return _given_late(step, is_async=coroutine_gave == "async iterator")
        return _replayed_stream(step, is_async=is_awaited)
    if step.waits:
        if is_awaited:
            return step.wait_async()
        step.wait(_closed)
    outcome = step.load()
    if is_awaited:
        return _given_when_awaited(step, outcome)
    step.leave_states()
    return outcome.give()


def _closed() -> BaseException:
    """Return the error that ends a wait in a thread whose test has ended."""
    return ConnectionAbortedError("the test of this call has ended")


# -- coroutines


async def _awaiting(step: Step, coroutine: Awaitable[object]) -> object:
    """Await the real coroutine and complete the call."""
    step.begun = True
    result: object = None
    with _recording(step, is_awaited=True):
        result = await coroutine
    if step.active and _is_stream(result):
        # The stream begins when it is read.
        step.begun = False
        is_async = isinstance(result, types.AsyncGeneratorType)
        step.observed.coroutine_gave = "iterator"
        if is_async:
            step.observed.coroutine_gave = "async iterator"
        return _relayed(step, result, is_async=is_async)
    if step.active:
        step.complete(Value(result))
    if step.mode != "verify":
        return result
    if step.waits:
        await step.wait_async()
    return step.load().give()


async def _given_when_awaited(step: Step, outcome: Outcome) -> object:
    step.leave_states()
    return outcome.give()


async def _given_late(step: Step, *, is_async: bool) -> object:
    """Return the recorded stream that a coroutine gave."""
    return _replayed_stream(step, is_async=is_async)


# -- streams


class _Await(NamedTuple):
    """What a generator yields to `to_async` to have it awaited."""

    awaitable: Awaitable[object]


def _is_stream(result: object) -> bool:
    if not hasattr(type(result), "__next__"):
        # Most results are no iterators. An async generator has another method.
        return isinstance(result, types.AsyncGeneratorType)
    return isinstance(result, types.GeneratorType) or is_c_iterator(result)


def _relayed(step: Step, result: object, *, is_async: bool) -> object:
    """Return the stream that relays a real one; the call ends with it, also unread."""
    items: list[object] = []
    step.arrived = partial(_stream_so_far, items)
    relayed = relay(step, result, items, is_async=is_async)
    late: object = relayed
    if is_async:
        late = to_async(relayed, result)
    # At the exit of the process, the run has ended.
    finalize(late, _end_unread, step).atexit = False
    return late


def _end_unread(step: Step) -> None:
    # A stream that somebody has begun to read ends by itself.
    if not step.begun:
        step.run.real_calls.discard(partial(step.complete, Stream(())))


def _stream_so_far(items: list[object], _end: str) -> Outcome:
    return Stream(items)


async def to_async(
    steps: Generator[object, object, object], real: object = None
) -> AsyncGenerator[object, object]:
    """Give what a generator gives, and await for it what it needs.

    At the end, the `real` stream is closed.
    """
    try:
        item = next(steps)
        while True:
            try:
                if type(item) is _Await:
                    sent = await item.awaitable
                else:
                    sent = yield item
            except BaseException as thrown:
                item = steps.throw(thrown)
            else:
                item = steps.send(sent)
    except StopIteration:
        return
    finally:
        if real is not None:
            await cast("AsyncGenerator[object, object]", real).aclose()


def relay(
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
    step.begun = True
    limit = inf
    if step.mode == "verify":
        limit = _recorded_length(step)
    try:
        while end is None and len(items) < limit:
            is_whole = False
            item: object = None
            try:
                with step.running():
                    if is_async:
                        item = yield _Await(anext(cast("_AsyncStream", stream)))
                    else:
                        item = next(cast("Iterator[object]", stream))
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
            # Its reader may want no more.
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
        step.abandon()
    if end is not None and step.mode == "run":
        return end.give()
    return (yield from replay(step, is_async=is_async))


def _recorded_length(step: Step) -> int:
    """Return how many items a recorded stream has, and its end counts as one more."""
    recorded = step.load()
    if not isinstance(recorded, Stream):
        return 1
    return len(recorded.items) + (recorded.end is not None)


def _replayed_stream(step: Step, *, is_async: bool) -> object:
    """Return the recorded stream, as one that is read in the same way."""
    steps = replay(step, is_async=is_async)
    if is_async:
        return to_async(steps)
    return steps


def replay(step: Step, *, is_async: bool = False) -> Generator[object, object, object]:
    """Return the items of a recorded stream, and its end.

    To read further than the recording goes is a miss, unless the recorded reader waited
    for more.
    """
    return _replayed(step, step.load(), is_async=is_async)


def _replayed(
    step: Step, outcome: Outcome, *, is_async: bool
) -> Generator[object, object, object]:
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
        raise step.exhausted()
    if is_async:
        yield _Await(step.wait_async())
    step.wait(_closed)


def _only_read(step: Step, items: list[object]) -> Generator[object, object, None]:
    """Give items, and refuse what the reader sends or throws, unless it stops.

    The items that follow may depend on that.
    """
    for item in items:
        try:
            sent = yield item
        except BaseException as thrown:
            if not is_outcome(thrown):
                raise
            sent = thrown
        if sent is not None:
            step.abandon()
            error = UnstorableOutcomeError(
                f"{step.call.label} cannot be mimicked: its reader sends or throws"
                " something into it",
                remedies=["name a function inside or around it that is only called"],
            )
            raise step.run.current.pending.note(error) from None
