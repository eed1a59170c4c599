"""The account of a run: what has happened in it, as typed events that add up.

Each event is appended where it happens; its class is in `account_events`. The summary,
the log of calls, the page and the file of `--mimic-usage` are read from the events,
also from those of other processes: workers of xdist, and forked ones.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import starmap
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, TypeVar

from pytest_mimic._core.engine.account_events import EVENT_CLASSES

if TYPE_CHECKING:
    from pytest_mimic._core.engine.account_events import (
        ChangedInput,
        Drift,
        EqualCalls,
        FixtureChanged,
        LooksLikeKey,
        MadeAnew,
        Miss,
        OlderAnswers,
        OutcomeNotKept,
        RecordedCall,
        RecordedError,
        RecordingRestored,
        RenamedTest,
        RepeatedCall,
        StartedProcess,
        TokensTaken,
        VariableInOutcome,
        VerifiedCall,
    )
    from pytest_mimic._core.tree.differing import Difference
    from pytest_mimic._core.vault.recording_facts import StoredOutcome
    from pytest_mimic.errors import MimicError

    CallKind: TypeAlias = Literal[
        "replayed", "recorded", "verified", "drifted", "missing"
    ]

    class Log(Protocol):
        """Keeps each call as a row, where calls are shown: `CallLog.note`."""

        def __call__(
            self,
            call_kind: CallKind,
            call: Any,
            /,
            *,
            stored_outcome: StoredOutcome | None = None,
            seconds: float | None = None,
            error: MimicError | None = None,
            differences: Sequence[Difference] = (),
        ) -> None:
            """Keep a call; the arguments are those of `CallLog.note`."""

    class MadeAnewFinder(Protocol):
        """Finds which values in recorded calls the next run will make anew.

        See `NextRun`.
        """

        def begin(self) -> None:
            """Begin to note the random bytes of the run."""

        def end(self) -> None:
            """Note no further bytes."""

        def note(self, call: Any, stored_outcome: StoredOutcome, /) -> None:
            """Note a call that is recorded, and its outcome."""

        def note_elsewhere(self, stored_outcome: StoredOutcome, /) -> None:
            """Note an outcome that another process has recorded."""

        def report(self) -> None:
            """Enter what was found into the account."""


#: In place of the option that records a call: its recording only has to follow its
#: line.
REKEY = "rekey"


class Replay:
    """A call got its recorded outcome.

    Attributes:
        seconds: How long the real call took, which the replay saved.
        recording: The name of the call's recording or cassette.
        inputs: The name of the list of the call's inputs, if it has one.
        target: The target of the call.
    """

    # The class is written out, because each run loads it, and to make the class of a
    # `NamedTuple` takes ten times as long.

    __slots__ = ("inputs", "recording", "seconds", "target")

    def __init__(
        self, seconds: float, recording: str, inputs: str | None, target: str
    ) -> None:
        self.seconds: Final = seconds
        self.recording: Final = recording
        self.inputs: Final = inputs
        self.target: Final = target


Replayed: TypeAlias = "tuple[float, str, str | None, str]"
"""The fields of a `Replay`.

The garbage collector looks at a plain tuple once only, and a run has many replays.
"""


_Event = TypeVar("_Event", bound="tuple[Any, ...]")
_Item = TypeVar("_Item")


class EventList(list[_Event]):
    """The events of one kind, in the order in which they happened.

    Appending is safe in threads without a lock.
    """

    def add(self, event: _Event, /) -> None:
        """Append an event of another process, a worker of xdist or a forked one."""
        self.append(event)

    def rows(self, since: int = 0) -> list[tuple[Any, ...]]:
        """Return the fields of the events, without the first ones, to be shipped."""
        return [tuple(event) for event in self[since:]]


class _DistinctItems(list[_Item]):
    """A list that `add` gives equal items once: workers of xdist find the same ones.

    Whether an item is there is asked of a set, so that an item among thousands is added
    as fast as the first one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._present: set[_Item] = set()

    def __contains__(self, item: object) -> bool:
        return item in self._present

    def add(self, item: _Item, /) -> None:
        """Append an item, unless it is there."""
        if item not in self._present:
            self._present.add(item)
            self.append(item)


class DistinctEventList(_DistinctItems[_Event], EventList[_Event]):
    """Events of which equal ones count once."""


class DistinctTexts(_DistinctItems[str]):
    """Texts that count once."""


# Where several processes or jobs ran a test, the outcome of the highest rank counts.
_RANK_OF_OUTCOME = {"skipped": 0, "uncalled": 0, "passed": 1, "failed": 2, "forked": 3}


