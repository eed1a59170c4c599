"""The account of a run as plain data that adds up over xdist's workers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from pytest_mimic._core.vault.recording_facts import Stored

    class MadeAnewFinder(Protocol):
        """Finds what the next run makes anew in recorded calls: a `NextRun`."""

        def begin(self) -> None:
            """Begin to note the random bytes of the run."""

        def end(self) -> None:
            """Note no further bytes."""

        def note(self, call: Any, stored: Stored, /) -> None:
            """Note a call that is recorded, and its outcome."""

        def note_elsewhere(self, stored: Stored, /) -> None:
            """Note an outcome that another process has recorded."""

        def report(self) -> None:
            """Enter what was found into the account."""


#: In place of the option that records a call: its recording only has to follow its
#: line.
REKEY = "rekey"


class Miss(NamedTuple):
    """A call that had no recording.

    Attributes:
        label: The call as people read it.
        test: The id of its test.
        option: What records it, if an option does; `REKEY` if its recording is there.
        key: Its identity.
        is_stale: It has a recording, but of another source.
        target: The name of its target.
        changing: The paths of its parts that look made anew, between blanks, if it
            differs from the nearest recording in nothing else.
        kinds: What these parts are, between blanks: `moment uuid`.
        line: The line that leaves them out, if there is one.
    """

    label: str
    test: str
    option: str = "--mimic-record"
    key: str = ""
    is_stale: bool = False
    target: str = ""
    changing: str = ""
    kinds: str = ""
    line: str = ""


class MadeAnew(NamedTuple):
    """A part of a call that a run has recorded, and that the next run makes anew.

    Attributes:
        target: The name of the call's target.
        path: Where the part is, as `ignore=` takes it.
        kind: What it is: `uuid`, `moment`.
        test: The id of its test.
        call: The number of the call in its process, which tells its parts from those
            of others.
        rest: What is equal for calls that are one without such parts.
        line: The line that would leave out the paths that take the place of `{paths}`.
            Empty: the part is not to be left out.
    """

    target: str
    path: str
    kind: str
    test: str
    call: str
    rest: str
    line: str = ""


Replayed: TypeAlias = tuple[float, str, "str | None", str]
"""A replay, in four parts.

