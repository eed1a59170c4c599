"""What all tests share: one answer a call, kept in a cache."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial

from pytest_mimic.engine.calls import (
    Body,
    Call,
    Slot,
    failed_exchange,
    key_of,
    most_first,
    recorded_at,
)
from pytest_mimic.engine.decide import Mode, decide
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


class SharedAnswers:
    """The recordings of calls that have no place in a log: a cache.

    A call has one answer for all tests, the first that is no failed exchange. What this
    run has written is known by the time of its file, which all workers see.

    Args:
        vault: Where they are.
        is_recording: Whether a call without a recording is recorded.
        has_workers: Whether other processes belong to the run.

    Attributes:
        joined: Of calls that are made for real or were recorded, by identity: the
            identities that they have with what is ignored, each with its test.
        compared: What the callers of calls got that were verified, by file. None: what
            is recorded.
    """

    def __init__(self, vault: Vault, *, is_recording: bool, has_workers: bool) -> None:
        self._vault = vault
        self._is_recording = is_recording
        self._has_workers = has_workers
        self.joined: dict[str, dict[str, str]] = {}
        self.compared: dict[str, Body | None] = {}
        # The files whose answers this process has made, or found made anew.
        self._made: set[str] = set()
        self._confirmed: set[str] = set()
        self._following = Following(self._of_other_lines, vault)
        # What functions took when they were recorded, by target.
        self._arguments: dict[str, list[frozenset[str]]] = {}

    def find(self, call: Call) -> tuple[str, Entry | None]:
        """Give the file of a call, and the answer in it; None: there is none.

        That is a file of another line only where there is none of today's.

        Raises:
            CorruptRecordingError: The file is damaged.
        """
        name = call_name(call.target, call.identity, call.line)
        answer = self.answer_in(name)
        if answer is not None:
            return name, answer
        if not self._is_recording:
            name_before = self._name_before(call)
            if name_before:
                return name_before, self.answer_in(name_before)
        names, _, _ = self._following.equal(call)
        found = [(other, self.answer_in(other)) for other in sorted(names)]
        # Of several outcomes, nobody knows which one is meant.
        outcomes = {digest_of(one.body) for _, one in found if one is not None}
        return found[0] if len(outcomes) == 1 else (name, None)

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
            if self._is_recording and self.is_of_this_run(name):
                continue  # Its line is in force beside this one.
            with suppress(CorruptRecordingError):  # A miss names it.
                entry = self.answer_in(name)
                if entry is not None and entry.target == call.target:
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
            if name and self.answer_in(name) is not None:
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
                entry = self.answer_in(f"{folder}/{file}")
                if entry is not None:
                    found.add(frozenset(entry.arguments or ()))
        return most_first(found)

    def answer_in(self, name: str) -> Entry | None:
        """Give the answer in a file; None: there is none.

        Raises:
            CorruptRecordingError: The file is damaged.
        """
        recording = self._vault.read(name)
        if recording is None:
            return None
        entries = recording.entries
        if [call_name(one.target, one.identity, one.line) for one in entries] != [name]:
            label = f"{self._vault.label}/{name}"
            raise shapeless(label, "it has the recording of another call")
        return entries[0]

    def is_of_this_run(self, name: str) -> bool:
        """Whether a process of this run has made the answer in a file."""
        return name in self._made or self._vault.is_of_this_run(name)

    def take(self, call: Call, mode: Mode, times_asked: Mapping[str, int]) -> Slot:
        """Find the recording of a call, and say what becomes of it.

        Args:
            call: The call.
            mode: That of the run.
            times_asked: How often its owner has asked what is in each file.

        Raises:
            CorruptRecordingError: Its file is damaged, and needed.
        """
        name = call_name(call.target, call.identity, call.line)
        is_recording = mode in ("record", "rerecord")
        is_made = is_recording and self.is_of_this_run(name)
        is_read = mode != "rerecord" or is_made
        found, entry = name, None
        try:
            found, entry = call.shared_answer or self.find(call)
        except CorruptRecordingError:
            if is_read:
                raise
        if not is_read:
            entry = None
        recorded = recorded_at(call, entry, is_own=True)
        is_failed = entry is not None and bool(failed_exchange(entry.body))
        if is_recording and is_failed and (is_made or name in times_asked):
            recorded = "none"  # Who tries again is to get the real answer.
        if is_made:
            mode = "record"
        elif mode == "verify" and name in self.compared:
            mode = "replay"
        slot = Slot(name, key_of(call), recorded, entry, decide(mode, recorded), None)
        slot.former_file = found if found != name else ""
        return slot

    def put(self, call: Call, slot: Slot, entry: Entry, *, test: str) -> Written:
        """Keep an outcome at once, as `slot.outcome`.

        What this run has put there before stays, if it is no failed exchange, as
        `slot.entry`: another owner got it. So does the longer reading of a stream.
        """
        entry.test, entry.recorded = test, self._vault.today
        # Two equal requests may be made for the sake of what is volatile.
        options = call.options if call.is_function else NO_OPTIONS
        are_equal = partial(is_equal, options=options, same_bodies=call.same_bodies)
        replaced: Entry | None = None

        def change(former: Recording | None) -> Recording:
            nonlocal replaced
            is_made = self.is_of_this_run(slot.name)
            old = _answer_of(former)
            if old is not None and former is not None:
                old = copied(old, test=old.test or former.owner)
            slot.outcome = entry
            if old is not None and self._stays(old, entry, is_made=is_made):
                slot.outcome, slot.entry = old, old if is_made else None
                assert former is not None
                return former
            if old is None and slot.former_file:
                moved = {"identity": call.identity, "line": call.line}
                other = self.answer_in(slot.former_file)
                old = copied(other, **moved) if other is not None else None
            if old is not None and old.line == entry.line and are_equal(old, entry):
                slot.outcome = renewed(old, entry)
                if self._has_workers:  # They know it by the time of the file.
                    self._touch(slot.name)
            elif former is not None and not is_made:
                replaced = old
            kept = slot.outcome
            if former is not None and kept == old:
                return former
            return Recording(kept.test, kept.recorded, [kept])

        written = self._vault.change(slot.name, change)
        self._made.add(slot.name)
        written.answer, written.replaced = slot.outcome, replaced
        return written

    def _stays(self, old: Entry, new: Entry, *, is_made: bool) -> bool:
        """Whether a recorded answer stays where a new answer was made.

        Args:
            old: The recorded one.
            new: The new one.
            is_made: Whether this run has made the recorded one.
        """
        if self._is_beginning(new, old):
            return "last" in old.body or "last" not in new.body
        if self._is_beginning(old, new):
            return False  # The longest reading counts.
        if failed_exchange(old.body):
            return False
        return is_made or bool(failed_exchange(new.body))

    def put_back(self, written: Written) -> bool:
        """Undo a write, if nobody has written since; return whether it is undone."""
        is_undone = self._vault.put_back(written)
        if is_undone:
            self._made.discard(written.name)
        return is_undone

    def _is_beginning(self, one: Entry, other: Entry) -> bool:
        """Whether a stream gave what another one gave, or the first of its items."""
        items, more = (
            unshelve(each.body.get("items"), self._vault) for each in (one, other)
        )
        if not (isinstance(items, list) and isinstance(more, list)):
            return False
        return items == more[: len(items)]

    def _touch(self, name: str) -> None:
        """Make a file one of this run, whose stamp is another one; within a change."""
        content = self._vault.folder.read(name)
        if content is not None:
            self._vault.folder.write(name, [content])

    def confirm(self, name: str, answer: Entry) -> bool:
        """Keep an answer of this run that a test was given which has passed.

        It is written again, and so has another stamp: the test that made it cannot take
        it back. If that has done so already, it is there again.

        Returns:
            Whether the next run gives it: nobody has put another one in its place.
        """
        is_kept = True

        def change(former: Recording | None) -> Recording:
            nonlocal is_kept
            old = _answer_of(former)
            is_kept = old is not None and (
                old.body == answer.body or self._is_beginning(answer, old)
            )
            if former is not None and is_kept:
                self._touch(name)
                return former
            if former is not None and self.is_of_this_run(name):
                return former
            is_kept = True
            return Recording(answer.test, answer.recorded, [answer])

        if name not in self._confirmed:
            self._vault.change(name, change)
            if is_kept:
                self._confirmed.add(name)
        return is_kept


def _answer_of(recording: Recording | None) -> Entry | None:
    """Give the answer that a file has; it may have been edited to have none."""
    entries = recording.entries if recording is not None else []
    return entries[0] if entries else None
