"""Where recordings are: the log of an owner, and what all tests share."""

from __future__ import annotations

import os
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
from contextlib import suppress
from functools import cached_property, partial
from heapq import heappop, heappush
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
    raised_in,
)
from pytest_mimic.engine.decide import Conversation, Mode, Recorded, decide
from pytest_mimic.engine.end_order import EndOrder, seconds_now
from pytest_mimic.engine.events import Event
from pytest_mimic.engine.following import Following
from pytest_mimic.engine.verifying import is_equal
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.patch.clients import versions_of
from pytest_mimic.patch.targets import NO_OPTIONS
from pytest_mimic.values.outcome import unshelve
from pytest_mimic.values.tree import Tree, digest_of
from pytest_mimic.vault.names import call_folder, call_name, line_mark
from pytest_mimic.vault.recording import (
    Entry,
    Recording,
    copied,
    damaged,
    end_of,
    shapeless,
)
from pytest_mimic.vault.vault import PartFile, Vault, Written, renewed

# The digits of an identity.
_IDENTITY = 32
# In seconds: how long a call waits until another worker has made it, at most.
_LONGEST_WAIT = 30

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
        is_asked_with: Whether what all tests share was asked with new values of its
            answers, which it has to keep then.

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
        self._indices.clear()
        for index, entry in enumerate(self.entries):
            self._indices.setdefault(key_of(entry), []).append(index)
            self._lines[entry.target].add(entry.line)

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
            recorded = _recorded_at(call, entry, is_own=is_own)
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


class BusyError(Exception):
    """Another worker makes the answer to a call just now."""


class BegunCounts:
    """How many equal calls of what all tests share an owner began, by file.

    Attributes:
        failed: The exchanges that have failed, by file and number: how, and the row
            that names them, if there is one.
    """

    def __init__(self) -> None:
        self.failed: dict[tuple[str, int], tuple[str, Event | None]] = {}
        self._lock = threading.Lock()
        self._counts = defaultdict[str, Iterator[int]](count)
        self._again = defaultdict[str, list[int]](list)

    def next(self, name: str) -> int:
        """Give the number of a call that begins now among equal calls."""
        with self._lock:
            again = self._again[name]
            return heappop(again) if again else next(self._counts[name])

    def give_back(self, name: str, number: int) -> None:
        """Let the next equal call have a number."""
        with self._lock:
            heappush(self._again[name], number)


