"""The state that all parts of one run share: settings, date, ledger, pending errors."""

from __future__ import annotations

import gc
import os
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from contextvars import ContextVar
from threading import Event, Lock, Thread, current_thread
from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.commands import Verb
from pytest_mimic._core.engine.call import Inside
from pytest_mimic._core.engine.ledger import Miss
from pytest_mimic._core.engine.owners import Owner, SecretScope
from pytest_mimic._core.files.places import Places
from pytest_mimic._core.swallowed.pending import PendingErrors
from pytest_mimic._core.words import lazy_attribute
from pytest_mimic.errors import MimicError, MissingRecordingError, StaleRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call, Plan
    from pytest_mimic._core.engine.equal_calls import EqualCalls, Sender
    from pytest_mimic._core.engine.ledger import Ledger
    from pytest_mimic._core.engine.wall_time import WallTime
    from pytest_mimic._core.inputs.reached_and_read import ProjectSources, Trace
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.swallowed.retries import Retries
    from pytest_mimic._core.vault import Vault


_COLLECTOR = ["stop"]  # the phase in which the garbage collector is
gc.callbacks.append(lambda phase, _: _COLLECTOR.__setitem__(0, phase))


class RunState:
    """The state of one run (under xdist, of one worker)."""

    # A class attribute, because freezegun replaces the functions of `time` in modules
    # with frozen ones.
    _clock = staticmethod(perf_counter)

    def __init__(
        self, *, settings: Settings, vault: Vault, ledger: Ledger, today: str
    ) -> None:
        self.settings = settings
        self.vault = vault
        self.ledger = ledger
        # Returns a number of seconds, of which only differences have a meaning.
        self.clock: Callable[[], float] = self._clock
        # the date of new recordings, which is given: a test may have stopped the clock
        self.today = today
        self.recordings: Any = None  # of the run; see `recordings.recordings_of`
        # The `NextRun` of a recording run: what it knows of the values that it makes.
        self.next_run: Any = None
        self.inside: Inside = Inside()
        self.open_cassettes: list[Any] = []  # the innermost one last
        self.cassettes_made: set[tuple[str, bytes | None]] = (
            set()
        )  # the files that this run wrote, and what
        self.only_replayed: set[str] = (
            set()
        )  # the files that `mimic_replay` opened last
        # The innermost one that the current thread or task has opened, or was started
        # in.
        self.own_cassette: ContextVar[Any] = ContextVar(
            "pytest_mimic_cassette", default=None
        )
        self.running: set[Any] = (
            set()
        )  # the steps whose real calls run now, for the progress line
        self.discarded: deque[Callable[[], object]] = (
            deque()
        )  # these end calls whose streams are garbage
        # how many tests had calls of a client replayed while others were recorded
        self.replayed_tests = 0
        # The owner of the calls that are made now.
        self.owner: Owner = Owner("")
        # The scopes that calls may belong to, by name. That of the session owns the
        # calls outside of tests, too.
        self.scopes: dict[str, Owner] = {"": self.owner}
        # What shares its secrets: the running test, or the wider fixture that is set up
        # or torn down now.
        self.secret_scope: SecretScope = SecretScope()
        # The wider fixtures that are set up, by name.
        self.fixture_scopes: dict[str, SecretScope] = {}
        # The id of the running test, empty outside of tests.
        self.test: str = ""
        self.own_files: Callable[[], set[str]] = (
            set  # returns the files of the running test's own code
        )
        # The errors that must fail the test, even if its code catches them.
        self.pending: PendingErrors = PendingErrors(
            lambda: self.test, self._tell_error, commands=settings.commands
        )
        self.places: Places = Places(
            str(settings.rootdir), os.path.realpath(settings.rootdir)
        )
        # Keeps each call, if they are to be shown:
        # `_tools.page.call_log.CallLog.note`.
        self.log: Callable[..., None] | None = None
        self.variables: Mapping[str, str] = os.environ
        self.retries: Retries | None = None  # of a run in which a call has failed
        # The thread in which tests run, and those that were released from their waits
        # when their test had ended.
        self.thread: Thread = current_thread()
        self.released: WeakSet[Thread] = WeakSet()
        # The processes of a run that has forked, and whether it does so now.
        self.family: Any = None
        self.is_forking = False
        # Set when the run has ended.
        self.closed: Event = Event()
        # Held while a part of the state is made.
        self.guard: Lock = Lock()
        self.started: int = time_ns()
        self._changed: dict[str, list[str]] = {}  # by the name of a list

    @lazy_attribute
    def wall_time(self) -> WallTime:
        """What counts the time of calls that are recorded at the same time once."""
        from pytest_mimic._core.engine.wall_time import WallTime

        return WallTime()

    @lazy_attribute
    def redactor(self) -> Redactor:
        """The redactor of the run, which knows what servers have sent under secret names."""
        from pytest_mimic._core.redact.redactor import Redactor

        made = Redactor(self.settings.redact)
        made.variables = self.variables
        return made

    @property
    def again(
        self,
        # what a command runs again: the test or, while a wider fixture is torn down, its
        # scope
    ) -> str:
        return (
            self.owner.name.partition("[")[0] if self.owner.ends else ""
        ) or self.test

    @lazy_attribute
    def equal_calls(self) -> EqualCalls:
        """The calls of this run that were sent with secrets."""
        from pytest_mimic._core.engine.equal_calls import EqualCalls

        return EqualCalls(self._tell_sender)

    def scopes_of(self, fixtures: Collection[str]) -> list[SecretScope]:
        """Return the scopes of the wider fixtures among those that a test or a fixture uses.

        `request` may give any of them.
        """
        if "request" in fixtures:
            return list(self.fixture_scopes.values())
        return [
            scope for name, scope in self.fixture_scopes.items() if name in fixtures
        ]

    def note_environment(self) -> None:
        """Keep the environment of the run, as tests change it for themselves."""
        self.variables = dict(os.environ)
        if "redactor" in vars(self):
            self.redactor.variables = self.variables

    def is_stale(self, plan: Plan, source: str | None) -> bool:
        """Check whether a recording was made from another source of its target."""
        return (
            source is not None
            and self.settings.source != "ignore"
            and plan.source not in (source, None)
        )

    # -- what calls reach and read

    @lazy_attribute
    def sources(self) -> ProjectSources:
        from pytest_mimic._core.inputs.reached_and_read import ProjectSources

        return ProjectSources(
            self.places,
            self.settings.rootdir,
            self.settings.vault,
            started=self.started,
            running_trace=self.running_trace,
        )

    def running_trace(self) -> Trace | None:
        """Return the trace of the real call that the current thread is part of."""
        if not self.running:
            # Most files are opened outside of calls, many of them by this package.
            return None
        return getattr(self.inside.call(), "trace", None)

    def changed_inputs(self, name: str, recording: str = "") -> list[str]:
        """Return what has changed of a list of what a call reaches and reads: of this recording, or of the running test.

        MimicError: the list is missing or damaged.
        """
        if name not in self._changed:
            noted = self.vault.store.read(name)
            if noted is None or not name.endswith(f"/{xxh3_128_hexdigest(noted)}.json"):
                # Who loads outcomes tells damage. Most replays need none of it.
                from pytest_mimic._core.vault.objects import Origin

                test = self.vault.test_of(recording) if recording else self.test
                noted = self.vault.objects.read(name, Origin(recording, "", test))
            self._changed[name] = self.sources.changed(noted)
        return self._changed[name]

    def stale_inputs(self, name: str | None) -> list[str]:
        """Return what has changed of a list, if that makes the outcome stale.

        MimicError: the list is missing or damaged, and nothing records it again.
        """
        if name is None or self.settings.inputs != "strict":
            return []
        try:
            return self.changed_inputs(name)
        except MimicError as error:
            if not self.settings.mode.writes:
                raise
            return [error.what]

    def report_inputs(self) -> None:
        """Enter what has changed of what the replayed calls reach and read into the ledger."""
        if self.settings.inputs == "ignore":
            return
        by_list: dict[
            str, Counter[tuple[str, str]]
        ] = {}  # most calls of a function have the same list
        for _, recording, inputs, target in self.ledger.replays:
            if inputs:
                by_list.setdefault(inputs, Counter())[recording, target] += 1
        for inputs, counts in by_list.items():
            try:
                changed = self.changed_inputs(inputs, next(iter(counts))[0])
            except MimicError as error:
                error.commands = self.settings.commands
                self.ledger.notes.add(str(error))
                continue
            tests = (
                self.ledger.tests_of({recording for recording, _ in counts})
                if changed
                else {}
            )
            for (recording, target), calls in counts.items() if changed else ():
                rows = [
                    [recording, target, item, calls, tests[recording]]
                    for item in changed
                ]
                self.ledger.inputs += rows

    def blame(
        self, error: MimicError, call: Call, *, option: str = "--mimic-record"
    ) -> MimicError:
        """Count an error of a call, let the running test fail for it, and return it.

        The `option`, if any, repairs a miss.
        """
        error.commands = self.settings.commands
        error.test = error.test or self.again or None
        if isinstance(error, MissingRecordingError):
            miss = Miss(
                call.listed,
                self.again,
                option,
                call.key,
                isinstance(error, StaleRecordingError),
                error.target,
                " ".join(error.changing),
                " ".join(error.kinds),
                _ignoring_line(error),
            )
            if self.log is not None and miss not in self.ledger.missing:
                self.log("missing", call, error=error)
            counted: dict[str, Any] = {"missing": [miss]}
        else:
            is_outage = getattr(error, "is_outage", False)
            option = "" if is_outage else "--mimic-rerecord"
            counted = {"drifted": [[call.listed, self.again, option]]}
        self.ledger.add(counted)
        self.pending.note(error)
        if isinstance(error, MissingRecordingError):
            self.watch(error, call.key or call.label)
        return error

    def watch(self, error: MimicError | None = None, key: str = "") -> None:
        """Let no code wait because of a call of its own: it misses, or without an error, it gets a recorded failure."""
        if self.test:
            from pytest_mimic._core.swallowed.retries import Retries

            with self.guard:
                self.retries = self.retries or Retries()
                self.retries.watch(error, key, self.own_files)

    def discard(self, end: Callable[[], object]) -> None:
        """End a call whose stream is garbage: now, or later if the collector has interrupted a write or an import."""
        self.discarded.append(end)
        if _COLLECTOR == ["stop"]:
            self.end_discarded()

    def end_discarded(self) -> None:
        """End the calls that were discarded."""
        while self.discarded:
            with suppress(MimicError):  # it fails the test; nobody would catch it here
                self.discarded.popleft()()

    # -- forked processes

    def hear(self) -> None:
        """Learn what forked processes have done."""
        if self.family is not None:
            with self.recordings.turns:
                pass

    def _tell_error(self, error: MimicError) -> None:
        if self.family is not None:
            self.family.tell_error(error)

    def _tell_sender(self, key: tuple[str, ...], sender: Sender) -> None:
        if self.family is not None:
            self.family.tell_sender(key, sender)

    def note_fork(self) -> None:
        """Note that a process was forked: what only that one uses is not known here."""
        if self.test:
            self.ledger.add({"outcomes": {self.test: "forked"}})
        else:
            self.ledger.selection.add("a process was forked outside of tests")

    def end_test(self) -> None:
        """End the running test: code that waits is no longer disturbed."""
        self.end_discarded()
        self.test = ""
        if self.retries is not None:
            self.retries.end()


def _ignoring_line(error: MimicError) -> str:
    """Return the line that leaves out what is made anew in a call; empty if none does."""
    for remedy in error.remedies:
        if remedy.verb is Verb.IGNORE:
            return error.commands.line(remedy._replace(purpose=""))
    return ""
