"""The errors that users meet: what happened to which call, facts, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from pytest_mimic.words import on_one_line

if TYPE_CHECKING:
    from typing_extensions import Self

Remedy = tuple[str, str]
"""Words and a command: `("to record it", "pytest --mimic-record tests/test_a.py")`."""


class MimicError(Exception):
    """An error of pytest-mimic.

    Attributes:
        what: What happened, and to which call.
        facts: Lines that explain it, the nearest first.
        remedies: What to do: pairs of words and of what can be pasted.
        option: The option of pytest that records its call again; empty: none does.
        cause: A text that is equal for calls with one cause; empty: it has its own.
        caught_traceback: The traceback that was taken away, as `unittest` does it.
    """

    option = ""
    cause = ""
    caught_traceback: TracebackType | None = None

    def __init__(
        self, what: str, facts: Iterable[str] = (), remedies: Iterable[Remedy] = ()
    ) -> None:
        self.what = what
        self.facts = tuple(facts)
        self.remedies = tuple(remedies)
        super().__init__(what, self.facts, self.remedies)

    def with_traceback(self, traceback: TracebackType | None) -> Self:
        if traceback is None:
            self.caught_traceback = self.__traceback__
        return super().with_traceback(traceback)

    def __str__(self) -> str:
        lines = [self.what, *(f"  {fact}" for fact in self.facts)]
        for words, command in self.remedies:
            lines.append(f"  {words}: {command}" if command else f"  {words}")
        return "\n".join(map(on_one_line, lines))


class MissingRecordingError(MimicError, RuntimeError):
    """A call has no recording."""


class StaleRecordingError(MissingRecordingError):
    """A recording was made with other source or inputs."""


class MutatedInputError(MimicError, RuntimeError):
    """A call has changed its arguments, or a file that an argument names."""


class UnstableIdentityError(MimicError, TypeError):
    """A value has no identity that another process would find again."""


class UnstorableOutcomeError(MimicError, TypeError):
    """A replay could not give back what a call returned or raised."""


class CorruptRecordingError(MimicError, RuntimeError):
    """A file of the vault is damaged, or of a form that this version does not read.

    Attributes:
        file: The file, as messages name it.
        damage: Of which kind: `half`, `conflict`, `merged`, `pointer`, `format`,
            `newer`, `missing`, `content`, `foreign` (another kind of file), `irregular`
            (no regular file), `linked` (behind a link to a folder) or `unreadable`; or
            `forbidden`: a pickle where none may be loaded.
    """

    def __init__(
        self,
        what: str,
        facts: Iterable[str] = (),
        remedies: Iterable[Remedy] = (),
        *,
        file: str = "",
        damage: str = "",
    ) -> None:
        super().__init__(what, facts, remedies)
        self.file = file
        self.damage = damage


class DriftError(MimicError, AssertionError):
    """A real outcome differs from the recorded outcome.

    Attributes:
        call: The call in words.
        conversation: The kind of client whose later calls follow from it; empty: none.
    """

    call = ""
    conversation = ""


class CassetteError(MimicError, RuntimeError):
    """A cassette cannot be used as the test asks."""


class TargetError(MimicError, ValueError):
    """A line names no target, or a target that cannot be mimicked."""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ` (did you mean …?)` with the closest name, or an empty text."""
    found = closest(name, names)
    return f" (did you mean {found}?)" if found else ""


def closest(name: str, names: Iterable[str]) -> str:
    """Return the closest of some names; empty: none is close."""
    from difflib import get_close_matches  # only errors need it

    # `CLIENT` and `client` have no letter in common.
    by_lower = {candidate.lower(): candidate for candidate in sorted(names)}
    close = get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[close[0]] if close else ""


for _error in (MimicError, *MimicError.__subclasses__(), StaleRecordingError):
    _error.__module__ = "pytest_mimic"
