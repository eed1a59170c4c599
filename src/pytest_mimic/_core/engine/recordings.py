"""Finds the recordings of a run's calls, and lets these take turns.

What a miss says is in `_core/tree/messages.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING, Protocol

from pytest_mimic._core.engine.wall_time import WallTime
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.vault.format import (
    imported_parts,
    parse_recording,
    recording_folder,
)
from pytest_mimic._core.vault.recording_facts import Recording, calls_of, read_calls
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.account import Account
    from pytest_mimic._core.engine.owners import Owner
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._core.vault.headings import Heading

# So many recordings of a target are looked at for the one that is nearest to a miss.
_MOST_COMPARED_WITH_MISS = 10_000


class _Processes(Protocol):
    """The processes of a run that has forked, as `Turns` uses them."""

    def begin_turn(self) -> None:
        """Keep other processes out, and learn what they did."""

    def end_turn(self) -> None:
        """Tell other processes what this one did, and let them in."""


class Turns:
    """A lock that a thread may take again, and that processes share once a run forks.

    A turn is a `with` block. Other threads and processes see all of what it does, or
    none: a call takes its place, a recording is written.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        # How many turns the thread that holds the lock has begun, one inside another.
        self._depth = 0
        # None until the run forks.
        self._processes: _Processes | None = None

    def begin(self) -> None:
        """Begin a turn, once neither another thread nor another process has one."""
        self._lock.acquire()
        self._depth += 1
        if self._depth > 1 or self._processes is None:
            # The outermost turn keeps other processes out already, or there are none.
            return
        try:
            self._processes.begin_turn()
        except BaseException:
            self._depth -= 1
            self._lock.release()
            raise

    def end(self, *_: object) -> None:
        """End a turn."""
        try:
            is_outermost = self._depth == 1
            if is_outermost and self._processes is not None:
                # Other processes have waited for the whole of this turn.
                self._processes.end_turn()
        finally:
            self._depth -= 1
            self._lock.release()

    __enter__ = begin
    __exit__ = end

    def share(self, processes: _Processes) -> None:
        """Share the turns with processes that are forked from now on.

        The caller holds a turn.
        """
        processes.begin_turn()
        self._processes = processes

    def start_over(self) -> None:
        """Begin anew in a forked process.

        The turn in which it was forked is its parent's.
        """
        self._lock = RLock()
        self._depth = 0


