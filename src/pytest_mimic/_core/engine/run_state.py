"""The state that all parts of one run share: settings, date, ledger, pending errors, the call under way."""

from __future__ import annotations

import functools
import os
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from threading import Lock
from time import perf_counter, time, time_ns
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.ambient import command
from pytest_mimic._core.engine.ledger import Miss
from pytest_mimic._core.engine.owners import Owner
from pytest_mimic._core.files.places import Places
from pytest_mimic._core.origin import is_version
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.swallowed.pending import PendingErrors
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from typing import Protocol

    from pytest_mimic._core.describe.argument_differences import LeftOut
    from pytest_mimic._core.engine.call import Call, Plan
    from pytest_mimic._core.engine.conversations import Conversations
    from pytest_mimic._core.engine.ledger import Ledger, Replayed
    from pytest_mimic._core.inputs.input_lists import Input
    from pytest_mimic._core.inputs.noting import Noter, Trace
    from pytest_mimic._core.inputs.project_sources import ProjectSources
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.swallowed.retries import Retries
    from pytest_mimic._core.targets.pattern import Only
    from pytest_mimic._core.vault import Stored, Vault
    from pytest_mimic._core.vault.locks import ByteLocks

    # As the state knows them: the classes themselves import the state.
    class NetworkGuard(Protocol):
        @property
        def is_blocking(self) -> bool: ...
        def open(self) -> AbstractContextManager[None]: ...

    class CallUnderWay(Protocol):
        """A call that the current thread or task is in. While it is active, no call is mimicked."""

        active: bool

        @property
        def label(self) -> str: ...
        @property
        def seconds(self) -> float: ...

    class UnfinishedCall(CallUnderWay, Protocol):
        def land(self) -> None: ...


