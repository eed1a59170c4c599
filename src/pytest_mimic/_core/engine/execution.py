"""Makes the calls of functions as the engine decides: a value at once, a coroutine when it is awaited, a stream as it is read."""

from __future__ import annotations

import types
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator
from contextlib import aclosing, closing, contextmanager
from math import inf
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.engine.decisions import decide
from pytest_mimic._core.engine.steps import Step, given
from pytest_mimic._core.outcome.outcome import Outcome, is_outcome
from pytest_mimic.errors import MimicError, UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.function_plan import FunctionPlan


def call(
    plan: FunctionPlan,
    function: Callable[..., object],
    args: tuple[object, ...],
    kwargs: dict[str, Any],
    *,
    is_async: bool = False,
) -> Any:
    """Return what a call gives: a value, or the coroutine, generator or async generator of the outcome.

    If it `is_async`, the function says that what it returns is awaited, and no recording has to.
    """
    state = plan.state
    if state.inside.is_nested:
        return function(*args, **kwargs)
    step = decide(state, plan.call(args, kwargs))
    if step.mode != "replay":
        result = None
        with _recording(step):
            result = function(*args, **kwargs)
        if step.active:
            return _given_now_or_later(step, result, is_async=is_async)
    return _recorded(step, is_async=is_async)


def _recorded(step: Step, *, is_async: bool) -> Any:
    """Return the recorded outcome in the form in which the real call returned it."""
    is_awaited = is_async or step.stored.awaited
    if step.stored.kind == "stream":
        return replay_async(step) if is_awaited else replay(step)
    outcome = step.load()
    if not is_awaited:
        return given(outcome)

    async def late() -> object:
        return given(outcome)

    return late()


@contextmanager
def _recording(step: Step) -> Iterator[None]:
    """Return the block for the original function, which ends the call if it raises; to verify, without the exception.

    An interrupt, an exit, a cancellation and a skip are not outcomes.
    """
    try:
        with step.running():
            yield
    except BaseException as error:
        if is_outcome(error):
            step.complete(Outcome("raised", exception=error))
        else:
            step.abandon()
        if not step.answers(error):
            raise


def _given_now_or_later(step: Step, result: Any, *, is_async: bool) -> object:
    """Complete a call with what the function returned: a value now, a stream or coroutine when it ends."""
    is_stream = isinstance(result, (types.GeneratorType, types.AsyncGeneratorType))
    is_awaited = is_async or isinstance(result, (types.CoroutineType, types.AsyncGeneratorType))
    verifies = step.mode == "verify"
    recorded = (step.stored.kind == "stream", is_async or step.stored.awaited) if verifies else None
    is_other = verifies and recorded != (is_stream, is_awaited)
    if is_other or not (is_stream or is_awaited):
        step.complete(Outcome("value", result))  # a stream is compared with a value, for example
        # A coroutine that is never awaited would warn, and a generator end when the garbage collector likes.
        if is_other and isinstance(result, (types.GeneratorType, types.CoroutineType)):
            result.close()
        return _recorded(step, is_async=is_async) if verifies else result
    step.awaited = is_awaited and not is_async
    late: Any
    if not is_stream:
        late = _awaiting(step, result)
    else:
        late = relay_async(step, result) if is_awaited else relay(step, result)
        if verifies:
            late = replay_async(step, late) if is_awaited else replay(step, late)
    step.end_with(late, unread=Outcome("stream", items=[]) if is_stream else None)
    return late


async def _awaiting(step: Step, coroutine: Any) -> object:
    """Await the real coroutine and complete the call."""
    step.begun = True
    result = None
    with _recording(step):
        result = await coroutine
    if step.active:
        step.complete(Outcome("value", result))
    return given(step.load()) if step.mode == "verify" else result


# -- streams


