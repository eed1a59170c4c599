"""The exception classes of pytest-mimic: what happened, the facts and the remedies.

An error carries them as data. Its text is made when it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from pytest_mimic._core.commands import Commands, Remedy, do

if TYPE_CHECKING:
    from typing_extensions import Self

# The last two ranges turn the direction of the text that follows.
_CONTROLS = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"


def printable(text: str) -> str:
    """Return the text with its control characters escaped.

    Recordings may come from a pull request, and a test's name in one could hold escape
    sequences for the terminal.
    """
    if text.isprintable():
        return text
    return re.sub(_CONTROLS, _escaped, text)


def _escaped(match: re.Match[str]) -> str:
    """Return a control character as a literal of Python has it, without the quotes."""
    return repr(match[0])[1:-1]


def one_line(text: str) -> str:
    """Return the text with its control characters and the ends of its lines escaped.

    So a forged name cannot pass for a line of ours.
    """
    return printable(text).replace("\n", "\\n")


class Damage(Enum):
    """How a file of the vault is damaged, or why it cannot be used here."""

    #: Git LFS has left its pointer in place of the content.
    POINTER = "pointer"
    #: Git has left both sides of a merge in it.
    CONFLICT = "conflict"
    #: A newer version has written it.
    NEWER = "newer"
    #: An older version has written it.
    OLDER = "older"
    #: An older version has written it, and `pytest-mimic rekey` reads it.
    FORMER = "former"
    #: It holds code that only the Python that has recorded it can load.
    OTHER_PYTHON = "other python"
    #: It is a device, a pipe, a socket, or a link to a folder.
    NOT_REGULAR = "not regular"
    #: A recording names it, and it is not there.
    LOST = "lost"
    #: Its content is not what was recorded.
    CHANGED = "changed"
    #: Its bytes are no text, or no JSON.
    MALFORMED = "malformed"

    @property
    def is_beyond_use(self) -> bool:
        """Whether nothing but a new recording, or an older copy, helps.

        Everything else may be what a user still wants, so that nothing removes it.
        """
        return self in (Damage.OLDER, Damage.LOST, Damage.CHANGED, Damage.MALFORMED)


class Fact(Protocol):
    """A fact of an error that is more than a line of text."""

    def lines(self) -> list[str]:
        """Return the fact as it is shown."""
        ...


#: The damages that a file of another format has.
_OTHER_FORMATS = (Damage.NEWER, Damage.OLDER, Damage.FORMER)


class MimicError(Exception):
    """The base class of all errors of pytest-mimic.

    Args:
        what: The event and its subject, in one line. A class that makes this line from
            its own fields needs none.
        facts: What is known about it, nearest first.
        remedies: What to do. A sentence is for a person.
        data: Further facts as values, set as attributes of the same names.

    Attributes:
        commands: Makes the commands of the remedies. The run sets it.
        test: The id of the test that the error belongs to, if it is known.
    """

    commands: Commands = Commands()
    test: str | None = None
    _removed_traceback: TracebackType | None = None

    def __init__(
        self,
        what: str = "",
        *,
        facts: Sequence[str | Fact] = (),
        remedies: Sequence[Remedy | str] = (),
        **data: Any,
    ) -> None:
        super().__init__(what)
        self._what = what
        self.facts: tuple[str | Fact, ...] = tuple(facts)
        self.remedies: tuple[Remedy, ...] = ()
        self.add_remedies(remedies)
        self.data = data
        self.__dict__.update(data)

    def add_remedies(self, remedies: Sequence[Remedy | str]) -> None:
        """Add what to do besides. A sentence is for a person."""
        for remedy in remedies:
            self.remedies += (do(remedy) if isinstance(remedy, str) else remedy,)

    @property
    def what(self) -> str:
        """The event and its subject, in one line."""
        return self._what or self.worded()

    def worded(self) -> str:
        """Return the first line of an error that makes it from its own fields."""
        return ""

    def fact_lines(self) -> list[str]:
        """Return the facts as they are shown."""
        lines: list[str] = []
        for fact in self.facts:
            lines += [fact] if isinstance(fact, str) else fact.lines()
        return lines

    def remedy_lines(self) -> list[str]:
        """Return the remedies as they are shown."""
        return [self.commands.line(each, self.for_test) for each in self.remedies]

    @property
    def for_test(self) -> str | None:
        """The test that its remedies are for, where they name none."""
        return self.test

    def __str__(self) -> str:
        lines = (*self.fact_lines(), *self.remedy_lines())
        return printable("\n".join([self.what, *(f"  {line}" for line in lines)]))

    def is_like(self, other: object) -> bool:
        """Return whether another error tells of the same event with the same facts."""
        if not isinstance(other, MimicError) or type(self) is not type(other):
            return False
        return self._fields() == other._fields()

    def _fields(self) -> tuple[object, ...]:
        return self._what, self.facts, self.remedies, self.data, self.test

    def __reduce__(self) -> tuple[object, ...]:
        make = partial(
            type(self),
            self._what,
            facts=self.facts,
            remedies=self.remedies,
            **self.data,
        )
        return make, (), {"commands": self.commands, "test": self.test}

    def copy(self) -> Self:
        """Return an equal error that was not raised yet."""
        error = type(self)(
            self._what, facts=self.facts, remedies=self.remedies, **self.data
        )
        error.commands = self.commands
        error.test = self.test
        return error

    def to_plain(self) -> dict[str, Any]:
        """Return the error as JSON takes it, with what it says as text."""
        data = {}
        for name, value in self.data.items():
            if isinstance(value, Enum):
                data[name] = value.value
            elif isinstance(value, str):
                data[name] = value
        return {
            **data,
            "kind": type(self).__name__,
            "what": self.what,
            "facts": self.fact_lines(),
            "remedies": self.remedy_lines(),
        }

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> MimicError:
        """Return the error that `to_plain` got."""
        fields = dict(plain)
        kind: type[MimicError] = globals()[fields.pop("kind")]
        if "damage" in fields:
            fields["damage"] = Damage(fields["damage"])
        return kind(fields.pop("what"), **fields)

    def with_traceback(self, tb: TracebackType | None) -> Self:
        """Set the traceback, and keep the old one for `last_traceback`.

        `assertRaises` removes the traceback in this way.
        """
        self._removed_traceback = self.last_traceback
        return super().with_traceback(tb)

    @property
    def last_traceback(self) -> TracebackType | None:
        """The traceback, or the one it had before it was removed."""
        return self.__traceback__ or self._removed_traceback


class MissingRecordingError(MimicError, RuntimeError):
    """A call has no recording, and the mode does not run it.

    Attributes:
        call: The call as people read it.
        target: The name of its target.
        changing: The paths of its parts that look made anew, if it differs from the
            nearest recording in nothing else.
        kinds: What these parts are: `uuid`, `moment`.
    """

    call: str = ""
    target: str = ""
    changing: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


class StaleRecordingError(MissingRecordingError):
    """A call has a recording that an older source of its target made.

    Attributes:
        call: The call as people read it.
        recorder: The test that has recorded it.
    """

    recorder: str | None = None

    @property
    def for_test(self) -> str | None:
        """The test that failed; else the one that has recorded it."""
        return self.test or self.recorder


class MutatedInputError(MimicError, RuntimeError):
    """A recorded function changed its arguments, or a file that they name.

    Attribute: `call`.
    """


class UnstableIdentityError(MimicError, TypeError):
    """A value has no stable identity. Attributes: `target`, `path`."""


class UnstorableOutcomeError(MimicError, TypeError):
    """An outcome cannot be stored. Attribute: `path`, the part at fault."""


class CorruptRecordingError(MimicError, RuntimeError):
    """A file of the vault is damaged.

    Attributes:
        file: Its path, as messages show it.
        damage: How it is damaged.
        detail: More about the damage, or empty.
        recorder: The test that has recorded it, if it is known.
    """

    file: str = ""
    damage: Damage = Damage.CHANGED
    detail: str = ""
    recorder: str | None = None

    def worded(self) -> str:
        """Return the file and its damage."""
        return f"{self.file} {self._damage()}"

    def _damage(self) -> str:
        if self.damage is Damage.POINTER:
            return "is a Git LFS pointer, its content was not pulled"
        if self.damage is Damage.CONFLICT:
            return f"has a merge conflict, {self.detail}"
        if self.damage is Damage.LOST:
            return f"is missing, {self.detail} names it"
        if self.damage is Damage.NOT_REGULAR:
            return f"is {self.detail or 'no regular file'}, which is not opened"
        if self.damage is Damage.MALFORMED:
            return f"is not {self.detail}"
        if self.damage in _OTHER_FORMATS:
            return f"is of {self.detail}"
        if self.detail:
            return f"is not what was recorded ({self.detail})"
        return "is not what was recorded"

    @property
    def for_test(self) -> str | None:
        """The test that failed; else the one that has recorded it."""
        return self.test or self.recorder

    def __str__(self) -> str:
        if self.damage in _OTHER_FORMATS:
            # There is one for each recording of an old vault, so that it is one line.
            return printable(f"{self.what}: {', or '.join(self.remedy_lines())}")
        return super().__str__()


class DriftError(MimicError, AssertionError):
    """A real call no longer gives the recorded outcome.

    Attributes:
        call: The call, as messages name it.
        is_outage: Whether the service failed or refused the call, so that nothing is to
            be accepted.
        conversation: The client whose conversation it belongs to. Empty for a call that
            no earlier one can have changed.
    """

    is_outage = False
    conversation = ""


class CassetteError(MimicError, RuntimeError):
    """A cassette cannot be used as requested, or was not replayed as recorded."""


class TargetError(MimicError, ValueError):
    """A target line is wrong, or names what does not exist."""


# Tracebacks and pickles name the public module, not the one that defines the class.
for _kind in (MimicError, StaleRecordingError, *MimicError.__subclasses__()):
    _kind.__module__ = "pytest_mimic"
