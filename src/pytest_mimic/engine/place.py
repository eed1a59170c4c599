"""The place of a call: in the log of its owner, or in a file that all tests share."""

from __future__ import annotations

from copy import copy
from typing import Any, NoReturn

from pytest_mimic.engine.calls import Call, Slot, failed_exchange, is_worth_a_wait
from pytest_mimic.engine.end_order import (
    end_this_thread,
    hang_in_task,
    hang_in_thread,
)
from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.run import Run
from pytest_mimic.engine.told import Told
from pytest_mimic.errors import (
    CorruptRecordingError,
    MimicError,
    StaleRecordingError,
)
from pytest_mimic.values.outcome import unshelve
from pytest_mimic.vault.recording import Entry


class Place:
    """Where a call stands, and what is recorded there.

    If the call is replayed, its caller gets what `body()` holds: first `wait()` (of a
    stream only before its end), then the outcome. Else it is made for real; if
    it is compared, its caller then gets what is recorded, too.

    Args:
        run: The run.
        call: The call.
        slot: What was decided of it.
        owner: Whose call it is.

    Attributes:
        call: The call.
        slot: What was decided of it, and where it stands.
        owner: Whose call it is.
        log: The log in which it stands; None: all tests share it.
        decision: What becomes of the call.
        entry: The recording; None: it runs for real and is recorded.
        told: Tells what becomes of it.
    """

    def __init__(self, run: Run, call: Call, slot: Slot, owner: Owner) -> None:
        self.call = call
        self.slot = slot
        self.owner = owner
        self.log = None if slot.name.startswith("calls/") else owner.log
        self.decision = slot.decision
        self.entry = None if slot.is_real else slot.entry
        self.told = Told(run, call, slot, owner, self.log)
        self._run = run
        # In the order of their beginning. What is made for real stands there then.
        owner.open_calls[self] = None

    @property
    def is_open(self) -> bool:
        """Whether the call has not ended."""
        return self in self.owner.open_calls

    @property
    def is_shared(self) -> bool:
        """Whether all tests share its recording; of a live call there is none."""
        return self.log is None and bool(self.slot.name)

    @property
    def recorded(self) -> Entry:
        """The recording of a call that has one."""
        assert self.entry is not None
        return self.entry

    def find(self) -> None:
        """Take note of the recording that the call has found."""
        run, slot, entry = self._run, self.slot, self.entry
        if entry is None:
            return
        if (
            self.is_shared
            and self.owner.records
            and run.shared.is_of_this_run(slot.name)
        ):
            self.owner.shared.borrowed[slot.name] = entry
        if self.decision == "replay" and is_worth_a_wait(entry.body):
            run.sleeps.skip()

    # -- the end

    def claim_end(self) -> bool:
        """Note that the call ends now; whether it had not ended before."""
        # One thread alone ends it.
        return self.owner.open_calls.pop(self, False) is not False

    def free(self) -> None:
        """Let those go on that wait for its end."""
        if self.log is not None:
            self.log.end(self.slot)

    def leave(self) -> bool:
        """End a call without an outcome to keep; return whether it had not ended."""
        real = self.owner.open_calls.get(self)
        if real is not None:
            return real.leave()
        is_first = self.claim_end()
        if is_first:
            self.free()
        return is_first

    def put(self, entry: Entry, *, test: str) -> None:
        """Keep the outcome of a real call.

        If an equal call has ended before, its answer stands: `self.entry` is that.

        Args:
            entry: What the call gave.
            test: The test that ran when it began.
        """
        run, slot, owner = self._run, self.slot, self.owner
        if not slot.name:
            return  # In live mode nothing is kept.
        if self.log is not None:
            self.log.put(slot, entry)
            return
        if owner.real_values:  # What it asks for may hold one of them.
            run.log_of(owner).is_asked_with = True
        written = run.shared.put(self.call, slot, entry, test=test)
        failed = failed_exchange(entry.body)
        stands = slot.outcome or entry
        if failed and not failed_exchange(stands.body):
            self.told.not_kept(f"gave {failed}: its recording stays as it is")
        elif slot.entry is not None and slot.entry is slot.outcome:
            # An equal call has ended before.
            owner.shared.borrowed[slot.name] = self.entry = slot.entry
        else:
            owner.shared.borrowed.pop(slot.name, None)
            if owner.log is not None:
                owner.log.give_up(self.call)
        if written.is_changed:
            owner.shared.keep(written)

    # -- a call that is replayed

    def body(self) -> Any:
        """Give what is recorded, with all that stands in objects.

        Raises:
            MimicError: An object is gone or damaged. The error is noted.
        """
        try:
            body = unshelve(self.recorded.body, self._run.vault)
        except MimicError as error:
            self.told.taken_back()
            self.leave()
            raise self._run.refuse(error, self.call, self.owner) from None
        given = self._run.shared.compared.get(self.slot.name)
        if given is not None and self.decision == "replay":
            paths = self.call.volatile_paths()
            self.owner.real_values.learn(body, given, paths)
            return given
        return body

    def wait(self) -> None:
        """Return when the call may end, as it did when it was recorded.

        Raises:
            MissingRecordingError: It was cancelled when it was recorded and nobody
                cancels it now, or waits in vain.
            SystemExit: In a thread whose owner has ended.
        """
        try:
            if self._waits_in_vain:
                hang_in_thread(self.recorded, self.owner.ended)
                self._end_hanging(is_task=False)
        finally:
            self.leave()

    async def wait_async(self) -> None:
        """As `wait`, for a task, which is cancelled when its owner has ended.

        It ends after those that ended before it when they were recorded.
        """
        index = self.slot.index
        try:
            if self._waits_in_vain:
                await hang_in_task(self.recorded, self.owner.ended)
                self._end_hanging(is_task=True)
            if self.log is not None and index is not None:
                await self.log.end_order.turn(index)
        finally:
            self.leave()

    @property
    def _waits_in_vain(self) -> bool:
        """Whether it is replayed, and had no end when it was recorded."""
        return self.log is not None and self.entry is not None and self.entry.hangs

    def _end_hanging(self, *, is_task: bool) -> NoReturn:
        """End the wait of a call that had no end."""
        entry = self.recorded
        if not self.owner.ended.is_set():
            if entry.end == "open":
                raise self.read_further()
            raise self._unplayable(
                f"{self.call.label()} was cancelled after {entry.seconds:.1f} s when it"
                " was recorded, and is not cancelled now",
            )
        if not is_task:
            end_this_thread()
        from asyncio import CancelledError  # few replays wait

        raise CancelledError

    def further(self) -> Place | None:
        """Give the place of what a stream gives behind what is recorded.

        None: this run does not record, or the stream has its place in a log.
        """
        if self.log is not None or not self.owner.records:
            return None
        further = copy(self.slot)
        further.decision, further.is_real = "run", True
        return Place(self._run, self.call, further, self.owner)

    # -- a call that cannot be replayed

    def read_further(self) -> MimicError:
        """Give the error, noted already, of a stream that is read beyond its record."""
        what = f"{self.call.label()} was read further than when it was recorded"
        return self._unplayable(what, words="to record the rest")

    def outdated(self, error: StaleRecordingError) -> MimicError:
        """Give the error, noted already, of an outcome that nothing today can make."""
        self.told.taken_back()
        what = f"the recorded outcome of {self.call.label()} can no longer be made"
        return self._unplayable(
            what, error.what, make=StaleRecordingError, cause=error.what
        )

    def refused(self, error: MimicError) -> MimicError:
        """End the call without an outcome, and give the error, which fails the test."""
        self.leave()
        self._run.note_error(error)
        return error

    def damaged(self, reason: str) -> MimicError:
        """Give the error, noted already, of an answer that no client can be given."""
        self.leave()
        self.told.taken_back()
        file = f"{self._run.vault.label}/{self.slot.name}"
        label = self.call.label()
        what = f"{file} holds an answer to {label} that cannot be replayed"
        return self._unplayable(what, reason, make=CorruptRecordingError)

    def _unplayable(self, what: str, *facts: str, **how: Any) -> MimicError:
        error = self._run.refusals.error(what, facts, self.owner, **how)
        return self._run.refuse(error, self.call)
