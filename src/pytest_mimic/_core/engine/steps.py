"""What the engine decides about one call: give what is recorded, or make it for real, and record or compare its outcome."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from pytest_mimic._core.outcome.outcome import (
    Outcome,
    is_cancellation,
    is_interruption,
    is_outcome,
)
from pytest_mimic._core.vault.format import copied
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.effects import Effects
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.inputs.reached_and_read import Trace
    from pytest_mimic._core.vault.recording_facts import Stored


class Step:
    """What is to be done with a call. One that is left out has no step.

    `mode` says what: give the recorded outcome (`replay`), call the original function
    and report its outcome (`run`), or do
    both in this order (`verify`): so the calls that follow are the recorded ones. What
    differs fails the test afterwards.
    At a client, the `edge_call` of its `call` is what the edge has begun.

    Attributes:
        file: The name of the recording or cassette.
        number: The position of the outcome in it.
        stored: The recorded outcome. A call that is to `run` has none.
        source: The fingerprint of the source that was recorded.
    """

    stored: Stored
    source: str | None

    def __init__(
        self,
        state: RunState,
        call: Call,
        mode: Literal["replay", "run", "verify"],
        file: str,
        number: int,
        *,
        keep: Callable[..., None]
        | None = None,  # records or compares a real outcome, which took so many seconds
        repeats: bool = False,  # it is done again for what it does at its service
    ) -> None:
        self.state, self.call, self.mode = state, call, mode
        self.file, self.number, self._keep = file, number, keep
        self._counts = mode == "replay" or repeats  # the first copy counts as a replay
        # Whether a real call has no outcome so far. Nothing that is mimicked inside of
        # it is recorded on its own.
        self.active = mode != "replay"
        if self.active:
            self.effects: Effects | None = (
                None  # the arguments before a function can change them
            )
            self.trace: Trace | None = None
            if call.edge_call is None:
                self.trace = call.plan.trace and call.plan.trace(call.values)
                call.arguments  # noqa: B018 - described now, as the call may change them
                if mode == "run":
                    from pytest_mimic._core.engine.effects import Effects

                    self.effects = Effects(call)
            # whether the stream or coroutine that the call returned is being consumed
            self.begun = False
            # whether a plain function returned a coroutine or an async generator
            self.awaited = False
            self.started = state.clock()

    def load(self) -> Outcome:
        """Return a fresh copy of the recorded outcome."""
        with self.state.pending:
            outcome = self.stored.load(self.call.paths)
        self._count()
        return outcome

    def outcome(self, *, is_read_only: bool = False) -> Any:
        """Return the plain data that an edge has recorded: to `replay` or `verify`.

        It is no copy if the edge `is_read_only`.
        """
        entry = self.stored.entry
        if self.stored.encoded is not None or "value" not in entry or "tagged" in entry:
            plain = self.load().value  # few are so: a store of paths is made for them
        else:
            plain = entry["value"] if is_read_only else copied(entry["value"])
            self._count()
        # A client tries a failed request again after a while; a replay has nothing to
        # wait for.
        adapter: Any = self.call.plan.adapter
        if adapter.failure(plain):
            self.state.watch()
        return plain

    def _count(self) -> None:
        if not self._counts:
            return
        self._counts = False
        entry, state = self.stored.entry, self.state
        target = self.call.plan.target
        state.ledger.replays.append(
            (entry["duration"], self.file, entry.get("inputs"), target)
        )
        if state.log is not None:
            state.log("replayed", self.call, stored=self.stored)

    def exhausted(self) -> MimicError:
        """Return the error to raise when a reader wants more than was recorded."""
        from pytest_mimic._core.tree.messages import read_further

        remedies = getattr(self.call.plan.cassette, "remedies", None) or ()
        error = read_further(self.call.label, test=self.state.again, remedies=remedies)
        return self.state.blame(
            error, self.call, option="" if remedies else "--mimic-rerecord"
        )

    def running(self) -> AbstractContextManager[None]:
        """Return a block that marks the code that runs in it, and in threads it starts, as part of this call."""
        return self.state.inside.entered(self, self.state.running)

    def complete(self, outcome: Outcome) -> None:
        """Record an outcome, or compare it with the recording.

        An error of ours refuses it: nothing is recorded.
        """
        if not self.active:
            return
        duration = self.state.clock() - self.started
        try:
            assert self._keep is not None
            self._keep(self, outcome, duration)
        except MimicError as error:
            self.state.pending.note(error)
            raise
        finally:
            self.active = False

    def finish(self, plain: object) -> None:
        """Complete the call with plain data without secrets.

        It may come late: when the reader of a stream stops.
        """
        self.complete(Outcome("value", plain))

    def abandon(self, error: BaseException | None = None) -> None:
        """End the call without an outcome.

        Nothing is recorded; the summary names a call that was cancelled or raised.

        `error` is what the original raised: an exception without a plain form, which is
        drift to verify, or no outcome,
        such as a skip.
        """
        if self.mode == "verify":
            if error is not None and is_outcome(error):
                self.complete(Outcome("raised", exception=error))
        elif self.active and is_cancellation(sys.exc_info()[1]):
            self.report("was cancelled: not recorded, a replay will miss it")
        elif self.active and not (
            error is None or is_interruption(error) or isinstance(error, MimicError)
        ):
            self.report(f"raised {type(error).__name__}: not recorded")
        self.active = False

    def answers(self, error: BaseException) -> bool:
        """Return whether the caller gets the recorded outcome, although the original raised this: to `verify` only."""
        return self.mode == "verify" and is_outcome(error)

    def report(self, what: str) -> None:
        """Add a line to the summary that says what this call did."""
        self.state.ledger.notes.add(f"{self.call.label} {what}")

    def refuse(self) -> NoReturn:
        """End a call whose request has the placeholder of a secret.

        MissingRecordingError: always.
        """
        from pytest_mimic._core.tree.messages import new_after_replayed

        self.active = False
        error = new_after_replayed(
            self.call.label, test=self.state.again, needs_secret=True
        )
        raise self.state.blame(error, self.call, option="--mimic-rerecord")


def given(outcome: Outcome) -> Any:
    """Return the value of a recorded outcome, or raise its exception."""
    exception, outcome.exception = outcome.exception, None
    try:
        if exception is not None:
            raise exception
        return outcome.value
    finally:
        del (
            exception
        )  # its traceback refers to this frame: a cycle would keep the arguments
