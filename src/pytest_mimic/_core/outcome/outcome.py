"""The outcome of a recorded call: a value, an exception or a stream of items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_mimic._core.outcome.kept_files import KeptFiles

OutcomeKind = Literal["value", "raised", "stream"]


class Outcome:
    """A value, an exception, or a stream of items, with the changes made to the arguments.

    Attributes:
        kind: `value`, `raised` or `stream`.
        value: The returned value, for `value`.
        exception: The raised exception, for `raised`.
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
        *,
        value: object = None,
        exception: BaseException | None = None,
        items: Sequence[object] = (),
        end: Outcome | None = None,
        sent: Sequence[object] | None = None,
        changed: dict[str, object] | None = None,
    ) -> None:
        self.kind: OutcomeKind = kind
        self.value = value
        self.outer: BaseException | None = None
        self.exception = exception
        self.items = list(items)
        self.end = end
        self.sent = None if sent is None else list(sent)
        self.changed = {} if changed is None else changed
        self.files: KeptFiles | None = None

    @classmethod
    def of_value(cls, value: object) -> Outcome:
        """Return the outcome of a call that returned."""
        return cls("value", value=value)

    @classmethod
    def of_exception(cls, exception: BaseException, *, outer: BaseException | None = None) -> Outcome:
        """Return the outcome of a call that raised. `outer` is the exception that the caller was handling."""
        outcome = cls("raised", exception=exception)
        outcome.outer = outer
        return outcome

    @classmethod
    def of_stream(
        cls, items: Sequence[object], end: Outcome | None = None, sent: Sequence[object] | None = None
    ) -> Outcome:
        """Return the outcome of a generator, as far as it was read."""
        return cls("stream", items=items, end=end, sent=sent)

    @property
    def last(self) -> Outcome | None:
        """The end of a stream, or the outcome itself if it is not a stream."""
        return self.end if self.kind == "stream" else self
