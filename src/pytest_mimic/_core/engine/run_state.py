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
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.commands import Verb
from pytest_mimic._core.engine.ledger import Miss
from pytest_mimic._core.engine.owners import Inside, Owner, SecretScope
from pytest_mimic._core.files.places import Places
from pytest_mimic._core.swallowed.pending import PendingErrors
from pytest_mimic._core.words import lazy_attribute
from pytest_mimic.errors import MimicError, MissingRecordingError, StaleRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.events import Family
    from pytest_mimic._core.engine.ledger import Ledger
    from pytest_mimic._core.engine.recordings import Recordings
    from pytest_mimic._core.engine.senders import Sender, Senders
    from pytest_mimic._core.inputs.reached_and_read import ProjectSources, Trace
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.swallowed.retries import Retries
    from pytest_mimic._core.vault import Vault

    # Only types need these: a replay starts without them.

    class BlamedCall(Protocol):
        """A call, as errors name it."""

        key: str

        @property
        def label(self) -> str:
            """The call in one line."""
            ...

        @property
        def listed(self) -> str:
            """The call in one line of a list."""
            ...


# The phase in which the garbage collector is.
_COLLECTOR = ["stop"]


def _note_phase(phase: str, _facts: object) -> None:
    _COLLECTOR[0] = phase


gc.callbacks.append(_note_phase)


