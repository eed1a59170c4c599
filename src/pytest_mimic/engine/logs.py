"""The log of an owner: its calls in their order, recorded and of this run."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import (
    Callable,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from functools import cached_property, partial
from itertools import count
from typing import Any, Literal

from pytest_mimic.engine.calls import (
    Call,
    Key,
    Slot,
    entry_of,
    failed_exchange,
    is_gone,
    kept_parts,
    key_of,
    most_first,
    raised_in,
    recorded_at,
)
from pytest_mimic.engine.decide import Conversation, Mode, decide
from pytest_mimic.engine.end_order import EndOrder
from pytest_mimic.engine.following import Following
from pytest_mimic.engine.verifying import is_equal, values_sent
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.patch.clients import versions_of
from pytest_mimic.values.outcome import unshelve
from pytest_mimic.values.tree import Tree, digest_of
from pytest_mimic.vault.recording import (
    Entry,
    Recording,
    copied,
    damaged,
    end_of,
)
from pytest_mimic.vault.vault import PartFile, Vault, Written

Ending = Literal["passed", "skipped", "failed"]


class Log:
    """The calls of one owner, in the order in which they began.

    Args:
        vault: Where it is.
        name: The file in the vault.
        owner: The test or the fixture; of a cassette the test that opened it.
        is_made_again: Whether it is made again, so that a damaged file counts as none.

    Attributes:
        beginning: Which beginning of a wider fixture it is, from 0.
        beginnings: What was recorded of each beginning.
        recording: What was recorded from this beginning on; it may have no call.
        entries: Its calls, which stay as they are: a write makes a new list.
        slots: The calls of this run that got a place, in the order of their beginning.
        plays: How many calls got a recorded outcome.
        ending: How its owner has ended.
        is_below_replayed: Whether a wider fixture's answers were replayed.
        is_asked_with: Whether a request that all tests share held a new id of one of
            its answers. The log then has to keep these answers, too.

    Raises:
        CorruptRecordingError: The file is damaged.
    """

    def __init__(
        self,
        vault: Vault,
        name: str,
        owner: str,
        *,
        is_made_again: bool,
    ) -> None:
        self.name = name
        self.owner = owner
        self.beginning = 0
        self.beginnings: list[Recording] = []
        self.recording = Recording()
        self.entries: list[Entry] = []
        self.slots: list[Slot] = []
        self.plays = 0
        self.ending: Ending = "passed"
        self.is_below_replayed = False
        self.is_asked_with = False
        self._vault = vault
        self._is_made_again = is_made_again
        # The collector may end a stream of this log while another call holds it.
        self._lock = threading.RLock()
        self._clock = count()
        # How many calls of a key began, and which of the recorded calls have it.
        self._counts: Counter[Hashable] = Counter()
        self._indices: dict[Key, list[int]] = {}
        # The lines of the recorded calls, by target.
        self._lines: defaultdict[str, set[str]] = defaultdict(set)
        # What functions took when they were recorded, by target.
        self._arguments: defaultdict[str, set[frozenset[str]]] = defaultdict(set)
        self._following = Following(self._numbered, vault)
        self._by_index: dict[int, Slot] = {}
        # The recorded calls that equal one that has begun.
        self._asked: set[int] = set()
        # Those that equal a call that was recorded again for all tests.
        self._given_up: set[int] = set()
        self._conversations: dict[str, Conversation] = {"": "none"}
        self._comparisons: dict[Key, Callable[[Entry, Entry], bool]] = {}
        self._is_cassette = name.startswith("cassettes/")
        self._part: PartFile | None = None
        self._known: tuple[Recording | None, str] = (None, "")
        try:
            self._load()
        except CorruptRecordingError:
            if not is_made_again:
                raise

    def _load(self) -> None:
        self._known = self._vault.read_with_digest(self.name)
        file = self._known[0]
        self.beginnings = file.beginnings() if file else []
        self.begin_at(self.beginning)

    def begin_at(self, beginning: int) -> None:
        """Let the calls be those from a beginning of a wider fixture on."""
        self.beginning = beginning
        before = self.beginnings[:beginning]
        if len(self.beginnings) > beginning:
            self.recording = self.beginnings[beginning]
        else:
            self.recording = Recording()
        self.entries = self.recording.entries
        ended = end_of(one for piece in before for one in piece.entries)
        self._clock = count(ended)
        self._lines.clear()
        self._arguments.clear()
        self._indices.clear()
        for index, entry in enumerate(self.entries):
            self._indices.setdefault(key_of(entry), []).append(index)
            self._lines[entry.target].add(entry.line)
            if entry.arguments is not None:
                self._arguments[entry.target].add(frozenset(entry.arguments))

    @cached_property
    def _of_other_tools(self) -> list[int]:
        return [index for index, one in enumerate(self.entries) if one.imported]

    @cached_property
    def end_order(self) -> EndOrder:
        """The order in which its calls end."""
        return EndOrder(self.entries, self._by_index)

    def conversation(self, kind: str) -> Conversation:
        """How the calls of a kind went until now."""
        return self._conversations.get(kind, "new")

    def has_target(self, target: str) -> bool:
        """Whether any call of a target was recorded."""
        return target in self._lines

    def has_own(self, call: Call) -> bool:
        """Whether a recorded call answers a call that all tests share now.

        What is recorded again goes to all tests, and is left out here.
        """
        equal = self.equal(call)
        if self._is_made_again:
            self._given_up.update(equal)
        return bool(equal) and not self._is_made_again

    def keep_own(self, call: Call) -> None:
        """Keep what answers a call that was not recorded again for all tests."""
        self._given_up.difference_update(self.equal(call))

    def equal(self, call: Call) -> list[int]:
        """Give the numbers of the calls that are equal under the line of today.

        All of those of another line follow it, or none: an outcome would else come to
        another one of equal calls.
        """
        found = self._indices.get(key_of(call), [])
        lines = self._lines.get(call.target)
        if lines is None or (lines == {call.line} and (found or not call.hides_anew)):
            return found
        followed, is_whole, _ = self._following.equal(call)
        return followed if is_whole else found

    def _equal_before(self, call: Call) -> list[int]:
        """Give the numbers of the calls that equal one without its new arguments."""
        for names in most_first(self._arguments.get(call.target, ())):
            found = self._indices.get((call.identity_before(names), call.line))
            if found:
                return found
        return []

    def _numbered(self, call: Call) -> Iterator[tuple[int, Entry]]:
        """Yield the calls of a target, each with its number."""
        for index, entry in enumerate(self.entries):
            if entry.target == call.target and entry.end != "empty":
                yield index, entry

    def has_next(self, call: Call) -> bool:
        """Whether a call that begins now has a recording of its own."""
        return self._counts[key_of(call)] < len(self.equal(call))

    def needs_all(self, call: Call) -> bool:
        """Whether a call without a recording is recorded with all calls of the log.

        It follows from a call that was replayed, or its answer leads to calls of other
        conversations that were recorded behind it.
        """
        asked = [slot for slot in self.slots if slot.conversation and not slot.is_real]
        if asked and call.conversation:
            return True
        return (
            not call.is_function
            and self.has_target(call.target)
            and any(
                one.request is not None and one.target != call.conversation
                for one in self.leftovers()
            )
        )

    def sent_behind(self, index: int) -> set[str]:
        """Give the values that recorded calls behind one have sent."""
        found: set[str] = set()
        for entry in self.entries[index + 1 :]:
            asked: Any = entry.arguments
            if entry.request is not None:
                asked = unshelve(entry.request, self._vault)
            found |= values_sent(asked)
        return found

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
        kind, key = call.conversation, key_of(as_recorded)
        with self._lock:
            index, is_own = self._find(call, as_recorded, key)
            # Calls come as they were recorded, unless a place is lost or new.
            if index != len(self._by_index) and mode != "rerecord":
                self._refuse_stray(call, is_found=index is not None)
            entry = None if index is None else self.entries[index]
            recorded = recorded_at(call, entry, is_own=is_own)
            before = self._conversations.get(kind, "new")
            decision = decide(mode, recorded, before, has_effect=has_effect)
            if recorded == "repeats":
                index = None
            slot = Slot(self.name, key, recorded, entry, decision, index)
            slot.conversation = kind
            slot.at = [next(self._clock)]
            if kind:
                self._conversations[kind] = "real" if slot.is_real else "replayed"
            if slot.decision not in ("missing", "stale", "follows"):
                self._begin(slot, call)
        return slot

    def _find(self, call: Call, as_recorded: Call, key: Key) -> tuple[int | None, bool]:
        """Give the recorded call whose turn it is, and whether it is its own.

        Of more calls than were recorded, each gets the last one.
        """
        indices, number = self.equal(as_recorded), self._next(key)
        indices = indices or self._equal_before(as_recorded)
        if number == 0:
            self._asked.update(indices)
        own = self._of_sender(call, indices)
        if own:
            indices, number = own, self._next((key, own[0]))
        if self._is_cassette and not (call.in_log or call.has_samples):
            number = 0  # there, too, a function has one outcome a call
        if not indices:
            return self._imported(call), True
        return indices[min(number, len(indices) - 1)], number < len(indices)

    # -- a call whose identity was changed in the file

    @cached_property
    def _is_edited(self) -> bool:
        file = self._known[0]
        return file is not None and file.edited

    def _refuse_stray(self, call: Call, *, is_found: bool) -> None:
        """Refuse a call that a damaged entry records: an equal entry would answer it.

        Raises:
            CorruptRecordingError: There is such an entry.
        """
        if not self._is_edited:
            return
        _, is_whole, stray = self._following.equal(call)
        if stray is None and is_found and not is_whole:
            same = [one for one in self.entries if one.identity == call.identity]
            stray = next((one for one in same if one.line != call.line), None)
        if stray is None:
            return
        field = "line" if stray.identity == call.identity else "identity"
        number = self.entries.index(stray) + 1
        raise damaged(
            f"{self._vault.label}/{self.name}",
            "content",
            f"is not what was recorded (call {number} is {call.label()}, and has"
            f" another {field})",
            [f"{getattr(stray, field)} recorded, {getattr(call, field)} now"],
            [(f"if it was edited on purpose, correct its {field}", "")],
        )

    def _imported(self, call: Call) -> int | None:
        """Give an imported call of this method and URL that nobody asked for.

        It is the one that differs in the fewest parts, the first of such.
        """
        differences: dict[int, int] = {}
        for index in self._of_other_tools:
            entry = self.entries[index]
            if index not in self._by_index and entry.signature == call.signature:
                now: Any = call.counted(call.described)
                kept: Any = kept_parts(call, entry, self._vault)
                names = now.keys() | kept.keys()
                differing = {name for name in names if now.get(name) != kept.get(name)}
                # Another tool has compared nothing else of a request.
                if differing <= set(call.content):
                    differences[index] = len(differing)
        return min(differences, key=differences.__getitem__, default=None)

    def _next(self, key: Hashable) -> int:
        self._counts[key] += 1
        return self._counts[key] - 1

    def _of_sender(self, call: Call, indices: Sequence[int]) -> list[int]:
        """Give the equal calls that hold the token of the sender of this call."""
        sender = call.senders(call.described) if len(indices) > 1 else []
        if not sender:
            return []
        return [
            index
            for index in indices
            if call.senders(self.entries[index].request) == sender
        ]

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
        self.end_order.note_move(slot, is_end=False)

    def put(self, slot: Slot, entry: Entry) -> None:
        """Keep what the call at a place gave."""
        self.end(slot, is_open=entry.end == "open")
        entry.at = [*slot.at]
        # What a failing test would leave: where a log exists, its new calls alone.
        why = why_not_kept(entry, "failed", below_replayed=False)
        is_kept = not why and (slot.is_added or not self.entries)
        with self._lock:  # Threads may end calls at the same time.
            if self._part and is_kept:
                self._part.append(entry)
        slot.outcome = entry

    def end(self, slot: Slot, *, is_open: bool = False) -> None:
        """Note that the call at a place has ended, whatever it gave."""
        with self._lock:
            if not (slot.has_ended or is_open):
                slot.at.append(next(self._clock))
                slot.has_ended = True
                self.end_order.note_move(slot, is_end=True)

    # -- part files

    def keep_part(self) -> None:
        """Keep each finished call beside the log, in case this process is killed.

        What a killed process has left there is taken over, as that of a failing test.
        """
        vault = self._vault
        self._part = PartFile(vault, self.name, self.owner)
        left = self._part.take_abandoned()
        if left is None:
            return
        entries = left.entries
        if self.entries:
            added = [entry for entry in entries if entry.request is None]
            entries = [*self.entries, *_behind(self.entries, added)]
        if len(entries) > len(self.entries):
            head = self.recording if self.entries else left
            whole = copied(head, entries=entries)
            vault.write(self.name, whole, beginning=self.beginning)
            self._load()
        self._part.discard()

    def discard_part(self) -> None:
        """Delete the part file: what is to be kept is written."""
        with self._lock:
            if self._part is not None:
                self._part.discard()
                self._part = None

    # -- the end

    def leftovers(self, *, is_equal_left: bool = False) -> list[Entry]:
        """Give the recorded calls that nobody has asked for in this run.

        Args:
            is_equal_left: Whether nobody has asked for an equal one, too.
        """
        asked = self._by_index.keys() | self._given_up
        if is_equal_left:
            asked |= self._asked
        return [
            entry
            for index, entry in enumerate(self.entries)
            if index not in asked and entry.end != "empty"
        ]

    def has_new(self) -> bool:
        """Whether a call ran for real, here or for all tests."""
        return bool(self._given_up) or any(slot.is_real for slot in self.slots)

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

    def whole(self, *, keeps_all: bool = False) -> list[Entry]:
        """Give what is in the log if its owner ends now and has passed.

        Args:
            keeps_all: Whether recorded calls that nobody has asked for stay in any
                case. Else those go whose conversation, or whose equal calls, were made
                for real.
        """
        if not self.has_new():
            return self.entries
        made = [self._left(slot) for slot in self.slots]
        staying = self.leftovers() if keeps_all else self._staying()
        return made + _behind(made, staying)

    def _staying(self) -> Iterator[Entry]:
        """Yield the recorded calls that belong to nothing that was made again."""
        remade = {slot.group for slot in self.slots if slot.is_real}
        remade -= {slot.group for slot in self.slots if not slot.is_real}
        targets = {slot.blank.target for slot in self.slots if slot.blank}
        unasked = set(map(id, self.leftovers(is_equal_left=bool(remade))))
        for entry in self.leftovers():
            if self._is_made_again and (self._is_cassette or entry.target in targets):
                continue
            goes = entry.target in remade
            if entry.request is None:
                goes = entry.identity in remade or id(entry) not in unasked
            if not goes:
                yield entry

    def _with_added(self) -> list[Entry]:
        """Give what a failing test leaves of a log: its new calls of functions."""
        added = [
            self._left(slot)
            for slot in self.slots
            if slot.is_added and slot.outcome and not self.why_left_out(slot.outcome)
        ]
        return [*self.entries, *_behind(self.entries, added)] if added else []

    def write(
        self, *, fixtures: Mapping[str, str], setup: str, keeps_all: bool
    ) -> Written | None:
        """Write what the owner leaves in the vault, by how it has ended.

        Args:
            fixtures: The digests of the wider fixtures that were in use.
            setup: The digest of the owner's own set-up.
            keeps_all: As in `whole`.
        """
        if self.ending != "passed":
            self._given_up.clear()  # The new answers may have been put back.
        if not self.has_new():
            return None
        formers: list[str] = []
        if self.ending == "failed" and self.entries:
            entries = self._with_added()
        else:
            entries = self.whole(keeps_all=keeps_all)
            formers = [slot.key[0] for slot in self.slots]
        if all(entry.end == "empty" for entry in entries) and not self._given_up:
            return None
        recording = Recording(
            self.owner,
            self._vault.today,
            entries,
            fixtures=dict(fixtures),
            setup=setup,
            clients=versions_of(entry.target for entry in entries),
        )
        return self._vault.write(
            self.name,
            recording,
            equal=self._are_equal,
            formers=formers,
            beginning=self.beginning,
            known=self._known,
        )

    def keep(self, recording: Recording) -> bool:
        """Take over the dates and durations that a write has kept of equal calls.

        Args:
            recording: The content of the file after that write.

        Returns:
            Whether all outcomes in the file are those from before this run.
        """
        former = [entry.body for entry in self.entries]
        kept = recording.beginnings()[self.beginning].entries
        if former != [entry.body for entry in kept]:
            return False
        for slot, entry in zip(self.slots, kept, strict=False):
            if slot.outcome is not None:
                slot.outcome = entry
        return True

    def setup_digest(self) -> str:
        """Give a digest of what was asked and answered until now."""
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


def _behind(before: Sequence[Entry], entries: Iterable[Entry]) -> list[Entry]:
    """Give entries with places behind other entries, no two at a time."""
    places = count(end_of(before))
    return [copied(entry, at=[next(places), next(places)]) for entry in entries]
