"""What happened in a run, as plain data that adds up over xdist's workers."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from itertools import count
from typing import Any, NamedTuple

from pytest_mimic._swallowed.forks import Children

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


class Tally:
    """Counts the replays of one outcome; safe in threads without a lock."""

    __slots__ = ("_looks", "duration", "tick")

    def __init__(self, duration: float) -> None:
        self.tick: Callable[[], int] = count().__next__
        self.duration = duration
        self._looks = 0

    @property
    def count(self) -> int:
        """How often `tick` was called; a look at it is a tick as well, taken off again."""
        self._looks += 1
        return self.tick() - self._looks + 1


class Player(Tally):
    """Gives a fresh value at each call, and counts."""

    __slots__ = ("_fresh",)

    def __init__(self, duration: float, fresh: Callable[[], Any]) -> None:
        super().__init__(duration)
        self._fresh = fresh

    def __call__(self) -> Any:
        value = self._fresh()
        self.tick()
        return value


class Miss(NamedTuple):
    """A call that had no recording: its label, the test it happened in, whether `--mimic-record` records it."""

    label: str
    test: str
    by_option: bool = True


class Ledger:
    """One process's account of a run.

    Attributes:
        recorded, record_seconds: Real calls recorded, and how long they took, in seconds.
        verified, drifted: Real calls compared, and those that gave something else.
        missing: Calls without a recording.
        failures: Labels of recorded outcomes that are errors (an exception, a 5xx).
        children: What processes that were forked from this one tell of themselves.
        used: Names of the recordings and cassettes that the run used or made.
        replaced: Names of objects that re-recording left behind.
        strays: Misses outside of any test; they are told with the others.
        notes: Sentences for the summary.
        errors: What went wrong outside of any test, and could not be done at the end of a test or of the run.
        problems: Targets that turned out not to exist.
        selection: Why the selection was not complete; empty where it was.
        skipped_modules: The ids of modules that were skipped as a whole.
        collected: The files, and folders, in which tests were looked for, by their ids.
    """

    def __init__(self) -> None:
        self.children = Children()
        self._tallies: list[Tally] = []
        self._replayed = 0
        self._saved = 0.0
        self.recorded = 0
        self.record_seconds = 0.0
        self.verified = 0
        self.drifted = 0
        self.missing: list[Miss] = []
        self.failures: list[str] = []
        self.used: set[str] = set()
        self.replaced: set[str] = set()
        self.strays: list[str] = []
        self.notes: list[str] = []
        self.errors: list[str] = []
        self.problems: list[str] = []
        self.selection: list[str] = []
        self.skipped_modules: set[str] = set()
        self.collected: set[str] = set()

    def use(self, name: str) -> None:
        """A recording or cassette was used, by this process or one forked from it."""
        self.used.add(name)
        self.children.note(name)

    def note(self, sentence: str) -> None:
        """Tells something in the summary, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def gather_children(self) -> None:
        """Adds what forked children used and recorded; their own accounts ended with them."""
        children = self.children
        children.gather()
        self.used |= children.used
        self.replaced |= children.replaced
        self.recorded += len(children.recorded)
        self.record_seconds += sum(children.recorded)

    def tally(self, duration: float) -> Tally:
        """A new counter of replays, each of which saves `duration` seconds."""
        tally = Tally(duration)
        self._tallies.append(tally)
        return tally

    def player(self, duration: float, fresh: Callable[[], Any]) -> Player:
        """What gives a fresh value for `fresh`'s recording, and counts its replays."""
        player = Player(duration, fresh)
        self._tallies.append(player)
        return player

    @property
    def replayed(self) -> int:
        """How many calls were replayed."""
        return self._replayed + sum(tally.count for tally in self._tallies)

    @property
    def saved(self) -> float:
        """How long the replayed calls took when they were recorded, in seconds."""
        return self._saved + sum(tally.count * tally.duration for tally in self._tallies)

    def to_plain(self) -> dict[str, Any]:
        """The account as data that execnet can ship."""
        return {
            "replayed": self.replayed,
            "saved": self.saved,
            "recorded": self.recorded,
            "record_seconds": self.record_seconds,
            "verified": self.verified,
            "drifted": self.drifted,
            "missing": [tuple(miss) for miss in self.missing],
            "failures": self.failures,
            "used": sorted(self.used),
            "replaced": sorted(self.replaced),
            "strays": self.strays,
            "notes": self.notes,
            "errors": self.errors,
            "problems": self.problems,
            "selection": self.selection,
            "skipped_modules": sorted(self.skipped_modules),
            "collected": sorted(self.collected),
        }

    def add(self, plain: dict[str, Any]) -> None:
        """Adds another process's account, as `to_plain` gave it."""
        self._replayed += plain["replayed"]
        self._saved += plain["saved"]
        self.recorded += plain["recorded"]
        self.record_seconds += plain["record_seconds"]
        self.verified += plain["verified"]
        self.drifted += plain["drifted"]
        self.missing += [Miss(*miss) for miss in plain["missing"]]
        self.failures += plain["failures"]
        self.strays += plain["strays"]
        self.used.update(plain["used"])
        self.replaced.update(plain["replaced"])
        self.skipped_modules.update(plain["skipped_modules"])
        self.collected.update(plain["collected"])
        for name in ("notes", "errors", "problems", "selection"):
            mine: list[str] = getattr(self, name)
            mine += [line for line in plain[name] if line not in mine]


def proven_unused(
    unused: set[str],
    *,
    outcomes: dict[str, str],
    all_passed: bool,
    test_of: Callable[[str], str | None],
    gone: Container[str],
) -> Iterator[str]:
    """The recordings that a complete run has proven unused.

    Args:
        unused: Names of recordings that the run did not use.
        outcomes: Each test's id with `passed`, `failed` or `skipped`.
        all_passed: Whether no test and no module was skipped or failed.
        test_of: Gives the test that made a recording; None leaves the file alone.
        gone: The tests, of those that were not run, that exist no more.
    """
    for name in unused:
        test = test_of(name)
        if test is None:
            continue
        ended = outcomes.get(test)
        if ended == "passed" or (ended is None and all_passed and test in gone):
            yield name
