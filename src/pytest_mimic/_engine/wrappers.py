"""The thin shells around a mimicked function: function, coroutine, generator, async generator."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from contextlib import suppress
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction, signature
from typing import TYPE_CHECKING, Any, cast

from pytest_mimic._engine.single_flight import Wait
from pytest_mimic._engine.steps import PASS
from pytest_mimic._engine.streams import (
    record_async_stream,
    record_stream,
    replay_async_stream,
    replay_stream,
)
from pytest_mimic._identity import Unstable
from pytest_mimic._outcome.raising import is_outcome, raise_again
from pytest_mimic._patch.callers import is_for_itself
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._engine.plans import FunctionPlan
    from pytest_mimic._engine.steps import Replay, Run, Step
    from pytest_mimic._outcome import Outcome


# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


#: Stands for no value: any other may have been recorded.
_UNPLAYED = object()


class Mimicked:
    """One function and what stands in for it.

    Attributes:
        plan: The innermost activation's; None where it leaves the function out, and while there is none:
            calls go straight through.
        is_common: pytest or this plugin may call the function itself; then it is the real one.
    """

    __slots__ = ("_plans", "function", "is_common", "plan", "wrapper")

    def __init__(self, function: Callable[..., Any], *, is_common: bool = False) -> None:
        self.function = function
        self.is_common = is_common
        self._plans: list[tuple[object, FunctionPlan | None]] = []
        self.plan: FunctionPlan | None = None
        self.wrapper = _shell(self)

    def push(self, request: object, plan: FunctionPlan | None) -> None:
        """Makes a plan the innermost one, on behalf of a request."""
        self._plans.append((request, plan))
        self.plan = plan

    def remove(self, request: object) -> None:
        """Ends the plans of a request, wherever they stand."""
        self._plans = [(owner, plan) for owner, plan in self._plans if owner is not request]
        self.plan = self._plans[-1][1] if self._plans else None


def _shell(mimicked: Mimicked) -> Callable[..., Any]:
    function = mimicked.function
    shell: Any = _shell_of(function)(mimicked, function)
    functools.update_wrapper(shell, function)
    with suppress(ValueError, TypeError):  # what is written in C may have none
        shell.__signature__ = signature(function)  # inspect.getfullargspec looks no further
    for name in ("cache_info", "cache_clear", "cache_parameters"):  # of functools.lru_cache
        if hasattr(function, name):
            setattr(shell, name, getattr(function, name))
    shell.__mimic_original__ = function
    return cast("Callable[..., Any]", shell)


def _shell_of(function: Callable[..., Any]) -> Callable[[Mimicked, Callable[..., Any]], Any]:
    if isasyncgenfunction(function):
        return _async_generator
    if isgeneratorfunction(function):
        return _generator
    if iscoroutinefunction(function):
        return _coroutine
    return _function


def _function(mimicked: Mimicked, function: Callable[..., Any]) -> Callable[..., Any]:
    is_common = mimicked.is_common

    def shell(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        plan = mimicked.plan
        if plan is None or (is_common and is_for_itself()):
            return function(*args, **kwargs)
        if plan.plays and not plan.running:
            value = _played(plan, args, kwargs)
            if value is not _UNPLAYED:
                return value
        step = _decide(plan, args, kwargs)
        if step.mode == "replay":
            return _give(step, lambda: function(*args, **kwargs))
        if step.mode == "pass":
            return function(*args, **kwargs)
        if step.mode == "wait":
            return _joined(plan, function, args, kwargs)
        try:
            with step.running():
                result = function(*args, **kwargs)
        except BaseException as error:
            _fail(step, error)
            raise
        return _returned(step, result)

    return shell


def _coroutine(mimicked: Mimicked, function: Callable[..., Any]) -> Callable[..., Any]:
    is_common = mimicked.is_common

    async def shell(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        plan = mimicked.plan
        if plan is None or (is_common and is_for_itself()):
            return await function(*args, **kwargs)
        if plan.plays and not plan.running:
            value = _played(plan, args, kwargs)
            if value is not _UNPLAYED:
                return value
        step = await _decide_async(plan, args, kwargs)
        if step.mode == "replay":
            return _give(step, None)
        if step.mode == "pass":
            return await function(*args, **kwargs)
        return await _awaited(step, function(*args, **kwargs))

    return shell


def _generator(mimicked: Mimicked, function: Callable[..., Any]) -> Callable[..., Any]:
    is_common = mimicked.is_common

    def shell(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        plan = mimicked.plan
        if plan is None or (is_common and is_for_itself()):
            return (yield from function(*args, **kwargs))
        step = _decide(plan, args, kwargs)
        if step.mode == "replay":
            return (yield from replay_stream(step, lambda: function(*args, **kwargs)))
        if step.mode == "run":
            return (yield from record_stream(step, function(*args, **kwargs)))
        return (yield from function(*args, **kwargs))

    return shell


def _async_generator(mimicked: Mimicked, function: Callable[..., Any]) -> Callable[..., Any]:
    is_common = mimicked.is_common

    async def shell(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        plan = None if is_common and is_for_itself() else mimicked.plan
        inner = await _async_stream(plan, function, args, kwargs)
        try:
            item = await inner.__anext__()
            while True:
                try:
                    sent = yield item
                except GeneratorExit:
                    raise
                except BaseException as thrown:
                    item = await inner.athrow(thrown)
                else:
                    item = await inner.asend(sent)
        except StopAsyncIteration:
            return
        finally:
            await inner.aclose()

    return shell


async def _async_stream(
    plan: FunctionPlan | None, function: Callable[..., Any], args: Any, kwargs: Any
) -> Any:
    """The stream that an async generator's shell relays: an async generator cannot delegate."""
    step = await _decide_async(plan, args, kwargs) if plan is not None else None
    if step is None or step.mode == "pass":
        return function(*args, **kwargs)
    if step.mode == "replay":
        return replay_async_stream(step, lambda: function(*args, **kwargs))
    return record_async_stream(step, function(*args, **kwargs))


