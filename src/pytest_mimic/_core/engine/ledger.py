"""The account of a run as plain data that adds up over xdist's workers and forked processes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from functools import partial
from os import getpid
from typing import Any, NamedTuple, TypeAlias, TypeVar

from pytest_mimic._core.swallowed.pending import ForkLog
from pytest_mimic.errors import MimicError


class Miss(NamedTuple):
    """A call that had no recording: its label, its test, whether `--mimic-record` records it, and its identity.

    If it is stale, it has one, but of another source.
    """

    label: str
    test: str
    by_option: bool = True
    key: str = ""
    is_stale: bool = False


Replayed: TypeAlias = tuple[float, str, "str | None", str]
"""A replay: the seconds that it saved, the name of its recording or cassette, that of the list of its inputs, its target."""

RecordedError: TypeAlias = tuple[str, str]
"""A recorded outcome that is an error: the call and its error in words, and the test."""


_Row = TypeVar("_Row")


def _counted(fresh: Callable[[], object], count: Callable[[Replayed], None], replayed: Replayed) -> object:
    value = fresh()
    count(replayed)
    return value


class OnceEach(list[_Row]):
    """Rows that count once, because several workers have the same ones."""

    def add(self, row: _Row) -> None:
        if row not in self:
            self.append(row)


# The entries are made by three classes, as one `__init__` for all of them would be too long to read.
class _Selection:
    """The entries that say which recordings are used, and which are proven unused."""

    def __init__(self) -> None:
        # Names of the recordings and cassettes that the run used or made.
        self.used: set[str] = set()
        # The ids of modules that were skipped as a whole.
        self.skipped_modules: set[str] = set()
        # The ids of the files and folders in which pytest looked for tests.
        self.collected: set[str] = set()
        # With `--mimic-usage`, the ids of the tests that were collected, also of those that were deselected then.
        self.tests: set[str] = set()
        # The kinds of clients that tests name, and of which none that is named is installed.
        self.absent_clients: set[str] = set()
        # How many tests of the collected ones do not run, in words; empty if all do.
        self.deselected = OnceEach[str]()
        # Other reasons why the run was not complete; empty if it was.
        self.selection = OnceEach[str]()


class _Writing:
    """The entries that say what the tests wrote, and what is taken back of it."""

    def __init__(self) -> None:
        # The labels of the errors of failing tests, which were not kept.
        self.taken_back: list[str] = []
        # The name of each recording that a failing test replaced, its content before and its content now.
        self.put_back: list[Sequence[str | None]] = []
        # Marks of the contents that passing tests used; see `owners.accept`.
        self.trusted: set[str] = set()
        # What forked processes wrote since the last test: the arguments of `Journal.note`.
        self.wrote: list[list[Any]] = []
        # Names of objects that re-recording left behind.
        self.replaced: set[str] = set()


class Ledger(_Selection, _Writing):
    """The account of one process. The kind of an entry says how two accounts add up."""

    def __init__(self) -> None:
        _Selection.__init__(self)
        _Writing.__init__(self)
        # Real calls recorded, and how long they took, in seconds.
        self.recorded = 0
        self.record_seconds = 0.0
        # How many tokens of language models the replayed answers took when they were recorded.
        self.tokens = 0
        # Real calls compared, and those that differed from their recording: label and test.
        self.verified = 0
        self.drifted: list[Sequence[str]] = []
        # Calls without a recording.
        self.missing = OnceEach[Miss]()
        # The real calls of `mimic_auto` in a run that was not asked to record: test and identity.
        self.unasked: list[Sequence[str]] = []
        # The recorded errors that were kept and are listed: each in words, and its test.
        self.failures: list[Sequence[str]] = []
        # Misses outside of any test.
        self.strays: list[str] = []
        # Outcomes that held the value of an environment variable: label, and what was done with it in which test.
        self.environment: list[Sequence[str]] = []
        # Processes that were started without anything mimicked in them: test, and the way of starting.
        self.processes: list[Sequence[str]] = []
        # The calls that were noted for `-v` or the HTML report and are not yet part of a test's report; see `call_log`.
        self.calls: list[dict[str, Any]] = []
        # What has changed of what replayed calls reach and read: recording, target, what, how many calls, and their tests.
        self.inputs: list[Sequence[Any]] = []
        # Sentences for the summary.
        self.notes = OnceEach[str]()
        # Errors outside of any test, and steps that failed at the end of a test or of the run.
        self.errors = OnceEach[str]()
        # Targets that turned out not to exist.
        self.problems = OnceEach[str]()
        # All of these are entries; what follows belongs to this process alone.
        self._entries = frozenset(vars(self))
        # Processes that are forked from this one add to its account by a log.
        self.process = getpid()
        self.forks = ForkLog()
        # The replays of this process. Appending is safe in threads without a lock. The garbage collector looks at plain
        # tuples once only.
        self.replays: list[Replayed] = []
        self._count = self.replays.append
        # How many replays there were when each test began.
        self.begun: list[tuple[int, str]] = []
        self._replayed_elsewhere = 0
        self._saved_elsewhere = 0.0

    def use(self, name: str) -> None:
        if name not in self.used:
            self.used.add(name)
            # A forked process has a copy of this ledger, which is lost when it ends.
            if getpid() != self.process:
                self.forks.report(used=[name])

    def enter(self, name: str, row: object, *, once: bool = False) -> None:
        """Add a row to an entry that is a list or set, also to that of the process which this one was forked from."""
        entry = vars(self)[name]
        if once and row in entry:
            return
        entry.add(row) if isinstance(entry, set) else entry.append(row)
        self.forks.report(**{name: [row]})

    def note(self, sentence: str) -> None:
        """Add a sentence to the summary, once."""
        self.notes.add(sentence)

    def count_environment(self, label: str, test: str, name: str, *, is_hidden: bool) -> None:
        """Count a new outcome that held the value of an environment variable, which is hidden where it is a text."""
        what = f"<{name}> stands for the value" if is_hidden else f"holds the value of {name}"
        self.enter("environment", [label, f"{what}, {test}" if test else what], once=True)

    def count_recorded(self, duration: float, replaced: set[str]) -> None:
        """Count a recorded call, by its duration in seconds and all objects that this process has replaced so far."""
        self.recorded += 1
        self.record_seconds += duration
        if getpid() != self.process:
            new = replaced - self.replaced
            self.replaced |= new
            self.forks.report(recorded=1, record_seconds=duration, replaced=sorted(new))

    def player(self, fresh: Callable[[], object], replay: Replayed) -> Callable[[], Any]:
        """Return a function that gives a fresh copy of a recorded value and counts a replay."""
        self.use(replay[1])
        # A closure has twice as many parts for the garbage collector.
        return partial(_counted, fresh, self._count, replay)

    @property
    def replayed(self) -> int:
        return self._replayed_elsewhere + len(self.replays)

    @property
    def saved(self) -> float:
        """How long the replayed calls took when they were recorded, in seconds."""
        return self._saved_elsewhere + sum(replay[0] for replay in self.replays)

    def tests_of(self, recordings: Collection[str]) -> dict[str, list[str]]:
        """Return the tests of this process that replayed each of these recordings."""
        users: dict[str, dict[str, None]] = {}
        for number, replay in enumerate(self.replays):
            if replay[1] in recordings:
                begun = bisect_right(self.begun, number, key=lambda row: row[0])
                users.setdefault(replay[1], {})[self.begun[begun - 1][1] if begun else ""] = None
        return {name: list(tests) for name, tests in users.items()}

    def to_plain(self) -> dict[str, Any]:
        """Return the account as data that execnet can ship."""
        plain: dict[str, Any] = {"replayed": self.replayed, "saved": self.saved}
        for name in self._entries:
            entry = vars(self)[name]
            if isinstance(entry, set):
                entry = sorted(entry)
            plain[name] = list(entry) if isinstance(entry, OnceEach) else entry
        plain["missing"] = [tuple(miss) for miss in self.missing]
        return plain

    def add(self, plain: dict[str, Any]) -> None:
        """Add the account of another process, or a part of it, in the form of `to_plain`."""
        self._replayed_elsewhere += plain.get("replayed", 0)
        self._saved_elsewhere += plain.get("saved", 0.0)
        for miss in plain.get("missing", ()):
            self.missing.add(Miss(*miss))
        for name in (self._entries & plain.keys()) - {"missing"}:
            entry, other = vars(self)[name], plain[name]
            if isinstance(entry, (set, OnceEach)):
                for row in other:
                    entry.add(row)
            else:
                vars(self)[name] = entry + other

    def add_forked(self) -> list[MimicError]:
        """Add the accounts of forked processes since the last call, and return their errors."""
        entries, errors = self.forks.take()
        for entry in entries:
            self.add(entry)
        return errors