class RunState:
    """The state of one run (under xdist, of one worker).

    What it is made of:

    | attribute | what it is |
    |---|---|
    | `settings`, `vault`, `ledger`, `places` | the settings, files, account, folders |
    | `today` | the date of new recordings: a test may have stopped the clock |
    | `clock` | returns seconds, of which only differences have a meaning |
    | `variables` | the environment variables of the run |
    | `pending` | the errors that must fail the test, even if its code catches them |
    | `log` | keeps each call, if they are to be shown: `CallLog.note` |

    What happens now:

    | attribute | what it is |
    |---|---|
    | `test` | the id of the running test, empty outside of tests |
    | `own_files` | returns the files of the running test's own code |
    | `owner` | the owner of the calls that are made now |
    | `scopes` | those that calls may belong to, by name; the session has none |
    | `secret_scope` | what shares its secrets: the test, or a fixture |
    | `fixture_scopes` | the wider fixtures that are set up, by name |
    | `inside` | the real call that the current thread or task is part of |
    | `running` | the steps whose real calls run now |
    | `open_cassettes` | the cassettes of open blocks, the innermost last |
    | `own_cassette` | that of the thread or task, or of the one that has started it |
    | `discarded` | functions that end calls whose streams are garbage |

    What the run has done so far:

    | attribute | what it is |
    |---|---|
    | `recordings` | those that it has read or written |
    | `next_run` | the `NextRun` of a recording run |
    | `cassettes_made` | the cassettes that it wrote, and what |
    | `only_replayed` | the cassettes that `mimic_replay` opened last |
    | `replayed_tests` | how many tests had calls of a client replayed while recording |
    | `retries` | those of the running test, once a call has failed |
    | `thread` | the thread in which tests run |
    | `released` | the threads that waited until their test had ended |
    | `family`, `is_forking` | its processes once it has forked; it does so now |
    | `guard` | a lock, held while a part of the state is made |
    | `started`, `closed` | the time in nanoseconds; set when the run has ended |
    """

    # A class attribute, because freezegun replaces the functions of `time` in modules
    # with frozen ones.
    _clock = staticmethod(perf_counter)

    def __init__(
        self, *, settings: Settings, vault: Vault, ledger: Ledger, today: str
    ) -> None:
        self.settings: Settings = settings
        self.vault: Vault = vault
        self.ledger: Ledger = ledger
        self.places: Places = Places(
            str(settings.rootdir), os.path.realpath(settings.rootdir)
        )
        self.today: str = today
        self.clock: Callable[[], float] = self._clock
        self.variables: Mapping[str, str] = os.environ
        self.pending: PendingErrors = PendingErrors(
            self._running_test, self._tell_error, commands=settings.commands
        )
        self.log: Callable[..., None] | None = None

        self.test: str = ""
        self.own_files: Callable[[], set[str]] = set
        self.owner: Owner = Owner("")
        self.scopes: dict[str, Owner] = {"": self.owner}
        self.secret_scope: SecretScope = SecretScope()
        self.fixture_scopes: dict[str, SecretScope] = {}
        self.inside: Inside = Inside()
        self.running: set[object] = set()
        self.open_cassettes: list[Any] = []
        self.own_cassette: ContextVar[Any] = ContextVar(
            "pytest_mimic_cassette", default=None
        )
        self.discarded: deque[Callable[[], object]] = deque()

        self.next_run: Any = None
        self.cassettes_made: set[tuple[str, bytes | None]] = set()
        self.only_replayed: set[str] = set()
        self.replayed_tests: int = 0
        self.retries: Retries | None = None
        self.thread: Thread = current_thread()
        self.released: WeakSet[Thread] = WeakSet()
        self.family: Family | None = None
        self.is_forking: bool = False
        self.guard: Lock = Lock()
        self.started: int = time_ns()
        self.closed: Event = Event()
        # What has changed of the lists of what calls reach and read, by their names.
        self._changed: dict[str, list[str]] = {}

    def _running_test(self) -> str:
        return self.test

    @lazy_attribute
    def recordings(self) -> Recordings:
        """The recordings that the run has read or written.

        A run that only replays plain values needs none.
        """
        from pytest_mimic._core.engine.recordings import Recordings

        return Recordings(self.vault, self.ledger, mode=self.settings.mode)

    @property
    def made_recordings(self) -> Recordings | None:
        """The recordings, if anything needed them so far."""
        made: Recordings | None = vars(self).get("recordings")
        return made

    @lazy_attribute
    def redactor(self) -> Redactor:
        """The redactor of the run.

        It knows what servers have sent under secret names.
        """
        from pytest_mimic._core.redact.redactor import Redactor

        made = Redactor(self.settings.redact)
        made.variables = self.variables
        return made

    @property
    def again(self) -> str:
        """What a command runs again: the test.

        While a wider fixture is torn down, that is its scope.
        """
        scope = self.owner.name.partition("[")[0] if self.owner.ends else ""
        return scope or self.test

    @lazy_attribute
    def senders(self) -> Senders:
        """The calls of this run that were sent with secrets."""
        from pytest_mimic._core.engine.senders import Senders

        return Senders(self._tell_sender)

    def scopes_of(self, fixtures: Collection[str]) -> list[SecretScope]:
        """Return the scopes of the wider fixtures that a test or a fixture uses.

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
        observed = getattr(self.inside.call(), "observed", None)
        return None if observed is None else observed.trace

    def changed_inputs(self, name: str, recording: str = "") -> list[str]:
        """Return what has changed of a list of what a call reaches and reads.

        Args:
            name: The list.
            recording: The recording that it belongs to; by default, the running test
                has made the list.

        Raises:
            MimicError: The list is missing or damaged.
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

        Raises:
            MimicError: The list is missing or damaged, and nothing records it again.
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
        """Enter what has changed of the inputs of replayed calls into the ledger.

        These are what the calls reach and read.
        """
        if self.settings.inputs == "ignore":
            return
        # Most calls of a function have the same list.
        by_list: dict[str, Counter[tuple[str, str]]] = {}
        for _, recording, inputs, target in self.ledger.replays:
            if inputs:
                by_list.setdefault(inputs, Counter())[recording, target] += 1
        for inputs, counts in by_list.items():
            try:
                changed = self.changed_inputs(inputs, next(iter(counts))[0])
            except MimicError as error:
                error.commands = self.settings.commands
                self.ledger.notes.add(str(error))
            else:
                if changed:
                    self._enter_inputs(changed, counts)

    def _enter_inputs(
        self, changed: list[str], counts: Counter[tuple[str, str]]
    ) -> None:
        """Enter the changes of one list.

        Args:
            changed: What has changed.
            counts: How often each recording, of which target, was replayed.
        """
        tests = self.ledger.tests_of({recording for recording, _ in counts})
        for (recording, target), calls in counts.items():
            for item in changed:
                row = [recording, target, item, calls, tests[recording]]
                self.ledger.inputs.append(row)

    def blame(
        self, error: MimicError, call: BlamedCall, *, option: str = "--mimic-record"
    ) -> MimicError:
        """Count an error of a call, let the running test fail for it, and return it.

        Args:
            error: The error.
            call: The call.
            option: What repairs a miss; empty if no option does.
        """
        error.commands = self.settings.commands
        error.test = error.test or self.again or None
        counted: dict[str, Any]
        if isinstance(error, MissingRecordingError):
            miss = self._miss(error, call, option)
            if self.log is not None and miss not in self.ledger.missing:
                self.log("missing", call, error=error)
            counted = {"missing": [miss]}
        else:
            is_outage = getattr(error, "is_outage", False)
            option = "" if is_outage else "--mimic-rerecord"
            counted = {"drifted": [[call.listed, self.again, option]]}
        self.ledger.add(counted)
        self.pending.note(error)
        if isinstance(error, MissingRecordingError):
            self.watch(error, call.key or call.label)
        return error

    def _miss(
        self, error: MissingRecordingError, call: BlamedCall, option: str
    ) -> Miss:
        """Return the row of a miss in the ledger."""
        return Miss(
            label=call.listed,
            test=self.again,
            option=option,
            key=call.key,
            is_stale=isinstance(error, StaleRecordingError),
            target=error.target,
            changing=" ".join(error.changing),
            kinds=" ".join(error.kinds),
            line=_ignoring_line(error),
        )

    def watch(self, error: MimicError | None = None, key: str = "") -> None:
        """Let no code wait because of a call of its own.

        The call is missed, or without an error, it gets a recorded failure.
        """
        if self.test:
            from pytest_mimic._core.swallowed.retries import Retries

            with self.guard:
                self.retries = self.retries or Retries()
                self.retries.watch(error, key, self.own_files)

    def discard(self, end: Callable[[], object]) -> None:
        """End a call whose stream is garbage.

        That is now, or later if the collector has interrupted a write or an import.
        """
        self.discarded.append(end)
        if _COLLECTOR == ["stop"]:
            self.end_discarded()

    def end_discarded(self) -> None:
        """End the calls that were discarded."""
        while self.discarded:
            # It fails the test; nobody would catch it here.
            with suppress(MimicError):
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
    """Return the line that leaves out what is made anew in a call.

    It is empty if no line does.
    """
    for remedy in error.remedies:
        if remedy.verb is Verb.IGNORE:
            return error.commands.line(remedy._replace(purpose=""))
    return ""
