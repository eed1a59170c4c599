"""The log of an owner: what was recorded, and what its calls of this run become."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from pytest_mimic.engine.calls import Call, failed_exchange, raised_in
from pytest_mimic.engine.decide import (
    Conversation,
    Decision,
    Facts,
    Mode,
    Reason,
    Recorded,
    decide,
)
from pytest_mimic.engine.keeping import (
    Verdict,
    behind,
    entries_appended,
    entries_beyond,
    entries_left,
    entries_made,
    why_not_kept,
)
from pytest_mimic.engine.slots import (
    Key,
    Place,
    Slot,
    blank_of,
    is_stale,
    key_of,
)
from pytest_mimic.engine.verifying import is_equal
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.values.tree import Tree, digest_of
from pytest_mimic.vault.recording import Entry, Recording
from pytest_mimic.vault.vault import Part, Vault, Written


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
            self._indices.setdefault(key_of(entry), []).append(index)

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
        return key_of(call) in self._indices

    def has_next(self, call: Call) -> bool:
        """Whether a call that begins now has a recording of its own."""
        return self._counts[key_of(call)] < self.times(call)

    def times(self, call: Call) -> int:
        """How often equal calls were recorded."""
        return len(self._indices.get(key_of(call), ()))

    # -- a call

    def at(self, index: int) -> Slot | None:
        """Give the call of this run that has the place of a recorded one."""
        return self._by_index.get(index)

    def take(self, call: Call, mode: Mode, *, has_effect: bool = False) -> Place:
        """Give the next place to a call, and say what becomes of it."""
        key = key_of(call)
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
        if key_of(call) in self._of_this_run:
            return False
        return self._is_made_again or is_stale(call, entry)

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
            blank=blank_of(call),
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
            self._once[key_of(call)] = slot
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
        self._part = self._vault.part(
            self.name, owner=self.owner, recorded=self._vault.today
        )

    def take_over(self) -> None:
        """Write what a killed process has left of this log, as of a failing test."""
        part = self._vault.abandoned_parts(self.name)
        if part is None:
            return
        entries = part.entries
        if self.found is not None:
            beyond = entries_beyond(self.entries, part.entries)
            if not beyond:
                return
            entries = [*self.entries, *beyond]
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
        return self._entries_to_keep("passed") if self.has_new() else self.entries

    def keys(self) -> set[Key]:
        """Give what was made for real."""
        return {key_of(slot.blank) for slot in self._slots if slot.is_real}

    def has_new(self) -> bool:
        """Whether a call ran for real."""
        return any(slot.is_real for slot in self._slots)

    def judge(self, verdict: Verdict, *, below_replayed: bool) -> None:
        """Say of each call that ran for real why its outcome is left out, if it is."""
        for slot in self._slots:
            if slot.is_real and slot.entry is not None:
                slot.why = why_not_kept(
                    slot.entry, verdict, below_replayed=below_replayed
                )

    def write(
        self,
        verdict: Verdict,
        *,
        fixtures: Mapping[str, str],
        setup: str = "",
        keeps_all: bool = False,
    ) -> Written | None:
        """Write what the owner leaves in the vault, which `judge` has told before.

        Args:
            verdict: How the owner ended.
            fixtures: The digests of the wider fixtures that were in use.
            setup: The digest of the owner's own set-up.
            keeps_all: Whether calls that were not made stay in any case.
        """
        is_shared = self.found is not None and self.found.owner != self.owner
        entries = self._entries_to_keep(verdict, keeps_all=keeps_all or is_shared)
        if not any(entry.end != "empty" for entry in entries):
            return None
        # Several tests may use one cassette, and nobody knows which calls are whose.
        owner = "" if is_shared else self.owner
        recording = Recording(owner, self._vault.today, entries, dict(fixtures), setup)
        return self._vault.write(self.name, recording, equal=self._are_equal)

    def _entries_to_keep(
        self, verdict: Verdict, *, keeps_all: bool = False
    ) -> list[Entry]:
        if not self.has_new():
            return []
        if verdict == "failed" and self.found is not None:
            appended = entries_appended(self._slots)
            if not appended:
                return []
            return [*self.entries, *behind(self.entries, appended)]
        made = entries_made(self._slots, self.entries)
        left = self.leftovers()
        if not keeps_all:
            left = entries_left(self._slots, left)
        return [*made, *behind(made, left)]

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
        key = key_of(new)
        if key != key_of(old):
            return False
        for slot in self._slots:
            if key_of(slot.blank) == key:
                return is_equal(old, new, slot.options, slot.is_equal)
        return is_equal(old, new)
