"""Carries out the engine's decision about a call of a function, coroutine or generator."""

from __future__ import annotations

import types
from collections.abc import Callable
from inspect import isasyncgenfunction
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.engine.decisions import Decisions, decisions_of
from pytest_mimic._core.engine.real_calls import RealCall
from pytest_mimic._core.engine.steps import PASS
from pytest_mimic._core.engine.streams import perform, perform_async, relaying, replaying
from pytest_mimic._core.outcome.outcome import Outcome, is_outcome

if TYPE_CHECKING:
    from pytest_mimic._core.engine.function_plan import FunctionPlan
    from pytest_mimic._core.engine.real_calls import Step
    from pytest_mimic._core.engine.steps import Replay


def call(
    plan: FunctionPlan, function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, Any]
) -> Any:
    step = decide(plan, args, kwargs)
    if step.mode == "replay":
        return _replay(step, lambda: function(*args, **kwargs))
    if step.mode == "pass":
        return function(*args, **kwargs)
    try:
        with step.running():
            result = function(*args, **kwargs)
    except BaseException as error:
        if not _is_answered(step, error):
            raise
    else:
        return _record_result(step, result)
    return _recorded(step)


async def call_async(
    plan: FunctionPlan, function: Callable[..., Any], args: tuple[object, ...], kwargs: dict[str, Any]
) -> Any:
    """Give the outcome of a coroutine function."""
    step = decide(plan, args, kwargs, is_async=True)
    if step.mode == "replay":
        return _replay(step, None)
    if step.mode == "pass":
        return await function(*args, **kwargs)
    return await _record_coroutine(step, function(*args, **kwargs))


def decide(
    plan: FunctionPlan, args: tuple[object, ...], kwargs: dict[str, Any], *, is_async: bool = False
) -> Step:
    """Return the step for a call."""
    state = plan.state
    if state.is_nested:
        return PASS
    call = plan.call(args, kwargs, is_async=is_async)
    decisions: Decisions = state.decisions or decisions_of(state)
    return decisions.decide(call)


def _replay(step: Replay, real: Callable[[], Any] | None) -> Any:
    """Return the recorded outcome, in the form in which the real call returned it.

    `real` makes the real call, for a stream that is read further than its recording. It is None in a coroutine.
    """
    outcome = step.load()
    if outcome.kind == "stream":
        assert real is not None
        return (perform_async if step.stored.awaited else perform)(replaying(step, real))
    if not step.stored.awaited or real is None:
        return step.unpack(outcome)

    async def late() -> object:  # for a plain function that returned a coroutine
        return step.unpack(outcome)

    return late()


def _is_answered(real_call: RealCall, error: BaseException) -> bool:
    """Complete a call with an exception, and return whether a recorded outcome answers the caller instead.

    An interrupt, an exit, a cancellation and a skip are not outcomes.
    """
    if is_outcome(error):
        real_call.complete(Outcome("raised", exception=error))
    else:
        real_call.abandon()
    return real_call.answers(error)


def _recorded(real_call: RealCall) -> object:
    """Return the recorded outcome of a call that was verified."""
    assert real_call.recorded is not None
    return _replay(real_call.recorded, lambda: None)


def _record_result(real_call: RealCall, result: object) -> object:
    """Complete a call with what a plain function returned: a value now, a stream or coroutine when it ends."""
    late: Any
    if real_call.recorded is not None and not _is_like(real_call.recorded, result):
        real_call.complete(Outcome("value", result))  # a stream is compared with a value, for example
        # A coroutine that is never awaited would warn, and a generator end when the garbage collector likes.
        if isinstance(result, (types.GeneratorType, types.CoroutineType)):
            result.close()
        return _recorded(real_call)
    if isinstance(result, types.GeneratorType):
        late = perform(relaying(real_call, result), result.close)
    elif isinstance(result, types.AsyncGeneratorType):
        real_call.awaited = True
        late = perform_async(relaying(real_call, result), result.aclose)
    elif isinstance(result, types.CoroutineType):
        late = _record_coroutine(real_call, result, late=True)
    else:
        real_call.complete(Outcome("value", result))
        return result if real_call.recorded is None else _recorded(real_call)
    is_stream = not isinstance(result, types.CoroutineType)
    real_call.end_with(late, unread=Outcome("stream", items=[]) if is_stream else None)
    return late


def _is_like(recorded: Replay, result: object) -> bool:
    """Check whether a function still returns a stream, a coroutine, or neither."""
    is_stream = isinstance(result, (types.GeneratorType, types.AsyncGeneratorType))
    is_awaited = isinstance(result, (types.CoroutineType, types.AsyncGeneratorType))
    return (is_stream, is_awaited) == (recorded.stored.kind == "stream", recorded.stored.awaited)


async def _record_coroutine(real_call: RealCall, coroutine: Any, *, late: bool = False) -> object:
    """Await the real coroutine and complete the call. If `late`, a plain function returned the coroutine."""
    real_call.begun = True
    try:
        with real_call.running():
            result = await coroutine
    except BaseException as error:
        real_call.awaited = late
        if not _is_answered(real_call, error):
            raise
    else:
        real_call.awaited = late
        real_call.complete(Outcome("value", result))
        if real_call.recorded is None:
            return result
    assert real_call.recorded is not None
    return real_call.recorded.unpack(real_call.recorded.load())


def generator_wrapper(mimicked: object, function: Callable[..., object]) -> Callable[..., Any]:
    """Return the wrapper of the generator or async generator of a `Mimicked`.

    A bound method of it would hide from `references_of` what it refers to.
    """
    return (_async_generator if isasyncgenfunction(function) else _generator)(mimicked, function)


def _generator(mimicked: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        plan = mimicked.plan_now()
        if plan is None:
            return (yield from function(*args, **kwargs))
        step = decide(plan, args, kwargs)
        if step.mode == "replay":
            return (yield from perform(replaying(step, lambda: function(*args, **kwargs))))
        if step.mode == "pass":
            return (yield from function(*args, **kwargs))
        stream = function(*args, **kwargs)
        return (yield from perform(relaying(step, stream), stream.close))

    return wrapper


def _async_generator(mimicked: Any, function: Callable[..., object]) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        plan = mimicked.plan_now()
        step = PASS if plan is None else decide(plan, args, kwargs, is_async=True)
        stream: Any
        if step.mode == "replay":
            stream = perform_async(replaying(step, lambda: function(*args, **kwargs)))
        else:
            stream = function(*args, **kwargs)
            if step.mode != "pass":
                stream = perform_async(relaying(step, stream), stream.aclose)
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
