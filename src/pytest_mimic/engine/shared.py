"""What all tests share: answers of calls that have no place in a log."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from heapq import heappop, heappush
from itertools import count

from pytest_mimic.engine.calls import (
    Call,
    Slot,
    failed_exchange,
    key_of,
    most_first,
    raised_in,
    recorded_at,
)
from pytest_mimic.engine.decide import Mode, decide
from pytest_mimic.engine.end_order import seconds_now
from pytest_mimic.engine.events import Event
from pytest_mimic.engine.following import Following
from pytest_mimic.engine.verifying import is_equal
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.patch.targets import NO_OPTIONS
from pytest_mimic.values.outcome import unshelve
from pytest_mimic.values.tree import digest_of
from pytest_mimic.vault.names import call_folder, call_name, line_mark
from pytest_mimic.vault.recording import Entry, Recording, copied, shapeless
from pytest_mimic.vault.vault import Vault, Written, renewed

# The digits of an identity.
_IDENTITY = 32
# So many recordings of a function are read to see what arguments it had.
_MOST_READ = 500
# In seconds: how long a call waits until another worker has made it, at most.
_LONGEST_WAIT = 30


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
        # What functions took when they were recorded, by target.
        self._arguments: dict[str, list[frozenset[str]]] = {}

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
        if not self._is_recording:
            name_before = self._name_before(call)
            if name_before:
                return name_before, self.answers_in(name_before)
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

    def _name_before(self, call: Call) -> str:
        """Give the file of a call that was made before its function took all arguments.

        Empty: there is none.
        """
        if not call.is_function:
            return ""
        target = call.target
        if target not in self._arguments:
            self._arguments[target] = self._arguments_of(target)
        for names in self._arguments[target]:
            identity = call.identity_before(names)
            name = call_name(target, identity, call.line) if identity else ""
            if name and self.answers_in(name):
                return name
        return ""

    def _arguments_of(self, target: str) -> list[frozenset[str]]:
        """Give the arguments that a function had when it was recorded, most first."""
        folder = call_folder(target)
        files = self._vault.folder.listed(folder)
        found = set()
        # Of very many files, some: those of one version of the function are alike.
        for file in files[:: 1 + len(files) // _MOST_READ]:
            with suppress(CorruptRecordingError):
                for entry in self.answers_in(f"{folder}/{file}")[:1]:
                    found.add(frozenset(entry.arguments or ()))
        return most_first(found)

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
        recorded = recorded_at(call, entry, is_own=is_own)
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
        """Keep an answer of this run that a test was given which has passed.

        It is written again if the test that made it has failed and taken it back.

        Returns:
            Whether the next run gives it: nobody has put another one in its place.
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
