"""Gives the recorded outcome of a function's call, in the layers of the real one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from functools import lru_cache
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic.errors import (
    CorruptRecordingError,
    MimicError,
    StaleRecordingError,
    UnstorableOutcomeError,
)
from pytest_mimic.values.outcome import Objects, player
from pytest_mimic.values.tree import Tree

if TYPE_CHECKING:
    from pytest_mimic.engine.plans import Arguments, FunctionPlan
    from pytest_mimic.engine.steps import Step


Layer = Literal["", "await", "stream", "astream"]
"""How a caller comes to what a result stands for; empty: the result is a value."""

# By name, as few runs load them. Other signs of pytest are no `Exception`.
_CUT_SHORT = {
    "_pytest.outcomes.Exit",
    "concurrent.futures._base.CancelledError",
    "unittest.case.SkipTest",
}


class Replay:
    """Gives the recorded outcome of a call."""

    def __init__(self, step: Step, plan: FunctionPlan, arguments: Arguments) -> None:
        self._step = step
        self._plan = plan
        self._arguments = arguments
        self._objects: Objects = plan.run.vault
        # Whether later calls may be given the value where this one is.
        self._is_plain = False

    def give(self, kind: str = "", *, inside: int = 0) -> Any:
        """Give what the recorded call gave.

        Args:
            kind: The layer in which its caller takes it, whatever was recorded.
            inside: How many of the layers the caller has taken already.
        """
        __tracebackhide__ = True
        assert self._step.entry is not None
        layers = self._step.entry.layers[inside:]
        self._is_plain = kind in ("", "await") and layers == ((kind,) if kind else ())
        if kind and layers[:1] != (kind,):
            layers = (kind, *layers)
        return self._in_layers(layers)

    def _in_layers(self, layers: Sequence[str]) -> Any:
        __tracebackhide__ = True
        if not layers:
            self._step.wait()
            return self._end(self._body())
        if layers[0] == "await":
            return self._in_coroutine(layers[1:])
        if layers[0] == "stream":
            return self._items(is_async=False)
        return to_async(self._items(is_async=True))

    async def _in_coroutine(self, layers: Sequence[str]) -> Any:
        __tracebackhide__ = True
        if layers:
            return self._in_layers(layers)
        await self._step.wait_async()
        return self._end(self._body())

    def _items(self, *, is_async: bool) -> Generator[Any, Any, Any]:
        """Give the recorded items, and then the recorded end, as the reader asks."""
        __tracebackhide__ = True
        body = self._body()
        try:
            for item in body.get("items", ()):
                yield from self._given(self._load(item))
            if is_async:
                yield Awaited(self._step.wait_async())
            else:
                self._step.wait()
        finally:
            self._step.leave()
            self._set_states()
        if "items" not in body:
            return self._end(body)
        if "last" not in body:
            raise self._step.read_further()
        return self._end(body["last"])

    def _body(self) -> dict[str, Any]:
        entry = self._step.entry
        assert entry is not None
        # A value is read with its objects when it is made.
        return self._step.body() if "items" in entry.body else entry.body

    def _end(self, body: dict[str, Tree]) -> Any:
        __tracebackhide__ = True
        has_states = self._set_states()
        if "raised" in body:
            raise self._load(body["raised"])
        value, make = self._loaded(body["value"])
        # Of an equal call in other temporary folders the paths are others.
        is_anywhere = not self._arguments.places.folders
        if self._is_plain and is_anywhere and not has_states:
            self._plan.keep_player(self._step, self._arguments.identity, make)
        return value

    def _set_states(self) -> bool:
        """Leave arguments as the recorded call has left them; whether there are any."""
        assert self._step.entry is not None
        after = self._step.entry.after
        self._arguments.set_states(after)
        return bool(after)

    def _load(self, tree: Tree) -> Any:
        value, _ = self._loaded(tree)
        return value

    def _loaded(self, tree: Tree) -> tuple[Any, Callable[[], object]]:
        """Return a recorded value, and what makes another copy of it.

        Raises:
            MimicError: None can be made. The error is noted.
        """
        run, places = self._plan.run, self._arguments.places
        make = player(tree, self._objects, places, forbid=run.forbids_pickles)
        try:
            return make(), make
        except StaleRecordingError as error:
            raise self._step.outdated(error) from None
        except MimicError as error:
            told = _told(error, self._plan.target)
            self._refuse(told)
            raise told from None

    def _given(self, item: object) -> Generator[Any, Any, None]:
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
                f"{self._step.call.label()} cannot be mimicked: its reader sends or"
                " throws something into it",
                remedies=[
                    ("name a function inside or around it that is only called", "")
                ],
            )
            self._refuse(error)
            raise error from None

    def _refuse(self, error: MimicError) -> None:
        """End the call without an outcome, and let the error fail the test."""
        self._step.abandon(None)
        self._plan.run.note(error)


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


# -- layers


def is_outcome(error: BaseException) -> bool:
    """Return whether an exception is an outcome, and no sign of being cut short."""
    if isinstance(error, MimicError) or not isinstance(error, Exception):
        return False
    classes = {f"{cls.__module__}.{cls.__name__}" for cls in type(error).__mro__}
    return classes.isdisjoint(_CUT_SHORT)


def layer_of(result: object) -> Layer:
    """Return how a caller comes to what a result stands for."""
    if isinstance(result, CoroutineType):
        return "await"
    if isinstance(result, AsyncGeneratorType):
        return "astream"
    cls: Any = type(result)
    if not hasattr(cls, "__next__"):
        return ""
    is_stream = isinstance(result, GeneratorType) or _only_iterates(cls)
    return "stream" if is_stream else ""


@lru_cache(maxsize=1024)
def _only_iterates(cls: Any) -> bool:
    """Return whether objects of a class in C give items and do nothing else.

    So do `map`, `zip`, `iter(...)` and those of `itertools`. A file or a cursor has
    methods of its own.
    """
    members: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        members.update(vars(base))
    is_in_c = type(members["__next__"]).__name__ == "wrapper_descriptor"
    public = [member for name, member in members.items() if name[:1] != "_"]
    # A class method, `chain.from_iterable`, makes another such iterator.
    makers = [m for m in public if type(m).__name__ == "classmethod_descriptor"]
    return is_in_c and len(public) == len(makers)


class Awaited:
    """What the body of a stream yields to have it awaited."""

    def __init__(self, awaitable: Awaitable[Any]) -> None:
        self.awaitable = awaitable


async def to_async(
    body: Generator[Any, Any, Any], real: AsyncGenerator[Any, Any] | None = None
) -> AsyncGenerator[Any, Any]:
    """Give what the body of a stream yields, and await for it what it needs.

    Args:
        body: A generator of items, and of `Awaited`.
        real: The stream that it reads, which is closed at the end.
    """
    try:
        item = next(body)
        while True:
            try:
                if type(item) is Awaited:
                    sent = await item.awaitable
                else:
                    sent = yield item
            except BaseException as thrown:
                item = body.throw(thrown)
            else:
                item = body.send(sent)
    except StopIteration:
        return
    finally:
        if real is not None:
            await real.aclose()
