"""The exception classes of pytest-mimic.

An error carries what happened, the facts and the remedies as data. The text is made
when the error is shown.
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

# The characters that a terminal may obey. The last two ranges turn the direction of the
# text that follows.
_CONTROL_CHARACTERS = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"


def printable(text: str) -> str:
    """Return the text with its control characters escaped.

    Tabs and newlines stay; see `one_line`.

    Recordings may come from a pull request. The name of a test in such a recording
    could hold escape sequences for the terminal.
    """
    if text.isprintable():
        return text
    return re.sub(_CONTROL_CHARACTERS, _escaped, text)


def _escaped(match: re.Match[str]) -> str:
    """Return a control character as Python writes it in a literal, without quotes."""
    return repr(match[0])[1:-1]


def one_line(text: str) -> str:
    """Return the text with its control characters and the ends of its lines escaped.

    So a forged name in a recording cannot pass for a line of pytest-mimic.
    """
    return printable(text).replace("\n", "\\n")


class Damage(Enum):
    """How a file of the vault is damaged, or why it cannot be used here."""

    #: Git LFS has left its pointer in place of the content.
    POINTER = "pointer"
    #: Git has left both sides of a merge in the file.
    CONFLICT = "conflict"
    #: A newer version of pytest-mimic has written the file.
    NEWER_FORMAT = "newer"
    #: An older version of pytest-mimic has written the file.
    OLDER_FORMAT = "older"
    #: An older version has written the file, and `pytest-mimic rekey` can read it.
    FORMER_FORMAT = "former"
    #: The file holds code that only the Python that has recorded it can load.
    OTHER_PYTHON = "other python"
    #: In place of the file is a device, a pipe, a socket, or a link to a folder.
    NOT_REGULAR = "not regular"
    #: A recording names the file, and there is none.
    LOST = "lost"
    #: The content of the file is not what was recorded.
    CHANGED = "changed"
    #: The bytes of the file are no text, or no JSON.
    MALFORMED = "malformed"

    @property
    def is_beyond_use(self) -> bool:
        """Whether nothing but a new recording, or an older copy of the file, helps.

        `check --fix` deletes such a file. One with any other damage may still be
        wanted, so no command removes it.
        """
        return self in (
            Damage.OLDER_FORMAT,
            Damage.LOST,
            Damage.CHANGED,
            Damage.MALFORMED,
        )


class Fact(Protocol):
    """A fact of an error that is more than a line of text.

    Of such a class are `NearestRecording` and `Differences` in `_core/tree/`.
    """

    def lines(self) -> list[str]:
        """Return the fact as it is shown."""
        ...


#: The damages that a file of another format has.
_DAMAGES_OF_OTHER_FORMATS = (
    Damage.NEWER_FORMAT,
    Damage.OLDER_FORMAT,
    Damage.FORMER_FORMAT,
)


class MimicError(Exception):
    """The base class of all errors of pytest-mimic.

    Args:
        what: The event and its subject, in one line. A class that makes this line from
            its own fields needs none.
        facts: The facts about the event, nearest first.
        remedies: The steps that the user can take: a `Remedy`, or a sentence.
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
        """Add further remedies. A sentence becomes a remedy for people."""
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
        return [self.commands.line(remedy, self.for_test) for remedy in self.remedies]

    @property
    def for_test(self) -> str | None:
        """The test that the remedies of the error are for, where they name no test.

        None: no test is known.
        """
        return self.test

    def __str__(self) -> str:
        lines = (*self.fact_lines(), *self.remedy_lines())
        return printable("\n".join([self.what, *(f"  {line}" for line in lines)]))

    def is_like(self, other: object) -> bool:
        """Return whether another error tells of the same event with the same facts.

        A test that has raised such an error does not fail for it a second time.
        """
        if not isinstance(other, MimicError) or type(self) is not type(other):
            return False
        return self._fields() == other._fields()

    def _fields(self) -> tuple[object, ...]:
        return self._what, self.facts, self.remedies, self.data, self.test

    def __reduce__(self) -> tuple[object, ...]:
        # A fact may hold what cannot be pickled, so it becomes its text.
        make = partial(
            type(self),
            self._what,
            facts=self.fact_lines(),
            remedies=self.remedies,
            **self.data,
        )
        return make, (), {"commands": self.commands, "test": self.test}

    def copy(self) -> Self:
        """Return an equal error that was not raised yet, for the next equal call.

        Its traceback is that of the call that raises it.
        """
        error = type(self)(
            self._what, facts=self.facts, remedies=self.remedies, **self.data
        )
        error.commands = self.commands
        error.test = self.test
        return error

    def to_plain(self) -> dict[str, Any]:
        """Return the error as JSON, with its facts and remedies as texts.

        A forked process tells it so to its parent: see `from_plain`.
        """
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
        """Return the error that `to_plain` has written, with texts for its facts.

        A forked process tells its errors in this form to the one that judges its test.
        """
        fields = dict(plain)
        error_class: type[MimicError] = globals()[fields.pop("kind")]
        if "damage" in fields:
            fields["damage"] = Damage(fields["damage"])
        return error_class(fields.pop("what"), **fields)

    def with_traceback(self, tb: TracebackType | None) -> Self:
        """Set the traceback, and keep the old one for `last_traceback`.

        `assertRaises` removes the traceback in this way.
        """
        self._removed_traceback = self.last_traceback
        return super().with_traceback(tb)

    @property
    def last_traceback(self) -> TracebackType | None:
        """The traceback, or the last one that `with_traceback` has replaced.

        The report of a test names the line where code caught the error. None: the error
        was not raised so far.
        """
        return self.__traceback__ or self._removed_traceback


