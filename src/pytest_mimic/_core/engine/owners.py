"""Owners of sequences (a test, or the scope of a wider fixture), and the journals of what was recorded for them until it is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.vault.file_names import CASSETTES

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.ledger import Ledger, RecordedError
    from pytest_mimic._core.vault import Stored, Vault

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
        if not change.has_errors:
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


def accept(journal: Journal, ledger: Ledger, *, with_replayed: bool) -> None:
    """Keep everything, because the test passed. The contents that it wrote are good; those that it replayed, on request."""
    changes = journal.changes
    good = [_mark(name, change.now) for name, change in changes.items()]
    if with_replayed:
        good += [_mark(name, None) for name in journal.used - changes.keys()]
    errors = [error for change in changes.values() for error in change.errors.values() if error]
    _enter(ledger, trusted=good, failures=errors)


def take_back(journal: Journal, vault: Vault, ledger: Ledger) -> list[str]:
    """Keep new values only, because the test failed. Return the names of the recordings that were taken back.

    Errors go at once, and so do changed cassettes. A sequence keeps the new outcomes before its first error. A
    conversation of which a part stood before is taken back as a whole. About recordings that stood before and were
    replaced by values, `contents_before` decides at the end of the run.
    """
    taken: dict[str, JournalEntry] = {}
    for group in journal.groups():
        changes = {name: journal.changes[name] for name in group}
        is_cassette = group[0].startswith(CASSETTES)
        has_errors = any(change.has_errors for change in changes.values())
        is_talk = changes[group[0]].conversation in journal.replaces
        is_whole = is_cassette or is_talk or any(change.has_replaced for change in changes.values())
        # Not at once: another test, perhaps in another worker, may have passed with the same new value.
        if is_whole and not has_errors and not is_cassette:
            rows = [(name, _text(change.before), _text(change.now)) for name, change in changes.items()]
            _enter(ledger, put_back=[(name, old, new) for name, old, new in rows if old != new])
            continue
        for name, change in changes.items():
            content = change.good if change.before is None and not is_whole else change.before
            # Another test, in another process, may have written the recording since.
            is_own = content != change.now and vault.store.read(name) == change.now
            if is_own and (is_whole or change.has_errors):
                vault.restore(name, content)
                taken[name] = change
                if content is None:
                    ledger.used.discard(name)
    labels = [error[0] for change in taken.values() for error in change.errors.values() if error]
    _enter(ledger, taken_back=labels, replaced=sorted(vault.replaced) if taken else [])
    return list(taken)


def _enter(ledger: Ledger, **entry: list[Any]) -> None:
    """Enter what was decided into the ledger. A forked process reports it to its parent as well."""
    entry = {name: rows for name, rows in entry.items() if rows}
    if entry:
        ledger.add(entry)
        ledger.forks.report(**entry)


def contents_before(vault: Vault, ledger: Ledger) -> dict[str, bytes | None]:
    """Return the recordings that only failing tests of the run have replaced or added, with what stood there before.

    Under xdist, the tests of all workers are judged together: a value that a passing test recorded or replayed stays.
    """
    replaced: dict[str, list[Any]] = {}
    for name, old, new in reversed(ledger.put_back):
        replaced.setdefault(str(name), []).append((old, new))
    before: dict[str, bytes | None] = {}
    for name, steps in replaced.items():
        written = content = _text(vault.store.read(name))
        # From the content that is there now, one step back after the other, up to one that a passing test used.
        while not {_mark(name, None), _mark(name, _bytes(content))} & ledger.trusted:
            step = next((step for step in steps if step[1] == content), None)
            if step is None:
                break
            steps.remove(step)
            content = step[0]
        if content != written:
            before[name] = _bytes(content)
    return before


def _mark(name: str, content: bytes | None) -> str:
    """Return a mark for a recording's content; without content, for any that the run has put there."""
    if content is None:
        return name
    from xxhash import xxh3_64_hexdigest

    return f"{name} {xxh3_64_hexdigest(content)}"


# A ledger is shipped as JSON or by execnet: as text, in the encoding that has a character for each byte.
def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode("latin-1")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("latin-1")


def note_forked(journal: Journal, rows: list[list[Any]]) -> None:
    """Add what forked processes wrote, as they reported it, to the journal of their test."""
    for name, before, now, errors, conversation in rows:
        found = {position: None if error is None else (error[0], error[1]) for position, error in errors}
        journal.note(name, _bytes(before), _bytes(now), found, conversation=conversation)
