"""What is to be done with one call, until it has ended.

Whoever makes the call, `execution` or an edge of a client, gets a `Step` for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from threading import current_thread
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol

from pytest_mimic._core.engine.blame import blame
from pytest_mimic._core.engine.mutated_arguments import set_states
from pytest_mimic._core.engine.owners import Unended
from pytest_mimic._core.engine.waits import Wait
from pytest_mimic._core.outcome.outcome import (
    Outcome,
    Raised,
    Value,
    is_cancellation,
    is_interruption,
    is_of_other_loop,
    is_outcome,
)
from pytest_mimic._core.vault.format import copy_of_plain, wall_seconds
from pytest_mimic._core.vault.outcome_entries import OPEN, WAITING
from pytest_mimic.errors import MimicError, MissingRecordingError

if TYPE_CHECKING:
    from threading import Event

    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.owners import Owner, Track
    from pytest_mimic._core.engine.record import Observed, RecordedTrack, Recorder
    from pytest_mimic._core.engine.run import Run
    from pytest_mimic._core.engine.verify_layer import Verifier
    from pytest_mimic._core.vault.recording_facts import StoredOutcome

    class Outcomes(Track, RecordedTrack, Protocol):
        """The outcomes of one file, as a step uses them: a `Track`.

        Attributes:
            has_places: Whether each of equal calls has a place of its own.
        """

        has_places: bool

        def leave_empty(self, real: Step, /) -> None:
            """Let the place of a call stay empty."""


# What the summary says of a call whose client belongs to another event loop.
_REMEDY_FOR_LOOPS = (
    " (its client is kept over event loops: make it in each test, or keep one loop with"
    " asyncio_default_test_loop_scope = session)"
)


@cache
def recorder() -> type[Recorder]:
    """Return what records the outcomes of real calls: the door to the record layer."""
    from pytest_mimic._core.engine.record import Recorder

    return Recorder


@cache
def verifier() -> type[Verifier]:
    """Return what compares and explains: the door to the verify layer."""
    from pytest_mimic._core.engine.verify_layer import Verifier

    return Verifier


def _aborted_connection() -> BaseException:
    """Return the error of a connection whose test has ended."""
    return ConnectionAbortedError("the test of this call has ended")


class Step:
    """What is to be done with a call. One that is left out has no step.

    `mode` says what: give the recorded outcome (`replay`), call the original function
    and report its outcome (`run`), or do both in this order (`verify`): so the calls
    that follow are the recorded ones. What differs fails the test afterwards.

    A real call ends once: by `finish` or `complete` with its outcome, by `abandon`
    without one, or by `end_open` when its test has ended before it.

    Attributes:
        call: The call. At a client, its `edge_call` is what the edge has begun.
        track: The outcomes of the file in which this one stands.
        place: The place of the outcome in it.
        has_place: Whether each of equal calls has a place of its own.
        repeats: Whether the call is made again for what it does at its service, and
            gets its recorded outcome.
        stored: The recorded outcome. A call that is to `run` has none.
        source: The fingerprint of the source that was recorded. None: none was.
        owner: The test or scope in which the call began.
        ended: Set when that has ended.
        observed: What is observed of a real call.
        outcome_so_far: Returns what a real call has given when it ends early: of a
            client, plain data. It is called with how the call ends: `waiting` (it was
            cancelled) or `stopped` (its test has ended). An edge, or `streams`, sets it
            where something can arrive before the end.
    """

    stored: StoredOutcome
    source: str | None

    def __init__(
        self,
        call: Call,
        mode: Literal["replay", "run", "verify"],
        track: Outcomes,
        place: int,
        *,
        repeats: bool = False,
    ) -> None:
        self.run: Run = call.plan.run
        self.call = call
        self.mode = mode
        self.track: Outcomes = track
        self.has_place: bool = track.has_places
        self.place = place
        self.repeats = repeats
        self.owner: Owner = self.run.current.owner
        self.ended: Event = self.owner.ended
        # The first copy of the outcome counts as a replay.
        self.counts_as_replay: bool = mode == "replay" or repeats
        # Whether the real call runs. Nothing that is mimicked inside of it is recorded
        # on its own: see `Inside`.
        self.active: bool = mode != "replay"
        self._has_ended = not self.active
        if self.active:
            self.outcome_so_far: Callable[[str], Any] | None = None
            # Whether the caller reads the stream, or awaits the coroutine, of the call.
            # Nobody may ever read the stream: `streams` then ends the call.
            self.is_read_by_caller: bool = False
            self.observed: Observed = recorder().Observed(
                call, is_recorded=mode == "run"
            )
            self.owner.open_calls[self] = None

    @property
    def file(self) -> str:
        """The name of the recording or cassette."""
        return self.track.file

    # -- what is recorded

    @property
    def waits(self) -> bool:
        """Whether the recorded call waited at its end, for an answer or a next item.

        Then `wait` or `wait_async` follow what it had given before.
        """
        return self.stored.mark != ""

    def wait(
        self, closed: Callable[[], BaseException] = _aborted_connection
    ) -> NoReturn:
        """Wait in a thread as the recorded call did; see `Wait.in_thread`.

        The thread in which the test itself runs would wait for its own end. There, it
        is a miss if the recorded call waited for that.
        """
        self._count_replay()
        wait = self._wait()
        if wait.limit is None and current_thread() is self.run.real_calls.test_thread:
            raise self.exhausted()
        wait.in_thread(closed)

    async def wait_async(self) -> NoReturn:
        """Wait in a task as the recorded call did, until it is cancelled."""
        self._count_replay()
        await self._wait().in_task()

    def _wait(self) -> Wait:
        return Wait(self.run, self.call, self.stored, self.ended)

    def load(self) -> Outcome:
        """Return a fresh copy of the recorded outcome."""
        try:
            outcome = self.stored.load(self.call.paths)
        except MissingRecordingError as error:
            # A class of the outcome has changed, so that the call is a miss.
            blame(self.run, error, self.call)
            raise
        except MimicError as error:
            self.run.current.pending.note(error)
            raise
        self._count_replay()
        return outcome

    def leave_states(self) -> None:
        """Leave streams and generators among the arguments as the recorded call did."""
        states = self.stored.entry.get("after")
        if not states:
            return
        try:
            set_states(self.call, states)
        # A library may raise anything when it gets a state that somebody has edited.
        except Exception as reason:
            raise self.stored.damage_error(f"after: {reason}") from None

    def outcome(self, *, is_read_only: bool = False) -> Any:
        """Return the plain data that an edge has recorded: to `replay` or `verify`.

        With `is_read_only`, the edge changes nothing in it, and gets no copy.
        """
        adapter: Any = self.call.plan.adapter
        if self.stored.mark and not adapter.waits:
            # With `Adapter.waits`, the edges wait, once they have given what had come.
            self.wait()
        entry = self.stored.entry
        if self.stored.encoded is not None or "value" not in entry or "tagged" in entry:
            # Few outcomes need this: a store of paths is made for each of them.
            plain = self.load().content
        else:
            plain = entry["value"] if is_read_only else copy_of_plain(entry["value"])
            self._count_replay()
        # A client tries a failed request again after a while; a replay has nothing to
        # wait for.
        if adapter.failure(plain):
            self.run.current.let_no_code_wait()
        return plain

    def _count_replay(self) -> None:
        """Count the replay for the summary, once, however often it is loaded."""
        if not self.counts_as_replay:
            return
        self.counts_as_replay = False
        entry, run = self.stored.entry, self.run
        target = self.call.plan.target
        run.account.replays.append(
            (wall_seconds(entry), self.track.file, entry.get("inputs"), target)
        )
        if run.account.log is not None:
            run.account.log("replayed", self.call, stored_outcome=self.stored)
        if run.current.family is not None:
            run.current.family.tell_progress()

    def exhausted(self) -> MimicError:
        """Return the error to raise when a reader wants more than was recorded."""
        remedies = getattr(self.call.plan.cassette, "remedies", None) or ()
        error = verifier().read_further(
            self.call.label, test=self.run.current.test_to_run_again, remedies=remedies
        )
        return blame(
            self.run, error, self.call, option="" if remedies else "--mimic-rerecord"
        )

    # -- a real call

    def running(self) -> AbstractContextManager[None]:
        """Return a context manager whose block is part of this call.

        The threads that the block starts are part of it, too.
        """
        return self.run.real_calls.inside.entered(self, self.run.real_calls.running)

    def _take_end(self) -> bool:
        """Return whether the call has not ended so far, and end it.

        The first of several threads ends it.
        """
        with self.run.real_calls.end_lock:
            if self._has_ended:
                return False
            self._has_ended = True
        self.owner.open_calls.pop(self, None)
        return True

    def complete(self, outcome: Outcome) -> None:
        """Record an outcome, or compare it with the recording.

        An error of ours refuses it: nothing is recorded.
        """
        if not self.active:
            return
        try:
            # Another thread may have ended the call, and the first end counts.
            if self._take_end():
                self.observed.stop_clock()
                if self.mode == "run":
                    layer = recorder()
                    layer.record(self.track, self.place, self.observed, outcome)
                    if self.call.issuer is not None:
                        layer.keep_issued(
                            self.track, self.place, self.observed, outcome
                        )
                else:
                    self._compare_with_recording(outcome)
        except MimicError as error:
            self.run.current.pending.note(error)
            self._leave_empty()
            raise
        finally:
            self._leave()
            self.outcome_so_far = None

    def _compare_with_recording(self, outcome: Outcome) -> None:
        """Compare the outcome of a real call with the recorded one."""
        layer = verifier()
        call, stored_outcome, observed = self.call, self.stored, self.observed
        # An `async def` notes no awaitable. If its coroutine is awaited, it agrees with
        # a recorded plain function that returned one.
        is_awaited = observed.returned_awaitable or (
            self.is_read_by_caller and stored_outcome.awaited
        )
        if self.repeats:
            layer.compare_repeated(call, stored_outcome, outcome, is_awaited=is_awaited)
        else:
            layer.verify(
                call, stored_outcome, outcome, observed.duration, is_awaited=is_awaited
            )

    def _leave(self) -> None:
        """Let what the call has started, or forked, be mimicked from now on."""
        self.active = False
        if self.run.current.family is not None:
            self.run.current.family.tell_progress()

    def finish(self, plain: object) -> None:
        """Complete the call with plain data without secrets.

        The data may come late: when the reader of a stream stops.
        """
        self.complete(Value(plain))

    def abandon(
        self, error: BaseException | None = None, *, is_awaited: bool = True
    ) -> None:
        """End the call without an outcome: it was cancelled, or its exception is none.

        A cancelled call that has a place among equal ones is recorded as one that waits
        when its test has passed. Else its place stays empty. Where it has none, nothing
        is recorded, and the summary says so.

        Args:
            error: What the original raised: an exception without a plain form, which is
                drift to verify, or no outcome, such as a skip.
            is_awaited: Whether it can have been cancelled. What only raises the
                cancellation of something else cannot wait in a replay.
        """
        if self.mode == "verify" and error is not None and is_outcome(error):
            self.complete(Raised(error))
        # An edge may give no error, and ask this while it handles the cancellation.
        is_cancelled = is_cancellation(error) or is_cancellation(sys.exc_info()[1])
        self._leave()
        if not self._take_end() or self.mode == "verify":
            return
        if is_cancelled and is_awaited:
            self._end_early(WAITING, "was cancelled")
            return
        if is_cancelled:
            self.report("was cancelled: not recorded, a replay will miss it")
        elif not (
            error is None or is_interruption(error) or isinstance(error, MimicError)
        ):
            name = type(error).__name__
            remark = f"raised {name}: not recorded, a replay will miss it"
            if is_of_other_loop(error):
                # To record the call again gives the same error again.
                remark += _REMEDY_FOR_LOOPS
            self.report(remark)
        self._leave_empty()

    def cancel(self) -> None:
        """End the call as one that was cancelled, where nothing is raised for that."""
        self._leave()
        if self._take_end() and self.mode == "run":
            self._end_early(WAITING, "was cancelled")

    def withdraw(self) -> None:
        """End the call before it was made: it is refused after all."""
        self._leave()
        self._take_end()

    def leave_to_parent(self) -> None:
        """Leave the end of the call to the process that has forked this one.

        The call stays active until its parent has ended it: what a process does that
        is forked inside of a call is part of that call, and nothing of it is recorded
        on its own.
        """
        self._take_end()

    def end_open(self) -> None:
        """End the recording of a call whose test, or scope, has ended before it.

        The call itself goes on.
        """
        if self._take_end() and self.mode == "run":
            self._end_early(OPEN, "was still open when its test ended")

    def _end_early(self, mark: str, how: str) -> None:
        """Let a call without a whole outcome be recorded if its test passes.

        Args:
            mark: What its recording says of its end: `WAITING` or `OPEN`.
            how: The same for the summary: `was cancelled`.
        """
        if not self.has_place:
            self.report(f"{how}: not recorded, a replay will miss it")
            return
        observed = self.observed
        try:
            if observed.arguments_before is not None:
                observed.arguments_before.refuse_changes()
            # The call goes on, and may change its arguments later.
            observed.arguments_before = None
            end = "waiting" if mark == WAITING else "stopped"
            outcome = self._outcome_until_end(end)
            observed.stop_clock()
            stored_outcome = recorder().encode_observed(observed, outcome)
        except MimicError as error:
            self.run.current.pending.note(error)
            self._leave_empty()
            return
        finally:
            # What an edge collects refers to its step: such a circle would keep both.
            self.outcome_so_far = None
        stored_outcome.entry["end"] = mark
        self._leave_empty()
        self._keep_unended(stored_outcome)

    def _keep_unended(self, stored_outcome: StoredOutcome) -> None:
        """Keep what the call has given until its test has ended.

        Another process may judge that.
        """
        run, call, track = self.run, self.call, self.track
        recording = recorder().recording_of(call, [stored_outcome], track.owner)
        unended = Unended(track, self.place, recording, call.label)
        family = run.current.family
        # A forked process leaves it to the one that runs the test.
        if family is not None and family.is_judged_elsewhere(self.owner):
            family.tell_unended(self.owner, unended)
            return
        if run.account.log is not None:
            run.account.log(
                "recorded",
                call,
                stored_outcome=stored_outcome,
                seconds=stored_outcome.duration,
            )
        self.owner.unended.append(unended)

    def _outcome_until_end(self, end: str) -> Outcome:
        """Return the outcome that is recorded of a call that ends early.

        Args:
            end: `waiting` or `stopped`; see `outcome_so_far`.
        """
        is_of_client = self.call.edge_call is not None
        if self.outcome_so_far is None:
            return Value({} if is_of_client else None)
        outcome = self.outcome_so_far(end)
        if is_of_client:
            return Value(outcome)
        outcome_of_function: Outcome = outcome
        return outcome_of_function

    def _leave_empty(self) -> None:
        """Let the place of the call stay empty, so that no other outcome moves up."""
        if self.mode == "run" and self.has_place:
            self.track.leave_empty(self)

    def answers(self, error: BaseException) -> bool:
        """Return whether the caller gets the recorded outcome instead of an exception.

        While verifying, the exception was compared, and is not raised.
        """
        return self.mode == "verify" and is_outcome(error)

    def report(self, what: str) -> None:
        """Add a line to the summary that says what this call did."""
        self.call.report(what)

    def refuse(self) -> NoReturn:
        """Refuse to send a request that has the placeholder of a secret.

        A replayed answer gave it to the application, and a service must not be sent it.

        Raises:
            MissingRecordingError: Always.
        """
        self.withdraw()
        error = verifier().new_after_replayed(
            self.call.label,
            test=self.run.current.test_to_run_again,
            holds_placeholder=True,
        )
        raise blame(self.run, error, self.call, option="--mimic-rerecord")
