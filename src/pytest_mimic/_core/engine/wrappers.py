"""The wrappers of mimicked functions, which replay plain values quickly.

`execution` does all else. A call that nothing mimics, and one that pytest makes for
itself, passes through to the function.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import suppress
from inspect import (
    isasyncgenfunction,
    iscoroutinefunction,
    isgeneratorfunction,
    signature,
)
from typing import TYPE_CHECKING, Any, cast

from pytest_mimic._core.engine.function_plan import NOT_PLAYED
from pytest_mimic._core.modules import called_by_pytest
from pytest_mimic._core.types.reductions import Unstable
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.function_plan import FunctionPlan

    _Engine = Callable[[FunctionPlan, tuple[object, ...], dict[str, object]], object]


class Mimicked:
    """One function and its wrapper.

    Attributes:
        function: The original.
        plan: The plan of the innermost activation. Calls pass through if it is None,
            because no activation is open or the innermost one leaves the function out.
        is_used_by_pytest: Whether pytest or this plugin may call the function for
            themselves. Such calls pass through.
        wrapper: The function that replaces `function`.
    """

    __slots__ = (
        "_plans_by_activation",
        "function",
        "is_used_by_pytest",
        "plan",
        "wrapper",
    )

    def __init__(
        self, function: Callable[..., object], *, is_used_by_pytest: bool = False
    ) -> None:
        self.function = function
        self.is_used_by_pytest = is_used_by_pytest
        # The innermost activation stands last.
        self._plans_by_activation: dict[object, FunctionPlan | None] = {}
        self.plan: FunctionPlan | None = None
        self.wrapper = _wrapper_of(self)

    def push(self, activation: object, plan: FunctionPlan | None) -> None:
        """Let the plan of an activation decide.

        The activation keeps its place among those that are open.
        """
        self._plans_by_activation[activation] = plan
        self.plan = next(reversed(self._plans_by_activation.values()))

    def remove(self, activation: object) -> None:
        """Remove the plan of an activation, at any depth."""
        self._plans_by_activation.pop(activation, None)
        self.plan = next(reversed(self._plans_by_activation.values()), None)

    def stream(self, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """Return the stream of the call that a wrapper makes.

        The stream is the real one, or one that records or replays it.
        """
        plan = self.plan
        if plan is None or (self.is_used_by_pytest and called_by_pytest(depth=3)):
            return self.function(*args, **kwargs)
        return _engine()(plan, args, kwargs)


def _wrapper_of(mimicked: Mimicked) -> Callable[..., object]:
    """Return what stands in the place of a function: a function of the same kind."""
    function = mimicked.function
    make = _wrapper_of_function
    if isgeneratorfunction(function):
        make = _wrapper_of_generator
    elif isasyncgenfunction(function):
        make = _wrapper_of_async_generator
    elif iscoroutinefunction(function):
        make = _wrapper_of_coroutine
    wrapper: Any = make(mimicked)
    functools.update_wrapper(wrapper, function)
    # A function written in C may have none. Since Python 3.14, annotations that name
    # nothing fail here, with any exception.
    with suppress(Exception):
        # `inspect.getfullargspec` ignores `__wrapped__`.
        wrapper.__signature__ = signature(function)
    # A function of `functools.lru_cache` has these.
    for name in ("cache_info", "cache_clear", "cache_parameters"):
        if hasattr(function, name):
            setattr(wrapper, name, getattr(function, name))
    # Identities and names of an argument that is mimicked are those of the original.
    wrapper.__mimic_original__ = function
    return cast("Callable[..., object]", wrapper)


# A wrapper holds nothing but its `Mimicked`, as each object of thousands of targets
# costs the garbage collector time.


def _wrapper_of_function(mimicked: Mimicked) -> Callable[..., object]:
    def wrapper(*args: object, **kwargs: object) -> object:
        plan = mimicked.plan
        if plan is None or (mimicked.is_used_by_pytest and called_by_pytest()):
            return mimicked.function(*args, **kwargs)
        # A call inside of one that runs for real is real as well. Whether this one is,
        # the engine finds out.
        if plan.plays and not plan.running:
            value = _play(plan, args, kwargs)
            if value is not NOT_PLAYED:
                return value
        return _engine()(plan, args, kwargs)

    return wrapper


def _wrapper_of_coroutine(mimicked: Mimicked) -> Callable[..., object]:
    async def wrapper(*args: object, **kwargs: object) -> object:
        plan = mimicked.plan
        if plan is None or (mimicked.is_used_by_pytest and called_by_pytest()):
            return await cast("Awaitable[object]", mimicked.function(*args, **kwargs))
        if plan.plays and not plan.running:
            value = _play(plan, args, kwargs)
            if value is not NOT_PLAYED:
                return value
        return await cast("Awaitable[object]", _engine()(plan, args, kwargs))

    return wrapper


def _wrapper_of_generator(mimicked: Mimicked) -> Callable[..., object]:
    def wrapper(*args: object, **kwargs: object) -> Generator[object, object, object]:
        stream = mimicked.stream(args, kwargs)
        return (yield from cast("Generator[object, object, object]", stream))

    return wrapper


def _wrapper_of_async_generator(mimicked: Mimicked) -> Callable[..., object]:
    async def wrapper(
        *args: object, **kwargs: object
    ) -> AsyncGenerator[object, object]:
        stream = cast("AsyncGenerator[object, object]", mimicked.stream(args, kwargs))
        # An async generator cannot delegate (PEP 525 has no `yield from`), so this
        # relays by hand.
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


@functools.cache
def _engine() -> _Engine:
    """Return the function that makes all other calls.

    Many runs only replay plain values, and never load its module.
    """
    from pytest_mimic._core.engine.execution import perform_call

    return perform_call


def _play(
    plan: FunctionPlan, args: tuple[object, ...], kwargs: dict[str, object]
) -> object:
    """Return the plain recorded value of a call, if it can be replayed the quick way.

    `NOT_PLAYED`: `decisions.decide` has to look at the call.

    This is the shortest way of a replay: no `Call` is made, and after the first call no
    file is read.
    """
    try:
        key = plan.key_of(plan.bind(*args, **kwargs))
    except (TypeError, Unstable):
        return NOT_PLAYED
    try:
        # No entry: the identity is called for the first time. None: what is recorded of
        # it is no plain value, or nothing is.
        player = plan.players.get(key, ...)
        if player is ...:
            return plan.play_first(key)
        if player is None:
            return NOT_PLAYED
        make, kept, replay = player
        value = make(kept)
    except MimicError as error:
        plan.run.current.pending.note(error)
        raise
    plan.note_replay(replay)
    return value
