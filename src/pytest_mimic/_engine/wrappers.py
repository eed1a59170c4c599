"""The wrappers of mimicked functions: function, coroutine, generator, async generator."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from contextlib import suppress
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction, signature
from typing import TYPE_CHECKING, Any, cast

from pytest_mimic._engine.single_flight import CallInFlight
from pytest_mimic._engine.steps import PASS
from pytest_mimic._engine.streams import perform, perform_async, relaying, replaying
from pytest_mimic._identity import Unstable
from pytest_mimic._outcome.raising import is_outcome
from pytest_mimic._patch.callers import called_by_pytest
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._engine.function_plan import FunctionPlan
    from pytest_mimic._engine.steps import RealCall, Replay, Step

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

# Any other value may have been recorded.
_NOT_PLAYED = object()


class Mimicked:
    """One function and its wrapper.

    Attributes:
        function: The original.
        wrapper: The function that replaces it.
        plan: The plan of the innermost activation. Calls pass through if it is None, because no activation is open or
            the innermost one leaves the function out.
        is_common: Whether pytest or this plugin may call the function for themselves. Such calls pass through.
    """

    __slots__ = ("_plans", "function", "is_common", "plan", "wrapper")

    def __init__(self, function: Callable[..., Any], *, is_common: bool = False) -> None:
        self.function = function
        self.is_common = is_common
        self._plans: list[tuple[object, FunctionPlan | None]] = []
        self.plan: FunctionPlan | None = None
        self.wrapper = _wrapper(self)

    def push(self, request: object, plan: FunctionPlan | None) -> None:
        """Make a plan the innermost one, on behalf of a request."""
        self._plans.append((request, plan))
        self.plan = plan

    def remove(self, request: object) -> None:
        """Remove the plans of a request, at any depth."""
        self._plans = [(owner, plan) for owner, plan in self._plans if owner is not request]
        self.plan = self._plans[-1][1] if self._plans else None


def _wrapper(mimicked: Mimicked) -> Callable[..., Any]:
    function = mimicked.function
    if isasyncgenfunction(function):
        make = _async_generator
    elif isgeneratorfunction(function):
        make = _generator
    else:
        make = _coroutine if iscoroutinefunction(function) else _function
    wrapper: Any = make(mimicked, function)
    functools.update_wrapper(wrapper, function)
    with suppress(ValueError, TypeError):  # a function written in C may have no signature
        wrapper.__signature__ = signature(function)  # for inspect.getfullargspec, which ignores __wrapped__
    for name in ("cache_info", "cache_clear", "cache_parameters"):  # of functools.lru_cache
        if hasattr(function, name):
            setattr(wrapper, name, getattr(function, name))
    wrapper.__mimic_original__ = function
    return cast("Callable[..., Any]", wrapper)


def _function(mimicked: Mimicked, function: Callable[..., Any]) -> Callable[..., Any]:
    is_common = mimicked.is_common

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        plan = mimicked.plan
        if plan is None or (is_common and called_by_pytest()):
            return function(*args, **kwargs)
        if plan.plays and not plan.running:
            value = _play(plan, args, kwargs)
            if value is not _NOT_PLAYED:
                return value
        step = _decide(plan, args, kwargs)
        if step.mode == "replay":
            return _replay(step, lambda: function(*args, **kwargs))
        if step.mode == "pass":
            return function(*args, **kwargs)
        if step.mode == "wait":
            return _join(plan, function, args, kwargs)
        try:
            with step.running():
                result = function(*args, **kwargs)
        except BaseException as error:
            if not _is_answered(step, error):
                raise
        else:
            return _record_result(step, result)
        return _recorded(step)

    return wrapper


def _coroutine(mimicked: Mimicked, function: Callable[..., Any]) -> Callable[..., Any]:
    is_common = mimicked.is_common

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        plan = mimicked.plan
        if plan is None or (is_common and called_by_pytest()):
            return await function(*args, **kwargs)
        if plan.plays and not plan.running:
            value = _play(plan, args, kwargs)
            if value is not _NOT_PLAYED:
                return value
        step = await _decide_async(plan, args, kwargs)
        if step.mode == "replay":
            return _replay(step, None)
        if step.mode == "pass":
            return await function(*args, **kwargs)
        return await _record_coroutine(step, function(*args, **kwargs))

    return wrapper


def _generator(mimicked: Mimicked, function: Callable[..., Any]) -> Callable[..., Any]:
    is_common = mimicked.is_common

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        plan = mimicked.plan
        if plan is None or (is_common and called_by_pytest()):
            return (yield from function(*args, **kwargs))
        step = _decide(plan, args, kwargs)
        if step.mode == "replay":
            return (yield from perform(replaying(step, lambda: function(*args, **kwargs))))
        if step.mode == "pass" or step.mode == "wait":
            return (yield from function(*args, **kwargs))
        stream = function(*args, **kwargs)
        return (yield from perform(relaying(step, stream), stream.close))

    return wrapper


def _async_generator(mimicked: Mimicked, function: Callable[..., Any]) -> Callable[..., Any]:
    is_common = mimicked.is_common

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        plan = None if is_common and called_by_pytest() else mimicked.plan
        step = PASS if plan is None else await _decide_async(plan, args, kwargs)
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


def _play(plan: FunctionPlan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the plain recorded value of a call, or `_NOT_PLAYED` if `Engine.decide` has to look at it.

    This is the shortest way of a replay: no `Call` is made, and after the first call no file is read.
    """
    __tracebackhide__ = True
    try:
        key = plan.key_of(plan.bind(*args, **kwargs))
    except (TypeError, Unstable):
        return _NOT_PLAYED
    try:
        play = plan.players.get(key) or plan.open_player(key)
        return _NOT_PLAYED if play is None else play()
    except MimicError as error:
        plan.state.pending.note(error)
        raise


