"""Where recordings are: the log of an owner, and what all tests share."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal, NamedTuple

from pytest_mimic.engine.calls import (
    Call,
    SameBodies,
    failed_exchange,
    is_gone,
    raised_in,
)
from pytest_mimic.engine.decide import (
    Conversation,
    Decision,
    Facts,
    Mode,
    Reason,
    Recorded,
    decide,
)
from pytest_mimic.engine.verifying import is_equal
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.patch.targets import Options
from pytest_mimic.values.tree import Tree, digest_of
from pytest_mimic.vault.names import call_name
from pytest_mimic.vault.recording import Entry, Recording
from pytest_mimic.vault.vault import Part, Vault, Written

Verdict = Literal["passed", "skipped", "failed"]

# Bound to the class as it is: tests freeze the clock by replacing names in modules.
today: Callable[[], date] = date.today

Key = tuple[str, str]
"""What makes calls equal: the identity, and the options of the line that count."""


@dataclass(eq=False)
class Slot:
    """The place of a call that has begun in a log.

    Attributes:
        blank: What the recording says of the call beside its outcome; its request or
            arguments are left out, as they may hold much alive.
        conversation: The calls that it follows from, by name; empty: none.
        options: Those of its line.
        index: The place among the recorded calls that it has; None: none.
        is_real: Whether it runs for real and is recorded.
        is_new: Whether nothing was recorded at its place.
        begin: When it began, among the beginnings and ends of the log.
        ended: When it ended. None: not yet.
        entry: What is kept of it.
        is_equal: Compares two of its outcomes, as a client does.
        thread: The thread in which it began.
    """

    blank: Entry
    conversation: str
    options: Options
    index: int | None
    is_real: bool
    is_new: bool
    begin: int
    ended: int | None = None
    entry: Entry | None = None
    is_equal: SameBodies | None = None
    thread: int = field(default_factory=threading.get_ident)


class Place(NamedTuple):
    """What becomes of a call, and where its recording is.

    Attributes:
        decision: What becomes of it, or why it is refused.
        recorded: What stands at its place.
        entry: The recording, if there is one.
        name: The file.
        slot: Its place in a log; None: all tests share it.
    """

    decision: Decision | Reason
    recorded: Recorded
    entry: Entry | None
    name: str
    slot: Slot | None = None


class Log:
    """The calls of one owner, in the order in which they began.

    Args:
        vault: Where it is.
        name: The file in the vault.
        owner: The test, the fixture or the cassette.
        is_made_again: Whether all of it is made again in this run: a damaged file
            counts as none, and what the run has not made yet as stale.
        of_this_run: What this run has made of it, if it has written it before.

    Attributes:
        condition: Is told of each call that begins or ends.
        found: What was recorded before.
        plays: How many calls got a recorded outcome.

    Raises:
        CorruptRecordingError: The file is damaged.
    """

    def __init__(
        self,
        vault: Vault,
        name: str,
        owner: str,
        *,
        is_made_again: bool = False,
        of_this_run: Collection[Key] | None = None,
    ) -> None:
        self.name = name
        self.owner = owner
        self.condition = threading.Condition()
        self._vault = vault
        self._clock = 0
        self._counts: Counter[Key] = Counter()
        self._slots: list[Slot] = []
        self._by_index: dict[int, Slot] = {}
        self.plays = 0
        self._once: dict[Key, Slot] = {}
        self._conversations: dict[str, Conversation] = {}
        self._part: Part | None = None
        self.found: Recording | None = None
        self._indices: dict[Key, list[int]] = {}
        self._is_made_again = is_made_again
        self._of_this_run = of_this_run or ()
        self._load()

    def _load(self) -> None:
        try:
            self.found = self._vault.read(self.name)
        except CorruptRecordingError:
            if not self._is_made_again:
                raise
        for index, entry in enumerate(self.entries):
            self._indices.setdefault((entry.identity, entry.line), []).append(index)

    @property
    def entries(self) -> list[Entry]:
        """The calls that were recorded before."""
        return self.found.entries if self.found else []

    @property
    def made(self) -> list[Slot]:
        """The calls of this run, in the order in which they began."""
        return self._slots

    def conversation(self, kind: str) -> Conversation:
        """How the calls of a kind went until now."""
        return self._conversations.get(kind, "new") if kind else "none"

    def has(self, call: Call) -> bool:
        """Whether a call of this identity was recorded."""
        return (call.identity, call.line) in self._indices

    def has_next(self, call: Call) -> bool:
        """Whether a call that begins now has a recording of its own."""
        return self._counts[call.identity, call.line] < self.times(call)

    def times(self, call: Call) -> int:
        """How often equal calls were recorded."""
        return len(self._indices.get((call.identity, call.line), ()))

    # -- a call

    def at(self, index: int) -> Slot | None:
        """Give the call of this run that has the place of a recorded one."""
        return self._by_index.get(index)

    def take(self, call: Call, mode: Mode, *, has_effect: bool = False) -> Place:
        """Give the next place to a call, and say what becomes of it."""
        key = call.identity, call.line
        with self.condition:
            index, recorded = self._find(call, key)
            entry = None if index is None else self.entries[index]
            earlier = self._once.get(key)
            if earlier is not None and earlier.entry is not None:
                index, recorded, entry = earlier.index, "fresh", earlier.entry
            elif recorded in ("fresh", "repeats") and self._is_stale(call, entry):
                recorded = "stale"
            kind = call.conversation
            conversation = self.conversation(kind)
            decision = decide(Facts(mode, recorded, conversation, has_effect))
            slot = self._begin(call, decision, index, recorded)
            if kind and decision == "run":
                self._conversations[kind] = "real"
            elif kind and key not in self._of_this_run:
                self._conversations[kind] = "replayed"
        return Place(decision, recorded, entry, self.name, slot)

    def _is_stale(self, call: Call, entry: Entry | None) -> bool:
        if (call.identity, call.line) in self._of_this_run:
            return False
        return self._is_made_again or _is_stale(call, entry)

    def _find(self, call: Call, key: Key) -> tuple[int | None, Recorded]:
        indices = self._indices.get(key, [])
        number = self._counts[key] if call.in_log else 0
        self._counts[key] += 1
        if call.sender is not None and len(indices) > 1:
            sender = call.sender(call.describe())
            own = [
                index
                for index in indices
                if sender and call.sender(self.entries[index].request) == sender
            ]
            if own:
                key = key[0], f"{key[1]} {sender}"
                indices, number = own, self._counts[key]
                self._counts[key] += 1
        if not indices:
            return None, "none"
        index = indices[min(number, len(indices) - 1)]
        if self.entries[index].end == "empty":
            return index, "empty"
        return index, "fresh" if number < len(indices) else "repeats"

    def _begin(
        self,
        call: Call,
        decision: Decision | Reason,
        index: int | None,
        recorded: Recorded,
    ) -> Slot:
        if recorded == "repeats":
            index = None
        is_new = recorded not in ("fresh", "stale")
        slot = Slot(
            blank=empty(call),
            conversation=call.conversation,
            options=call.options,
            is_equal=call.is_equal,
            index=index,
            is_real=decision == "run",
            is_new=is_new,
            begin=self._tick(),
        )
        if decision in ("missing", "stale", "follows"):
            return slot
        self.plays += decision == "replay"
        is_first = index is not None and index not in self._by_index
        if slot.is_real or is_first:
            self._slots.append(slot)
        if index is not None and is_first:
            self._by_index[index] = slot
        if not call.in_log and slot.is_real:
            self._once[call.identity, call.line] = slot
        self.condition.notify_all()
        return slot

    def _tick(self) -> int:
        self._clock += 1
        return self._clock - 1

    def put(self, slot: Slot, entry: Entry) -> None:
        """Keep what the call at a place gave."""
        self.end(slot, is_open=entry.end == "open")
        slot.entry = replace(entry, begin=slot.begin, ended=slot.ended)
        is_failure = raised_in(entry.body) or failed_exchange(entry.body)
        if self._part is not None and not is_failure and not entry.end:
            self._part.append(slot.entry)

    def end(self, slot: Slot, *, is_open: bool = False) -> None:
        """Note that the call at a place has ended, whatever it gave."""
        with self.condition:
            if slot.ended is None and not is_open:
                slot.ended = self._tick()
            self.condition.notify_all()

    # -- part files

    def keep_part(self) -> None:
        """Keep each finished call beside the log, in case this process is killed."""
        self._part = self._vault.part(self.name, owner=self.owner, recorded=_day())

    def take_over(self) -> None:
        """Write what a killed process has left of this log, as of a failing test."""
        part = self._vault.abandoned_parts(self.name)
        if part is None:
            return
        if self.found is None:
            entries = part.entries
        else:
            known = Counter((entry.identity, entry.line) for entry in self.entries)
            entries = [*self.entries, *_beyond(known, part.entries)]
            if len(entries) == len(self.entries):
                return
        self._vault.write(self.name, replace(part, entries=entries))
        self._indices.clear()
        self._load()

    # -- the end

    def leftovers(self) -> list[Entry]:
        """Give the recorded calls that nobody has asked for in this run."""
        return [
            entry
            for index, entry in enumerate(self.entries)
            if index not in self._by_index and entry.end != "empty"
        ]

    def whole(self) -> list[Entry]:
        """Give what would be in the log if its owner ended now."""
        if not self.has_new():
            return self.entries
        return self._entries_to_keep("passed", below_replayed=False, keeps_all=False)

    def keys(self) -> set[Key]:
        """Give what was made for real."""
        real = [slot.blank for slot in self._slots if slot.is_real]
        return {(blank.identity, blank.line) for blank in real}

    def has_new(self) -> bool:
        """Whether a call ran for real."""
        return any(slot.is_real for slot in self._slots)

    def write(
        self,
        verdict: Verdict,
        *,
        fixtures: Mapping[str, str],
        setup: str = "",
        below_replayed: bool = False,
        keeps_all: bool = False,
    ) -> Written | None:
        """Write what the owner leaves in the vault.

        Args:
            verdict: How the owner ended.
            fixtures: The digests of the wider fixtures that were in use.
            setup: The digest of the owner's own set-up.
            below_replayed: Whether a wider fixture's answers were replayed, so that
                what a service does not know may be what that fixture had made.
            keeps_all: Whether calls that were not made stay in any case.
        """
        is_shared = self.found is not None and self.found.owner != self.owner
        entries = self._entries_to_keep(
            verdict,
            below_replayed=below_replayed,
            keeps_all=keeps_all or is_shared,
        )
        if not any(entry.end != "empty" for entry in entries):
            return None
        # Several tests may use one cassette, and nobody knows which calls are whose.
        owner = "" if is_shared else self.owner
        recording = Recording(owner, _day(), entries, dict(fixtures), setup)
        return self._vault.write(self.name, recording, equal=self._are_equal)

    def discard_part(self) -> None:
        """Delete the part file: what is to be kept is written."""
        if self._part is not None:
            self._part.discard()
            self._part = None

    def setup_digest(self) -> str:
        """Give a digest of what was asked and answered until now."""
        made = [slot.entry for slot in self._slots if slot.entry is not None]
        recorded = self.entries[: len(made)]
        is_as_recorded = len(made) == len(recorded) and all(
            self._are_equal(old, new) for old, new in zip(recorded, made, strict=True)
        )
        if is_as_recorded and self.found is not None and self.found.setup:
            return self.found.setup
        tree: Tree = [[entry.identity, entry.end, entry.body] for entry in made]
        return digest_of(tree)[:12]

    def _are_equal(self, old: Entry, new: Entry) -> bool:
        key = new.identity, new.line
        if key != (old.identity, old.line):
            return False
        for slot in self._slots:
            if (slot.blank.identity, slot.blank.line) == key:
                return is_equal(old, new, slot.options, slot.is_equal)
        return is_equal(old, new)

    def _entries_to_keep(
        self, verdict: Verdict, *, below_replayed: bool, keeps_all: bool
    ) -> list[Entry]:
        if not self.has_new():
            return []
        if verdict == "failed" and self.found is not None:
            return self._with_appended(below_replayed)
        entries = [
            self._kept(slot, verdict, below_replayed=below_replayed)
            for slot in self._slots
        ]
        for entry in self.leftovers():
            if keeps_all or not self._was_made_anew(entry):
                entries.append(replace(entry, begin=self._tick(), ended=self._tick()))
        return entries

    def _with_appended(self, below_replayed: bool) -> list[Entry]:
        """Give the old log of a failing test, and the new calls of its functions."""
        appended = []
        for slot in self._slots:
            is_new = slot.is_real and slot.is_new and slot.index is None
            if is_new and not slot.conversation:
                entry = self._kept(slot, "failed", below_replayed=below_replayed)
                if entry.end != "empty":
                    appended.append(entry)
        return [*self.entries, *_later(appended, self.entries)] if appended else []

    def _kept(self, slot: Slot, verdict: Verdict, *, below_replayed: bool) -> Entry:
        entry = slot.entry
        if entry is None and not slot.is_real and slot.index is not None:
            entry = self.entries[slot.index]
        if entry is not None and slot.is_real:
            why = why_not_kept(entry, verdict, below_replayed=below_replayed)
            entry = None if why else entry
        if entry is None:
            entry = slot.blank
        return replace(entry, begin=slot.begin, ended=slot.ended)

    def _was_made_anew(self, entry: Entry) -> bool:
        """Whether the calls that an entry belongs to were all made for real."""
        group = entry.identity if entry.request is None else entry.target
        made = [
            slot
            for slot in self._slots
            if (slot.conversation or slot.blank.identity) == group
        ]
        return bool(made) and all(slot.is_real for slot in made)


def why_not_kept(
    entry: Entry, verdict: Verdict, *, below_replayed: bool = False
) -> str:
    """Say why an owner that ended so leaves out an outcome; empty: it keeps it."""
    if verdict == "passed":
        return ""
    failed = failed_exchange(entry.body)
    if failed or verdict == "skipped":
        return failed
    if raised_in(entry.body):
        return raised_in(entry.body)
    if entry.end in ("waiting", "open"):
        return "it has no whole outcome"
    if below_replayed and is_gone(entry.body):
        return "what a wider fixture had made is not there"
    return ""


def empty(call: Call) -> Entry:
    """Give the entry of a place of which nothing is kept."""
    return Entry(
        target=call.target,
        identity=call.identity,
        signature="" if call.kind == "function" else call.signature,
        line=call.line,
        end="empty",
    )


def _is_stale(call: Call, entry: Entry | None) -> bool:
    if entry is None or call.is_stale is None:
        return False
    return bool(call.is_stale(entry))


def _beyond(known: Counter[Key], entries: Iterable[Entry]) -> list[Entry]:
    """Give the calls of functions that go beyond the known ones."""
    found = []
    for entry in entries:
        key = entry.identity, entry.line
        known[key] -= 1
        if known[key] < 0 and entry.request is None:
            found.append(entry)
    return found


def _later(entries: list[Entry], before: list[Entry]) -> list[Entry]:
    """Give entries with places behind those of others."""
    last = max((max(entry.begin, entry.ended or 0) for entry in before), default=-1)
    return [
        replace(entry, begin=last + 1 + 2 * number, ended=last + 2 + 2 * number)
        for number, entry in enumerate(entries)
    ]


def _day() -> str:
    return today().isoformat()


class Shared:
    """What all tests share: one file a call."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        # The streams that this run has recorded.
        self._streams: dict[str, Entry] = {}

    def take(self, call: Call, mode: Mode) -> Place:
        """Find the recording of a call, and say what becomes of it."""
        name = call_name(call.target, call.identity)
        recording = self._vault.read(name) if mode != "rerecord" else None
        entry = recording.entries[0] if recording and recording.entries else None
        recorded: Recorded = "none"
        if entry is not None and entry.line == call.line:
            recorded = "stale" if _is_stale(call, entry) else "fresh"
        decision = decide(Facts(mode, recorded))
        return Place(decision, recorded, entry, name)

    def put(
        self,
        call: Call,
        entry: Entry,
        *,
        test: str,
    ) -> Written:
        """Keep an outcome at once; of a stream the longest reading of this run."""
        name = call_name(call.target, call.identity)
        if "items" in entry.body:
            former = self._streams.get(name)
            if former is not None and _goes_further(former, entry):
                entry = former
            self._streams[name] = entry
        recording = Recording(test, _day(), [entry])

        def equal(old: Entry, new: Entry) -> bool:
            return is_equal(old, new, call.options, call.is_equal)

        return self._vault.write(name, recording, equal=equal)


def _goes_further(one: Entry, other: Entry) -> bool:
    """Return whether a stream was read as another reading of it, and then further."""
    items, others = one.body.get("items"), other.body.get("items")
    if not isinstance(items, list) or not isinstance(others, list):
        return False
    is_longer = len(items) > len(others) or "last" in one.body
    return is_longer and items[: len(others)] == others and "last" not in other.body