def _played(plan: FunctionPlan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The plain recorded value of a call; `_UNPLAYED` sends it the long way."""
    __tracebackhide__ = True
    try:
        key = plan.key_of(plan.bind(*args, **kwargs))
    except (TypeError, Unstable):
        return _UNPLAYED
    try:
        play = plan.players.get(key) or plan.open_player(key)
        return _UNPLAYED if play is None else play()
    except MimicError as error:
        plan.engine.problems.note(error)
        raise


def _decide(plan: FunctionPlan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step | Wait:
    """What to do about a call; Wait where a coroutine can do the waiting."""
    __tracebackhide__ = True
    if plan.engine.is_nested:
        return PASS
    call = plan.call(args, kwargs)
    step = plan.engine.decide(call)
    while isinstance(step, Wait):
        if step.flight is not None and step.flight.gives_coroutine:
            return step
        step.block()
        step = plan.engine.decide(call)
    return step


async def _decide_async(plan: FunctionPlan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step:
    __tracebackhide__ = True
    if plan.engine.is_nested:
        return PASS
    call = plan.call(args, kwargs)
    call.pausing = True
    step = plan.engine.decide(call)
    while isinstance(step, Wait):
        await _pause(step.interval)
        step = plan.engine.decide(call)
    return step


async def _pause(seconds: float) -> None:
    """Sleeps in whichever event loop runs."""
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        await trio.sleep(seconds)
        return
    from asyncio.tasks import sleep

    await sleep(seconds)


def _give(step: Replay, real: Callable[[], Any] | None) -> Any:
    """The recorded outcome, in the form in which the call itself gave it.

    Args:
        step: The replay.
        real: Runs the call for real, for a stream that is read further; None in a coroutine.
    """
    __tracebackhide__ = True
    outcome = step.load()
    if outcome.kind == "stream":
        assert real is not None
        return (replay_async_stream if step.stored.awaited else replay_stream)(step, real)
    if step.stored.awaited and real is not None:
        return _later(step, outcome)
    return _settle(step, outcome)


def _settle(step: Replay, outcome: Outcome) -> Any:
    __tracebackhide__ = True
    value = outcome.value
    if outcome.changed:
        value = step.call.plan.apply(step.call, outcome.changed, value)
    if outcome.kind == "raised":
        assert outcome.exception is not None
        raise_again(outcome.exception)
    return value


async def _later(step: Replay, outcome: Outcome) -> Any:
    """The outcome of a plain function that returned a coroutine."""
    __tracebackhide__ = True
    return _settle(step, outcome)


async def _joined(plan: FunctionPlan, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """The outcome of a plain function whose coroutine for the same call is being awaited elsewhere."""
    __tracebackhide__ = True
    step = await _decide_async(plan, args, kwargs)
    if step.mode == "replay":
        return _settle(step, step.load())
    coroutine = function(*args, **kwargs)
    return await (coroutine if step.mode == "pass" else _awaited(step, coroutine, late=True))


def _fail(run: Run, error: BaseException) -> None:
    """Records an exception; an interrupt, an exit, a cancellation, a skip is none."""
    from pytest_mimic._outcome import Outcome

    if is_outcome(error):
        run.complete(Outcome.of_exception(error, outer=run.outer))
    else:
        run.abandon()


def _returned(run: Run, result: Any) -> Any:
    """Records what a plain function returned; a stream or coroutine when it ends."""
    __tracebackhide__ = True
    late: Any
    if isinstance(result, types.GeneratorType):
        late = record_stream(run, result)
    elif isinstance(result, types.AsyncGeneratorType):
        run.call.awaited = True
        late = record_async_stream(run, result)
    elif isinstance(result, types.CoroutineType):
        late = _awaited(run, result, late=True)
        run.gives_coroutine()
    else:
        from pytest_mimic._outcome import Outcome

        run.complete(Outcome.of_value(result))
        return result
    run.end_with(late)
    return late


async def _awaited(run: Run, coroutine: Any, *, late: bool = False) -> Any:
    """Awaits the real coroutine and records what it gave.

    Args:
        run: The run that this completes.
        coroutine: The real one.
        late: A plain function returned it, and so must its replay.
    """
    __tracebackhide__ = True
    from pytest_mimic._outcome import Outcome

    run.begun = True
    try:
        with run.running():
            result = await coroutine
    except BaseException as error:
        run.call.awaited = late
        _fail(run, error)
        raise
    run.call.awaited = late
    run.complete(Outcome.of_value(result))
    return result
