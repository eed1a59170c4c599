"""The outcome of a recorded call: a value, an exception or a stream of items, made of stored bodies, raised again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from collections.abc import Sequence

OutcomeKind = Literal["value", "raised", "stream"]


class Outcome:
    """A value, an exception, or a stream of items.

    Attributes:
        items: The items of a stream in order: values, or snapshots taken when they were yielded.
        end: The end of a stream, an outcome of kind `value` or `raised`; None if its reader stopped early.
    """

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
        self.kind: OutcomeKind = kind  # `value`, `raised` or `stream`
        self.value = value  # the returned value, for `value`
        self.exception = exception  # the raised exception, for `raised`
        self.items = list(items)
        self.end = end

    @property
    def last(self) -> Outcome:
        """The end of a stream, or the outcome itself if it has none."""
        return self.end or self


def decode_plain(body: Any) -> Outcome:
    """Return the outcome of a JSON body, whose parts become the outcome's.

    Raises:
        KeyError, TypeError, ValueError: The body has another shape.
    """
    outcome = _decode(body)
    if outcome.kind == "stream":
        outcome.items = body["stream"]["items"]
    return outcome


def decode_pickled(bodies: list[Any]) -> Outcome:
    """Return the outcome of loaded pickles: the body, then the items of a stream.

    Raises:
        LookupError, TypeError, AttributeError: The body has another shape.
    """
    outcome = _decode(bodies[0])
    outcome.items = bodies[1:]
    return outcome


def _decode(body: Any) -> Outcome:
    if "raised" in body:
        raised = body["raised"]
        if not issubclass(type(raised), Exception):  # `isinstance` asks the object for its class
            name = type.__getattribute__(type(raised), "__name__")
            raise TypeError(f"{name} is not an outcome: it is not an Exception")
        return Outcome("raised", exception=raised)
    if "stream" in body:
        stream = body["stream"]
        end = stream.get("end")
        return Outcome("stream", end=None if end is None else _decode(end))
    return Outcome("value", body["value"])


def is_outcome(error: BaseException) -> bool:
    """Return whether an exception is the outcome of a call, rather than a sign that the call was cut short."""
    from unittest import SkipTest

    futures, pytest = sys.modules.get("concurrent.futures"), sys.modules.get("pytest")
    cut_short = [SkipTest, MimicError]
    cut_short += [futures.CancelledError] if futures else []
    cut_short += [pytest.exit.Exception] if pytest else []  # an Exception, unlike its other outcomes
    return isinstance(error, Exception) and not isinstance(error, tuple(cut_short))


def is_cancellation(error: BaseException | None) -> bool:
    """Return whether an exception is a task's cancellation, by its name: no event loop (asyncio, trio) is imported."""
    return type(error).__name__ in ("CancelledError", "Cancelled")


def is_interruption(error: BaseException) -> bool:
    """Return whether an exception interrupts the code from outside: Ctrl-C, a cancellation, a closed generator."""
    pytest = sys.modules.get("pytest")
    kinds = (KeyboardInterrupt, GeneratorExit, *([pytest.exit.Exception] if pytest else []))
    return is_cancellation(error) or isinstance(error, kinds)


# Why an outcome cannot be stored exactly, or not loaded again.


class NotExactError(Exception):
    """A part has no exact form in JSON."""


class UnkeptError(TypeError):
    """A value cannot be stored: it reads files later, or its class is pickled as a library's, which leaves out what it adds."""


class MisreadError(ValueError):
    """A node is not as it was written. The text has the tag and the beginning of its part."""


class OutdatedClassError(Exception):
    """A class has changed since a value was stored. The text says how: `shop:User has no field "mail" any more`."""


class RefusedError(Exception):
    """A recording imports a name that it does not list."""


class DamagedError(Exception):
    """The bytes are not those that were written. The text says how they differ, or is empty."""
