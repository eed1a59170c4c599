"""The exception classes of pytest-mimic, which carry what happened, the facts and the remedy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

# The last two ranges turn the direction of the text that follows.
_CONTROLS = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"


def printable(text: str) -> str:
    """Return the text with its control characters escaped.

    Recordings may come from a pull request, and a test's name in one could hold escape
    sequences for the terminal.
    """
    return (
        text
        if text.isprintable()
        else re.sub(_CONTROLS, lambda found: repr(found[0])[1:-1], text)
    )


class MimicError(Exception):
    """The base class of all errors of pytest-mimic.

    Args:
        what: The event and its subject, in one line.
        facts: One line each, nearest first.
        remedies: One line each: a command or an ini line that can be pasted.
        data: The facts as values, set as attributes of the same names.
    """

    _removed_traceback: TracebackType | None = None

    def __init__(
        self,
        what: str,
        *,
        facts: Sequence[str] = (),
        remedies: Sequence[str] = (),
        **data: object,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.facts: tuple[str, ...] = tuple(facts)
        self.remedies: tuple[str, ...] = tuple(remedies)
        self.data = data
        self.__dict__.update(data)

    def __str__(self) -> str:
        return printable(
            "\n".join(
                [self.what, *(f"  {line}" for line in (*self.facts, *self.remedies))]
            )
        )

    def __reduce__(self) -> tuple[object, ...]:
        return partial(
            type(self), self.what, facts=self.facts, remedies=self.remedies, **self.data
        ), ()

    def copy(self) -> Self:
        """Return an equal error that was not raised yet."""
        return type(self)(
            self.what, facts=self.facts, remedies=self.remedies, **self.data
        )

    def with_traceback(self, tb: TracebackType | None) -> Self:
        """Set the traceback, and keep the old one for `last_traceback`: `assertRaises` removes it in this way."""
        self._removed_traceback = self.last_traceback
        return super().with_traceback(tb)

    @property
    def last_traceback(self) -> TracebackType | None:
        """The traceback, or the one it had before it was removed."""
        return self.__traceback__ or self._removed_traceback


class MissingRecordingError(MimicError, RuntimeError):
    """A call has no recording, and the mode does not run it. Attribute: `call`."""


class StaleRecordingError(MissingRecordingError):
    """A call has a recording that an older source of its target made.

    Attribute: `call`.
    """


class MutatedInputError(MimicError, RuntimeError):
    """A recorded function changed its arguments, or a file that they name.

    Attribute: `call`.
    """


class UnstableIdentityError(MimicError, TypeError):
    """A value has no stable identity. Attributes: `target`, `path`."""


class UnstorableOutcomeError(MimicError, TypeError):
    """An outcome cannot be stored. Attribute: `path`, the part at fault."""


class CorruptRecordingError(MimicError, RuntimeError):
    """A file of the vault is damaged. Attribute: `file`."""


class DriftError(MimicError, AssertionError):
    """A real call no longer gives the recorded outcome.

    Attributes:
        call: The call, as messages name it.
        conversation: The client whose conversation it belongs to. Empty for a call that
            no earlier one can have changed.
    """

    conversation = ""


class CassetteError(MimicError, RuntimeError):
    """A cassette cannot be used as requested, or was not replayed as recorded."""


class TargetError(MimicError, ValueError):
    """A target line is wrong, or names what does not exist."""


# Tracebacks and pickles name the public module, not the one that defines the class.
for _kind in (MimicError, StaleRecordingError, *MimicError.__subclasses__()):
    _kind.__module__ = "pytest_mimic"
