"""One call from its beginning to its end: replayed, compared, or run for real."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_mimic.engine.calls import (
    Body,
    Call,
    Slot,
    answer_of,
    entry_of,
    failed_exchange,
    is_worth_a_wait,
)
from pytest_mimic.engine.end_order import (
    end_this_thread,
    hang_in_task,
    hang_in_thread,
    seconds_now,
)
from pytest_mimic.engine.nesting import OpenCall, is_called_by
from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.run import Run
from pytest_mimic.engine.taking import take
from pytest_mimic.engine.told import WILL_MISS, Told
from pytest_mimic.errors import (
    CorruptRecordingError,
    MimicError,
    StaleRecordingError,
)
from pytest_mimic.values.outcome import shelve, shelve_answer, unshelve
from pytest_mimic.vault.recording import End, Entry

if TYPE_CHECKING:
    from pytest_mimic.values.differences import Difference

_CANCELLED = ("CancelledError", "Cancelled", "GeneratorExit")
# They end the run, and nobody asks which calls they have cut short.
_ENDS_OF_A_RUN = ("KeyboardInterrupt", "Exit")
_VERBS_THAT_WRITE = frozenset(
    "INSERT UPDATE DELETE MERGE REPLACE CREATE ALTER DROP TRUNCATE COPY".split()
)


def _writes(entry: Entry) -> bool:
    return entry.signature.partition(" ")[0] in _VERBS_THAT_WRITE


def begin(run: Run, call: Call, cassette: Owner | None = None) -> Step:
    """Give a call its place and say what becomes of it.

    Args:
        run: The run.
        call: The call.
        cassette: The innermost cassette around it that takes it.

    Raises:
        MissingRecordingError: It has no recording, and may not run.
        StaleRecordingError: Its recording is stale.
        CorruptRecordingError: The file of its recording is damaged.
        MimicError: It is to run, and its recording could not be written.
    """
    run.sleeps.go_on()
    owner = cassette or run.innermost
    is_typed = run.is_debugged and is_called_by("pdb")
    if is_typed:
        owner = Owner(
            owner.name, "test", "replay", file=owner.file, serves=owner.serves
        )
    try:
        in_log = call.in_log or cassette is not None
        slot, call = take(run, call, owner, in_log=in_log)
        if slot.is_real and slot.name:
            run.try_out(slot.name)
    except MimicError as error:
        raise run.refuse(error, call, owner) from None
    if run.is_child and slot.name and slot.decision in ("run", "verify", "repeat"):
        raise run.refuse(run.refusals.in_child(call), call)
    if slot.decision in ("missing", "stale"):
        raise run.refuse(run.refusals.refusal(call, slot, owner), call, owner)
    step = Step(run, call, slot, owner)
    if is_typed:
        return step
    if run.see_call is not None and owner.kind != "fixture":
        step.seen = run.see_call(step.entry or entry_of(call, call.described))
    if step.entry is not None:
        step.find(step.entry)
    return step


class Step(OpenCall):
    """What becomes of one call.

    If it is replayed, the caller gets what `body()` holds: first `wait()` (of a stream
    only before its end), then the outcome. Else the call runs in a block of the step,
    `with step:`, mimicked calls inside of the block are a part of it, and it ends by
    `complete`, `check` or `abandon`; with `verify` and `repeat` its caller then gets
    what is recorded.

    Attributes:
        owner: Whose call it is.
        decision: What becomes of the call.
        entry: The recording; None: it runs for real and is recorded.
        told: Tells what becomes of it.
        shared_target: Its function, if it runs for real and all tests share it.
        seen: Takes what is recorded of it, for a test that looks at its own calls.
        fingerprints: Gives those of a function, however its call ends.
        so_far: Gives the part of an answer or a stream that has come until now. If
            the owner ends first, that part is recorded.
    """

    seen: Callable[[Entry], None] | None = None
    fingerprints: Callable[[], dict[str, str]] | None = None
    so_far: Callable[[], Body] | None = None
    # Whether its caller has had parts of the outcome before it ended.
    _was_read = False
    # Whether all tests share it, and another such call ran for real beside it.
    _overlaps = False
    _seconds = 0.0
    _since: float | None = None

    def __init__(self, run: Run, call: Call, slot: Slot, owner: Owner) -> None:
        self.call = call
        self.decision = slot.decision
        self.entry = None if slot.is_real else slot.entry
        self._run = run
        self._slot = slot
        # None: all tests share the call.
        self._log = None if slot.name.startswith("calls/") else owner.log
        self.owner = owner
        self.told = Told(run, call, slot, owner, is_shared=self.is_shared)
        self._test = run.test
        self._is_aside = threading.get_ident() != owner.thread
        if slot.is_real and self._log is None and call.is_function:
            self.shared_target = call.target
        self._open_calls = owner.open_calls
        # In the order of their beginning.
        self._open_calls[self] = None
        # Of two threads that begin now, the later one sees the other.
        if slot.is_real and self.is_shared:
            self._note_overlap()

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self in self._open_calls

    @property
    def is_shared(self) -> bool:
        """Whether all tests share its recording."""
        return self._log is None and bool(self._slot.name)

    def _note_overlap(self) -> None:
        """Note which calls that all tests share run for real beside this one."""
        for other in list(self._open_calls):
            if other is self or not isinstance(other, Step):
                continue
            if other._slot.is_real and other.is_shared:
                self._overlaps = other._overlaps = True

    def body(self) -> Any:
        """Give what is recorded, with all that stands in objects.

        Raises:
            MimicError: An object is gone or damaged. The error is noted.
        """
        assert self.entry is not None
        try:
            body = unshelve(self.entry.body, self._run.vault)
        except MimicError as error:
            self.told.taken_back()
            self.abandon(None)
            raise self._run.refuse(error, self.call, self.owner) from None
        given = self._run.shared.compared.get(self._slot.name)
        if given is not None and self.decision == "replay":
            paths = self.call.volatile_paths()
            self.owner.real_values.learn(body, given, paths)
            return given
        return body

    def find(self, entry: Entry) -> None:
        """Take note of the recording that the call has found."""
        run, owner, slot = self._run, self.owner, self._slot
        if self.is_shared and owner.records and run.shared.is_of_this_run(slot.name):
            owner.borrowed[slot.name] = entry
        if self.decision == "replay":
            self.told.given(entry)
            if is_worth_a_wait(entry.body):
                run.sleeps.skip()
        self.told.found(entry)

    @property
    def _hung_before(self) -> bool:
        """Whether it is verified, and was cut short when it was recorded."""
        return self.decision == "verify" and self.entry is not None and self.entry.hangs

    # -- a real call

    def __enter__(self) -> None:
        self._around = self._run.nesting.enter(self)
        self._since = seconds_now()

    def __exit__(self, *_: object) -> None:
        self._seconds, self._since = self._seconds_now(), None
        self._run.nesting.leave(self._around)

    def begin_clock(self) -> None:
        """Count the seconds in which it runs."""
        self._since = seconds_now()

    def _seconds_now(self) -> float:
        if self._since is None:
            return self._seconds
        return self._seconds + seconds_now() - self._since

    def complete(self, body: Body, **facts: Any) -> None:
        """Keep what the call gave.

        Args:
            body: The outcome.
            facts: What else its recording says, by the names of an `Entry`.

        Raises:
            MimicError: It cannot be written. The error is noted.
        """
        # Before the end is claimed: the owner's own end looks at the open calls first.
        self.owner.storing_calls[self] = None
        try:
            if self._claim_end():
                self._keep(body, **facts)
        finally:
            self.owner.storing_calls.pop(self, None)
            self.fingerprints = None  # They hold the arguments.

    def abandon(
        self,
        error: BaseException | None,
        body: Body | None = None,
        *,
        is_awaited: bool = True,
    ) -> None:
        """End a call that has no whole outcome: its place is empty.

        Args:
            error: What has ended it. None: an error that is noted.
            body: What it gave until then. One that was cancelled is kept as waiting.
            is_awaited: Whether the call itself may have been cancelled.
        """
        name = type(error).__name__
        is_cancelled = name in _CANCELLED
        is_cut_short = self.decision == "run" and error is not None
        if is_cut_short and is_cancelled and is_awaited and self._log is not None:
            self.complete(body or {}, end="waiting")
            return
        if not self.leave():
            return
        if is_cancelled and self._hung_before:
            self.told.given(self._recorded)
        is_ended = name in _ENDS_OF_A_RUN
        if is_cut_short and self._log is None and not is_ended:
            if is_cancelled:
                self.told.not_kept(f"was cancelled: {WILL_MISS}")
            else:
                self.told.lost(f"raised {name}")

    def end_with_owner(self) -> None:
        """End a call that is still open when its owner ends."""
        if self.decision != "run":
            # A replay ends by itself.
            if self._hung_before and self.leave():
                self.told.given(self._recorded)
            return
        so_far = self.so_far
        if so_far is None and self.call.conversation:
            so_far = partial(Body, answer={})  # Its answer has not begun.
        # What all tests share is kept when it is done, after the test if need be.
        is_kept_later = self._log is None and so_far is None
        if is_kept_later or not self._claim_end():
            return
        if self._log is not None and so_far is not None:
            self._keep(so_far(), end="open")
        else:
            self._leave()
            self.told.lost("was still open when its test ended")

    def note_lost(self) -> None:
        """Name it: its outcome comes too late for the log of its owner."""
        if self._log is not None and self.owner.is_here:
            self.told.lost("was still being stored when its test ended")

    def _claim_end(self) -> bool:
        """Note that the call ends now; whether it had not ended before."""
        # One thread alone ends it.
        if self._open_calls.pop(self, False) is not None:
            return False
        self._was_read, self.so_far = self.so_far is not None, None
        return True

    def _leave(self) -> None:
        slot = self._slot
        self.fingerprints = None  # They hold the arguments.
        if self._log is not None:
            self._log.end(slot)

    def _keep(self, body: Body, *, end: End = "", **facts: Any) -> None:
        run, real = self._run, body
        call, described = self.call, self.call.described
        kept = run.values_around(self.owner, in_written=True)
        if kept:
            body = kept.with_recorded_values(body, call.volatile_paths())
            described = kept.request_as_recorded(described)
            call = call.asking(kept.request_as_recorded(call.asked))
        seconds = self._seconds_now()
        began = seconds_now() - seconds
        if self._overlaps:
            facts["at"] = [int(1000 * began), int(1000 * (began + seconds))]
        try:
            entry = entry_of(
                call,
                described if call.is_function else shelve(described, run.vault),
                body=self._shelved(body),
                end=end,
                aside=self._is_aside,
                seconds=seconds,
                **(self.fingerprints() if self.fingerprints else {}),
                **facts,
            )
            self._put(entry)
        except MimicError as error:
            self._leave()
            run.events.note_error(error)
            raise
        self.told.kept(self.entry, {**entry.states, **body}, entry.seconds, began)
        if self.seen is not None:
            self.seen(self.entry or entry)
        before, paths = self._slot.entry, self.call.volatile_paths()
        if paths and before is not None:
            self.owner.real_values.learn(unshelve(before.body, run.vault), real, paths)

    def _shelved(self, body: Body) -> Body:
        vault = self._run.vault
        if "answer" in body:
            return {"answer": shelve_answer(answer_of(body), vault)}
        return {key: shelve(part, vault) for key, part in body.items()}

    def _put(self, entry: Entry) -> None:
        run, slot = self._run, self._slot
        if not slot.name:
            return  # In live mode nothing is kept.
        if self._log is not None:
            self._log.put(slot, entry)
            return
        if self.owner.real_values:  # What it asks for may hold one of them.
            run.log_of(self.owner).is_asked_with = True
        written = run.shared.put(self.call, slot, entry, test=self._test)
        failed = failed_exchange(entry.body)
        stands = slot.outcome or entry
        if failed and not failed_exchange(stands.body):
            self.told.not_kept(f"gave {failed}: its recording stays as it is")
        elif slot.entry is not None and slot.entry is slot.outcome:
            # An equal call has ended before.
            self.owner.borrowed[slot.name] = self.entry = slot.entry
            if self._was_read and slot.entry.body != entry.body:
                self.told.not_kept("was given another answer than is shared")
        else:
            self.owner.borrowed.pop(slot.name, None)
            if self.owner.log is not None:
                self.owner.log.give_up(self.call)
        if written.is_changed:
            self.owner.keep(written)

    # -- a call that is compared

    def compare(
        self,
        recorded: Body,
        real: Body,
        differences: Iterable[Difference],
        *,
        failed: str = "",
    ) -> Any:
        """End a call that ran for real beside its recording, and note a drift.

        Args:
            recorded: What it gave when it was recorded.
            real: What it gave now.
            differences: Where that differs.
            failed: How the real call failed, which is not to be accepted: `the real
                call gave 503`.

        Returns:
            What its caller gets: the recorded outcome, with the real values of what is
            new each time.
        """
        run, owner, call = self._run, self.owner, self.call
        assert self.entry is not None
        paths = call.volatile_paths()
        owner.real_values.learn(recorded, real, paths)
        known = run.values_around(owner)
        differing = [one for one in differences if not known.is_known(one)]
        given = known.with_real_values(recorded, real, paths)
        if self._log is not None and self._log.way == "continued":
            given = recorded  # All that it serves get what the first ones got.
        if self._log is None:
            self._run.shared.compared[self._slot.name] = given if paths else None
        if self.leave():
            self._note_compared(differing, failed)
        return given

    def _note_compared(self, differences: Sequence[Difference], failed: str) -> None:
        entry, owner = self.entry, self.owner
        assert entry is not None
        # One that was cancelled when it was recorded may be answered before that.
        is_drift = bool(differences) and entry.end != "waiting"
        if is_drift and self.decision == "repeat":
            # Of a wider fixture, the first of its set-up is told: later statements meet
            # what it has left, and a tear-down lacks what replayed tests have not done.
            is_first = not (owner.is_set_up or owner.has_drifted)
            owner.has_drifted = True
            is_again = self._log is not None and self._log.way == "continued"
            is_drift = is_first and not is_again
            if is_first and is_again:
                self._run.add_event("began again", owner.name, what="as another")
        if is_drift:
            self._note_drift(differences, failed)
        else:
            self.told.given(self._recorded)

    def _note_drift(self, differences: Sequence[Difference], failed: str) -> None:
        owner, index = self.owner, self._slot.index
        if owner.meets_other_state is None:
            owner.meets_other_state = self._meets_other_state(failed)
        owner.has_drifted |= not failed
        sent = set[str]()
        if self._log is not None and index is not None:
            sent = self._log.sent_behind(index)
        self.told.differs(
            self._recorded,
            differences,
            failed=failed,
            is_other_state=owner.meets_other_state,
            sent=sent,
        )

    def _meets_other_state(self, failed: str) -> bool:
        """Whether the first drift of a log is the database, and no change of a service.

        A statement fails, or finds other rows before the log has written any.
        """
        is_statement = self.call.target == "sqlalchemy" and self._log is not None
        if not is_statement or self.decision != "verify":
            return False
        assert self._log is not None
        before = self._log.entries[: self._slot.index]
        return bool(failed) or not any(map(_writes, before))

    # -- a call that is replayed

    def wait(self) -> None:
        """Return when the call may end, as it did when it was recorded.

        Raises:
            MissingRecordingError: It was cancelled when it was recorded and nobody
                cancels it now, or waits in vain.
            SystemExit: In a thread whose owner has ended.
        """
        try:
            if self._waits_in_vain:
                hang_in_thread(self._recorded, self.owner.ended)
                self._end_hanging(is_task=False)
        finally:
            self.leave()

    async def wait_async(self) -> None:
        """As `wait`, for a task, which is cancelled when its owner has ended.

        It ends after those that ended before it when they were recorded.
        """
        index = self._slot.index
        try:
            if self._waits_in_vain:
                await hang_in_task(self._recorded, self.owner.ended)
                self._end_hanging(is_task=True)
            if self._log is not None and index is not None:
                await self._log.end_order.turn(index)
        finally:
            self.leave()

    @property
    def _recorded(self) -> Entry:
        assert self.entry is not None
        return self.entry

    @property
    def _waits_in_vain(self) -> bool:
        """Whether it is replayed, and had no end when it was recorded."""
        return self._log is not None and self.entry is not None and self.entry.hangs

    def _end_hanging(self, *, is_task: bool) -> NoReturn:
        """End the wait of a call that had no end."""
        entry = self._recorded
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

    def leave(self) -> bool:
        """End a call without an outcome to keep; return whether it had not ended."""
        is_first = self._claim_end()
        if is_first:
            self._leave()
        return is_first

    def read_on(self) -> Step | None:
        """Begin to record what a stream gives behind what is recorded.

        None: this run does not record, or the stream has its place in a log.
        """
        if self._log is not None or not self.owner.records:
            return None
        further = copy(self._slot)
        further.decision, further.is_real = "run", True
        return Step(self._run, self.call, further, self.owner)

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
        self.abandon(None)
        self._run.note_error(error)
        return error

    def damaged(self, reason: str) -> MimicError:
        """Give the error, noted already, of an answer that no client can be given."""
        self.leave()
        self.told.taken_back()
        file = f"{self._run.vault.label}/{self._slot.name}"
        label = self.call.label()
        what = f"{file} holds an answer to {label} that cannot be replayed"
        return self._unplayable(what, reason, make=CorruptRecordingError)

    def _unplayable(self, what: str, *facts: str, **how: Any) -> MimicError:
        error = self._run.refusals.error(what, facts, self.owner, **how)
        return self._run.refuse(error, self.call)
