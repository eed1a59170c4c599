"""Calls that run for real, and are recorded or verified: what is mimicked inside of them runs for real, too."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Literal
from weakref import finalize

from pytest_mimic._core.engine.replay import PassThrough, Replay
from pytest_mimic._core.outcome.outcome import Outcome, is_cancellation, is_outcome
from pytest_mimic.errors import MimicError, UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call, Place
    from pytest_mimic._core.engine.run_state import RunState


class RealCall:
    """Call the original, and record its outcome at a place, or compare it with what is recorded there.

    The arguments are noted when it is made, before the original can change them.

    Attributes:
        begun: Whether the stream or coroutine that the call returned is being consumed.
        awaited: Whether a plain function returned a coroutine or an async generator.
        recorded: The recorded outcome that the caller gets, if the real one is only compared with it. So the calls that
            follow are the recorded ones. Drift does not raise here: it fails the test afterwards.
        active: Whether the call has no outcome so far.
    """

    __slots__ = (
        *("_started", "active", "awaited", "begun", "call", "mode"),
        *("effects", "place", "recorded", "state", "trace"),
    )
    mode: Literal["run", "verify"]

    def __init__(self, state: RunState, call: Call, place: Place, *, verifies: bool = False) -> None:
        self.effects = call.plan.effects(call)
        self.trace = state.trace(call)
        self.active = True
        self.begun = self.awaited = False
        self.recorded = Replay(state, call, place, counts=place.repeats) if verifies else None
        self.mode = "verify" if verifies else "run"
        self.state, self.call, self.place = state, call, place
        self._started = state.clock()

    @property
    def replay(self) -> Replay:
        assert self.recorded is not None
        return self.recorded

    @contextmanager
    def running(self) -> Iterator[None]:
        """Mark the code that runs in this block, and in threads it starts, as part of this call."""
        state, trace = self.state, self.trace
        state.running.add(self)
        try:
            with (
                state.inside.entered(self),
                nullcontext() if trace is None else trace.noter.noting(self, trace),
            ):
                yield
        finally:
            state.running.discard(self)

    @property
    def seconds(self) -> float:
        return self.state.clock() - self._started

    @property
    def label(self) -> str:
        return self.call.label

    def complete(self, outcome: Outcome) -> None:
        """Record an outcome, or compare it with the recording. An error of ours refuses it: nothing is recorded."""
        if not self.active:
            return
        duration = self.state.clock() - self._started
        try:
            with self.state.pending:
                assert self.place.keep is not None
                self.place.keep(self, outcome, duration)
        finally:
            self.active = False

    def abandon(self, error: BaseException | None = None) -> None:
        """End the call without an outcome. Nothing is recorded; the summary names a call that was cancelled or raised.

        `error` is the exception that the original raised, which has no plain form. It is drift where one is recorded.
        """
        failed = error is not None and is_outcome(error)
        if self.recorded is not None:
            if failed:
                self.complete(Outcome("raised", exception=error))
        elif self.active and is_cancellation(sys.exc_info()[1]):
            self.state.ledger.notes.add(f"{self.call.label} was cancelled: not recorded")
        elif self.active and failed:
            self.state.ledger.notes.add(f"{self.call.label} raised {type(error).__name__}: not recorded")
        self.active = False

    def copy(self, value: object) -> object:
        """Return a copy of an item of a stream, as it is now. UnstorableOutcomeError: it cannot be stored."""
        from pytest_mimic._core.outcome.encoding import snapshot

        if self.recorded is None:
            with self.state.pending:
                return snapshot(value, target=self.call.plan.target, paths=self.call.paths)
        try:
            return snapshot(value).load()
        except UnstorableOutcomeError:  # it differs from the recording, which could be stored
            return value

    # -- for the edges of clients

    def outcome(self, *, is_read_only: bool = False) -> Any:
        return self.replay.outcome(is_read_only=is_read_only)

    def exhausted(self) -> MimicError:
        return self.replay.exhausted()

    def answers(self, error: BaseException) -> bool:
        """Return whether the caller gets a recorded outcome, although the original raised this."""
        return self.recorded is not None and is_outcome(error)

    def finish(self, plain: object) -> None:
        """Complete the call with a plain value; see `complete`."""
        self.complete(Outcome("value", plain))

    def report(self, what: str) -> None:
        """Add a line to the summary that says what this call did."""
        self.state.ledger.notes.add(f"{self.label} {what}")

    def refuse(self) -> Replay:
        """End a call whose request contains the placeholder of a secret. Return the recorded outcome, or raise an error."""
        from pytest_mimic._core.tree.messages import placeholder_sent, unsendable

        self.active = False
        state, label = self.state, self.call.label
        if self.recorded is None:
            error = placeholder_sent(label, test=state.test)
            raise state.blame(error, self.call, by_option=False)
        state.ledger.verified += 1
        drift = state.blame(unsendable(label, test=state.test), self.call)
        if state.log is not None:
            state.log("drifted", self.call, stored=self.recorded.stored, error=drift)
        return self.recorded

    # -- what ends late

    def end_later(self, end: Callable[[], None]) -> None:
        """Call a function that ends this call with the running phase of the test: now it is discarded, perhaps as garbage."""
        self.state.discarded.append(end)

    def end_with(self, late: object, *, unread: Outcome | None = None) -> None:
        """End the call if the stream or coroutine that it returned is discarded before it was consumed.

        Its outcome is then the `unread` stream. A coroutine has no such outcome.
        """

        def discarded() -> None:
            if self.begun:  # it ends by itself, after this
                return
            if unread is None:
                self.abandon()
                return
            with suppress(MimicError):  # it fails the test; nobody would catch it here
                self.complete(unread)

        # At the exit of the process the run has ended, and with it what could record the outcome.
        finalize(late, discarded).atexit = False


Step = PassThrough | Replay | RealCall
