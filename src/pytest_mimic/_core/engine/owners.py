"""Owners of sequences (a test, or the scope of a wider fixture), and the journals of what was recorded for them until it is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.ledger import Ledger, RecordedError
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._core.vault.recording_facts import Stored

    Errors = Mapping[int, RecordedError | None]
    """The error of each outcome, None for a good one, by its position in the recording."""


@dataclass(slots=True, eq=False)
class JournalEntry:
    """A recording or cassette that was written, perhaps several times."""

    before: bytes | None  # the content before the first write; None: there was no file
    conversation: str | None  # the client whose conversation it is a part of; None for one by itself
    now: bytes | None = None  # the content that was written last; None: the file was deleted
    good: bytes | None = None  # the last content without an error, None until there is one
    errors: dict[int, RecordedError | None] = field(default_factory=dict)  # by position

    @property
    def has_errors(self) -> bool:
        """Whether an outcome of the recording is an error."""
        return any(self.errors.values())

    @property
    def has_replaced(self) -> bool:
        """Whether something stood there before that is another one now."""
        return self.before is not None and self.before != self.now


class Journal:
    """The recordings that a test, or the fixtures of a wider scope, wrote and used.

    Attributes:
        changes: What was written, by the name of the recording or cassette.
    """

    __slots__ = ("changes", "replaces", "used")

    def __init__(self) -> None:
        self.changes: dict[str, JournalEntry] = {}
        self.used: set[str] = set()  # the names of the recordings that were replayed or written
        self.replaces: set[str] = set()  # the clients at which a conversation stood before

    def note(
        self,
        name: str,
        before: bytes | None,
        now: bytes | None,
        errors: Errors,
        *,
        conversation: str | None = None,
    ) -> None:
        """Note that a recording or cassette was written, also if it stayed as it was."""
        change = self.changes.setdefault(name, JournalEntry(before, conversation))
        change.now = now
        change.errors.update(errors)
        if not any(change.errors.values()):
            change.good = now

    def merge(self, other: Journal) -> None:
        self.used |= other.used
        for name, change in other.changes.items():
            if name in self.changes:
                self.note(name, change.before, change.now, change.errors)
            else:
                self.changes[name] = change

    def groups(self) -> Iterator[list[str]]:
        """Yield the names of the changes: those of a conversation together, all others by themselves."""
        groups: dict[str, list[str]] = {}
        for name, change in self.changes.items():
            if change.conversation is None:
                yield [name]
            else:
                groups.setdefault(change.conversation, []).append(name)
        yield from groups.values()


class Owner:
    """The test, the scope of a wider fixture, or the cassette, that calls belong to.

    Attributes:
        positions, sequences: The number of calls made, and the sequence being recorded, by the recording's name.
        replayed, again: The clients at which calls were replayed, and those whose conversation runs for real.
        recorded_again: Those whose conversation was recorded again, in this pass of a scope or in one before.
    """

    def __init__(self, name: str, *, is_test: bool = False) -> None:
        self.name = name
        self.is_test = is_test  # whether it is a test
        self.ends = False  # whether a fixture of this scope is being torn down
        self.fixtures = 0  # how many fixtures of this scope are set up now
        self.positions: dict[str, int] = {}
        self.sequences: dict[str, SequenceInProgress] = {}
        # The databases that calls went to, each with its number in the order of first use.
        self.ordinals: dict[str, dict[str, int]] = {}
        self.replayed: set[str] = set()
        self.begun_after: dict[str, int] = {}  # by client, after how many tests was the first call replayed
        self.again: set[str] = set()
        self.recorded_again: set[str] = set()
        self.journal = Journal()  # what was recorded and is not judged yet
        self.passed = False  # whether a test has passed while the scope was set up
        self._longest: dict[str, int] = {}

    def length(self, name: str) -> int:
        """Return how many calls a sequence had; the most, if the scope was entered several times."""
        return max(self.positions.get(name, 0), self._longest.get(name, 0))

    def rewind(self) -> None:
        """Start all sequences over: the scope has ended, and the same run may enter it again."""
        self._longest |= {name: self.length(name) for name in self.positions}
        self.positions.clear()
        self.ordinals.clear()
        self.replayed.clear()
        self.again.clear()  # the next pass replays what this one recorded
        for sequence in self.sequences.values():
            sequence.commit()


@dataclass(slots=True, eq=False)
class SequenceInProgress:
    """The outcomes of one sequence while it is recorded."""

    call: Call  # the first call
    old: list[Stored]  # the outcomes recorded before
    found: Sequence[Stored]  # the same, but also those of an outdated recording
    was_recorded: bool  # whether the run found outcomes
    new: dict[int, Stored] = field(default_factory=dict)  # the outcomes of this pass, by position

    def commit(self) -> None:
        """Treat the new outcomes as recorded."""
        self.old, self.new = self.outcomes(), {}

    def outcomes(self, *, length: int | None = None) -> list[Stored]:
        """Return all outcomes in order, each new one in place of the old one."""
        merged = {**dict(enumerate(self.old)), **self.new}
        return [merged[position] for position in sorted(merged) if length is None or position < length]


def accept(journal: Journal, ledger: Ledger) -> None:
    """Keep everything, because the test passed."""
    ledger.failures += [
        error for change in journal.changes.values() for error in change.errors.values() if error
    ]


def take_back(journal: Journal, vault: Vault, ledger: Ledger) -> list[str]:
    """Keep new values only, because the test failed. Return the names of the recordings that were taken back.

    What the test replaced gets back what stood before, unless another test has written it since. Errors and changed
    cassettes go. A sequence keeps the new outcomes before its first error. A conversation of which a part stood before
    is taken back as a whole.
    """
    taken: list[str] = []
    for group in journal.groups():
        changes = {name: journal.changes[name] for name in group}
        is_cassette = group[0].startswith(CASSETTES)
        is_talk = changes[group[0]].conversation in journal.replaces
        is_whole = is_cassette or is_talk or any(change.has_replaced for change in changes.values())
        for name, change in changes.items():
            content = change.good if change.before is None and not is_whole else change.before
            if content == change.now or not (is_whole or change.has_errors):
                continue
            label = _label(vault, name)
            if not vault.restore(name, content, written=change.now):
                continue
            errors = [error[0] for error in change.errors.values() if error]
            if errors or is_cassette:
                ledger.taken_back += errors
            else:
                (ledger.taken_back if content is None else ledger.put_back).append(label)
            taken.append(name)
            if content is None:
                ledger.used.discard(name)
    if taken:
        ledger.replaced |= vault.replaced
    return taken


def _label(vault: Vault, name: str) -> str:
    from pytest_mimic._core.tree.recorded_calls import recorded_label

    with suppress(MimicError):
        if (recording := vault.read(name)) is not None:
            return recorded_label(recording.target, recording.arguments)
    return name
