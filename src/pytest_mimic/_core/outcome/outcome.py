"""The outcome of a call: a value, an exception or a stream of items.

`decode` makes it again of what was stored, once that is loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable
from typing import Any, ClassVar, Literal, NoReturn, TypeAlias

from pytest_mimic.errors import MimicError

# Sets the context of an exception, whatever its class does with assignments.
_CONTEXT: Any = vars(BaseException)["__context__"]

OutcomeKind = Literal["value", "raised", "stream"]


class Value:
    """The outcome of a call that has returned.

    Attributes:
        kind: The word for outcomes of this kind in recordings.
        value: What the call returned.
        error: The exception with which the call ended: none.
    """

    __slots__ = ("value",)
    kind: ClassVar[OutcomeKind] = "value"
    error: ClassVar[None] = None

    def __init__(self, value: object) -> None:
        self.value: object = value

    @property
    def content(self) -> object:
        """What outcomes of any kind are compared by: the value."""
        return self.value

    def give(self) -> Any:
        """Return the value."""
        return self.value


class Raised:
    """The outcome of a call that has raised.

    Attributes:
        kind: The word for outcomes of this kind in recordings.
        error: The exception with which the call ended.
    """

    __slots__ = ("error",)
    kind: ClassVar[OutcomeKind] = "raised"

    def __init__(self, error: BaseException) -> None:
        self.error: BaseException = error

    @property
    def content(self) -> object:
        """What outcomes of any kind are compared by: the exception."""
        return self.error

    def give(self) -> NoReturn:
        """Raise the exception, which can be done once.

        The outcome lets go of the exception, whose traceback refers to this frame: a
        cycle would keep the arguments of the call alive.
        """
        error = self.error
        del self.error
        try:
            raise error
        finally:
            del error


def raise_again(error: BaseException) -> NoReturn:
    """Raise an error that was caught, with the context that it had.

    The caller of a real call gets its error so. Without that, its context would be the
    error that the caller of now handles.
    """
    context = error.__context__
    try:
        raise error
    finally:
        # A frozen exception refuses an assignment.
        _CONTEXT.__set__(error, context)
        # The traceback of the error refers to this frame, which would be a cycle.
        del error, context


class Stream:
    """The outcome of a call that gave a generator, an async one, or an iterator.

    Attributes:
        kind: The word for outcomes of this kind in recordings.
        items: The items in order: values, or snapshots taken when they were yielded.
        end: What the generator returned or raised; None if its reader stopped early.
    """

    __slots__ = ("end", "items")
    kind: ClassVar[OutcomeKind] = "stream"

    def __init__(self, items: Iterable[object], end: End | None = None) -> None:
        self.items: list[object] = list(items)
        self.end: End | None = end

    @property
    def content(self) -> object:
        """What outcomes of any kind are compared by: the items, without the end."""
        return self.items

    @property
    def error(self) -> BaseException | None:
        """The exception with which the stream ended.

        None: the stream ended by itself, or its reader stopped before.
        """
        return None if self.end is None else self.end.error

    def give(self) -> Generator[object, None, object]:
        """Yield the items, and then return or raise as the recorded stream did."""
        yield from self.items
        return None if self.end is None else self.end.give()


End: TypeAlias = Value | Raised
Outcome: TypeAlias = Value | Raised | Stream


def decode(body: Any, items: list[Any] | None = None) -> Outcome:
    """Return the outcome of a body that was loaded from JSON or a pickle.

    Replays make their outcomes by this function, except those of plain data.

    Args:
        body: What was stored, as it was loaded.
        items: The items of a pickled stream, which are pickles of their own. None: the
            body has them.

    Raises:
        LookupError, TypeError, ValueError, AttributeError: The body has another shape,
            as one that was edited. Whoever reads the vault makes the error of a damaged
            recording of it.
    """
    # An edited body, and its stream, may be an object of any class, whose own methods
    # might run.
    if type(body) is not dict:
        raise TypeError("it is no outcome")
    # In an edited pickle, both keys may stand.
    if "stream" not in body or "raised" in body:
        return _decode_end(body)
    stream = body["stream"]
    if type(stream) is not dict:
        raise TypeError("it is no stream")
    stream_items: Any = stream["items"] if items is None else items
    end = stream.get("end")
    if end is None:
        return Stream(stream_items)
    return Stream(stream_items, end=_decode_end(end))


def _decode_end(body: Any) -> End:
    """Return how a call or a stream ended: `{"value": 3}` or `{"raised": error}`."""
    if type(body) is not dict:
        raise TypeError("it is no outcome")
    if "raised" not in body:
        return Value(body["value"])
    error = body["raised"]
    # `isinstance` would ask the object for its class.
    if not issubclass(type(error), Exception):
        name = type.__getattribute__(type(error), "__name__")
        raise TypeError(f"{name} is not an outcome: it is not an Exception")
    return Raised(error)


def is_outcome(error: BaseException) -> bool:
    """Return whether an exception is the outcome of a call, which is recorded.

    Other exceptions are signs that the call was cut short, such as a skipped test.
    """
    from unittest import SkipTest

    cut_short: list[type[BaseException]] = [SkipTest, MimicError]
    futures = sys.modules.get("concurrent.futures")
    if futures is not None:
        cut_short.append(futures.CancelledError)
    pytest = sys.modules.get("pytest")
    if pytest is not None:
        # Unlike the other outcomes of pytest, the exception of `exit` is an
        # `Exception`.
        cut_short.append(pytest.exit.Exception)
    return isinstance(error, Exception) and not isinstance(error, tuple(cut_short))


def is_cancellation(error: BaseException | None) -> bool:
    """Return whether an exception is the cancellation of a task.

    The name of its class tells, so that no event loop (asyncio, trio) is imported.
    """
    return type(error).__name__ in ("CancelledError", "Cancelled")


def is_interruption(error: BaseException) -> bool:
    """Return whether an exception interrupts the code from outside.

    Ctrl-C, a cancellation and a closed generator do.
    """
    kinds: list[type[BaseException]] = [KeyboardInterrupt, GeneratorExit]
    pytest = sys.modules.get("pytest")
    if pytest is not None:
        kinds.append(pytest.exit.Exception)
    return is_cancellation(error) or isinstance(error, tuple(kinds))


def is_of_other_loop(error: BaseException) -> bool:
    """Return whether an object was used in another event loop than its own.

    The object's own loop may be closed. The texts are those of asyncio and uvloop,
    which raise a mere `RuntimeError`.
    """
    text = str(error)
    texts_on_loops = ("Event loop is closed", "different loop", "different event loop")
    return type(error) is RuntimeError and any(map(text.__contains__, texts_on_loops))


# The errors for outcomes that cannot be stored exactly, or not be loaded again.


class NotExactError(TypeError):
    """A part has no exact form in JSON, or none in a pickle.

    The part reads files later, or its class leaves out attributes that others add.

    Attributes:
        remedy: What the target may return instead, or empty.
    """

    def __init__(self, what: object, *, remedy: str = "") -> None:
        super().__init__(what)
        self.remedy = remedy


class LostAttributeError(NotExactError):
    """The copy that a pickle makes of an object lacks an attribute, or its class."""


class OutdatedClassError(Exception):
    """A class has changed since a value was stored.

    The text says how: `shop:User has no field "mail" any more`.
    """


class DamagedError(Exception):
    """The bytes or nodes are not those that were written, or import what is not listed.

    The text says how, or is empty.
    """
