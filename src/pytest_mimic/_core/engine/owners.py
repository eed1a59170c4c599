"""What calls belong to: tests, scopes of wider fixtures, and real calls around them.

A test and a scope decide, when they end, what is kept of what they recorded.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import wraps
from itertools import count
from os import getpid
from threading import Event, current_thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from pytest_mimic._core.vault.format import CASSETTES

if TYPE_CHECKING:
    from pytest_mimic._core.engine.ledger import Ledger
    from pytest_mimic._core.settings import Mode, Settings
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._core.vault.recording_facts import Recording, Stored

    # Only types need these: a replay starts without them.

    class Track(Protocol):
        """The outcomes of one file, as the owner of its calls uses them."""

        taken: dict[str, int]

        @property
        def file(self) -> str:
            """The name of the recording or cassette."""
            ...

        @property
        def owner(self) -> Owner | None:
            """The owner of the calls; None if one recording serves all."""
            ...

        def take(self, call: Any, mode: Mode, /) -> Any:
            """Return the step for the next of equal calls."""

        def follow(self, event: Any, /) -> int | None:
            """Take the place of another process's call, and return it."""
            ...

        def renew(self, calls: list[Recording], /) -> None:
            """Take outcomes for recorded that another process has written."""

        def trim(self) -> None:
            """Drop the outcomes that no call has reached."""

        def fill(self, number: int, recording: Recording, /) -> None:
            """Record in its empty place a call that has come to no whole outcome."""

    class OpenCall(Protocol):
        """A real call that has not ended."""

        active: bool

        @property
        def has_place(self) -> bool:
            """Whether each of its equal calls has a place of its own."""
            ...

        def end_open(self) -> None:
            """End its recording, because its owner has ended."""

        def leave_to_parent(self) -> None:
            """Leave its end to the process that has forked this one."""

    class Recordings(Protocol):
        """The recordings of a run, as owners keep or drop them."""

        missed: dict[tuple[str, ...], Any]
        known: dict[str, Recording]

        def others(self, owner: Owner, target: str, /) -> set[str]:
            """Return the names of an owner's recordings whose calls it did not make."""
            ...

        def drop(self, name: str, /) -> None:
            """Delete a recording."""

    class Run(Protocol):
        """The state of a run, as far as owners change it."""

        owner: Owner
        scopes: dict[str, Owner]
        closed: Event

        @property
        def settings(self) -> Settings: ...
        @property
        def ledger(self) -> Ledger: ...
        @property
        def vault(self) -> Vault: ...
        @property
        def made_recordings(self) -> Recordings | None: ...
        def hear(self) -> None:
            """Learn what forked processes have done."""

        def end_discarded(self) -> None:
            """End the calls whose streams are garbage."""


Token: TypeAlias = "tuple[int, int]"
"""What names an owner among forked processes.

It is the number of the process that made the owner, and that of the owner there.
"""

Errors: TypeAlias = "Mapping[int, tuple[str, str] | None]"
"""A call and its error in words, and the test, by the place of the outcome.

None stands for a good outcome.
"""

_NUMBERS = count()

#: Longer waits of calls are named in the summary.
NAMED_SECONDS = 1.0


class Change:
    """A recording or cassette that was written, perhaps several times.

    Attributes:
        before: The content before the first write; None: there was no file.
        conversation: The client whose conversation the file belongs to; None: it stands
            by itself.
        now: The content of the last write; None: the file was deleted.
        good: The last content without an error; None: there is none so far.
        errors: The errors of its outcomes, see `Errors`.
    """

    __slots__ = ("before", "conversation", "errors", "good", "now")

    def __init__(self, before: bytes | None, conversation: str | None = None) -> None:
        self.before: bytes | None = before
        self.conversation: str | None = conversation
        self.now: bytes | None = None
        self.good: bytes | None = None
        self.errors: dict[int, tuple[str, str] | None] = {}

    def note(self, now: bytes | None, errors: Errors) -> None:
        """Note what stands there now, also if that stayed as it was."""
        self.now = now
        self.errors.update(errors)
        if not any(self.errors.values()):
            self.good = now