class Recordings:
    """The recordings of one run's calls.

    Attributes:
        turns: Whoever changes places or journals holds a turn, so that no other thread
            or process sees a part of the change.
        wall_time: Counts the time of calls that are recorded at the same time once.
        read_or_written: The recordings that this run has read or written, by name.
        last_outcome_failed: The names of recordings whose last outcome in this run is a
            failure of a client.
        parts_of_imports_by_target: Which parts count in the imported recordings of a
            target, once they were looked up: `["method-uri"]`. The command `import`
            enters none, as earlier imports answer none of its requests.
        misses_of_test: The errors of the running test's calls without a recording, and
            the options that record them.
        identities_of_today: What misses have learnt of the recordings of lines that
            have changed, see `changed_lines`.
    """

    def __init__(self, vault: Vault, account: Account, *, mode: Mode) -> None:
        self.turns: Turns = Turns()
        self.wall_time: WallTime = WallTime()
        self._vault = vault
        self._account = account
        # A replay needs no description of the arguments. A miss reads the file again.
        self._skips_descriptions = mode is Mode.REPLAY
        self.read_or_written: dict[str, Recording] = {}
        self.last_outcome_failed: set[str] = set()
        self.parts_of_imports_by_target: dict[str, list[str]] = {}
        self.misses_of_test: dict[tuple[str, ...], tuple[MimicError, str]] = {}
        self.identities_of_today: dict[tuple[str, str, str], str] = {}
        # The owner and the test of recordings that a miss may be compared with, by the
        # names of these recordings.
        self._headings: dict[str, Heading] = {}
        # By client, then by owner: the names of the recordings at the first question.
        self._names_by_owner: dict[str, dict[str, set[str]]] = {}

    # -- finding

    def parts_of_imports(self, target: str, folder: str) -> list[str]:
        """Return which parts count in the imported recordings of a target.

        Those in which most parts count come first. A run imports nothing itself.

        Args:
            target: The target.
            folder: The folder of its recordings.
        """
        if target not in self.parts_of_imports_by_target:
            parts = self._parts_of_imports_in(folder)
            self.parts_of_imports_by_target[target] = parts
        return self.parts_of_imports_by_target[target]

    def _parts_of_imports_in(self, folder: str) -> list[str]:
        """Return which parts count in the imported recordings of a folder."""
        parts_of_imports = set()
        for name in self._vault.store.names(folder):
            key = name.rpartition("/")[2].removesuffix(".json")
            parts_of_imports.add(imported_parts(key))
        # The name of any other recording says nothing of parts.
        return sorted(parts_of_imports - {""}, key=_most_parts_first)

    def find(self, name: str) -> Recording | None:
        """Return the recording with this name, which is read once a session.

        None: there is no such recording.
        """
        # Another thread may drop it at any time.
        recording = self.read_or_written.get(name)
        if recording is not None:
            return recording
        calls = read_calls(self._vault.objects, name, skim=self._skips_descriptions)
        if not calls:
            return None
        self.read_or_written[name] = calls[0]
        return calls[0]

    def readable(self, name: str) -> Recording | None:
        """Return the recording with this name, with its description of the arguments.

        None: there is none, or it cannot be read. A miss looks here for what its call
        has recorded under former options.
        """
        with suppress(MimicError):
            return self._vault.read(name)
        return None

    def parsed(self, name: str, data: bytes | None) -> Recording | None:
        """Return the recording that another process has written, by the file's content.

        None: there is no file, which has no content.
        """
        return None if data is None else self.calls_in(name, data)[0]

    def calls_in(self, name: str, data: bytes) -> list[Recording]:
        """Return the calls in the content of a recording or cassette of this name."""
        objects = self._vault.objects
        facts = parse_recording(
            data, objects.vault_label, name, skim=self._skips_descriptions
        )
        return calls_of(objects, name, facts)

    def of_target(self, target: str) -> Iterator[Recording]:
        """Yield all readable recordings of a target."""
        return self._readable(self._names_of(target), target)

    def like_missed(
        self, target: str, *, test: str, owner: str | None
    ) -> Iterator[Recording]:
        """Yield recordings of a target that a missed call may resemble.

        Recordings of the same owner come first, then those of the same test. Of a
        target with very many recordings, the first ones are looked at, so that a miss
        does not take seconds.

        Args:
            target: The name of the target.
            test: The id of the running test.
            owner: The test or the scope that the call belongs to; None if one recording
                serves all.
        """
        vault = self._vault
        names = self._names_of(target)[:_MOST_COMPARED_WITH_MISS]
        # A run may have many misses.
        names_without_heading = [name for name in names if name not in self._headings]
        for heading in vault.reader.headings(names_without_heading):
            self._headings[heading.name] = heading

        def rank(name: str) -> int:
            """Return when the miss is compared with a recording: 0 comes first."""
            heading = self._headings.get(name)
            if heading is None:
                return 2
            is_of_owner = owner is not None and heading.owner == owner
            if is_of_owner:
                return 0
            if heading.test == test:
                return 1
            return 2

        names.sort(key=rank)
        return self._readable(names, target)

    def _names_of(self, target: str) -> list[str]:
        return list(self._vault.store.names(recording_folder(target)))

    def _readable(self, names: Iterable[str], target: str) -> Iterator[Recording]:
        """Yield the recordings of these names that are readable and of the target."""
        for name in names:
            recording = None
            with suppress(MimicError):
                recording = self._vault.read(name)
            if recording is not None and recording.target == target:
                yield recording

    def not_made_by(self, owner: Owner, target: str) -> set[str]:
        """Return the names of an owner's recordings whose calls it did not make so far.

        Only those at one client count. A conversation that was recorded again drops
        them; before its first call, they say that it is recorded.
        """
        if target not in self._names_by_owner:
            names_by_owner = self._names_by_owner[target] = {}
            for recording in self.of_target(target):
                if recording.owner is not None:
                    names = names_by_owner.setdefault(recording.owner, set())
                    names.add(recording.name)
        names_of_made = owner.tracks.keys() | owner.journal.keys()
        return self._names_by_owner[target].get(owner.name, set()) - names_of_made

    def drop(self, name: str) -> None:
        """Delete a recording, which no call of this run gets any more."""
        self._vault.restore(name, None)
        self.read_or_written.pop(name, None)
        self._account.used.discard(name)


def _most_parts_first(parts: str) -> tuple[int, str]:
    """Return a key that sorts `method-uri` and the like, those of most parts first."""
    return -parts.count("-"), parts
