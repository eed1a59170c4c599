"""Gives the recorded outcome of a function's call, in the layers of the real one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

from pytest_mimic.engine.layers import Awaited, is_outcome, to_async
from pytest_mimic.errors import (
    CorruptRecordingError,
    MimicError,
    StaleRecordingError,
    UnstorableOutcomeError,
)
from pytest_mimic.values.outcome import Objects, player
from pytest_mimic.values.tree import Tree

if TYPE_CHECKING:
    from pytest_mimic.engine.arguments import Arguments
    from pytest_mimic.engine.plans import FunctionPlan
    from pytest_mimic.engine.steps import Step


class Replay:
    """Gives the recorded outcome of a call.

    Args:
        step: The call.
        plan: How its function is mimicked.
        arguments: Its arguments.
        body: The outcome to give. Default: what is recorded.
        objects: Where the objects of the outcome are. Default: the vault.
    """

    def __init__(
        self,
        step: Step,
        plan: FunctionPlan,
        arguments: Arguments,
        *,
        body: dict[str, Tree] | None = None,
        objects: Objects | None = None,
    ) -> None:
        assert step.entry is not None
        self._step = step
        self._plan = plan
        self._arguments = arguments
        self._given = body
        self._objects = objects or plan.run.vault
        self._after = step.entry.after
        self._layers = step.entry.layers
        # Whether later calls may be given the value where this one is.
        self._is_plain = False

    def give(self, kind: str = "", *, inside: int = 0) -> Any:
        """Give what the recorded call gave.

        Args:
            kind: The layer in which its caller takes it, whatever was recorded.
            inside: How many of the layers the caller has taken already.
        """
        __tracebackhide__ = True
        layers = self._layers[inside:]
        self._is_plain = kind in ("", "await") and layers == ((kind,) if kind else ())
        if kind and layers[:1] != (kind,):
            layers = (kind, *layers)
        return self._follow(layers)

    def _body(self) -> dict[str, Any]:
        if self._given is not None:
            return self._given
        entry = self._step.entry
        assert entry is not None
        # A value is read with its objects when it is made.
        return self._step.body() if "items" in entry.body else entry.body

    def _follow(self, layers: Sequence[str]) -> Any:
        __tracebackhide__ = True
        if not layers:
            self._step.wait()
            return self._end(self._body())
        if layers[0] == "await":
            return self._await(layers[1:])
        if layers[0] == "stream":
            return self.items(is_async=False)
        return to_async(self.items(is_async=True))

    async def _await(self, layers: Sequence[str]) -> Any:
        __tracebackhide__ = True
        if layers:
            return self._follow(layers)
        await self._step.wait_async()
        return self._end(self._body())

    def items(self, *, is_async: bool) -> Generator[Any, Any, Any]:
        """Give the recorded items, and then the recorded end, as the reader asks."""
        __tracebackhide__ = True
        body = self._body()
        try:
            for item in body.get("items", ()):
                yield from given(self._step, self._plan, self._load(item))
            if is_async:
                yield Awaited(self._step.wait_async())
            else:
                self._step.wait()
        finally:
            self._step.leave()
            self._arguments.set_states(self._after)
        if "items" not in body:
            return self._end(body)
        if "last" not in body:
            raise self._step.read_further()
        return self._end(body["last"])

    def _end(self, body: dict[str, Tree]) -> Any:
        __tracebackhide__ = True
        self._arguments.set_states(self._after)
        if "raised" in body:
            raise self._load(body["raised"])
        value, make = self._loaded(body["value"])
        # Of an equal call in other temporary folders the paths are others.
        is_anywhere = not self._arguments.places.folders
        if self._is_plain and not self._after and is_anywhere:
            self._plan.keep_player(self._step, self._arguments.key, make)
        return value

    def _load(self, tree: Tree) -> Any:
        value, _ = self._loaded(tree)
        return value

    def _loaded(self, tree: Tree) -> tuple[Any, Callable[[], object]]:
        """Return a recorded value, and what makes another copy of it."""
        run, places = self._plan.run, self._arguments.places
        try:
            make = player(tree, self._objects, places, forbid=run.forbids_pickles)
            return make(), make
        except StaleRecordingError as error:
            raise self._step.outdated(error) from error.__cause__
        except MimicError as error:
            told = _told(error, self._plan.target)
            run.note(told)
            raise told from error.__cause__


def given(step: Step, plan: FunctionPlan, item: object) -> Generator[Any, Any, None]:
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
        step.abandon(None)
        error = UnstorableOutcomeError(
            f"{step.call.label()} cannot be mimicked: its reader sends or throws"
            " something into it",
            remedies=[("name a function inside or around it that is only called", "")],
        )
        plan.run.note(error)
        raise error from None


def _told(error: MimicError, target: str) -> MimicError:
    """Return an error of an outcome, in words that name the function."""
    if not isinstance(error, CorruptRecordingError) or error.damage != "forbidden":
        return error
    return CorruptRecordingError(
        f"mimic_pickle = forbid: the outcome of {target} is a pickle",
        [error.file],
        [("to load it all the same", "mimic_pickle = listed")],
        file=error.file,
        damage=error.damage,
    )