class RunState:
    """The state of one run (under xdist, of one worker).

    Attributes:
        today: The date of new recordings, `2026-11-02`. It is given, because a test may have stopped the clock.
        checked: The date for an outcome that is found equal. None where the age of recordings does not count.
        decisions: The decisions of the run; see `decisions.decisions_of`. None if no call has needed one.
        inside: The real call that the current thread or task is part of.
        cassettes: Those that the current thread or task has opened, or was started in.
        context_copier: Copies `inside` into threads that a real call starts. Set by the first decision.
        running: The real calls (`real_calls.RunningCall`) whose code runs now, for the progress line.
        unfinished: The real calls without an outcome so far, in the order in which they began.
        discarded: Functions that end calls whose streams were collected as garbage.
        raised: The exceptions of functions recorded in this phase of the test, each with its row in the summary.
        pending: The errors that must fail the running test, even if its code catches them.
        network: The guard of the network, `network.guard.NetworkGuard`. None as long as nothing has blocked it.
        places: The rootdir and the base temporary folder.
        log: Keeps each call: `_tools.shown.call_log.CallLog.note`. None unless the calls are to be shown.
    """

    context_copier: AbstractContextManager[None]
    # A class attribute, because freezegun replaces the functions of `time` in modules with frozen ones.
    clock = staticmethod(perf_counter)

    def __init__(
        self, *, settings: Settings, vault: Vault, ledger: Ledger, locks: Callable[[], ByteLocks], today: str
    ) -> None:
        self.settings = settings
        self.vault = vault
        self.ledger = ledger
        self.locks = locks  # returns the locks between the processes that use the vault
        self.today = today
        waits = settings.review and settings.mode.writes  # a date alone is nothing to review
        self.checked = today if settings.max_age is not None and not waits else None
        self.decisions: Any = None
        self.inside: ContextVar[CallUnderWay | None] = ContextVar("pytest_mimic_inside", default=None)
        self.cassettes: ContextVar[tuple[object, ...]] = ContextVar("pytest_mimic_cassettes", default=())
        self.running: set[CallUnderWay] = set()
        self.unfinished: dict[UnfinishedCall, None] = {}
        self.discarded: deque[Callable[[], None]] = deque()
        self.owner = Owner("")  # the owner of the sequences that calls belong to now
        self.test = ""  # the id of the running test, empty outside of tests
        self.own_files: Callable[[], set[str]] = set  # returns the files of the running test's own code
        self.raised: list[tuple[BaseException, tuple[str, str]]] = []
        self.pending = PendingErrors(ledger.forks, lambda: self.test)
        self.places = Places(str(settings.rootdir), os.path.realpath(settings.rootdir))
        self.log: Callable[..., None] | None = None
        self.network: NetworkGuard | None = None
        self.only: Only | None = None  # the patterns of `--mimic-only`; None if the mode is for all calls
        if settings.only:
            from pytest_mimic._core.targets.pattern import Only

            self.only = Only(settings.only, lambda pattern: ledger.enter("matched", pattern, once=True))
        self.variables: Mapping[str, str] = os.environ
        self._retries: Retries | None = None
        # The Unix time at which `clock` was zero: a test may stop the other clocks.
        self.zero = time() - perf_counter()
        self.guard = Lock()  # held while a part of the state is made
        self._started = time_ns()
        self._noter: Noter | None = None
        self._changed: dict[str, list[Input]] = {}  # by the name of a list

    @functools.cached_property
    def left_out(self) -> LeftOut:
        """The attributes that `ignore=` leaves out with their objects, in the calls of a recording run."""
        from pytest_mimic._core.describe.argument_differences import LeftOut

        return LeftOut()

    @functools.cached_property
    def redactor(self) -> Redactor:
        """The redactor of the run, which knows what servers have sent under secret names."""
        from pytest_mimic._core.redact.redactor import Redactor

        made = Redactor(self.settings.redact)
        made.variables = self.variables
        found: Redactor = vars(self).setdefault("redactor", made)  # another thread may have made one by now
        return found

    def note_environment(self) -> None:
        """Keep the environment of the run, as tests change it for themselves."""
        self.variables = dict(os.environ)
        if "redactor" in vars(self):
            self.redactor.variables = self.variables

    def mode_of(self, call: Call) -> Mode:
        """Return the mode of a call that belongs to no conversation and no cassette."""
        mode, plan = self.settings.mode, call.plan
        if self.only is None or self.only.takes(plan.target, call.signature, call.host):
            return mode
        if call.is_shared and mode.writes:
            return Mode.RECORD  # a client connects for a call that is recorded
        return Mode.REPLAY

    def is_stale(self, plan: Plan, source: str | None) -> bool:
        """Check whether a recording was made from another source of its target. Another version makes nothing stale."""
        if source is None or self.settings.source == "ignore" or plan.source in (source, None):
            return False
        return not (is_version(source) or is_version(plan.source))

    # -- what calls ran and read

    @functools.cached_property
    def _sources(self) -> ProjectSources:
        from pytest_mimic._core.inputs.project_sources import ProjectSources

        return ProjectSources(self.settings.rootdir, self.settings.vault)

    def trace(self, plan: Plan) -> Trace | None:
        """Return what notes what a real call of a function runs and reads, or None if that is not kept."""
        is_kept = self.settings.mode is not Mode.VERIFY or self.settings.review
        if self.settings.inputs == "ignore" or not is_kept:
            return None
        from pytest_mimic._core.inputs.noting import Noter, Trace

        with self.guard:
            if self._noter is None:
                self._noter = Noter(self.inside, self._sources, started=self._started)
        return Trace(self._noter, plan.code)

    def changed_inputs(self, name: str, recording: str = "") -> list[Input]:
        """Return what has changed of a list of what a call ran and read: of this recording, or of the running test.

        MimicError: the list is missing or damaged.
        """
        if name.startswith("not noted"):  # the reason why there is no list
            return []
        if name not in self._changed:
            from pytest_mimic._core.inputs.input_lists import changed_inputs

            test = self.vault.test_of(recording) if recording else self.test
            self._changed[name] = changed_inputs(
                self.vault.objects.input_list(name, test=test), self._sources
            )
        return self._changed[name]

    def stale_inputs(self, outcomes: Iterable[Stored]) -> list[str]:
        """Return what makes outcomes stale: what has changed of what their calls ran and read, if that is to be so."""
        return self.stale_lists([name for one in outcomes if (name := one.entry.get("inputs"))])

    def stale_lists(self, names: Iterable[str]) -> list[str]:
        """Return what makes outcomes stale whose lists have these names.

        MimicError: a list is missing or damaged, and nothing records it again.
        """
        if self.settings.inputs != "strict":
            return []
        try:
            return list(dict.fromkeys(str(one) for name in names for one in self.changed_inputs(name)))
        except MimicError as error:
            if not self.settings.mode.writes:
                raise
            return [error.what]

    def report_inputs(self) -> None:
        """Enter what has changed of what the replayed calls ran and read into the ledger."""
        if self.settings.inputs == "ignore":
            return
        by_list: dict[str | None, list[Replayed]] = {}  # most calls of a function have the same list
        for one in self.ledger.replays_since(0):
            by_list.setdefault(one[2], []).append(one)
        for inputs, replays in by_list.items():
            if not inputs:
                continue
            try:
                changed = self.changed_inputs(inputs, replays[0][1])
                is_strict = self.settings.inputs == "strict"
                if is_strict and b"not noted: " in self.vault.objects.input_list(inputs):
                    review = command("--mimic-verify", more=("--mimic-review",))
                    what = "some recordings do not say which functions they ran"
                    self.ledger.note(f"{what}; to note them, on Python 3.12 or newer: {review}")
            except MimicError as error:
                self.ledger.note(str(error))
                continue
            counts = Counter((replay[1], replay[3]) for replay in replays) if changed else {}
            for (recording, target), calls in counts.items():
                for item in changed:
                    self.ledger.enter("inputs", [recording, target, str(item), calls])

    @functools.cached_property
    def conversations(self) -> Conversations:
        from pytest_mimic._core.engine.conversations import Conversations

        return Conversations(self._cannot_begin_again)

    @property
    def begun_conversations(self) -> Conversations | None:
        """Those that are recorded again as a whole. None if no call was part of one."""
        return vars(self).get("conversations")

    def _cannot_begin_again(self, call: Call) -> MimicError:
        """Return the error for a new call of a conversation, if calls before it were replayed and no test can run again."""
        from pytest_mimic._core.describe.messages import cannot_begin_again

        return self.blame(cannot_begin_again(call.label, test=self.test), call, by_option=False)

    @property
    def is_nested(self) -> bool:
        """Whether the current thread or task is inside a call that runs for real."""
        outer = self.inside.get()
        return outer is not None and outer.active

    def blame(self, error: MimicError, call: Call, *, by_option: bool = True) -> MimicError:
        """Count an error of a call, let the running test fail for it, and return it, to be raised.

        If `by_option`, `--mimic-record` repairs it.
        """
        return self.fail_for(error, call.label, call, by_option=by_option)

    def fail_for(
        self, error: MimicError, label: str, call: Call | None = None, *, by_option: bool
    ) -> MimicError:
        """Count a miss or a drift by the label of what it is about, which is perhaps no call. See `blame`."""
        from pytest_mimic.errors import MissingRecordingError, StaleRecordingError

        key = call.key if call is not None else ""
        if isinstance(error, MissingRecordingError):
            miss = Miss(label, self.test, by_option, key, isinstance(error, StaleRecordingError))
            if self.log is not None and miss not in self.ledger.missing:
                self.log("missing", call, label=label, error=error)
            self.ledger.enter("missing", miss, once=True)
        else:
            self.ledger.enter("drifted", [label, self.test, str(error.data.get("volatile", ""))])
        self.pending.note(error)
        if isinstance(error, MissingRecordingError):
            self.watch(error, key or label)
        return error

    def watch(self, error: MimicError | None = None, key: str = "") -> None:
        """Let no code wait because of a call of its own: it misses, or without an error, it gets a recorded failure."""
        if self.test:
            from pytest_mimic._core.swallowed.retries import Retries

            with self.guard:
                self._retries = self._retries or Retries(self.settings.rootdir)
            self._retries.watch(error, key, self.own_files, lambda: bool(self.test))

    def end_discarded(self) -> None:
        """End the calls that were discarded."""
        while self.discarded:
            self.discarded.popleft()()

    def end_test(self) -> None:
        """End the running test: code that waits is no longer disturbed."""
        self.end_discarded()
        for real in list(self.unfinished):
            if real not in self.running:  # a stream that perhaps nobody reads any further
                real.land()
        self.test = ""
        if self._retries is not None:
            self._retries.end()

    def close(self) -> None:
        """Release all locks of calls in flight, and what notes the calls' functions."""
        if self._noter is not None:
            self._noter.close()
        if self.decisions is not None:
            self.decisions.in_flight.close()

    def report_unfinished(self) -> None:
        """Name in the summary the calls that have no outcome when the tests are over: they are not recorded."""
        if self.settings.mode is Mode.VERIFY:
            return
        for real in list(self.unfinished):
            is_running = real in self.running
            how = "was still running at the end" if is_running else "was not read to its end or closed"
            self.ledger.note(f"{real.label} {how}: not recorded")


def noting_processes(start: Callable[[Any], None], state: RunState) -> Callable[[Any], None]:
    """Return the function that replaces `multiprocessing.process.BaseProcess.start`, which pools and loky use, too."""

    @functools.wraps(start)
    def noting(process: Any) -> None:
        start(process)
        # Each way to start a process has its own class for the running one: fork, spawn, forkserver, loky.
        method = getattr(process._popen, "method", "fork")
        if method != "fork" and not state.is_nested:
            state.ledger.enter("processes", [state.test, method])

    return noting
