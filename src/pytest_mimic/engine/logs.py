"""The log of an owner: its calls in their order, recorded and of this run."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import (
    Callable,
    Hashable,
    Mapping,
)
from functools import cached_property, partial
from itertools import count
from typing import Literal

from pytest_mimic.engine.calls import (
    Call,
    Key,
    Slot,
    entry_of,
    failed_exchange,
    is_gone,
    key_of,
    raised_in,
    recorded_at,
)
from pytest_mimic.engine.decide import Mode, Way, decide
from pytest_mimic.engine.end_order import EndOrder
from pytest_mimic.engine.recorded_calls import RecordedCalls
from pytest_mimic.engine.verifying import is_equal
from pytest_mimic.patch.clients import versions_of
from pytest_mimic.values.tree import Tree, digest_of
from pytest_mimic.vault.recording import (
    Entry,
    Recording,
    copied,
    end_of,
)
from pytest_mimic.vault.vault import Vault, Written

Ending = Literal["passed", "skipped", "failed"]


class Log:
    """The calls of one owner, in the order in which they began.

    Args:
        vault: Where it is.
        name: The file in the vault.
        owner: The test or the fixture; of a cassette the test that opened it.
        mode: That of the run, or of a cassette's block.
        is_continued: Whether its owner, a wider fixture, has begun before in this run.

    Attributes:
        way: What becomes of its calls.
        recorded: The calls as they were recorded.
        recording: What was recorded; it may have no call.
        entries: Its calls, which stay as they are: a write makes a new list.
        slots: The calls of this run that got a place, in the order of their beginning.
        plays: How many calls got a recorded outcome.
        ending: How its owner has ended.
        is_below_replayed: Whether a wider fixture's answers were replayed.
        is_asked_with: Whether a request that all tests share may hold a new id of one
            of its answers. The log then has to keep these answers, too.

    Raises:
        CorruptRecordingError: The file is damaged.
    """

    def __init__(
        self,
        vault: Vault,
        name: str,
        owner: str,
        mode: Mode,
        *,
        is_continued: bool = False,
    ) -> None:
        self.name = name
        self.owner = owner
        self.slots: list[Slot] = []
        self.plays = 0
        self.ending: Ending = "passed"
        self.is_below_replayed = False
        self.is_asked_with = False
        self._vault = vault
        # The collector may end a stream of this log while another call holds it.
        self._lock = threading.RLock()
        # How many calls of a key began.
        self._counts: Counter[Hashable] = Counter()
        # Which recorded calls were asked for, and by which.
        self._by_index: dict[int, Slot] = {}
        # Whether calls in it are recorded again for all tests.
        self._is_given_up = False
        self._comparisons: dict[Key, Callable[[Entry, Entry], bool]] = {}
        self._is_cassette = name.startswith("cassettes/")
        self.recorded = RecordedCalls(vault, name, mode)
        self.recording = self.recorded.recording
        self.entries = self.recorded.entries
        self.way: Way = "replayed"
        if is_continued:
            self.way = "continued"
        elif mode == "rerecord" or (mode == "record" and not self.recorded.is_whole()):
            self.way = "made"
        self._clock = count(end_of(self.entries) if is_continued else 0)

    @cached_property
    def end_order(self) -> EndOrder:
        """The order in which its calls end."""
        return EndOrder(self.entries)

    def has_own(self, call: Call) -> bool:
        """Whether a recorded call answers a call that all tests share now.

        A log that is made has none: the call is recorded for all tests.
        """
        return self.way != "made" and bool(self.recorded.equal(call))

    def give_up(self, call: Call) -> None:
        """Note that a call is recorded for all tests now, and no more here."""
        self._is_given_up |= self.way == "made" and bool(self.recorded.equal(call))

    def has_next(self, call: Call) -> bool:
        """Whether a call that begins now has a recording of its own."""
        return self._counts[key_of(call)] < len(self.recorded.equal(call))

    # -- a call

    def take(
        self, call: Call, mode: Mode, as_recorded: Call, *, has_effect: bool
    ) -> Slot:
        """Give the next place to a call, and say what becomes of it.

        Args:
            call: The call.
            mode: That of the log.
            as_recorded: The call with the values that its recording has.
            has_effect: Whether a fixture makes it for real in each recording run.
        """
        key = key_of(as_recorded)
        if self.way != "replayed":
            mode = "rerecord" if self.way == "made" else "record"
        with self._lock:
            index, is_own = self._find(call, as_recorded, key)
            # Calls come as they were recorded, unless a place is lost or new.
            if index != len(self._by_index) and self.way != "made":
                self.recorded.refuse_stray(call, is_found=index is not None)
            entry = None if index is None else self.entries[index]
            recorded = recorded_at(call, entry, is_own=is_own)
            decision = decide(mode, recorded, self.way, has_effect=has_effect)
            if recorded == "repeats":
                index = None
            slot = Slot(self.name, key, recorded, entry, decision, index)
            slot.at = [next(self._clock)]
            slot.stands_in_log = bool(self.entries)
            if slot.decision not in ("missing", "stale"):
                self._begin(slot, call)
        return slot

    def _find(self, call: Call, as_recorded: Call, key: Key) -> tuple[int | None, bool]:
        """Give the recorded call whose turn it is, and whether it is its own.

        Of more calls than were recorded, each gets the last one.
        """
        indices, number = self.recorded.equal(as_recorded), self._next(key)
        indices = indices or self.recorded.equal_before(as_recorded)
        own = self.recorded.of_sender(call, indices)
        if own:
            indices, number = own, self._next((key, own[0]))
        if self._is_cassette and not (call.in_log or call.has_samples):
            number = 0  # there, too, a function has one outcome a call
        if not indices:
            return self.recorded.imported(call, self._by_index), True
        return indices[min(number, len(indices) - 1)], number < len(indices)

    def _next(self, key: Hashable) -> int:
        self._counts[key] += 1
        return self._counts[key] - 1

    def _begin(self, slot: Slot, call: Call) -> None:
        is_first = False
        if slot.index is not None:
            is_first = self._by_index.setdefault(slot.index, slot) is slot
        if slot.decision == "replay":
            self.plays += 1
        if slot.is_real:
            slot.blank = entry_of(call, end="empty")
            self._comparisons[slot.key] = partial(
                is_equal, options=call.options, same_bodies=call.same_bodies
            )
        if slot.is_real or is_first:
            self.slots.append(slot)
        if slot.index is not None and is_first:
            self.end_order.begin(slot.index)

    def put(self, slot: Slot, entry: Entry) -> None:
        """Keep what the call at a place gave."""
        self.end(slot, is_open=entry.end == "open")
        entry.at = [*slot.at]
        slot.outcome = entry

    def end(self, slot: Slot, *, is_open: bool = False) -> None:
        """Note that the call at a place has ended, whatever it gave."""
        with self._lock:
            if not (slot.has_ended or is_open):
                slot.at.append(next(self._clock))
                slot.has_ended = True
                if slot.index is not None:
                    self.end_order.end(slot.index)

    # -- the end

    def leftovers(self) -> list[Entry]:
        """Give the recorded calls that nobody has asked for in this run."""
        return [
            entry
            for index, entry in enumerate(self.entries)
            if index not in self._by_index and entry.end != "empty"
        ]

    def has_new(self) -> bool:
        """Whether a call ran for real, here or for all tests."""
        return self._is_given_up or any(slot.is_real for slot in self.slots)

    def why_left_out(self, entry: Entry) -> str:
        """Say why the outcome of a call that ran for real is left out, if it is."""
        return why_not_kept(entry, self.ending, below_replayed=self.is_below_replayed)

    def _left(self, slot: Slot) -> Entry:
        """Give what is in the log of a call when its owner has ended."""
        entry = slot.outcome
        if entry is None or self.why_left_out(entry):
            entry = slot.blank if slot.is_real else slot.entry
        assert entry is not None
        return copied(entry, at=[*slot.at])

    def whole(self) -> list[Entry]:
        """Give what is in the log if its owner ends now."""
        if not self.has_new():
            return self.entries
        before = self.entries if self.way == "continued" else []
        return [*before, *(self._left(slot) for slot in self.slots if slot.is_real)]

    def write(
        self, *, fixtures: Mapping[str, str], setup: str, is_unfinished: bool
    ) -> Written | None:
        """Write what the owner leaves in the vault, by how it has ended.

        Args:
            fixtures: The digests of the wider fixtures that were in use.
            setup: The digest of the owner's own set-up.
            is_unfinished: Whether the owner goes on: its tear-down is still to come.
        """
        if not self.has_new():
            return None
        if self.ending == "failed" and self.entries:
            return None  # It replaces no log.
        entries = self.whole()
        formers = [slot.key[0] for slot in self.slots if slot.is_real]
        if self.way == "continued":
            formers = [entry.identity for entry in self.entries] + formers
        elif is_unfinished:
            entries += self.leftovers()  # Those of its tear-down.
        is_empty = all(entry.end == "empty" for entry in entries)
        if is_empty and not (self._is_given_up and self.ending == "passed"):
            return None
        recording = Recording(
            self.owner,
            self._vault.today,
            entries,
            fixtures=dict(fixtures),
            setup=setup,
            clients=versions_of(entry.target for entry in entries),
            unfinished=is_unfinished,
        )
        return self._vault.write(
            self.name,
            recording,
            equal=self._are_equal,
            formers=formers,
            known=self.recorded.file,
        )

    def keep(self, recording: Recording) -> bool:
        """Take over the dates and durations that a write has kept of equal calls.

        Args:
            recording: The content of the file after that write.

        Returns:
            Whether all outcomes in the file are those from before this run.
        """
        former = [entry.body for entry in self.entries]
        kept = recording.entries
        if former != [entry.body for entry in kept]:
            return False
        made = [slot for slot in self.slots if slot.is_real]
        start = len(self.entries) if self.way == "continued" else 0
        for slot, entry in zip(made, kept[start:], strict=False):
            if slot.outcome is not None:
                slot.outcome = entry
        return True

    def setup_digest(self) -> str:
        """Give a digest of what was asked and answered until now."""
        if self.way == "continued":
            return self.recording.setup
        keys = [slot.key for slot in self.slots if slot.outcome is not None]
        made = [slot.outcome for slot in self.slots if slot.outcome is not None]
        if self.recording.setup:
            recorded = self.entries[: len(made)]
            are_equal = map(self._are_equal, recorded, made)
            if keys == [*map(key_of, recorded)] and all(are_equal):
                return self.recording.setup
        tree: Tree = [[entry.identity, entry.end, entry.body] for entry in made]
        return digest_of(tree)[:12]

    def _are_equal(self, old: Entry, new: Entry) -> bool:
        are_equal = self._comparisons.get(key_of(old), is_equal)
        if self.is_asked_with and old.body != new.body:
            return False
        return old.line == new.line and are_equal(old, new)


def why_not_kept(entry: Entry, ending: Ending, *, below_replayed: bool) -> str:
    """Say why an owner that ended so leaves out an outcome; empty: it keeps it.

    Args:
        entry: The call.
        ending: How its owner ended.
        below_replayed: Whether a wider fixture's answers were replayed, so that what a
            service does not know may be what that fixture had made.
    """
    if ending == "passed":
        return ""
    failed = failed_exchange(entry.body)
    if failed or ending == "skipped":
        return failed
    if raised_in(entry.body):
        return raised_in(entry.body)
    if entry.hangs:
        return "it has no whole outcome"
    if below_replayed and is_gone(entry.body):
        return "what a wider fixture made no longer exists"
    return ""
