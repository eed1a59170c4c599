"""The outcome of a recorded call: a value, an exception or a stream of items, made of stored bodies, raised again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_mimic._core.outcome.kept_files import KeptFiles

OutcomeKind = Literal["value", "raised", "stream"]


class Outcome:
    """A value, an exception, or a stream of items, with the changes made to the arguments.

    Attributes:
        items: The items of a stream in order: values, or snapshots taken when they were yielded.
        end: The end of a stream, an outcome of kind `value` or `raised`; None if its reader stopped early.
        sent: The values sent into the stream, or None if it was only iterated.
        outer: The exception that the caller was handling at the call. It is not part of the outcome.
        changed: The new state of the arguments that `mutates=` names. If the call returned one of them, `value` is
            the same object.
        files: The files that `writes=` names, after the call. None without `writes=`.
    """

    __slots__ = ("changed", "end", "exception", "files", "items", "kind", "outer", "sent", "value")

    def __init__(
        self,
        kind: OutcomeKind,
        value: object = None,
        *,
        exception: BaseException | None = None,
        outer: BaseException | None = None,
        items: Sequence[object] = (),
        end: Outcome | None = None,
        sent: Sequence[object] | None = None,
        changed: dict[str, object] | None = None,
    ) -> None:
        self.kind: OutcomeKind = kind  # `value`, `raised` or `stream`
        self.value = value  # the returned value, for `value`
        self.exception = exception  # the raised exception, for `raised`
        self.outer = outer
        self.items = list(items)
        self.end = end
        self.sent = None if sent is None else list(sent)
        self.changed = {} if changed is None else changed
        self.files: KeptFiles | None = None

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
    changed = body.get("changed", {})
    if "raised" in body:
        raised = body["raised"]
        if not issubclass(type(raised), Exception):  # `isinstance` asks the object for its class
            name = type.__getattribute__(type(raised), "__name__")
            raise TypeError(f"{name} is not an outcome: it is not an Exception")
        outcome = Outcome("raised", exception=raised)
    elif "stream" in body:
        stream = body["stream"]
        end = stream.get("end")
        outcome = Outcome("stream", end=None if end is None else _decode(end), sent=stream.get("sent"))
    elif "returned" in body:
        outcome = Outcome("value", changed[body["returned"]])
    else:
        outcome = Outcome("value", body["value"])
    outcome.changed = changed
    return outcome


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


def raise_again(exception: BaseException) -> NoReturn:
    """Raise an exception with its recorded context. The exception that the caller is handling goes to that chain's end."""
    recorded, handled = exception.__context__, sys.exc_info()[1]
    try:
        raise exception
    except BaseException:
        if recorded is None or handled is None:
            raise
        # Python has replaced the recorded context with `handled`. Not setattr: a frozen dataclass refuses it.
        object.__setattr__(exception, "__context__", recorded)
        first, seen = recorded, {id(recorded)}
        while first.__context__ is not None and id(first.__context__) not in seen:
            first = first.__context__
            seen.add(id(first))
        object.__setattr__(first, "__context__", handled)
        raise
    finally:
        del exception  # its traceback refers to this frame