def _decide(plan: FunctionPlan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step | CallInFlight:
    """Return the step for a call. It is a `CallInFlight` if a coroutine can do the waiting."""
    __tracebackhide__ = True
    passing = plan.passing()
    if passing is not None:
        return passing
    call = plan.call(args, kwargs)
    step = plan.engine.decide(call)
    while isinstance(step, CallInFlight):
        if step.returned_coroutine:
            return step
        step.block()
        step = plan.engine.decide(call)
    return step


async def _decide_async(plan: FunctionPlan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step:
    __tracebackhide__ = True
    passing = plan.passing()
    if passing is not None:
        return passing
    call = plan.call(args, kwargs)
    call.is_async = True
    step = plan.engine.decide(call)
    while isinstance(step, CallInFlight):
        trio = sys.modules.get("trio")
        if trio is not None and trio.lowlevel.in_trio_run():
            await trio.sleep(step.interval)
        else:
            from asyncio.tasks import sleep

            await sleep(step.interval)
        step = plan.engine.decide(call)
    return step


def _replay(step: Replay, real: Callable[[], Any] | None) -> Any:
    """Return the recorded outcome, in the form in which the real call returned it.

    `real` makes the real call, for a stream that is read further than its recording. It is None in a coroutine.
    """
    __tracebackhide__ = True
    outcome = step.load()
    if outcome.kind == "stream":
        assert real is not None
        return (perform_async if step.stored.awaited else perform)(replaying(step, real))
    if not step.stored.awaited or real is None:
        return step.unpack(outcome)

    async def late() -> Any:  # for a plain function that returned a coroutine
        __tracebackhide__ = True
        return step.unpack(outcome)

    return late()


async def _join(plan: FunctionPlan, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Give the outcome of a plain function whose coroutine, for an identical call, is awaited elsewhere."""
    __tracebackhide__ = True
    step = await _decide_async(plan, args, kwargs)
    if step.mode == "replay":
        return step.unpack(step.load())
    coroutine = function(*args, **kwargs)
    return await (coroutine if step.mode == "pass" else _record_coroutine(step, coroutine, late=True))


def _is_answered(real_call: RealCall, error: BaseException) -> bool:
    """Complete a call with an exception, and return whether a recorded outcome answers the caller instead.

    An interrupt, an exit, a cancellation and a skip are not outcomes.
    """
    from pytest_mimic._outcome.outcome import Outcome

    if is_outcome(error):
        real_call.complete(Outcome.of_exception(error, outer=real_call.outer))
    else:
        real_call.abandon()
    return real_call.answers(error)


def _recorded(real_call: RealCall) -> Any:
    """Return the recorded outcome of a call that was verified."""
    __tracebackhide__ = True
    assert real_call.recorded is not None
    return _replay(real_call.recorded, lambda: None)


def _record_result(real_call: RealCall, result: Any) -> Any:
    """Complete a call with what a plain function returned: a value now, a stream or coroutine when it ends."""
    __tracebackhide__ = True
    from pytest_mimic._outcome.outcome import Outcome

    late: Any
    unread: Outcome | None = Outcome.of_stream([])
    if real_call.recorded is not None and not _is_like(real_call.recorded, result):
        return _verify_other_kind(real_call, result)
    if isinstance(result, types.GeneratorType):
        late = perform(relaying(real_call, result), result.close)
    elif isinstance(result, types.AsyncGeneratorType):
        real_call.call.awaited = True
        late = perform_async(relaying(real_call, result), result.aclose)
    elif isinstance(result, types.CoroutineType):
        late, unread = _record_coroutine(real_call, result, late=True), None
        real_call.returned_coroutine()
    else:
        real_call.complete(Outcome.of_value(result))
        return result if real_call.recorded is None else _recorded(real_call)
    real_call.end_with(late, unread=unread)
    return late


def _is_like(recorded: Replay, result: Any) -> bool:
    """Check whether a function still returns a stream, a coroutine, or neither."""
    is_stream = isinstance(result, (types.GeneratorType, types.AsyncGeneratorType))
    is_awaited = isinstance(result, (types.CoroutineType, types.AsyncGeneratorType))
    return (is_stream, is_awaited) == (recorded.stored.kind == "stream", recorded.stored.awaited)


def _verify_other_kind(real_call: RealCall, result: Any) -> Any:
    """Compare a stream with a value, for example, and return the recorded outcome."""
    __tracebackhide__ = True
    from pytest_mimic._outcome.outcome import Outcome

    real_call.complete(Outcome.of_value(result))
    if isinstance(result, (types.GeneratorType, types.CoroutineType)):
        result.close()
    return _recorded(real_call)


async def _record_coroutine(real_call: RealCall, coroutine: Any, *, late: bool = False) -> Any:
    """Await the real coroutine and complete the call. If `late`, a plain function returned the coroutine."""
    __tracebackhide__ = True
    from pytest_mimic._outcome.outcome import Outcome

    real_call.begun = True
    try:
        with real_call.running():
            result = await coroutine
    except BaseException as error:
        real_call.call.awaited = late
        if not _is_answered(real_call, error):
            raise
    else:
        real_call.call.awaited = late
        real_call.complete(Outcome.of_value(result))
        if real_call.recorded is None:
            return result
    assert real_call.recorded is not None
    return real_call.recorded.unpack(real_call.recorded.load())