They are the seconds that it saved, the name of its recording or cassette, that of the
list of its inputs, and its target.
"""


class OnceEach(list[Any]):
    """Rows that count once, because several workers have the same ones."""

    def add(self, row: object) -> None:
        if row not in self:
            self.append(row)


# How an outcome of a test counts when several processes or jobs have run it.
_WEIGHT = {"skipped": 0, "passed": 1, "failed": 2, "forked": 3}


class Account:
    """The account of one process.

    The kind of an entry says how two accounts add up: numbers, lists, sets, outcomes.

    Attributes:
        log: Keeps each call as a row, if calls are to be shown: `CallLog.note`.
        next_run: What finds the parts that the next run makes anew, if this one
            records.
    """

    def __init__(self) -> None:
        # Sets of names and ids. The first ones prove which recordings are unused.
        # The recordings and cassettes that the run used or made.
        self.used: set[str] = set()
        # The paths of `ignore=` whose lines had calls, `shop.api:fetch ignore=a.b`, and
        # those that met something in one.
        self.ignored_paths: set[str] = set()
        self.met_paths: set[str] = set()
        # The modules that were skipped as a whole.
        self.skipped_modules: set[str] = set()
        # The files and folders in which pytest looked for tests.
        self.collected: set[str] = set()
        # The clients that are named and not installed.
        self.absent_clients: set[str] = set()
        # What was mimicked: clients, functions by the lines that named them and by
        # their own names, `shop.api:fetch`, `shop.api:*`.
        self.mimicked: set[str] = set()
        # Why recordings of other targets cannot be judged: the run does not have the
        # lines of the project.
        self.lacking_lines: set[str] = set()
        # With `--mimic-usage`, the recordings in the vault at the end.
        self.known: set[str] = set()
        # The tests that were collected, with their environment, and those of them that
        # ran or were skipped.
        self.tests: set[str] = set()
        self.ran: set[str] = set()
        # The paths of a complete selection, and those in which all tests were
        # collected.
        self.wanted: set[str] = set()
        self.covered: set[str] = set()
        # The objects that re-recording left behind.
        self.replaced: set[str] = set()
        # `passed`, `failed` or `skipped`, by the id of each test that ran; `forked`
        # where only a forked process knows.
        self.outcomes: dict[str, str] = {}

        # Rows that count once.
        # Why not all tests were collected.
        self.hiding: OnceEach = OnceEach()
        # How many of the collected tests do not run.
        self.deselected: OnceEach = OnceEach()
        # Other reasons why the run was not complete.
        self.selection: OnceEach = OnceEach()
        # Calls without a recording.
        self.missing: OnceEach = OnceEach()
        # Sentences for the summary.
        self.notes: OnceEach = OnceEach()
        # Errors outside of any test, and steps at an end that failed.
        self.errors: OnceEach = OnceEach()
        # Targets that turned out not to exist.
        self.problems: OnceEach = OnceEach()
        # Outcomes with secret values: label, what was done, test.
        self.environment: OnceEach = OnceEach()
        # Texts in what was recorded that look like keys: label; what, its mark and
        # test.
        self.keys: OnceEach = OnceEach()
        # The files that Git LFS has left as pointers.
        self.pointers: set[str] = set()
        # Parts of recorded calls that the next run makes anew, as `MadeAnew` in plain
        # tuples.
        self.made_anew: list[Sequence[str]] = []
        # The placeholders that answers to wider fixtures have no longer, and the tests
        # whose recordings hold one.
        self.dropped: set[str] = set()
        self.outdated: OnceEach = OnceEach()
        # Calls that equal another one but for a secret: label; what tells them apart.
        self.alike: OnceEach = OnceEach()

        # Rows that add up.
        # Real calls that differ from their recording: label, test.
        self.drifted: list[Sequence[str]] = []
        # Recorded errors that were kept and are listed: call, test.
        self.failures: list[Sequence[str]] = []
        # Processes in which nothing is mimicked: test, way.
        self.processes: list[Sequence[str]] = []
        # Whose recordings can go where: a test that is gone, another.
        self.moved: list[Sequence[str]] = []
        # The calls that were noted for reports, see `call_log`.
        self.calls: list[dict[str, Any]] = []
        # What has changed of what replayed calls reach and read: recording, target,
        # what, how many calls, their tests.
        self.inputs: list[Sequence[Any]] = []
        # The errors of failing tests, which were not kept.
        self.taken_back: list[str] = []

        # Numbers.
        # Real calls that were recorded, and those that agree with their recordings.
        self.recorded: int = 0
        self.verified: int = 0
        # The recordings that failing tests replaced.
        self.put_back: int = 0
        self.record_seconds: float = 0.0
        # The tokens of requests to language models and of their answers: of calls that
        # the run recorded, and of those that it replayed.
        self.tokens_sent: int = 0
        self.tokens_received: int = 0
        self.saved_tokens_sent: int = 0
        self.saved_tokens_received: int = 0
        # The names of the entries that add up.
        self.entries: frozenset[str] = frozenset(vars(self))

        # The replays of this process. Appending is safe in threads without a lock. The
        # garbage collector looks at plain tuples once only.
        self.replays: list[Replayed] = []
        # How many replays there were when each test began.
        self.begun: list[tuple[int, str]] = []
        self.log: Callable[..., None] | None = None
        self.next_run: MadeAnewFinder | None = None
        self._replayed_elsewhere = 0
        self._saved_elsewhere = 0.0

    @property
    def replayed(self) -> int:
        return self._replayed_elsewhere + len(self.replays)

    @property
    def saved(self) -> float:
        """The seconds of real calls that replays saved.

        Those that were recorded at the same time count once.
        """
        return self._saved_elsewhere + sum(replay[0] for replay in self.replays)

    def tests_of(self, recordings: Collection[str]) -> dict[str, list[str]]:
        """Return the tests of this process that replayed each of these recordings."""
        users: dict[str, dict[str, None]] = {}
        for number, replay in enumerate(self.replays):
            if replay[1] in recordings:
                begun = bisect_right(self.begun, number, key=lambda row: row[0])
                users.setdefault(replay[1], {})[
                    self.begun[begun - 1][1] if begun else ""
                ] = None
        return {name: list(tests) for name, tests in users.items()}

    def note_fork(self, test: str) -> None:
        """Note that a process was forked: what only that one uses is not known here.

        Args:
            test: The id of the running test, empty outside of tests.
        """
        if test:
            self.add({"outcomes": {test: "forked"}})
        else:
            self.selection.add("a process was forked outside of tests")

    def to_plain(self) -> dict[str, Any]:
        """Return the account as data that execnet, and JSON, can ship."""
        plain: dict[str, Any] = {"replayed": self.replayed, "saved": self.saved}
        for name in self.entries:
            entry = vars(self)[name]
            plain[name] = sorted(entry) if isinstance(entry, set) else entry
            if isinstance(entry, OnceEach):
                plain[name] = [
                    tuple(row) if isinstance(row, Miss) else row for row in entry
                ]
        return plain

    def add(self, plain: dict[str, Any]) -> None:
        """Add the account of another process, or a part of it.

        It has the form of `to_plain`.

        The replays of a forked process are rows, as its test is one of this process.
        """
        self.replays.extend(plain.get("replays", ()))
        self._replayed_elsewhere += plain.get("replayed", 0)
        self._saved_elsewhere += plain.get("saved", 0.0)
        for name in self.entries & plain.keys():
            entry, other = vars(self)[name], plain[name]
            if isinstance(entry, (set, OnceEach)):
                for row in other:
                    entry.add(Miss(*row) if name == "missing" else row)
            elif isinstance(entry, dict):
                for test, outcome in other.items():
                    entry[test] = max(
                        entry.get(test, outcome), outcome, key=_WEIGHT.__getitem__
                    )
            else:
                entry += other
                vars(self)[name] = entry