class SharedAnswers:
    """The recordings of calls that have no place in a log.

    The n-th equal call of each owner gets the n-th answer.

    Args:
        vault: Where they are.
        run_id: What the processes of one run have in common; empty: there is one.
        is_recording: Whether a call without a recording is recorded.

    Attributes:
        joined: Of calls that are made for real or were recorded, by identity: the
            identities that they have with what is ignored, each with its test.
    """

    def __init__(self, vault: Vault, run_id: str, *, is_recording: bool) -> None:
        self._vault = vault
        self._is_recording = is_recording
        self.joined: dict[str, dict[str, str]] = {}
        self._run_id = run_id or os.urandom(8).hex()
        self._has_workers = bool(run_id)
        self._made: defaultdict[str, set[int]] = defaultdict(set)
        self._confirmed: set[str] = set()
        # Which process makes an answer now, by file and number; empty: none.
        self._claims: dict[tuple[str, int], str] = {}
        # Since when a call of this process waits for an answer.
        self._busy: dict[tuple[str, int], float] = {}
        self._following = Following(self._of_other_lines, vault)

    def find(self, call: Call) -> tuple[str, list[Entry]]:
        """Give the file of a call, and the answers in it.

        That is a file of another line only where there is none of today's.

        Raises:
            CorruptRecordingError: The file is damaged.
        """
        name = call_name(call.target, call.identity, call.line)
        answers = self.answers_in(name)
        if answers:
            return name, answers
        names, _, _ = self._following.equal(call)
        found = [(other, self.answers_in(other)) for other in sorted(names)]
        # Of several outcomes, nobody knows which one is meant.
        outcomes = {
            digest_of([[one.times, one.body] for one in each]) for _, each in found
        }
        return found[0] if len(outcomes) == 1 else (name, [])

    def _of_other_lines(self, call: Call) -> Iterator[tuple[str, Entry]]:
        """Yield calls that may equal a call under its line, each with its file."""
        folder = call_folder(call.target)
        files = self._vault.folder.listed(folder)
        if not call.hides_anew:
            # A folder may have very many files of this line, which are not read.
            own = f"{line_mark(call.line)}.json"
            files = [one for one in files if one[_IDENTITY:] != own]
        for file in files:
            name = f"{folder}/{file}"
            if self._is_recording and self._made_in_run(name):
                continue  # Its line is in force beside this one.
            with suppress(CorruptRecordingError):  # A miss names it.
                for entry in self.answers_in(name)[:1]:
                    if entry.target == call.target:
                        yield name, entry

    def answers_in(self, name: str) -> list[Entry]:
        """Give the answers in a file.

        Raises:
            CorruptRecordingError: The file is damaged.
        """
        recording = self._vault.read(name)
        if recording is None:
            return []
        calls = {
            call_name(one.target, one.identity, one.line) for one in recording.entries
        }
        if calls != {name}:
            label = f"{self._vault.label}/{name}"
            raise shapeless(label, "it has the recording of another call")
        return recording.entries

    def take(self, call: Call, mode: Mode, begun: BegunCounts | None) -> Slot:
        """Find the recording of a call, and say what becomes of it.

        Args:
            call: The call.
            mode: That of the run.
            begun: What its owner began. None: the call gets the first answer.

        Raises:
            BusyError: It has to be asked again in a moment.
        """
        name = call_name(call.target, call.identity, call.line)
        if begun is None or not call.has_samples:
            return self._slot(call, mode, name, 0)
        number = begun.next(name)
        if not self._has_workers or mode not in ("record", "rerecord"):
            return self._slot(call, mode, name, number)
        self._vault.begin_recording()
        # Who has made an answer announces and writes it within one lock.
        with self._vault.locks.writing():
            slot = self._slot(call, mode, name, number)
            if not slot.is_real or self._claim(name, number):
                return slot
        begun.give_back(name, number)
        raise BusyError

    def _slot(self, call: Call, mode: Mode, name: str, number: int) -> Slot:
        is_made = mode == "rerecord" and number in self._made_in_run(name)
        is_read = mode != "rerecord" or is_made
        found, answers = name, list[Entry]()
        try:
            found, answers = call.shared_answers or self.find(call)
        except CorruptRecordingError:
            if is_read:
                raise
        entry, is_own = _answer_at(answers if is_read else [], number)
        recorded = _recorded_at(call, entry, is_own=is_own)
        is_failed = entry is not None and failed_exchange(entry.body)
        mode = "record" if is_made else mode
        if mode == "record" and recorded == "fresh" and is_failed:
            # Who tries again is to get the real answer.
            recorded = "none" if number in self._made_in_run(name) else "fresh"
        decision = decide(mode, recorded)
        slot = Slot(name, key_of(call), recorded, entry, decision, number)
        slot.former_file = found if found != name else ""
        return slot

    def put(self, call: Call, slot: Slot, entry: Entry, *, test: str) -> Written:
        """Keep an outcome at once, as `slot.outcome`.

        What this run has put there before stays, if it is no failed exchange, as
        `slot.entry`: another owner got it. So does the longer reading of a stream.
        """
        entry.test, entry.recorded = test, self._vault.today
        number, name = slot.index or 0, slot.name
        # Two equal requests may be made for the sake of what is volatile.
        options = call.options if call.is_function else NO_OPTIONS
        are_equal = partial(is_equal, options=options, same_bodies=call.same_bodies)
        replaced: dict[int, Entry] = {}

        def change(former: Recording | None) -> Recording:
            is_made = number in self._made_in_run(name)
            answers = _answers_of(former)
            if former is None and slot.former_file:
                moved = {"identity": call.identity, "line": call.line}
                before = _answers_of(self._vault.read(slot.former_file))
                answers = [copied(one, **moved) for one in before]
            old, is_own = _answer_at(answers, number)
            kept, stays = entry, False
            if former is not None and old is not None and is_own and not old.end:
                stays = self._stays(old, entry, is_made=is_made)
                if stays:
                    kept = old
                    slot.entry = old if is_made else None
                elif old.line == entry.line and are_equal(old, entry):
                    kept = renewed(old, entry)
                elif not is_made:
                    replaced[number] = old
            # Whoever else asks for what has failed is to get an own answer.
            if not (raised_in(entry.body) or (stays and failed_exchange(entry.body))):
                self._note(name, number)
            elif self._has_workers:
                self._announce(name, f"{number}:")
            slot.outcome = kept
            now = _with_answer(answers, number, kept, are_equal)
            if former is not None and (stays or now == answers):
                return former
            return _recording_of(now)

        written = self._vault.change(name, change)
        written.replaced = replaced
        written.answers[number] = slot.outcome or entry
        return written

    def _stays(self, old: Entry, new: Entry, *, is_made: bool) -> bool:
        """Whether a recorded answer stays where a new answer was made.

        Args:
            old: The recorded one.
            new: The new one.
            is_made: Whether this run has made the recorded one.
        """
        read, read_now = (
            unshelve(one.body.get("items"), self._vault) for one in (old, new)
        )
        if isinstance(read, list) and isinstance(read_now, list):
            shorter = min(len(read), len(read_now))
            if read[:shorter] == read_now[:shorter]:
                # The longest reading counts.
                return "last" not in new.body and len(read_now) <= len(read)
        if failed_exchange(old.body):
            return False
        return is_made or bool(failed_exchange(new.body))

    # -- what this run makes, and has made

    def _claim(self, name: str, number: int) -> bool:
        """Make an answer, unless another worker makes it now; within `writing`."""
        own, place = str(os.getpid()), (name, number)
        self._made_in_run(name)
        if self._claims.get(place, "") not in ("", own):
            now = seconds_now()
            if now - self._busy.setdefault(place, now) < _LONGEST_WAIT:
                return False
        self._busy.pop(place, None)
        self._announce(name, f"{number}:{own}")
        return True

    def release(self, name: str, number: int) -> None:
        """Let another worker make an answer: this worker has made none."""
        if self._has_workers:
            self._made_in_run(name)
            if self._claims.get((name, number)) == str(os.getpid()):
                with self._vault.locks.writing():
                    self._announce(name, f"{number}:")

    def _note(self, name: str, number: int) -> None:
        self._made[name].add(number)
        self._announce(name, number)

    def _announce(self, name: str, what: int | str) -> None:
        self._vault.locks.announce(f"{self._run_id} {name} {what}")

    def confirm(self, name: str, number: int, answer: Entry) -> bool:
        """Keep an answer of this run that an owner was given which has not failed.

        Returns:
            Whether the next run gives it: nobody has made another one since.
        """
        is_kept = True

        def change(former: Recording | None) -> Recording:
            nonlocal is_kept
            is_made = number in self._made_in_run(name)
            self._announce(name, "kept")
            answers = _answers_of(former)
            old, is_own = _answer_at(answers, number)
            is_kept = bool(old and is_own and old.body == answer.body)
            if former is not None and (is_kept or is_made):
                return former
            # The test that made it has failed, and has taken it back.
            is_kept = True
            self._note(name, number)
            return _recording_of(_with_answer(answers, number, answer, is_equal))

        self._vault.change(name, change)
        return is_kept

    def put_back(self, written: Written) -> bool:
        """Undo a write, unless the answers are kept for another owner; whether it was.

        What this run has made there stands no longer in the file.
        """
        name = written.name
        self._made_in_run(name)

        def stays() -> bool:
            self._made_in_run(name)
            if name not in self._confirmed:
                self._announce(name, "none")
            return name in self._confirmed

        self._vault.put_back(written, stays)
        return name not in self._confirmed

    def _made_in_run(self, name: str) -> set[int]:
        """Give the answers in a file that any process of this run has made."""
        for line in self._vault.locks.announcements():
            run_id, file, what = line.split(" ")
            if run_id != self._run_id:
                continue
            number, is_claim, claim = what.partition(":")
            if what == "none":
                self._made.pop(file, None)
            elif what == "kept":
                self._confirmed.add(file)
            elif is_claim:
                self._claims[file, int(number)] = claim
            else:
                self._made[file].add(int(number))
                self._claims.pop((file, int(number)), None)
        return self._made[name]


