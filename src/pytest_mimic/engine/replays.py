"""Gives the recorded outcome of a function's call, in the layers of the real one."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from pytest_mimic.engine.layers import Awaited, is_outcome, to_async
from pytest_mimic.errors import (
    CorruptRecordingError,
    MimicError,
    StaleRecordingError,
    UnstorableOutcomeError,
)
from pytest_mimic.values.outcome import Objects, load
from pytest_mimic.values.tree import Tree

if TYPE_CHECKING:
    from pytest_mimic.engine.function_calls import FunctionCall
    from pytest_mimic.engine.steps import Step


class Replay:
    """The recorded outcome of a call, as its caller gets it.

    Args:
        call: The call.
        step: What becomes of it.
        objects: Where the large parts of the outcome are.

    Attributes:
        body: What the caller gets.

    Raises:
        CorruptRecordingError: A part of it is damaged. The error is noted.
    """

    def __init__(self, call: FunctionCall, step: Step, objects: Objects) -> None:
        assert step.entry is not None
        self._call = call
        self._step = step
        self._objects = objects
        self._after = step.entry.after
        try:
            self.body: Any = step.body()
        except MimicError as error:
            refuse(call, step, error)
            raise

    def give(self, layers: Sequence[str]) -> Any:
        """Give the outcome, or what has to be awaited or read to come to it."""
        __tracebackhide__ = True
        if not layers:
            self._step.wait()
            return self._end(self.body)
        if layers[0] == "await":
            return self._in_coroutine(layers[1:])
        if layers[0] == "stream":
            return self.items(is_async=False)
        return to_async(self.items(is_async=True))

    async def _in_coroutine(self, layers: Sequence[str]) -> Any:
        __tracebackhide__ = True
        if layers:
            return self.give(layers)
        await self._step.wait_async()
        return self._end(self.body)

    def items(self, *, is_async: bool) -> Generator[Any, Any, Any]:
        """Give the recorded items, and then the recorded end, as the reader asks."""
        __tracebackhide__ = True
        try:
            for item in self.body.get("items", ()):
                yield from given(self._call, self._step, self.load(item))
            if is_async:
                yield Awaited(self._step.wait_async())
            else:
                self._step.wait()
        finally:
            self._step.leave()
            self._call.set_states(self._after)
        if "items" not in self.body:
            return self._end(self.body)
        if "last" not in self.body:
            raise self._step.read_further()
        return self._end(self.body["last"])

    def _end(self, body: Any) -> Any:
        __tracebackhide__ = True
        self._call.set_states(self._after)
        if "raised" in body:
            raise self.load(body["raised"])
        return self.load(body["value"])

    def load(self, tree: Tree) -> Any:
        """Make a recorded value.

        Raises:
            MimicError: None can be made. The error is noted.
        """
        run, places = self._call.plan.run, self._call.places
        try:
            return load(tree, self._objects, places, forbid=run.forbids_pickles)
        except StaleRecordingError as error:
            raise self._step.outdated(error) from None
        except MimicError as error:
            told = _told(error, self._call.plan.target)
            refuse(self._call, self._step, told)
            raise told from None


def given(call: FunctionCall, step: Step, item: object) -> Generator[Any, Any, None]:
    """Give an item, and refuse what the reader sends or throws, unless it stops.

    The items that follow may depend on that.
    """
    try:
        sent = yield item
    except BaseException as thrown:
        if not is_outcome(thrown):
            raise
        sent = thrown
    if sent is not None:
        error = UnstorableOutcomeError(
            f"{call.label()} cannot be mimicked: a value is sent or thrown into it",
            remedies=[("name a function inside or around it that is only called", "")],
        )
        refuse(call, step, error)
        raise error from None


def refuse(call: FunctionCall, step: Step, error: MimicError) -> None:
    """End a call without an outcome, and let the error fail the test."""
    step.abandon(None)
    call.plan.run.note(error)


def _told(error: MimicError, target: str) -> MimicError:
    """Return an error of an outcome, in words that name the function."""
    if not isinstance(error, CorruptRecordingError) or error.damage != "forbidden":
        return error
    return CorruptRecordingError(
        f"mimic_pickle = forbid: the outcome of {target} is a pickle",
        [error.file],
        [("to load it anyway", "mimic_pickle = listed")],
        file=error.file,
        damage=error.damage,
    )
