"""The account of a run as plain data that adds up over xdist's workers and forked processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from pytest_mimic._core.swallowed.forks import ForkLog
from pytest_mimic.errors import MimicError

# The attributes of a ledger, by how two ledgers add up.
_SUMS = ("recorded", "record_seconds", "verified", "drifted")
_LISTS = (
    "failures",
    "begun_again",
    "taken_back",
    "put_back",
    "wrote",
    "strays",
    "restarts",
    "draws",
    "processes",
    "calls",
    "drifts",
    "websockets",
)
_SETS = (
    *("used", "replaced", "trusted", "matched", "skipped_modules", "collected", "tests", "superseded"),
    "absent_clients",
)
_LINES = ("notes", "errors", "problems", "deselected", "selection")  # each worker has the same ones


class Miss(NamedTuple):
    """A call that had no recording: its label, its test, whether `--mimic-record` records it, and its identity.

    If it is stale, it has one, but of another source.
    """

    label: str
    test: str
    by_option: bool = True
    key: str = ""
    is_stale: bool = False


Replayed: TypeAlias = tuple[float, str]
"""A replay: the seconds that it saved, and the name of its recording or cassette."""

RecordedError: TypeAlias = tuple[str, str, bool]
"""A recorded outcome that is an error: the call and its error in words, the test, and whether the summary lists it."""


class Ledger:
    """The account of one process.

    Attributes:
        recorded, record_seconds: Real calls recorded, and how long they took, in seconds.
        verified, drifted: Real calls compared, and those that differed from their recording.
        missing: Calls without a recording. The same call of the same test counts once.
        failures: The recorded errors that were kept and are listed: each in words, and its test.
        taken_back: The labels of the errors of failing tests, which were not kept.
        put_back: The name of each recording that a failing test replaced, its content before and its content now.
        trusted: Marks of the contents that passing tests used; see `_engine.judging`.
        begun_again: The tests that were run again because a call of a conversation matches `--mimic-only`.
        matched: The patterns of `--mimic-only` that matched a call.
        wrote: What forked processes wrote since the last test: the arguments of `Journal.note`.
        draws: Calls that drew from a global random state: label, and the modules of the states.
        processes: Processes that were started without anything mimicked in them: test, and the way of starting.
        calls: The calls that were noted for `-v` or the HTML report and are not yet part of a test's report; see
            `_report.log`.
        drifts: The drifts that `--mimic-drift` keeps, each as a row of its file.
        websockets: WebSockets that were opened for real: the origin of the URL, and the test.
        used: Names of the recordings and cassettes that the run used or made.
        replaced: Names of objects that re-recording left behind.
        strays: Misses outside of any test.
        restarts: The tests that were run again, each with the new call of its conversation.
        notes: Sentences for the summary.
        errors: Errors outside of any test, and steps that failed at the end of a test or of the run.
        problems: Targets that turned out not to exist.
        deselected: How many tests of the collected ones do not run, in words; empty if all do.
        selection: Other reasons why the run was not complete; empty if it was.
        skipped_modules: The ids of modules that were skipped as a whole.
        collected: The ids of the files and folders in which pytest looked for tests.
        tests: With `--mimic-usage`, the ids of the tests that were collected, also of those that were deselected then.
        superseded: Cassettes of vcrpy that are no longer used, since the vault has cassettes for their tests.
        absent_clients: The clients that tests name and that are not installed.
        forks: The log of the processes that were forked from this one.
    """

    def __init__(self) -> None:
        self.forks = ForkLog()
        # Appending is safe in threads without a lock. The garbage collector looks at plain tuples once only.
        self._replays: list[Replayed] = []
        self._replayed_elsewhere = 0
        self._saved_elsewhere = 0.0
        self.recorded = 0
        self.record_seconds = 0.0
        self.verified = 0
        self.drifted = 0
        self.missing: list[Miss] = []
        self.failures: list[Sequence[str]] = []
        self.taken_back: list[str] = []
        self.put_back: list[Sequence[str | None]] = []
        self.trusted: set[str] = set()
        self.begun_again: list[str] = []
        self.matched: set[str] = set()
        self.wrote: list[list[Any]] = []
        self.strays: list[str] = []
        self.restarts: list[str] = []
        self.draws: list[Sequence[str]] = []
        self.processes: list[Sequence[str]] = []
        self.calls: list[dict[str, Any]] = []
        self.drifts: list[dict[str, Any]] = []
        self.websockets: list[Sequence[str]] = []
        self.used: set[str] = set()
        self.replaced: set[str] = set()
        self.skipped_modules: set[str] = set()
        self.collected: set[str] = set()
        self.tests: set[str] = set()
        self.superseded: set[str] = set()
        self.absent_clients: set[str] = set()
        self.notes: list[str] = []
        self.errors: list[str] = []
        self.problems: list[str] = []
        self.deselected: list[str] = []
        self.selection: list[str] = []

    def use(self, name: str) -> None:
        if name not in self.used:
            self.used.add(name)
            self.forks.report(used=[name])

    def match(self, pattern: str) -> None:
        if pattern not in self.matched:
            self.matched.add(pattern)
            self.forks.report(matched=[pattern])

    def note_absent(self, client: str) -> None:
        if client not in self.absent_clients:
            self.absent_clients.add(client)
            self.forks.report(absent_clients=[client])

    def note(self, sentence: str) -> None:
        """Add a sentence to the summary, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def count_miss(self, miss: Miss) -> None:
        """Count a call without a recording, unless the same test has made it before."""
        if miss not in self.missing:
            self.missing.append(miss)
            self.forks.report(missing=[miss])

    def count_draw(self, label: str, modules: Sequence[str]) -> None:
        """Count a real call that drew from the global random states of these modules."""
        row = [label, ", ".join(modules)]
        self.draws.append(row)
        self.forks.report(draws=[row])

    def count_process(self, test: str, method: str) -> None:
        """Count a process that a test started by this method of multiprocessing, with nothing mimicked in it."""
        self.processes.append([test, method])
        self.forks.report(processes=[[test, method]])

    def keep_drift(self, row: dict[str, Any]) -> None:
        self.drifts.append(row)
        self.forks.report(drifts=[row])

    def count_websocket(self, origin: str, test: str) -> None:
        """Count a WebSocket that a test opened for real, once."""
        if [origin, test] not in self.websockets:
            self.websockets.append([origin, test])
            self.forks.report(websockets=[[origin, test]])

    def count_recorded(self, duration: float, replaced: set[str]) -> None:
        """Count a recorded call, by its duration in seconds and all objects that this process has replaced so far."""
        self.recorded += 1
        self.record_seconds += duration
        if self.forks.is_child:
            new = replaced - self.replaced
            self.replaced |= new
            self.forks.report(recorded=1, record_seconds=duration, replaced=sorted(new))

    def forget_replays(self, kept: int) -> None:
        """Forget all replays of this process but the first ones, because a test is run again."""
        del self._replays[kept:]

    @property
    def own_replays(self) -> int:
        return len(self._replays)

    def replays_since(self, begin: int) -> list[Replayed]:
        """Return the replays of this process after the first ones."""
        return self._replays[begin:]

    def count_replay(self, duration: float, name: str = "") -> None:
        """Count a replay of the recording with this name, which saved so many seconds."""
        self._replays.append((duration, name))

    def player(self, duration: float, fresh: Callable[[], Any], name: str = "") -> Callable[[], Any]:
        """Return a function that gives a fresh copy of a recorded value and counts a replay."""
        count, replayed = self._replays.append, (duration, name)

        def play() -> Any:
            value = fresh()
            count(replayed)
            return value

        return play

    @property
    def replayed(self) -> int:
        return self._replayed_elsewhere + len(self._replays)

    @property
    def saved(self) -> float:
        """How long the replayed calls took when they were recorded, in seconds."""
        return self._saved_elsewhere + sum(seconds for seconds, _ in self._replays)

    def to_plain(self) -> dict[str, Any]:
        """Return the account as data that execnet can ship."""
        return {
            "replayed": self.replayed,
            "saved": self.saved,
            "missing": [tuple(miss) for miss in self.missing],
            **{name: getattr(self, name) for name in (*_SUMS, *_LISTS, *_LINES)},
            **{name: sorted(getattr(self, name)) for name in _SETS},
        }

    def add(self, plain: dict[str, Any]) -> None:
        """Add the account of another process, or a part of it, in the form of `to_plain`."""
        self._replayed_elsewhere += plain.get("replayed", 0)
        self._saved_elsewhere += plain.get("saved", 0.0)
        for miss in plain.get("missing", ()):
            if Miss(*miss) not in self.missing:
                self.missing.append(Miss(*miss))
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + plain.get(name, 0))
        for name in _LISTS:
            getattr(self, name).extend(plain.get(name, ()))
        for name in _SETS:
            getattr(self, name).update(plain.get(name, ()))
        for name in _LINES:
            lines: list[str] = getattr(self, name)
            lines += [line for line in plain.get(name, ()) if line not in lines]

    def add_forked(self) -> list[MimicError]:
        """Add the accounts of forked processes since the last call, and return their errors."""
        entries, errors = self.forks.take()
        for entry in entries:
            self.add(entry)
        return errors
