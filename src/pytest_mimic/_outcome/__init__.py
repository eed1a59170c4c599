"""What a call gave back, and how it turns into bytes and into a fresh copy again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_mimic._outcome.encoding import Encoded, Snapshot

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

Kind = Literal["value", "raised", "stream"]


class Outcome:
    """A value, an exception, or a stream of items; with the changes made to the arguments.

    Attributes:
        kind: `value`, `raised` or `stream`.
        value: What was returned, for `value`.
        exception: What was raised, for `raised`.
        items: What a stream gave, in order: values, or snapshots of them taken when they were given.
        end: How the stream ended, an outcome of kind `value` or `raised`; None where its reader stopped.
        sent: What was sent into the stream, or None where it was only iterated.
        outer: What the caller was handling when it made the call: no part of the exception's context.
        changed: The new state of the arguments that `mutates=` names. Where `value` is one of them, it
            is the same object.
    """

    __slots__ = ("changed", "end", "exception", "items", "kind", "outer", "sent", "value")

    def __init__(
        self,
        kind: Kind,
        *,
        value: object = None,
        exception: BaseException | None = None,
        items: Sequence[object] = (),
        end: Outcome | None = None,
        sent: Sequence[object] | None = None,
        changed: dict[str, object] | None = None,
    ) -> None:
        self.kind: Kind = kind
        self.value = value
        self.outer: BaseException | None = None
        self.exception = exception
        self.items = list(items)
        self.end = end
        self.sent = None if sent is None else list(sent)
        self.changed = {} if changed is None else changed

    @classmethod
    def of_value(cls, value: object) -> Outcome:
        """The outcome of a call that returned."""
        return cls("value", value=value)

    @classmethod
    def of_exception(cls, exception: BaseException, *, outer: BaseException | None = None) -> Outcome:
        """The outcome of a call that raised.

        Args:
            exception: What was raised.
            outer: What the caller was handling when it made the call; it is not part of the outcome.
        """
        outcome = cls("raised", exception=exception)
        outcome.outer = outer
        return outcome

    @classmethod
    def of_stream(
        cls, items: Sequence[object], end: Outcome | None = None, sent: Sequence[object] | None = None
    ) -> Outcome:
        """The outcome of a generator, as far as it was read."""
        return cls("stream", items=items, end=end, sent=sent)


def encode(outcome: Outcome, *, target: str | None = None) -> Encoded:
    """The outcome in memory, ready to be stored.

    Args:
        outcome: What to encode; it is not kept, except for large buffers, which are views until `detach`.
        target: The function, for the error's text.

    Raises:
        UnstorableOutcomeError: A part can neither be written as JSON nor pickled and loaded again.
    """
    from pytest_mimic._outcome import encoding

    return encoding.encode(outcome, target=target)


def snapshot(value: object, *, path: str = "result", target: str | None = None) -> Snapshot:
    """The value as it is now, for an item of a stream whose object may change afterwards.

    Raises:
        UnstorableOutcomeError: As for `encode`; the part is named from `path` on.
    """
    from pytest_mimic._outcome import encoding

    return encoding.snapshot(value, path=path, target=target)


def apply_changes(current: object, new: object) -> None:
    """Give `current`, an argument, the state of `new`, in place.

    Raises:
        TypeError: The two are of different types, or the type cannot be changed in place.
    """
    from pytest_mimic._outcome.changes import apply

    apply(current, new)