def _answers_of(recording: Recording | None) -> list[Entry]:
    """Give the answers in a file, each with the test that has asked."""
    if recording is None:
        return []
    owner = recording.owner
    return [copied(one, test=one.test or owner) for one in recording.entries]


def _recording_of(answers: list[Entry]) -> Recording:
    return Recording(answers[0].test, answers[0].recorded, answers)


def _answer_at(answers: Sequence[Entry], number: int) -> tuple[Entry | None, bool]:
    """Give the answer that a call gets, and whether it is its own: else the last."""
    for answer in answers:
        if number < answer.times:
            return answer, True
        number -= answer.times
    return (answers[-1] if answers else None), False


def _with_answer(
    answers: Sequence[Entry],
    number: int,
    answer: Entry,
    are_equal: Callable[[Entry, Entry], bool],
) -> list[Entry]:
    """Give answers with a new answer at a place; equal neighbours become one entry."""
    before: list[Entry] = []
    after: list[Entry] = []
    start = 0
    for one in answers:
        end = start + one.times
        if start < number:
            before.append(copied(one, times=min(end, number) - start))
        if end > number + 1:
            after.append(copied(one, times=end - max(start, number + 1)))
        start = end
    if start < number:
        # Calls of the same owner that have not ended.
        blank = Entry(answer.target, answer.identity, line=answer.line, end="empty")
        before.append(copied(blank, test=answer.test, times=number - start))
    joined = before[-1:]
    for one in (copied(answer, times=1), *after[:1]):
        if joined and are_equal(joined[-1], one):
            joined[-1] = copied(joined[-1], times=joined[-1].times + one.times)
        else:
            joined.append(one)
    return [*before[:-1], *joined, *after[1:]]


def _recorded_at(call: Call, entry: Entry | None, *, is_own: bool) -> Recorded:
    """Say what stands at the place of a call.

    Args:
        call: The call.
        entry: What is recorded there.
        is_own: Whether it is its own: not that of the last equal call again.
    """
    if entry is None:
        return "none"
    if entry.end == "empty":
        return "empty"
    if call.stale_parts(entry):
        return "stale"
    return "fresh" if is_own else "repeats"


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
