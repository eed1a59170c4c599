"""Carries out what is decided about the calls of functions.

Three performers run the functions that are mimicked, and nothing else does:

| performer | what it performs | when the call ends |
|---|---|---|
| `perform_call` | what a function returns at once | with the function |
| `_perform_coroutine` | a coroutine | when it was awaited |
| `streams.perform_stream` | a generator, or another stream | when it was read |

A function may return what is performed later: a coroutine, or a stream. A coroutine may
give a stream. A call that nothing mimics is passed on by its wrapper (`wrappers`).
"""

from __future__ import annotations

import types
from collections.abc import Awaitable
from typing import TYPE_CHECKING, cast

from pytest_mimic._core.engine.begin import begin
from pytest_mimic._core.engine.call import call_of_function
from pytest_mimic._core.engine.streams import perform_stream, replay_stream
from pytest_mimic._core.outcome.iterators import is_c_iterator
from pytest_mimic._core.outcome.outcome import Raised, Value, is_outcome, raise_again

if TYPE_CHECKING:
    from pytest_mimic._core.engine.function_plan import FunctionPlan
    from pytest_mimic._core.engine.steps import Step
    from pytest_mimic._core.outcome.outcome import Outcome


# -- values


def perform_call(
    plan: FunctionPlan, args: tuple[object, ...], kwargs: dict[str, object]
) -> object:
    """Return what a call gives.

    A call gives a value, or the coroutine, generator or async generator of its outcome.
    """
    run = plan.run
    if run.real_calls.inside.is_nested:
        # A call inside of a recorded call is no recording of its own.
        return plan.function(*args, **kwargs)
    step = begin(run, call_of_function(plan, args, kwargs))
    is_async = plan.is_async
    if step.mode == "replay":
        return _replay_as_returned(step, is_async=is_async)
    result: object = None
    error: BaseException | None = None
    with step.running():
        # No error leaves this block: the block would set its traceback, which a frozen
        # exception refuses.
        try:
            result = plan.function(*args, **kwargs)
        except BaseException as raised:
            error = raised
    if error is not None:
        try:
            _end_by_error(step, error)
        finally:
            # The traceback of the error refers to this frame.
            del error
    if not step.active:
        # The function has raised, and the caller gets the recorded outcome.
        return _replay_as_returned(step, is_async=is_async)
    is_stream = _is_stream(result)
    is_awaited = is_async or isinstance(result, _AWAITED)
    if is_stream or is_awaited:
        step.observed.returned_awaitable = is_awaited and not is_async
        if is_stream:
            return perform_stream(step, result, is_async=is_awaited)
        return _perform_coroutine(step, cast("Awaitable[object]", result))
    step.complete(Value(result))
    if step.mode == "verify":
        return _replay_as_returned(step, is_async=is_async)
    return result


# What a function may return that is awaited.
_AWAITED = (types.CoroutineType, types.AsyncGeneratorType)


def _is_stream(result: object) -> bool:
    """Return whether a result is a generator, an async one, or an iterator of C."""
    if not hasattr(type(result), "__next__"):
        # Most results are no iterators. An async generator has another method.
        return isinstance(result, types.AsyncGeneratorType)
    return isinstance(result, types.GeneratorType) or is_c_iterator(result)


def _end_by_error(
    step: Step, error: BaseException, *, is_awaited: bool = False
) -> None:
    """End the call with the error of the original function, and raise the error.

    To verify, the error is not raised. An interrupt, an exit, a cancellation and a skip
    are not outcomes. Only what `is_awaited` can be cancelled: a plain function raises
    the cancellation of something else.

    Raises:
        BaseException: The error, or one of the plugin that has the error as context.
    """
    try:
        raise_again(error)
    except BaseException:
        if is_outcome(error):
            step.complete(Raised(error))
        else:
            step.abandon(error, is_awaited=is_awaited)
        if not step.answers(error):
            raise
    finally:
        del error


def _replay_as_returned(step: Step, *, is_async: bool) -> object:
    """Return the recorded outcome in the form in which the real call returned it."""
    is_awaited = is_async or step.stored.awaited
    if step.stored.is_stream:
        late_stream = step.stored.late_stream
        if late_stream:
            # The recorded function returned a coroutine, which gave the stream.
            return _replay_late_stream(step, is_async=late_stream == "async iterator")
        return replay_stream(step, is_async=is_awaited)
    if step.waits:
        if is_awaited:
            return step.wait_async()
        step.wait()
    outcome = step.load()
    if is_awaited:
        return _replay_coroutine(step, outcome)
    step.leave_states()
    return outcome.give()


# -- coroutines


async def _perform_coroutine(step: Step, coroutine: Awaitable[object]) -> object:
    """Await the real coroutine and complete the call."""
    step.is_read_by_caller = True
    result: object = None
    error: BaseException | None = None
    with step.running():
        # No error leaves this block, as in a call that is not awaited.
        try:
            result = await coroutine
        except BaseException as raised:
            error = raised
    if error is not None:
        try:
            _end_by_error(step, error, is_awaited=True)
        finally:
            del error
    if step.active and _is_stream(result):
        # The stream begins when it is read.
        step.is_read_by_caller = False
        is_async = isinstance(result, types.AsyncGeneratorType)
        if is_async:
            step.observed.late_stream = "async iterator"
        else:
            step.observed.late_stream = "iterator"
        return perform_stream(step, result, is_async=is_async)
    if step.active:
        step.complete(Value(result))
    if step.mode != "verify":
        return result
    if step.waits:
        await step.wait_async()
    return step.load().give()


async def _replay_coroutine(step: Step, outcome: Outcome) -> object:
    """Give the recorded outcome when it is awaited."""
    step.leave_states()
    return outcome.give()


async def _replay_late_stream(step: Step, *, is_async: bool) -> object:
    """Give, when it is awaited, the recorded stream that a coroutine gave."""
    return replay_stream(step, is_async=is_async)
