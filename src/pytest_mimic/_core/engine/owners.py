"""The owners of calls: tests, and scopes of wider fixtures; and what each of them keeps of what it recorded when it ends."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from itertools import count
from os import getpid
from threading import Event
from typing import Any, NamedTuple, TypeAlias

from pytest_mimic._core.vault.format import CASSETTES

Token: TypeAlias = "tuple[int, int]"
"""What names an owner, or a secret scope, among forked processes: the number of the process that made it, and its number there."""

_NUMBERS = count()

#: Longer waits of calls are named in the summary.
NAMED_SECONDS = 1.0


class Owner:
    """The test, the scope of a wider fixture, or the cassette, that calls belong to.

    Attributes:
        tracks: The outcomes of its calls outside of cassettes, by the name of the
            recording.
        replayed: The clients at which calls were replayed, and after how many tests the
            first of them was.
        again, recorded_again: The clients whose conversation runs for real, in this
            pass of a scope or in any.
    """

    def __init__(self, name: str, *, is_test: bool = False) -> None:
        self.name = name
        self.token: Token = getpid(), next(_NUMBERS)
        self.is_test = is_test  # whether it is a test, or a cassette of one
        self.ends = False  # whether a fixture of this scope is being torn down
        self.fixtures = 0  # how many fixtures of this scope are set up now
        self.cassettes = 0  # how many blocks of this test have named no cassette
        self.tracks: dict[str, Any] = {}
        # The databases that calls went to, each with its number in the order of first
        # use.
        self.ordinals: dict[str, dict[str, int]] = {}
        self.replayed: dict[str, int] = {}
        self.again: set[str] = set()
        self.recorded_again: set[str] = set()
        # What was recorded and is not judged yet: each `Change` by the name of the
        # recording or cassette.
        self.journal: dict[str, Any] = {}
        self.passed = False  # whether a test has passed while the scope was set up
        # The real calls that have not ended, in the order in which they began.
        self.open: dict[Any, None] = {}
        # The calls that came to no whole outcome, and what they had given: to be
        # recorded when the test, or this set-up, has passed.
        self.unended: list[Unended] = []
        # The recordings of failed attempts of this test, and those of them that this
        # attempt has not made again so far: these count for nothing.
        self.of_failed_attempts: set[str] = set()
        self.void: set[str] = set()
        # Set when the owner has ended.
        self.ended: Event = Event()
        # How many calls with a place among equal ones have begun, of all targets.
        self.begun: int = 0

    def next_number(self) -> int:
        """Return the number of the next call that has a place among equal ones."""
        self.begun += 1
        return self.begun

    def rewind(self) -> None:
        """Start over: the scope has ended, and the same run may enter it again, to replay what this pass recorded."""
        self.token = getpid(), next(_NUMBERS)
        for track in self.tracks.values():
            track.taken.clear()
        self.ordinals.clear()
        self.begun = 0
        self.replayed.clear()
        self.again.clear()
        self.ended.set()
        self.ended = Event()


class Unended(NamedTuple):
    """A call that came to no whole outcome, and has a place.

    Attributes:
        track: The outcomes of its file.
        number: The position of its outcome in it.
        recording: What it had given.
        label: The call in one line.
    """

    track: Any
    number: int
    recording: Any
    label: str


class SecretScope:
    """A test, or a wider fixture, whose calls share their secrets.

    Attributes:
        name: The name of the fixture; empty for a test.
        outer: Returns the scopes of the wider fixtures that it uses.
        answers: The recorded answers that it got, and that nobody has searched for
            placeholders.
        known: Its `KnownSecrets`, once there are any.
        tell: Tells a fact to the processes that share the scope; None before a fork.
    """

    def __init__(
        self, name: str = "", outer: Callable[[], Iterable[SecretScope]] = tuple
    ) -> None:
        self.token: Token = getpid(), next(_NUMBERS)
        self.tell: Callable[[Any], None] | None = None
        self.name = name
        self.outer = outer
        self.answers: list[Any] = []
        self.known: Any = None


class Scopes:
    """The owners of a run's calls, of which the current one is in the run's state.

    The owner with the empty name is the scope of the session. It also owns the calls
    outside of tests.
    """

    def __init__(self, state: Any) -> None:
        self._state = state  # a `RunState`, which needs this module
        self._owners: dict[str, Owner] = state.scopes
        # The scopes that are set up, or have ended since the last test did; those in
        # which that test ran.
        self._open: dict[str, Owner] = {}
        # By the test of a failed attempt, the recordings that it has made.
        self._attempts: dict[str, set[str]] = {}
        self._around: list[Owner] = []

    # -- scopes

    def enter(self, name: str, *, ends: bool = False) -> Callable[[bool], None]:
        """Assign calls to the scope of a wider fixture until the returned function is called: to set it up, or tear it down.

        That function gets whether this has passed. With its last fixture, the scope
        ends.
        """
        outer, owner = self._state.owner, self._owners.setdefault(name, Owner(name))
        # A set-up is judged by itself: if it fails, what it recorded goes, and what
        # earlier ones recorded stays.
        journal, owner.journal = owner.journal, {}
        self._state.owner, owner.ends = owner, ends
        if name:  # the scope of the session ends with the run
            self._open[name] = owner

        def leave(passed: bool) -> None:
            self._state.hear()
            is_last = owner.fixtures + (-1 if ends else 1) == 0
            if is_last:
                end_open_calls(self._state, owner)
            self._fill(owner, passed=passed)
            self._state.owner = outer
            if not passed:
                self._judge(owner, passed=False)
            for written, change in owner.journal.items():
                if (known := journal.setdefault(written, change)) is not change:
                    known.note(change.now, change.errors)
            owner.journal = journal
            owner.fixtures += -1 if ends else 1
            if not owner.fixtures:
                owner.rewind()

        return leave

    # -- tests

    def begin_test(self, nodeid: str) -> None:
        """Begin a test, or a new attempt of one that has failed in this run."""
        self._state.owner = owner = Owner(nodeid, is_test=True)
        owner.of_failed_attempts = self._attempts.pop(nodeid, set())
        owner.void = {*owner.of_failed_attempts}

    def begin_teardown(self) -> None:
        """Begin the teardown of a test, which may end scopes that it ran in."""
        self._around = [owner for owner in self._open.values() if owner.fixtures]

    def end_test(self, *, passed: bool, is_whole: bool) -> None:
        """End a test, after its teardown, and the scopes that ended with it.

        A test is whole if it passed and was neither skipped nor expected to fail. A
        scope has passed if any test passed
        while it was set up.
        """
        test, around, self._around = self._state.owner, self._around, []
        session = self._owners[""]
        self._state.hear()
        try:
            self.end_calls(test, passed=passed and is_whole)
            if (recordings := self._state.recordings) is not None:
                recordings.missed.clear()
            if passed and is_whole:
                self._drop_old(test)
            self._judge(test, passed=passed)
            # A test that passed with what a scope recorded is the proof that it is
            # good.
            for owner in (session, *around) if passed else ():
                owner.passed = True
            for name, owner in list(self._open.items()):
                if not owner.fixtures:
                    del self._open[name]
                    self._judge(owner, passed=owner.passed)
                    owner.passed = False
        finally:
            self._state.owner = session
            test.ended.set()

    def close(self, *, is_complete: bool = False) -> None:
        """End all scopes.

        Without a complete run, what it did not use of them may belong to other
        fixtures.
        """
        self._state.hear()
        for owner in self._owners.values():
            self.end_calls(owner, passed=True)
            if is_complete:
                self._drop_old(owner)
            self._judge(owner, passed=owner.passed)
            owner.ended.set()
        self._state.closed.set()

    # -- calls that came to no whole outcome

    def end_calls(self, owner: Owner, *, passed: bool) -> None:
        """End the recordings of an owner's calls, which go on by themselves."""
        end_open_calls(self._state, owner)
        self._fill(owner, passed=passed)

    def _fill(self, owner: Owner, *, passed: bool) -> None:
        """Record the calls that came to no whole outcome, if what made them has passed."""
        unended, owner.unended = owner.unended, []
        if not passed:
            return
        for call in unended:
            call.track.fill(call.number, call.recording)
            seconds = call.recording.stored.duration
            if seconds > NAMED_SECONDS:
                self._state.ledger.notes.add(
                    f"{call.label} waited {seconds:.1f} s for an answer: a replay waits"
                    " as long as the code lets it"
                )

    # -- what is kept

    def _drop_old(self, owner: Owner) -> None:
        """Drop what was recorded before and does not belong to an owner's conversations any more.

        These are the outcomes that a sequence no longer reaches, and the calls that
        were not made again.
        """
        state = self._state
        # What a forked process did is not known here.
        if (
            not state.settings.mode.writes
            or state.ledger.outcomes.get(owner.name) == "forked"
        ):
            return
        for track in owner.tracks.values():
            track.trim()
        for target in sorted(owner.recorded_again):
            for name in state.recordings.others(owner, target):
                state.recordings.drop(name)

    def _judge(self, owner: Owner, *, passed: bool) -> None:
        """Decide what is kept of what was recorded for an owner: all, or if its test failed, new values only."""
        if owner.void and passed:
            self._drop_failed_attempt(owner)
        if owner.is_test and not passed:
            self._note_attempt(owner)
        journal = owner.journal
        if not journal:
            return
        if passed:
            errors = [
                error
                for change in journal.values()
                for error in change.errors.values()
                if error
            ]
            self._state.ledger.failures += errors
        else:
            self._take_back(owner)
        owner.journal = {}

    def _note_attempt(self, owner: Owner) -> None:
        """Note what a failed attempt of a test has newly recorded: for a new one, it is no outcome."""
        made = {
            name
            for name, change in owner.journal.items()
            if change.before is None and not name.startswith(CASSETTES)
        }
        if made := made | owner.of_failed_attempts:
            self._attempts[owner.name] = made

    def _drop_failed_attempt(self, owner: Owner) -> None:
        """Drop what a failed attempt has recorded and the attempt that passed has not called."""
        for name in sorted(owner.void):
            self._state.recordings.drop(name)
        owner.void = set()

    def _take_back(self, owner: Owner) -> None:
        """Take back errors, changed cassettes, and what replaced other recordings, which stand there again.

        What another test has written since stays. A sequence keeps the new outcomes
        before its first error. A
        conversation of which a part stood before is taken back as a whole.
        """
        state, ledger, journal = self._state, self._state.ledger, owner.journal
        groups: dict[str, list[str]] = {}
        for name, change in journal.items():
            groups.setdefault(change.conversation or name, []).append(name)
        for group, names in groups.items():
            is_cassette = group.startswith(CASSETTES)
            has_replaced = any(
                journal[name].before not in (None, journal[name].now) for name in names
            )
            stood = group in owner.recorded_again and state.recordings.others(
                owner, group
            )
            for name in names:
                change = journal[name]
                is_new = change.before is None and not (
                    is_cassette or has_replaced or stood
                )
                content = change.good if is_new else change.before
                if content == change.now or not state.vault.restore(
                    name, content, written=change.now
                ):
                    continue
                state.recordings.known.pop(name, None)
                owner.tracks.pop(name, None)
                errors = [error[0] for error in change.errors.values() if error]
                labels = errors or ([] if is_cassette else [group])
                if errors or content is None:
                    ledger.taken_back += labels
                else:
                    ledger.put_back += len(labels)
                if content is None:
                    ledger.used.discard(name)


def end_open_calls(state: Any, owner: Owner) -> None:
    """End the recordings of the calls of an owner that are still open."""
    if not owner.open:
        return
    if any(not step.track.has_places for step in owner.open):
        # What nobody can read any more has ended, and is recorded as far as it was
        # read.
        gc.collect()
        state.end_discarded()
    for step in list(owner.open):
        step.end_open()