class Owner:
    """The test, the scope of a wider fixture, or the cassette, that calls belong to.

    Attributes:
        name: The id of the test, or the name of the scope or the cassette.
        token: What names it among forked processes.
        is_test: It is a test, or a cassette of one.
        ends: A fixture of this scope is being torn down.
        fixtures: How many fixtures of this scope are set up now.
        cassettes: How many blocks of this test have named no cassette.
        tracks: The outcomes of its calls outside of cassettes, by the name of the
            recording.
        ordinals: The databases that calls went to, each with its number in the order of
            first use.
        replayed: The clients at which calls were replayed, and after how many tests the
            first of them was.
        again: The clients whose conversation runs for real in this pass of a scope.
        recorded_again: The same, in any pass.
        journal: What was recorded and is not judged yet, by the name of the recording
            or cassette.
        passed: A test has passed while the scope was set up.
        open: The real calls that have not ended, in the order in which they began.
        unended: The calls that came to no whole outcome, and what they had given: to be
            recorded when the test, or this set-up, has passed.
        of_failed_attempts: The recordings of failed attempts of this test.
        void: Those of them that this attempt has not made again so far: they count for
            nothing.
        ended: Set when the owner has ended.
        begun: How many calls with a place among equal ones have begun, of all targets.
    """

    def __init__(self, name: str, *, is_test: bool = False) -> None:
        self.name: str = name
        self.token: Token = getpid(), next(_NUMBERS)
        self.is_test: bool = is_test
        self.ends: bool = False
        self.fixtures: int = 0
        self.cassettes: int = 0
        self.tracks: dict[str, Track] = {}
        self.ordinals: dict[str, dict[str, int]] = {}
        self.replayed: dict[str, int] = {}
        self.again: set[str] = set()
        self.recorded_again: set[str] = set()
        self.journal: dict[str, Change] = {}
        self.passed: bool = False
        self.open: dict[OpenCall, None] = {}
        self.unended: list[Unended] = []
        self.of_failed_attempts: set[str] = set()
        self.void: set[str] = set()
        self.ended: Event = Event()
        self.begun: int = 0

    def next_number(self) -> int:
        """Return the number of the next call that has a place among equal ones."""
        self.begun += 1
        return self.begun

    def rewind(self) -> None:
        """Start over, because the scope has ended.

        The same run may enter it again, to replay what this pass recorded.
        """
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

    track: Track
    number: int
    recording: Recording
    label: str


class Inside:
    """The real call that the current thread or task is part of.

    While a call is active, nothing in it is mimicked.

    Attributes:
        hear: Learns what other processes have done, in one that was forked: its parent
            may have ended the call.
    """

    def __init__(self) -> None:
        self.hear: Callable[[], None] | None = None
        self._variable: ContextVar[Any] = ContextVar(
            "pytest_mimic_inside", default=None
        )

    def call(self) -> Any:
        """Return the call, which may have ended; None outside of calls."""
        return self._variable.get() or getattr(current_thread(), "_mimic_inside", None)

    @property
    def is_nested(self) -> bool:
        """Whether the code of now is part of a call that has not ended."""
        outer = self._variable.get() or getattr(current_thread(), "_mimic_inside", None)
        if outer is None or not outer.active:
            return False
        if self.hear is not None:
            self.hear()
        return bool(outer.active)

    @contextmanager
    def entered(self, call: object, running: set[Any] | None = None) -> Iterator[None]:
        """Mark the code of this block as part of a call.

        The threads that it starts are part of the call, too.

        Args:
            call: The call.
            running: The calls that run now, to which it belongs in the block.
        """
        token = self._variable.set(call)
        if running is not None:
            running.add(call)
        try:
            yield
        finally:
            if running is not None:
                running.discard(call)
            # ValueError: a coroutine may be closed in another context than it was
            # awaited in.
            with suppress(ValueError):
                self._variable.reset(token)

    def starting(
        self, start: Callable[[Any], None], _port: object = None
    ) -> Callable[[Any], None]:
        """Return `Thread.start` for threads of the call that starts them."""

        @wraps(start)
        def started(thread: Any) -> None:
            if self.is_nested:
                thread._mimic_inside = self.call()
            start(thread)

        return started

    def submitting(
        self, submit: Callable[..., Any], _port: object = None
    ) -> Callable[..., Any]:
        """Return `ThreadPoolExecutor.submit` for tasks that belong to a call.

        It is the call that submits them.
        """

        @wraps(submit)
        def submitted(pool: object, function: Any, /, *args: Any, **kwargs: Any) -> Any:
            if not self.is_nested:
                return submit(pool, function, *args, **kwargs)
            if not _has_interpreters(pool):
                function = self.entered(self.call())(function)
            # A thread that the pool starts now serves other callers later.
            with self.entered(SimpleNamespace(active=False)):
                return submit(pool, function, *args, **kwargs)

        return submitted