class _Reading:
    """A block in which a real stream is read, as far as its reader wants; to verify, as far as its recording goes.

    At its end, the call is completed with what was read, and with the end of the stream if it was reached.
    """

    def __init__(self, step: Step, close: Callable[[], None] = lambda: None) -> None:
        self._step, self._close = step, close
        self._items: list[object] = []
        self._is_asking = False
        self.value: object = None  # what the stream returned
        self._wanted = inf
        step.begun = True
        if step.mode == "verify":
            recorded = step.load()
            self._wanted = len(recorded.items) + (recorded.end is not None)

    @property
    def wants_more(self) -> bool:
        return len(self._items) < self._wanted

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Return the block in which the stream is asked for its next item."""
        self._is_asking = True
        with self._step.running():
            yield
        self._is_asking = False

    def take(self, item: Any) -> None:
        self._items.append(self._step.copy(item))  # a copy, because the stream may change the item later

    def __enter__(self) -> _Reading:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        """End the call. What ends the stream itself does not leave the block, nor, to verify, what it raises."""
        try:
            return self._end(error)
        finally:
            self._step.abandon()

    def _end(self, error: BaseException | None) -> bool:
        step = self._step
        if self._is_asking and isinstance(error, (StopIteration, StopAsyncIteration)):
            self.value = getattr(error, "value", None)
            self._complete(Outcome("value", self.value))
            return True
        if self._is_asking and error is not None:
            if is_outcome(error):
                self._complete(Outcome("raised", exception=error))
            return step.answers(error)
        if not isinstance(error, MimicError):
            refuse_sent(step, error)
            with step.running():  # what it does when it is closed is part of the call
                self._close()
            self._complete()
        return False

    def _complete(self, end: Outcome | None = None) -> None:
        try:
            self._step.complete(Outcome("stream", items=self._items, end=end))
        except MimicError as refused:
            raise refused from None  # without the StopIteration that ended the stream


def relay(step: Step, stream: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Relay a real generator and record it; to verify, read it and give nothing.

    Raises:
        UnstorableOutcomeError: An item, or the end, cannot be stored, or the reader sends something.
    """
    with closing(stream), _Reading(step, stream.close) as reading:
        while reading.wants_more:
            with reading.asking():
                item = next(stream)
            reading.take(item)
            if step.mode == "run":
                refuse_sent(step, (yield item))
    return reading.value


async def relay_async(step: Step, stream: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
    """Relay a real async generator in the same way."""
    async with aclosing(stream):
        with _Reading(step) as reading:
            while reading.wants_more:
                with reading.asking():
                    item = await anext(stream)
                reading.take(item)
                if step.mode == "run":
                    refuse_sent(step, (yield item))


def replay(step: Step, real: Iterable[Any] = ()) -> Generator[Any, Any, Any]:
    """Give the items of a recorded stream, and its end; to verify, after the `real` one was read.

    Raises:
        MissingRecordingError: The reader reads further than the recording goes.
    """
    for _ in real:
        pass
    outcome = step.load()
    for item in outcome.items:
        try:
            sent = yield item
        except BaseException as thrown:
            refuse_sent(step, thrown)
            raise
        refuse_sent(step, sent)
    if outcome.end is None:
        raise step.exhausted()
    return given(outcome.end)


async def replay_async(step: Step, real: AsyncGenerator[Any, Any] | None = None) -> AsyncGenerator[Any, Any]:
    """Give the items of a recorded async stream, and its end."""
    if real is not None:
        async for _ in real:
            pass
    for item in replay(step):
        try:
            sent = yield item
        except BaseException as thrown:
            refuse_sent(step, thrown)
            raise
        refuse_sent(step, sent)


def refuse_sent(step: Step, sent: object) -> None:
    """Refuse what a reader sends or throws into a stream: the items that follow may depend on it.

    Raises:
        UnstorableOutcomeError: It is a value or an error, and no sign that the reader stops.
    """
    if sent is None or (isinstance(sent, BaseException) and not is_outcome(sent)):
        return
    what = f"{step.label} cannot be mimicked: its reader sends or throws something into it"
    remedy = "name a function inside or around it that is only called"
    raise step.state.pending.note(UnstorableOutcomeError(what, remedies=[remedy])) from None