class MissingRecordingError(MimicError, RuntimeError):
    """A call has no recording, and the mode does not run the call.

    Attributes:
        call: The call as people read it.
        target: The name of the call's target.
        changing: The paths of the call's parts that look made anew, if the call differs
            from the nearest recording in nothing else.
        kinds: The kinds of values that these parts are: `uuid`, `moment`.
    """

    call: str = ""
    target: str = ""
    changing: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


class StaleRecordingError(MissingRecordingError):
    """A call has a recording that no longer fits the code.

    The source of its target has changed, or, with `mimic_inputs = strict`, what the
    call reaches or reads. Or the code of now cannot load the recorded outcome.

    Attributes:
        call: The call as people read it.
        recorder: The test that has recorded the call. None: it is not known.
    """

    recorder: str | None = None

    @property
    def for_test(self) -> str | None:
        """The test that the remedies are for.

        This is the test that failed, else the test that made the recording. None:
        neither is known.
        """
        return self.test or self.recorder


class MutatedInputError(MimicError, RuntimeError):
    """A recorded function changed its arguments, or a file that they name.

    Attributes:
        call: The call as people read it.
    """

    call: str = ""


class UnstableIdentityError(MimicError, TypeError):
    """A value has no stable identity.

    Attributes:
        target: The name of the call's target. Empty: the value belongs to no call.
        path: Where the value is, `batch.files[0]`; empty: it is the value itself.
    """

    target: str = ""
    path: str = ""


class UnstorableOutcomeError(MimicError, TypeError):
    """An outcome cannot be stored.

    Attributes:
        path: The part at fault. Empty: the call as a whole cannot be recorded.
    """

    path: str = ""


class CorruptRecordingError(MimicError, RuntimeError):
    """A file of the vault is damaged.

    Attributes:
        file: The path of the file, as messages show it.
        damage: How the file is damaged.
        detail: More about the damage, or empty.
        recorder: The test that has recorded the file, if that is known.
    """

    file: str = ""
    damage: Damage = Damage.CHANGED
    detail: str = ""
    recorder: str | None = None

    def worded(self) -> str:
        """Return the file and its damage."""
        return f"{self.file} {self._words_of_damage()}"

    def _words_of_damage(self) -> str:
        """Return the damage as the end of a sentence about the file."""
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
        if self.damage in _DAMAGES_OF_OTHER_FORMATS:
            return f"is of {self.detail}"
        if self.detail:
            return f"is not what was recorded ({self.detail})"
        return "is not what was recorded"

    @property
    def for_test(self) -> str | None:
        """The test that the remedies are for.

        This is the test that failed, else the test that made the recording. None:
        neither is known.
        """
        return self.test or self.recorder

    def __str__(self) -> str:
        if self.damage in _DAMAGES_OF_OTHER_FORMATS:
            # An old vault has such an error for each recording, so each is one line.
            return printable(f"{self.what}: {', or '.join(self.remedy_lines())}")
        return super().__str__()


class DriftError(MimicError, AssertionError):
    """A real call no longer gives the recorded outcome.

    Attributes:
        call: The call, as messages name it.
        is_outage: Whether the service failed or refused the call, so that nothing is to
            be accepted.
        conversation: The client to whose conversation the call belongs. Empty: no
            earlier call can have changed this one.
    """

    call: str = ""
    is_outage = False
    conversation = ""


class CassetteError(MimicError, RuntimeError):
    """A cassette cannot be used as requested, or was not replayed as recorded."""


class TargetError(MimicError, ValueError):
    """A target line is wrong, or names what does not exist."""


# Tracebacks and pickles name the public module, not the one that defines the class.
for _error_class in (MimicError, StaleRecordingError, *MimicError.__subclasses__()):
    _error_class.__module__ = "pytest_mimic"