def _has_interpreters(pool: object) -> bool:
    """Return whether a pool may pickle its tasks for other interpreters.

    Some do since Python 3.14. In these interpreters, nothing is mimicked.
    """
    modules = [base.__module__ for base in type(pool).__mro__]
    return "concurrent.futures.interpreter" in modules


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
        self.name: str = name
        self.outer: Callable[[], Iterable[SecretScope]] = outer
        self.answers: list[Stored] = []
        self.known: Any = None


class Scopes:
    """The owners of a run's calls, of which the current one is in the run's state.

    The owner with the empty name is the scope of the session. It also owns the calls
    outside of tests.
    """

    def __init__(self, state: Run) -> None:
        self._state = state
        self._owners = state.scopes
        # The scopes that are set up, or have ended since the last test did.
        self._open: dict[str, Owner] = {}
        # Those in which the test ran whose teardown has begun.
        self._around: list[Owner] = []
        # By the test of a failed attempt, the recordings that it has made.
        self._attempts: dict[str, set[str]] = {}

    # -- scopes

    def enter(self, name: str, *, ends: bool = False) -> Callable[[bool], None]:
        """Assign calls to the scope of a wider fixture, to set it up or tear it down.

        Args:
            name: The name of the scope.
            ends: Whether the fixture is torn down.

        Returns:
            A function that ends the assignment. It gets whether the set-up, or the
            tear-down, has passed. With its last fixture, the scope ends.
        """
        outer = self._state.owner
        owner = self._owners.setdefault(name, Owner(name))
        # A set-up is judged by itself: if it fails, what it recorded goes, and what
        # earlier ones recorded stays.
        journal, owner.journal = owner.journal, {}
        self._state.owner = owner
        owner.ends = ends
        # The scope of the session ends with the run.
        if name:
            self._open[name] = owner

        def leave(passed: bool) -> None:
            self._state.hear()
            change_of_fixtures = -1 if ends else 1
            is_last = owner.fixtures + change_of_fixtures == 0
            if is_last:
                end_open_calls(self._state, owner)
            self._fill(owner, passed=passed)
            self._state.owner = outer
            if not passed:
                self._judge(owner, passed=False)
            _add_to(journal, owner.journal)
            owner.journal = journal
            owner.fixtures += change_of_fixtures
            if not owner.fixtures:
                owner.rewind()

        return leave

    # -- tests

    def begin_test(self, nodeid: str) -> None:
        """Begin a test, or a new attempt of one that has failed in this run."""
        owner = Owner(nodeid, is_test=True)
        self._state.owner = owner
        owner.of_failed_attempts = self._attempts.pop(nodeid, set())
        owner.void = set(owner.of_failed_attempts)

    def begin_teardown(self) -> None:
        """Begin the teardown of a test, which may end scopes that it ran in."""
        self._around = [owner for owner in self._open.values() if owner.fixtures]

    def end_test(self, *, passed: bool, is_whole: bool) -> None:
        """End a test, after its teardown, and the scopes that ended with it.

        A scope has passed if any test passed while it was set up.

        Args:
            passed: Whether the test has passed.
            is_whole: Whether it was neither skipped nor expected to fail.
        """
        test = self._state.owner
        around, self._around = self._around, []
        session = self._owners[""]
        self._state.hear()
        try:
            self.end_calls(test, passed=passed and is_whole)
            if self._state.made_recordings is not None:
                self._state.made_recordings.missed.clear()
            if passed and is_whole:
                self._drop_old(test)
            self._judge(test, passed=passed)
            # A test that passed with what a scope recorded is the proof that it is
            # good.
            if passed:
                for owner in (session, *around):
                    owner.passed = True
            self._end_scopes()
        finally:
            self._state.owner = session
            test.ended.set()

    def _end_scopes(self) -> None:
        for name, owner in list(self._open.items()):
            if not owner.fixtures:
                del self._open[name]
                self._judge(owner, passed=owner.passed)
                owner.passed = False

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
        """Record the calls that came to no whole outcome.

        What made them must have passed.
        """
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
        """Drop what does not belong to an owner's conversations any more.

        These are the outcomes that a sequence no longer reaches, and the calls that
        were not made again.
        """
        state = self._state
        # What a forked process did is not known here.
        is_forked = state.ledger.outcomes.get(owner.name) == "forked"
        if not state.settings.mode.writes or is_forked:
            return
        for track in owner.tracks.values():
            track.trim()
        if state.made_recordings is not None:
            for target in sorted(owner.recorded_again):
                for name in state.made_recordings.others(owner, target):
                    state.made_recordings.drop(name)

    def _judge(self, owner: Owner, *, passed: bool) -> None:
        """Decide what is kept of what was recorded for an owner.

        That is all, or if its test failed, new values only.
        """
        if owner.void and passed:
            self._drop_failed_attempt(owner)
        if owner.is_test and not passed:
            self._note_attempt(owner)
        if not owner.journal:
            return
        if passed:
            for change in owner.journal.values():
                errors = [error for error in change.errors.values() if error]
                self._state.ledger.failures += errors
        else:
            self._take_back(owner)
        owner.journal = {}

    def _note_attempt(self, owner: Owner) -> None:
        """Note what a failed attempt of a test has newly recorded.

        For a new attempt, it is no outcome.
        """
        names = set(owner.of_failed_attempts)
        for name, change in owner.journal.items():
            if change.before is None and not name.startswith(CASSETTES):
                names.add(name)
        if names:
            self._attempts[owner.name] = names

    def _drop_failed_attempt(self, owner: Owner) -> None:
        """Drop what a failed attempt recorded, and the passed one has not called."""
        recordings = self._state.made_recordings
        if recordings is not None:
            for name in sorted(owner.void):
                recordings.drop(name)
        owner.void = set()

    def _take_back(self, owner: Owner) -> None:
        """Take back what a failed test must not keep.

        These are errors, changed cassettes, and what replaced other recordings, which
        stand there again. What another test has written since stays. A sequence keeps
        the new outcomes before its first error. A conversation of which a part stood
        before is taken back as a whole.
        """
        groups: dict[str, list[str]] = {}
        for name, change in owner.journal.items():
            groups.setdefault(change.conversation or name, []).append(name)
        for group, names in groups.items():
            may_stay = self._may_stay(owner, group, names)
            for name in names:
                self._take_back_file(owner, group, name, may_stay=may_stay)

    def _may_stay(self, owner: Owner, group: str, names: list[str]) -> bool:
        """Return whether new files of a failed test stay.

        Args:
            owner: The test, or the scope.
            group: The client of the conversation that they belong to, or the file.
            names: The files.
        """
        if group.startswith(CASSETTES):
            return False
        for name in names:
            change = owner.journal[name]
            if change.before is not None and change.before != change.now:
                return False
        recordings = self._state.made_recordings
        if group in owner.recorded_again and recordings is not None:
            return not recordings.others(owner, group)
        return True

    def _take_back_file(
        self, owner: Owner, group: str, name: str, *, may_stay: bool
    ) -> None:
        state, ledger = self._state, self._state.ledger
        change = owner.journal[name]
        is_new = change.before is None and may_stay
        content = change.good if is_new else change.before
        if content == change.now:
            return
        if not state.vault.restore(name, content, written=change.now):
            return
        if state.made_recordings is not None:
            state.made_recordings.known.pop(name, None)
        owner.tracks.pop(name, None)
        errors = [error[0] for error in change.errors.values() if error]
        labels = errors
        if not errors and not group.startswith(CASSETTES):
            labels = [group]
        if errors or content is None:
            ledger.taken_back += labels
        else:
            ledger.put_back += len(labels)
        if content is None:
            ledger.used.discard(name)


def _add_to(journal: dict[str, Change], later: Mapping[str, Change]) -> None:
    """Add later changes of files to earlier ones."""
    for name, change in later.items():
        earlier = journal.setdefault(name, change)
        if earlier is not change:
            earlier.note(change.now, change.errors)


def end_open_calls(state: Run, owner: Owner) -> None:
    """End the recordings of the calls of an owner that are still open."""
    if not owner.open:
        return
    if any(not call.has_place for call in owner.open):
        # What nobody can read any more has ended, and is recorded as far as it was
        # read.
        gc.collect()
        state.end_discarded()
    for call in list(owner.open):
        call.end_open()
