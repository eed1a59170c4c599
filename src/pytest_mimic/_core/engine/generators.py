"""The wrappers of generator functions, plain and asynchronous."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isasyncgenfunction
from typing import TYPE_CHECKING, Any, Protocol

from pytest_mimic._core.engine.execution import decide, decide_async
from pytest_mimic._core.engine.steps import PASS
from pytest_mimic._core.engine.streams import perform, perform_async, relaying, replaying
from pytest_mimic._core.patch.callers import called_by_pytest

if TYPE_CHECKING:
    from pytest_mimic._core.engine.function_plan import FunctionPlan


class PlanHolder(Protocol):
    """A mimicked function; see `wrappers.Mimicked`."""

    is_common: bool
    plan: FunctionPlan | None


def generator_wrapper(mimicked: PlanHolder, function: Callable[..., Any]) -> Callable[..., Any]:
    return (_async_generator if isasyncgenfunction(function) else _generator)(mimicked, function)


def _generator(mimicked: PlanHolder, function: Callable[..., Any]) -> Callable[..., Any]:
    is_common = mimicked.is_common

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        plan = mimicked.plan
        if plan is None or (is_common and called_by_pytest()):
            return (yield from function(*args, **kwargs))
        step = decide(plan, args, kwargs)
        if step.mode == "replay":
            return (yield from perform(replaying(step, lambda: function(*args, **kwargs))))
        if step.mode == "pass" or step.mode == "wait":
            return (yield from function(*args, **kwargs))
        stream = function(*args, **kwargs)
        return (yield from perform(relaying(step, stream), stream.close))

    return wrapper


def _async_generator(mimicked: PlanHolder, function: Callable[..., Any]) -> Callable[..., Any]:
    is_common = mimicked.is_common

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        plan = None if is_common and called_by_pytest() else mimicked.plan
        step = PASS if plan is None else await decide_async(plan, args, kwargs)
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
