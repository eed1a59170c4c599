"""Makes the calls of functions as the engine decides: a value at once, a coroutine when it is awaited, a stream as it is read."""

from __future__ import annotations

import types
from collections import namedtuple
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any
from weakref import finalize

from pytest_mimic._core.engine.begin import begin
from pytest_mimic._core.engine.steps import Step, given
from pytest_mimic._core.outcome.iterators import is_c_iterator
from pytest_mimic._core.outcome.outcome import Outcome, is_outcome
from pytest_mimic.errors import UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import FunctionPlan


def call(plan: FunctionPlan, args: tuple[object, ...], kwargs: dict[str, Any]) -> Any:
    """Return what a call gives: a value, or the coroutine, generator or async generator of the outcome."""
    state, is_async = plan.state, plan.is_async
    if state.inside.is_nested:
        return plan.function(*args, **kwargs)
    step = begin(state, plan.call(args, kwargs))
    if step.mode != "replay":
        result = None
        with _recording(step):
            result = plan.function(*args, **kwargs)
        if step.active:
            return _given_now_or_later(step, result, is_async=is_async)
    return _recorded(step, is_async=is_async)


def _recorded(step: Step, *, is_async: bool) -> Any:
    """Return the recorded outcome in the form in which the real call returned it."""
    is_awaited = is_async or step.stored.awaited
    if step.stored.kind == "stream":
        gave = step.stored.coroutine_gave
        if gave:
            return _given_late(step, is_async=gave == "async iterator")
        if is_awaited:
            return to_async(replay(step, is_async=True))
        return replay(step)
    if step.waits:
        if is_awaited:
            return step.wait_async()
        step.wait(_closed)
    outcome = step.load()
    if not is_awaited:
        step.leave_states()
        return given(outcome)

    async def late() -> object:
        step.leave_states()
        return given(outcome)

    return late()


async def _given_late(step: Step, *, is_async: bool) -> object:
    """Return the recorded stream that a coroutine gave."""
    if is_async:
        return to_async(replay(step, is_async=True))
    return replay(step)


def _closed() -> BaseException:
    """Return the error that ends the wait of a function in a thread whose test has ended."""
    return ConnectionAbortedError("the test of this call has ended")


@contextmanager
def _recording(step: Step, *, is_awaited: bool = False) -> Iterator[None]:
    """Return the block for the original function, which ends the call if it raises; to verify, without the exception.

    An interrupt, an exit, a cancellation and a skip are not outcomes. Only what
    `is_awaited` can be cancelled: a plain function raises the cancellation of something
    else.
    """
    try:
        with step.running():
            yield
    except BaseException as error:
        if is_outcome(error):
            step.complete(Outcome("raised", exception=error))
        else:
            step.abandon(error, is_awaited=is_awaited)
        if not step.answers(error):
            raise


def _given_now_or_later(step: Step, result: Any, *, is_async: bool) -> object:
    """Complete a call with what the function returned: a value now, a stream or coroutine when it ends."""
    is_stream = _is_stream(result)
    is_awaited = is_async or isinstance(
        result, (types.CoroutineType, types.AsyncGeneratorType)
    )
    if not (is_stream or is_awaited):
        step.complete(Outcome("value", result))
        return _recorded(step, is_async=is_async) if step.mode == "verify" else result
    step.awaited = is_awaited and not is_async
    if not is_stream:
        return _awaiting(step, result)
    return _relayed(step, result, is_async=is_awaited)


def _is_stream(result: object) -> bool:
    kinds = (types.GeneratorType, types.AsyncGeneratorType)
    return isinstance(result, kinds) or is_c_iterator(result)


def _relayed(step: Step, result: Any, *, is_async: bool) -> object:
    """Return the stream that relays a real one; the call ends with it, also unread."""
    items: list[object] = []
    step.arrived = partial(_stream_so_far, items)
    relayed = relay(step, result, items, is_async=is_async)
    late = to_async(relayed, result) if is_async else relayed

    def end_unread() -> None:
        if not step.begun:  # else it ends by itself
            step.state.discard(lambda: step.complete(Outcome("stream")))

    # At the exit of the process, the run has ended.
    finalize(late, end_unread).atexit = False
    return late


def _stream_so_far(items: list[object], _end: str) -> Outcome:
    return Outcome("stream", items=items)


