"""What the processes of a run that has forked tell one another.

| event | what the others do |
|---|---|
| `PlaceTaken` | give the next of equal calls the place behind it |
| `ConversationBegun` | replay, or record, the rest of the conversation as well |
| `NewAnswersWritten` | let no recorded answer of the conversation stay |
| `RecordingWritten` | take the outcomes of the file for recorded in this run |
| `NameNumbered` | number a database, or a server, in the same way |
| `CallRecorded` | write it into the cassette: only the process that has opened it |
| `CallEnded` | mimic the calls of a process that was forked inside of the call |
| `CallUnended` | keep what an unended call gave until its test has ended |
| `AccountGrown` | add it to the account: only the first process, which reports |
| `SecretsLearned` | let the same placeholder stand for a secret, and hide it |
| `SecretsHidden` | hide secrets in the calls of other tests, too |
| `SenderNoted` | name equal calls that differ in a secret, or refuse them |
| `ErrorNoted` | fail the test: only the process that judges it |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from pytest_mimic._core.engine.owners import Errors, Owner, Token, Track, Unended
    from pytest_mimic._core.engine.senders import Sender
    from pytest_mimic._core.vault.recording_facts import Recording
    from pytest_mimic.errors import MimicError


class PlaceTaken(NamedTuple):
    """A call has taken its place among equal ones.

    Attributes:
        owner: Its owner.
        file: The recording or cassette.
        key: The identity of the equal calls, in a file of several.
        runs: Whether it runs for real, and has a new place behind the last one.
        is_replayed: Whether it gets its recorded outcome, and nothing runs.
        only_compares: Whether outcomes that were found in the file are only compared
            with.
        number: Its number among the calls of its owner.
    """

    owner: Token
    file: str
    key: str
    runs: bool
    is_replayed: bool
    only_compares: bool
    number: int


class ConversationBegun(NamedTuple):
    """A call has decided whether its owner's conversation with a client is replayed.

    Attributes:
        owner: The owner.
        target: The client.
        is_real: Whether the conversation runs for real as a whole; else it is replayed.
    """

    owner: Token
    target: str
    is_real: bool


class NewAnswersWritten(NamedTuple):
    """The recorded answers of an owner's conversation do not stay any more.

    Attributes:
        owner: The owner.
    """

    owner: Token


class RecordingWritten(NamedTuple):
    """A recording was written, or dropped.

    Attributes:
        track: The owner of the calls in the file; None if one recording serves all.
        scope: The owner that judges whether it is kept.
        file: The recording.
        before: The content before it was written, None if there was none.
        now: The content now, None if it was dropped.
        conversation: See `Change`.
        errors: Those of its outcomes, see `Errors`.
    """

    track: Token | None
    scope: Token
    file: str
    before: bytes | None
    now: bytes | None
    conversation: str | None
    errors: Errors


class NameNumbered(NamedTuple):
    """The next number was given to a name: see `Port.ordinal`."""

    owner: Token
    space: str
    name: str


class CallRecorded(NamedTuple):
    """A forked process has made a call in a block of a cassette.

    Attributes:
        owner: The owner of the cassette.
        file: The cassette.
        place: The place of the call in it.
        facts: The fields of the recording that are plain data.
        entry: The outcome as it stands in a recording.
        has_outcome: Whether the call has an outcome. Else its place is empty so far.
        error: The call and its failure in words, with the test, if it has failed.
    """

    owner: Token
    file: str
    place: int
    facts: dict[str, Any]
    entry: dict[str, Any]
    has_outcome: bool
    error: tuple[str, str] | None


class CallEnded(NamedTuple):
    """A real call has ended inside of which a process was forked.

    Attributes:
        call: The process id of the process that made the call, and the number of the
            call there.
    """

    call: Token


class CallUnended(NamedTuple):
    """A call came to no whole outcome: see `Unended`.

    Attributes:
        owner: The owner of the call, which judges whether it is kept.
        track: The owner of the outcomes in the file: of a cassette, its own.
        file: The recording or cassette.
        place: The place of the outcome in it.
        label: The call in one line.
        facts: The fields of the recording that are plain data.
        entry: The outcome as it stands in a recording.
    """

    owner: Token
    track: Token
    file: str
    place: int
    label: str
    facts: dict[str, Any]
    entry: dict[str, Any]


class SecretsLearned(NamedTuple):
    """A call has shown something of the secrets of its test, or of a wider fixture.

    Attributes:
        scope: The secret scope.
        kind: The name of the class of the `SecretFact`.
        fields: Those of the fact.
    """

    scope: Token
    kind: str
    fields: list[Any]


class SecretsHidden(NamedTuple):
    """Answers have held secrets, which are hidden in all calls of the run."""

    values: list[str]


class SenderNoted(NamedTuple):
    """The first of equal calls was sent with secrets: see `Senders`.

    Attributes:
        key: What makes the calls equal.
        credentials: The application's own secrets, by their names.
        headers: The headers, without secrets.
    """

    key: tuple[str, ...]
    credentials: dict[str, str]
    headers: dict[str, str]


class AccountGrown(NamedTuple):
    """The account of a forked process has grown: see `Growth`."""

    growth: dict[str, Any]


class ErrorNoted(NamedTuple):
    """Code has caught an error in a process that does not judge the test.

    The process that judges the test then fails it.

    Attributes:
        judge: The process id of the process that judges the test.
        error: The error as plain data, see `MimicError.to_plain`.
    """

    judge: int
    error: dict[str, Any]


Event: TypeAlias = (
    PlaceTaken
    | ConversationBegun
    | NewAnswersWritten
    | RecordingWritten
    | NameNumbered
    | CallRecorded
    | CallEnded
    | CallUnended
    | SecretsLearned
    | SecretsHidden
    | SenderNoted
    | AccountGrown
    | ErrorNoted
)

EVENTS: dict[str, Callable[..., Event]] = {
    event.__name__: event
    for event in (
        PlaceTaken,
        ConversationBegun,
        NewAnswersWritten,
        RecordingWritten,
        NameNumbered,
        CallRecorded,
        CallEnded,
        CallUnended,
        SecretsLearned,
        SecretsHidden,
        SenderNoted,
        AccountGrown,
        ErrorNoted,
    )
}


class Family(Protocol):
    """The processes of a run that has forked, as the parts of the run use them."""

    def shares(self, owner: Owner | None, /) -> bool:
        """Return whether a forked process may know an owner."""
        ...

    def is_judged_elsewhere(self, owner: Owner, /) -> bool:
        """Return whether another process judges what is recorded for an owner."""
        ...

    def track_of(self, owner: Owner, file: str, /) -> Track | None:
        """Return the track of a file of which the others have told, or None."""
        ...

    def share_owners_before_fork(self) -> None:
        """Share the owners of now with the process that is forked now."""

    def begin_process(self) -> None:
        """Begin a process that was just forked."""

    def tell(self, event: Event, /) -> None:
        """Tell an event to the others at the end of this turn."""

    def tell_sender(self, key: tuple[str, ...], sender: Sender, /) -> None:
        """Tell who has sent the first of equal calls, in a turn."""

    def tell_unended(self, owner: Owner, unended: Unended, /) -> None:
        """Tell of a call without a whole outcome."""

    def tell_recorded(
        self,
        cassette: Track,
        place: int,
        recording: Recording,
        error: tuple[str, str] | None,
        /,
    ) -> None:
        """Tell of a call that is recorded in a cassette."""

    def hear_other_processes(self) -> None:
        """Learn what the others have done."""

    def tell_progress(self) -> None:
        """Tell that a call has ended, or was replayed."""

    def tell_error(self, error: MimicError, /) -> None:
        """Tell an error the process that judges the running test."""
