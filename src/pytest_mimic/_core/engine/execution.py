"""Carries out the engine's decision about a call of a function, coroutine or generator."""

from __future__ import annotations

import types
from collections.abc import Callable
from inspect import isasyncgenfunction
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.engine.decisions import Decisions, decisions_of
from pytest_mimic._core.engine.steps import Step, given
from pytest_mimic._core.engine.streams import (
    relay,
    relay_async,
    replay,
    replay_async,
    verify,
    verify_async,
)
from pytest_mimic._core.outcome.outcome import Outcome, is_outcome

if TYPE_CHECKING:
    from pytest_mimic._core.engine.function_plan import FunctionPlan


def decide(plan: FunctionPlan, args: tuple[object, ...], kwargs: dict[str, Any]) -> Step | None:
    """Return the step for a call; None if it passes."""
    state = plan.state
    if state.inside.is_nested:
        return None
    decisions: Decisions = state.decisions or decisions_of(state)
    return decisions.decide(plan.call(args, kwargs))


def call(
    plan: FunctionPlan, function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, Any]
) -> Any:
    """Give the outcome of a plain function."""
    step = decide(plan, args, kwargs)
    if step is None:
        return function(*args, **kwargs)
    if step.mode == "replay":
        return _recorded(step)
    try:
        with step.running():
            result = function(*args, **kwargs)
    except BaseException as error:
        if not _is_answered(step, error):
            raise
        return _recorded(step)
    return _record_result(step, result)


async def call_async(
    plan: FunctionPlan, function: Callable[..., Any], args: tuple[object, ...], kwargs: dict[str, Any]
) -> Any:
    """Give the outcome of a coroutine function."""
    step = decide(plan, args, kwargs)
    if step is None:
        return await function(*args, **kwargs)
    if step.mode == "replay":
        return given(step.load())
    return await _record_coroutine(step, function(*args, **kwargs))


def stream_of(step: Step, stream: Any, *, is_async: bool) -> Any:
    """Return the generator that replays a stream, or relays the real `stream`."""
    if step.mode == "replay":
        return (replay_async if is_async else replay)(step)
    # A function of another kind may be recorded.
    verifies = step.mode == "verify" and step.stored.kind == "stream"
    if is_async:
        return (verify_async if verifies else relay_async)(step, stream)
    return (verify if verifies else relay)(step, stream)


def _recorded(step: Step) -> Any:
    """Return the recorded outcome of a plain function, in the form in which the real call returned it."""
    is_awaited = step.stored.awaited
    if step.stored.kind == "stream":
        return stream_of(step, None, is_async=is_awaited)
    if not is_awaited:
        return given(step.load())
    outcome = step.load()

    async def late() -> object:
        return given(outcome)

    return late()


def _is_answered(real_call: Step, error: BaseException) -> bool:
    """Complete a call with an exception, and return whether a recorded outcome answers the caller instead.

    An interrupt, an exit, a cancellation and a skip are not outcomes.
    """
    if is_outcome(error):
        real_call.complete(Outcome("raised", exception=error))
    else:
        real_call.abandon()
    return real_call.answers(error)


def _record_result(real_call: Step, result: object) -> object:
    """Complete a call with what a plain function returned: a value now, a stream or coroutine when it ends."""
    is_stream = isinstance(result, (types.GeneratorType, types.AsyncGeneratorType))
    is_awaited = isinstance(result, (types.CoroutineType, types.AsyncGeneratorType))
    verifies = real_call.mode == "verify"
    is_other = verifies and (is_stream, is_awaited) != (
        real_call.stored.kind == "stream",
        real_call.stored.awaited,
    )
    if is_other or not (is_stream or is_awaited):
        real_call.complete(Outcome("value", result))  # a stream is compared with a value, for example
        # A coroutine that is never awaited would warn, and a generator end when the garbage collector likes.
        if is_other and isinstance(result, (types.GeneratorType, types.CoroutineType)):
            result.close()
        return _recorded(real_call) if verifies else result
    real_call.awaited = is_awaited
    late: Any = (
        stream_of(real_call, result, is_async=is_awaited)
        if is_stream
        else _record_coroutine(real_call, result)
    )
    real_call.end_with(late, unread=Outcome("stream", items=[]) if is_stream else None)
    return late


async def _record_coroutine(real_call: Step, coroutine: Any) -> object:
    """Await the real coroutine and complete the call."""
    real_call.begun = True
    try:
        with real_call.running():
            result = await coroutine
    except BaseException as error:
        if not _is_answered(real_call, error):
            raise
    else:
        real_call.complete(Outcome("value", result))
        if real_call.mode == "run":
            return result
    return given(real_call.load())


def generator_wrapper(mimicked: object, function: Callable[..., object]) -> Callable[..., Any]:
    """Return the wrapper of the generator or async generator of a `Mimicked`.

    A bound method of it would hide from `references_of` what it refers to.
    """
    return (_async_generator if isasyncgenfunction(function) else _generator)(mimicked, function)


def _stream(plan: FunctionPlan | None, function: Any, args: Any, kwargs: Any, *, is_async: bool) -> Any:
    """Return the stream of a call: the real one, or one that records or replays it."""
    step = None if plan is None else decide(plan, args, kwargs)
    if step is not None and step.mode == "replay":
        return stream_of(step, None, is_async=is_async)
    stream = function(*args, **kwargs)
    return stream if step is None else stream_of(step, stream, is_async=is_async)


def _generator(mimicked: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return (yield from _stream(mimicked.plan_now(), function, args, kwargs, is_async=False))

    return wrapper


def _async_generator(mimicked: Any, function: Callable[..., object]) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        stream = _stream(mimicked.plan_now(), function, args, kwargs, is_async=True)
        # An async generator cannot delegate (PEP 525 has no `yield from`), so this relays by hand.
        try:
            item = await stream.__anext__()
            while True:
                try:
                    sent = yield item
                except GeneratorExit:
                    raise
                except BaseException as thrown:
                    item = await stream.athrow(thrown)
                else:
                    item = await stream.asend(sent)
        except StopAsyncIteration:
            return
        finally:
            await stream.aclose()

    return wrapper