class Account:
    """The account of one process, or of several.

    Attributes:
        log: Keeps each call as a row, if calls are to be shown.
        next_run: What finds the parts that the next run makes anew, if this one
            records.
        replays: The replays of this process, as the fields of `Replay`. Appending is
            safe in threads without a lock.
        begun_tests: The tests in the order in which they began, each with the number of
            replays before it.
    """

    def __init__(self) -> None:
        # Events of calls.
        self.recorded_calls: EventList[RecordedCall] = EventList()
        self.verified_calls: EventList[VerifiedCall] = EventList()
        self.drifts: EventList[Drift] = EventList()
        self.misses: DistinctEventList[Miss] = DistinctEventList()
        self.changed_inputs: EventList[ChangedInput] = EventList()
        # The tokens of the calls that the run recorded, and of those that it replayed.
        self.recorded_tokens: EventList[TokensTaken] = EventList()
        self.saved_tokens: EventList[TokensTaken] = EventList()
        # The rows of calls that `-v` and the page of the report show, see `Log`.
        self.calls: list[dict[str, Any]] = []

        # Events of recordings.
        self.recorded_errors: EventList[RecordedError] = EventList()
        self.outcomes_not_kept: EventList[OutcomeNotKept] = EventList()
        self.restored_recordings: EventList[RecordingRestored] = EventList()
        self.moved: EventList[RenamedTest] = EventList()
        self.made_anew: EventList[MadeAnew] = EventList()
        self.repeated_calls: DistinctEventList[RepeatedCall] = DistinctEventList()
        self.changed_fixtures: DistinctEventList[FixtureChanged] = DistinctEventList()
        self.older_answers: DistinctEventList[OlderAnswers] = DistinctEventList()

        # Events of secrets and processes.
        self.variables_in_outcomes: DistinctEventList[VariableInOutcome] = (
            DistinctEventList()
        )
        self.texts_like_keys: DistinctEventList[LooksLikeKey] = DistinctEventList()
        self.equal_calls: DistinctEventList[EqualCalls] = DistinctEventList()
        self.started_processes: EventList[StartedProcess] = EventList()

        # Texts of the summary.
        # Why not all tests were collected.
        self.hiding: DistinctTexts = DistinctTexts()
        # How many of the collected tests do not run.
        self.deselected: DistinctTexts = DistinctTexts()
        # Other reasons why the run was not complete.
        self.selection: DistinctTexts = DistinctTexts()
        # Which renamed tests have several tests that are gone to take recordings from.
        self.unclear_moves: DistinctTexts = DistinctTexts()
        # Any sentences.
        self.notes: DistinctTexts = DistinctTexts()
        # Errors outside of any test, and steps at an end that failed.
        self.errors: DistinctTexts = DistinctTexts()
        # Targets that turned out not to exist.
        self.target_problems: DistinctTexts = DistinctTexts()
        # The tests whose recordings hold one of `dropped_placeholders`.
        self.tests_with_dropped_placeholders: DistinctTexts = DistinctTexts()

        # Names of recordings. These prove which are unused.
        # The recordings and cassettes that the run used or made.
        self.used: set[str] = set()
        # With `--mimic-usage`, the recordings in the vault at the end.
        self.known: set[str] = set()
        # The objects that re-recording left behind.
        self.replaced_objects: set[str] = set()
        # The files that Git LFS has left as pointers.
        self.lfs_pointers: set[str] = set()
        # The placeholders that answers to wider fixtures have no longer.
        self.dropped_placeholders: set[str] = set()

        # Names of targets.
        # What was mimicked: clients, functions by the lines that named them and by
        # their own names, `shop.api:fetch`, `shop.api:*`.
        self.mimicked: set[str] = set()
        # The clients that are named and not installed.
        self.absent_clients: set[str] = set()
        # Why recordings of other targets cannot be judged: the run does not have the
        # lines of the project.
        self.lacking_lines: set[str] = set()
        # The paths of `ignore=` whose lines had calls: `shop.api:fetch ignore=a.b`.
        self.ignored_paths: set[str] = set()
        # The paths of `ignore=` that met something in a call, in the same form.
        self.met_paths: set[str] = set()

        # Tests, and where they are. By the first three entries, a run judges whether
        # the test of an unused recording is gone, or only did not run.
        # `passed`, `failed` or `skipped`, by the id of each test that ran; `forked`
        # where only a forked process knows; `uncalled` where a plugin answered in place
        # of the test's function.
        self.outcomes: dict[str, str] = {}
        # The node ids of the modules that were skipped as a whole. Their tests have no
        # ids here, so such a run does not prove their recordings unused.
        self.skipped_modules: set[str] = set()
        # The files and folders in which pytest looked for tests.
        self.collected: set[str] = set()
        # The ids of the collected tests, each with its environment.
        self.tests: set[str] = set()
        # The ids of the tests that ran or were skipped, in the same form. If one of
        # `tests` is not among them, the command `unused` proves nothing.
        self.ran: set[str] = set()
        # The folders of the project's tests, and those of them in which all tests were
        # collected. The command `unused` compares the two over several runs.
        self.wanted: set[str] = set()
        self.covered: set[str] = set()

        # The names of the entries that add up.
        self.entries: frozenset[str] = frozenset(vars(self))

        self.replays: list[Replayed] = []
        self.begun_tests: list[tuple[int, str]] = []
        self.log: Log | None = None
        self.next_run: MadeAnewFinder | None = None
        # The replays of other processes come as sums. Those of this one are rows.
        self._replayed_elsewhere = 0
        self._seconds_saved_elsewhere = 0.0

    # -- what the events add up to

    @property
    def replayed(self) -> int:
        """How many calls were replayed."""
        return self._replayed_elsewhere + len(self.replays)

    @property
    def saved_seconds(self) -> float:
        """The seconds of real calls that replays saved.

        Those that were recorded at the same time count once.
        """
        seconds = sum(replay.seconds for replay in self.each_replay())
        return self._seconds_saved_elsewhere + seconds

    @property
    def recorded(self) -> int:
        """How many real calls were recorded."""
        return len(self.recorded_calls)

    @property
    def record_seconds(self) -> float:
        """How long the calls took that were recorded."""
        return sum(call.seconds for call in self.recorded_calls)

    @property
    def verified(self) -> int:
        """How many real calls agree with their recordings."""
        return len(self.verified_calls)

    @property
    def tokens_taken(self) -> tuple[int, int]:
        """The tokens of recorded requests to language models, and of their answers."""
        return _sum(self.recorded_tokens)

    @property
    def tokens_saved(self) -> tuple[int, int]:
        """The tokens of replayed requests to language models, and of their answers."""
        return _sum(self.saved_tokens)

    def each_replay(self, *, since: int = 0) -> Iterator[Replay]:
        """Yield the replays of this process, without the first so many."""
        return starmap(Replay, self.replays[since:])

    def tests_that_replayed(self, recordings: Collection[str]) -> dict[str, list[str]]:
        """Return the tests of this process that replayed each of these recordings.

        `stale_inputs` names them where an input has changed. By them, `next_run` tells
        a test's own outcome from that of a wider fixture.
        """
        # By recording. As keys, the tests stand once, in the order of their replays.
        tests_by_recording: dict[str, dict[str, None]] = {}
        for number, replay in enumerate(self.each_replay()):
            if replay.recording in recordings:
                test = self._test_at(number)
                tests_by_recording.setdefault(replay.recording, {})[test] = None
        return {name: list(tests) for name, tests in tests_by_recording.items()}

    def _test_at(self, number: int) -> str:
        """Return the test that ran when the account had so many replays."""
        begun_count = bisect_right(self.begun_tests, number, key=lambda row: row[0])
        return self.begun_tests[begun_count - 1][1] if begun_count else ""

    def note_fork(self, test: str) -> None:
        """Note that a process was forked, which may use recordings.

        This account may not hear which ones, so they are not called unused.

        Args:
            test: The id of the running test, empty outside of tests.
        """
        if test:
            self._add_outcome(test, "forked")
        else:
            self.selection.add("a process was forked outside of tests")

    # -- accounts that add up

    def to_plain(self) -> dict[str, Any]:
        """Return the account as data that execnet, and JSON, can ship.

        An entry of events is a list of their fields, a set is a sorted list.
        """
        plain: dict[str, Any] = {
            "replayed": self.replayed,
            "saved_seconds": self.saved_seconds,
        }
        for name in self.entries:
            entry = vars(self)[name]
            if isinstance(entry, EventList):
                plain[name] = entry.rows()
            elif isinstance(entry, set):
                plain[name] = sorted(entry)
            elif isinstance(entry, DistinctTexts):
                plain[name] = list(entry)
            else:
                plain[name] = entry
        return plain

    def add(self, plain: dict[str, Any]) -> None:
        """Add the account of another process, or a part of it.

        The account has the form of `to_plain`. The replays of a forked process are
        rows, as its test is one of this process.

        Raises:
            TypeError: An event has other fields.
        """
        self.replays.extend(plain.get("replays", ()))
        self._replayed_elsewhere += plain.get("replayed", 0)
        self._seconds_saved_elsewhere += plain.get("saved_seconds", 0.0)
        for name in self.entries & plain.keys():
            self._add_entry(name, plain[name])

    def _add_entry(self, name: str, other: Any) -> None:
        """Add an entry of another account, in the form of `to_plain`."""
        entry = vars(self)[name]
        if isinstance(entry, EventList):
            event_class = EVENT_CLASSES[name]
            for fields in other:
                entry.add(event_class(*fields))
        elif isinstance(entry, (set, DistinctTexts)):
            for text in other:
                entry.add(text)
        elif isinstance(entry, dict):
            for test, outcome in other.items():
                self._add_outcome(test, outcome)
        else:
            entry.extend(other)

    def _add_outcome(self, test: str, outcome: str) -> None:
        """Note how a test has ended, perhaps in another process, too."""
        former_outcome = self.outcomes.get(test, outcome)
        self.outcomes[test] = max(
            former_outcome, outcome, key=_RANK_OF_OUTCOME.__getitem__
        )


def _sum(events: Iterable[TokensTaken]) -> tuple[int, int]:
    """Return the tokens of requests in events, and those of their answers."""
    sent = 0
    received = 0
    for event in events:
        sent += event.sent
        received += event.received
    return sent, received
