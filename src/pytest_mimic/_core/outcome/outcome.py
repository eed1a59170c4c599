"""The outcome of a recorded call: a value, an exception or a stream of items, made of stored bodies, raised again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from collections.abc import Sequence

OutcomeKind = Literal["value", "raised", "stream"]


class Outcome:
    """A value, an exception, or a stream of items."""

    __slots__ = ("end", "exception", "items", "kind", "value")

    def __init__(
        self,
        kind: OutcomeKind,
        value: object = None,
        *,
        exception: BaseException | None = None,
        items: Sequence[object] = (),
        end: Outcome | None = None,
    ) -> None:
        self.kind: OutcomeKind = kind
        # The returned value, for `value`.
        self.value: object = value
        # The raised exception, for `raised`.
        self.exception: BaseException | None = exception
        # The items of a stream in order: values, or snapshots taken when they were
        # yielded.
        self.items: list[object] = list(items)
        # The end of a stream, of kind `value` or `raised`; None if its reader stopped
        # early.
        self.end: Outcome | None = end

    @property
    def last(self) -> Outcome:
        """The end of a stream, or the outcome itself if it has none."""
        return self.end or self


def decode(body: Any, items: list[Any] | None = None) -> Outcome:
    """Return the outcome of a body, whose parts become the outcome's; the `items` of a stream may stand apart.

    Raises:
        LookupError, TypeError, ValueError, AttributeError: The body has another shape.
    """
    if type(body) is not dict:  # an edited one may be an object of any class
        raise TypeError("it is no outcome")
    if "raised" in body:
        raised = body["raised"]
        if not issubclass(
            type(raised), Exception
        ):  # `isinstance` asks the object for its class
            name = type.__getattribute__(type(raised), "__name__")
            raise TypeError(f"{name} is not an outcome: it is not an Exception")
        return Outcome("raised", exception=raised)
    if "stream" in body:
        stream = body["stream"]
        if type(stream) is not dict:
            raise TypeError("it is no stream")
        end = stream.get("end")
        recorded = stream["items"] if items is None else items
        return Outcome(
            "stream", items=recorded, end=None if end is None else decode(end)
        )
    return Outcome("value", body["value"])


def is_outcome(error: BaseException) -> bool:
    """Return whether an exception is the outcome of a call, rather than a sign that the call was cut short."""
    from unittest import SkipTest

    futures, pytest = sys.modules.get("concurrent.futures"), sys.modules.get("pytest")
    cut_short = [SkipTest, MimicError]
    cut_short += [futures.CancelledError] if futures else []
    cut_short += (
        [pytest.exit.Exception] if pytest else []
    )  # an Exception, unlike its other outcomes
    return isinstance(error, Exception) and not isinstance(error, tuple(cut_short))


def is_cancellation(error: BaseException | None) -> bool:
    """Return whether an exception is a task's cancellation, by its name: no event loop (asyncio, trio) is imported."""
    return type(error).__name__ in ("CancelledError", "Cancelled")


def is_interruption(error: BaseException) -> bool:
    """Return whether an exception interrupts the code from outside: Ctrl-C, a cancellation, a closed generator."""
    pytest = sys.modules.get("pytest")
    kinds = (
        KeyboardInterrupt,
        GeneratorExit,
        *([pytest.exit.Exception] if pytest else []),
    )
    return is_cancellation(error) or isinstance(error, kinds)


# Why an outcome cannot be stored exactly, or not loaded again.


class NotExactError(TypeError):
    """A part has no exact form in JSON, or none in a pickle: it reads files later, or its class leaves out what is added.

    Attributes:
        remedy: What the target may return instead, or empty.
    """

    def __init__(self, what: object, *, remedy: str = "") -> None:
        super().__init__(what)
        self.remedy = remedy


class OutdatedClassError(Exception):
    """A class has changed since a value was stored.

    The text says how: `shop:User has no field "mail" any more`.
    """


class DamagedError(Exception):
    """The bytes or nodes are not those that were written, or import what is not listed.

    The text says how, or is empty.
    """
