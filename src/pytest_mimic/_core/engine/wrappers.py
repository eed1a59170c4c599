"""The wrappers of mimicked functions. They replay plain values; `execution` and `generators` do all else."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction, signature
from typing import TYPE_CHECKING, Any, cast

from pytest_mimic._core.identity import Unstable
from pytest_mimic._core.machinery import called_by_pytest
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.function_plan import FunctionPlan

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
        self._plans.append((request, plan))
        self.plan = plan

    def remove(self, request: object) -> None:
        """Remove the plans of a request, at any depth."""
        self._plans = [(owner, plan) for owner, plan in self._plans if owner is not request]
        self.plan = self._plans[-1][1] if self._plans else None


def _wrapper(mimicked: Mimicked) -> Callable[..., Any]:
    function = mimicked.function
    make: Callable[[Mimicked, Callable[..., Any]], Callable[..., Any]] = _function
    if isasyncgenfunction(function) or isgeneratorfunction(function):
        from pytest_mimic._core.engine.execution import generator_wrapper as make
    elif iscoroutinefunction(function):
        make = _coroutine
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
        plan = mimicked.plan
        if plan is None or (is_common and called_by_pytest()):
            return function(*args, **kwargs)
        if plan.plays and not plan.running:
            value = _play(plan, args, kwargs)
            if value is not _NOT_PLAYED:
                return value
        return _execution().call(plan, function, args, kwargs)

    return wrapper


def _coroutine(mimicked: Mimicked, function: Callable[..., Any]) -> Callable[..., Any]:
    is_common = mimicked.is_common

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        plan = mimicked.plan
        if plan is None or (is_common and called_by_pytest()):
            return await function(*args, **kwargs)
        if plan.plays and not plan.running:
            value = _play(plan, args, kwargs)
            if value is not _NOT_PLAYED:
                return value
        return await _execution().call_async(plan, function, args, kwargs)

    return wrapper


@functools.cache
def _execution() -> Any:
    """Return the module that makes all other calls. Many runs only replay plain values, and never load it."""
    from pytest_mimic._core.engine import execution

    return execution


def _play(plan: FunctionPlan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the plain recorded value of a call, or `_NOT_PLAYED` if `Decisions.decide` has to look at it.

    This is the shortest way of a replay: no `Call` is made, and after the first call no file is read.
    """
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