async def _awaiting(step: Step, coroutine: Any) -> object:
    """Await the real coroutine and complete the call."""
    step.begun = True
    result = None
    with _recording(step, is_awaited=True):
        result = await coroutine
    if step.active and _is_stream(result):
        # The stream begins when it is read.
        step.begun = False
        is_async = isinstance(result, types.AsyncGeneratorType)
        step.coroutine_gave = "async iterator" if is_async else "iterator"
        return _relayed(step, result, is_async=is_async)
    if step.active:
        step.complete(Outcome("value", result))
    if step.mode != "verify":
        return result
    if step.waits:
        await step.wait_async()
    return given(step.load())


# -- streams


_Await = namedtuple(
    "_Await", "awaitable"
)  # what a generator yields to `to_async` to have it awaited


async def to_async(
    steps: Generator[Any, Any, Any], real: Any = None
) -> AsyncGenerator[Any, Any]:
    """Give what a generator gives, and await for it what it needs; close the `real` stream at the end."""
    try:
        found = next(steps)
        while True:
            try:
                sent = (
                    (await found.awaitable) if type(found) is _Await else (yield found)
                )
            except BaseException as thrown:
                found = steps.throw(thrown)
            else:
                found = steps.send(sent)
    except StopIteration:
        return
    finally:
        if real is not None:
            await real.aclose()


def relay(
    step: Step, stream: Any, items: list[object], *, is_async: bool
) -> Generator[Any, Any, Any]:
    """Relay a real generator, and record its `items` as far as its reader wants.

    To verify, it is read as far as its recording goes, and the recorded stream is
    given. UnstorableOutcomeError: an item,
    or the end, cannot be stored, or the reader sends something.
    """
    from pytest_mimic._core.outcome.encoding import snapshot

    wanted, end, is_outcome_now = inf, None, False
    step.begun = True
    if step.mode == "verify":
        recorded = step.load()
        wanted = len(recorded.items) + (recorded.end is not None)
    try:
        while end is None and len(items) < wanted:
            is_outcome_now, item = False, None
            try:
                with step.running():
                    item = (yield _Await(anext(stream))) if is_async else next(stream)
                with (
                    step.state.pending
                ):  # a copy, because the stream may change the item later
                    copy = snapshot(
                        item, target=step.call.plan.target, paths=step.call.paths
                    )
                items.append(copy if step.mode == "run" else copy.load())
            except (StopIteration, StopAsyncIteration) as stop:
                end = Outcome("value", getattr(stop, "value", None))
            except BaseException as error:
                if not is_outcome(error):
                    step.abandon(error, is_awaited=is_async)
                    raise
                end = Outcome("raised", exception=error)
            is_outcome_now = True  # its reader may want no more
            if step.mode == "run" and end is None:
                yield from _only_read(step, [item])
    finally:
        if not is_async:
            with step.running():  # what it does when it is closed is part of the call
                # An iterator made by C code has nothing to close.
                if isinstance(stream, types.GeneratorType):
                    stream.close()
        if is_outcome_now:
            step.complete(Outcome("stream", items=items, end=end))
        step.abandon()
    return (
        given(end)
        if end is not None and step.mode == "run"
        else (yield from replay(step, is_async=is_async))
    )


def replay(step: Step, *, is_async: bool = False) -> Generator[Any, Any, Any]:
    """Return the items of a recorded stream, and its end.

    To read further than the recording goes is a miss, unless the recorded reader waited
    for more.
    """
    return _replayed(step, step.load(), is_async=is_async)


def _replayed(
    step: Step, outcome: Outcome, *, is_async: bool
) -> Generator[Any, Any, Any]:
    try:
        yield from _only_read(step, outcome.items)
    finally:
        step.leave_states()
    if outcome.end is not None:
        return given(outcome.end)
    if not step.waits:
        raise step.exhausted()
    if is_async:
        yield _Await(step.wait_async())
    step.wait(_closed)


def _only_read(step: Step, items: list[Any]) -> Generator[Any, Any, None]:
    """Give items, and refuse what the reader sends or throws, unless it stops: the items that follow may depend on it."""
    for item in items:
        try:
            sent = yield item
        except BaseException as thrown:
            if not is_outcome(thrown):
                raise
            sent = thrown
        if sent is not None:
            step.abandon()
            what = f"{step.call.label} cannot be mimicked: its reader sends or throws something into it"
            remedy = "name a function inside or around it that is only called"
            raise step.state.pending.note(
                UnstorableOutcomeError(what, remedies=[remedy])
            ) from None
