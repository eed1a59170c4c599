"""The steps that the engine can decide on, which replay a recording, run a call for real or pass it through."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from random import getstate
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic._core.outcome.outcome import is_cancellation, is_outcome, raise_again
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.vault.file_names import cancelled_name
from pytest_mimic._core.vault.parsing import fresh_copies
from pytest_mimic.errors import MimicError, UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call, Place
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.engine.single_flight import CallInFlight
    from pytest_mimic._core.outcome.outcome import Outcome


class PassThrough:
    """Call the original and record nothing."""

    __slots__ = ()
    mode: Literal["pass"] = "pass"


class Replay:
    """Give the recorded outcome instead of calling the original. With `counts`, its first copy counts as a replay."""

    __slots__ = ("_is_counted", "_place", "_state", "call", "stored")
    mode: Literal["replay"] = "replay"

    def __init__(self, state: RunState, call: Call, place: Place, *, counts: bool = True) -> None:
        self.call = call
        self.stored = place.outcomes[0]
        self._state = state
        self._place = place
        self._is_counted = not counts

    def load(self) -> Outcome:
        """Return a fresh copy of the outcome. The first copy counts as one replay."""
        with self._state.pending:
            outcome = self.stored.load(self.call.paths)
        self._count()
        return outcome

    def load_others(self) -> Iterator[Outcome]:
        """Yield the other streams recorded for the same call."""
        with self._state.pending:
            yield from (stored.load(self.call.paths) for stored in self._place.outcomes[1:])

    def unpack(self, outcome: Outcome) -> Any:
        """Change the arguments as the recorded call did, and return its value or raise its exception."""
        value = outcome.value
        if outcome.changed:
            value = self.call.plan.apply(self.call, outcome.changed, value)
        if outcome.files is not None:
            with self._state.pending:
                self.call.plan.write(self.call, outcome.files)
        exception, outcome.exception = outcome.exception, None
        if exception is not None:
            try:
                raise_again(exception)
            finally:
                del exception  # its traceback refers to this frame: a cycle would keep the arguments
        return value

    def outcome(self, *, is_read_only: bool = False) -> Any:
        """Return a fresh copy of the plain value that a client stored, or the value itself if it is read only."""
        plan: Any = self.call.plan
        stored = self.stored
        if not stored.is_plain:  # few are: a store of paths is made for them
            try:
                plain = stored.load(self.call.paths).value
            except MimicError as error:
                self._state.pending.note(error)
                raise
        else:
            plain = stored.entry["value"] if is_read_only else fresh_copies(stored.entry["value"])()
        self._count()
        # A client tries a failed request again after a while; a replay has nothing to wait for.
        if plan.adapter.failure(plain):
            self._state.watch()
        return plain

    def _count(self) -> None:
        if not self._is_counted:
            self._is_counted = True
            stored, target = self.stored, self.call.plan.target
            self._state.ledger.count_replay(stored.duration, stored.name, stored.entry.get("inputs"), target)
            if self._state.log is not None:
                self._state.log("replayed", self.call, stored=self.stored)

    def exhausted(self) -> MimicError:
        """Return the error for a response that is read further than its recording goes, in any mode.

        The real response cannot continue it: the stored bytes are redacted, in another compression and framing,
        so the place to continue from is unknown.
        """
        from pytest_mimic._core.describe.messages import read_further

        error = read_further(self.call.label, test=self._state.test, option="--mimic-rerecord")
        return self._state.blame(error, self.call, by_option=False)

    def continued(self, *, diverged: bool = False) -> RealCall:
        """Return a real call that continues a stream past its recording, or where its reader has diverged from it.

        Raises:
            MissingRecordingError: The mode does not run it.
        """
        if self._place.keep is None:
            from pytest_mimic._core.describe.messages import read_further, strange_answer

            problem = strange_answer if diverged else read_further
            raise self._state.blame(problem(self.call.label, test=self._state.test), self.call)
        real = RealCall(self._state, self.call, self._place)
        real.awaited = self.stored.awaited
        return real


class RunningCall:
    """Call the original, and record nothing, as in live mode. What is mimicked inside of it runs for real.

    Attributes:
        begun: Whether the stream or coroutine that the call returned is being consumed.
        awaited: Whether a plain function returned a coroutine or an async generator.
        outer: The exception that the caller was handling when it made the call.
        recorded: The recorded outcome that the caller gets, if the real one is only compared with it.
    """

    __slots__ = ("_started", "_state", "active", "awaited", "begun", "outer", "recorded")
    mode: Literal["run", "verify"] = "run"

    def __init__(self, state: RunState) -> None:
        self.active = True  # whether the call has no outcome so far
        self.begun = self.awaited = False
        self.outer: BaseException | None = None
        self.recorded: Replay | None = None
        self._state = state
        self._started = state.clock()

    def running(self) -> AbstractContextManager[None]:
        """Mark the code that runs in this block, and in threads it starts, as part of this call."""
        return self._inside()

    @contextmanager
    def _inside(self) -> Iterator[None]:
        state = self._state
        token = state.inside.set(self)
        state.running.add(self)
        try:
            with state.context_copier:
                yield
        finally:
            state.running.discard(self)
            with suppress(ValueError):  # a coroutine may be closed in another context than it was awaited in
                state.inside.reset(token)

    @property
    def seconds(self) -> float:
        return self._state.clock() - self._started

    @property
    def label(self) -> str:
        """The call in one line; empty for one that is not recorded."""
        return ""

    def returned_coroutine(self) -> None:
        """Note that the original returned a coroutine: identical calls may await, instead of blocking a thread."""

    def complete(self, outcome: Outcome) -> None:  # noqa: ARG002
        """Take the outcome of the call."""
        self.active = False

    def abandon(self, error: BaseException | None = None) -> None:  # noqa: ARG002
        """End the call without an outcome."""
        self.active = False

    def answers(self, error: BaseException) -> bool:  # noqa: ARG002
        """Return whether the caller gets a recorded outcome, although the original raised this."""
        return False

    def end_later(self, end: Callable[[], None]) -> None:
        """Call a function that ends this call with the running phase of the test: now it is discarded, perhaps as garbage."""
        self._state.discarded.append(end)

    def copy(self, value: object) -> object:
        """Return an item of a stream, as it is to be recorded."""
        return value

    def end_with(self, late: object, *, unread: Outcome | None = None) -> None:
        """End the call if the stream or coroutine that it returned is discarded before it was consumed.

        Its outcome is then the `unread` stream. A coroutine has no such outcome.
        """
        from weakref import finalize

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


class RealCall(RunningCall):
    """Call the original, and record its outcome at a place. Identical calls wait as long as it has a `flight`.

    The arguments are noted when it is made, before the original can change them.
    """

    __slots__ = ("_drawn", "_flight", "_place", "call", "noted", "trace")

    def __init__(self, state: RunState, call: Call, place: Place, flight: CallInFlight | None = None) -> None:
        self.noted = call.plan.note(call)
        super().__init__(state)
        self.call = call
        # It would become the context of the recorded exception, and it belongs to the caller.
        self.outer = sys.exc_info()[1]
        self._place = place
        self._flight = flight
        # A client may draw: it waits a random time before it tries again, for example.
        is_recorded = call.plan.kind == "function" and state.settings.mode is not Mode.VERIFY
        self._drawn: set[str] | None = set() if is_recorded else None
        self.trace = state.trace(call.plan)
        state.unfinished[self] = None

    def running(self) -> AbstractContextManager[None]:
        """Mark the code that runs in this block as part of this call, and note the global random states that it draws from."""
        # Not in the generator: from Python 3.12 on, numpy (Cython) would leave the caller's handled exception there, and
        # the exceptions of the block would lose their contexts.
        return self._noting({} if self._drawn is None else _global_states())

    @contextmanager
    def _noting(self, before: dict[str, object]) -> Iterator[None]:
        trace = self.trace
        try:
            with self._inside(), nullcontext() if trace is None else trace.noter.noting(self, trace):
                yield
        finally:
            if self._drawn is not None:
                now = _global_states()
                changed = [name for name, old in before.items() if now.get(name, old) != old]
                if found := [name for name in changed if name not in self._drawn]:  # each once for this call
                    self._drawn.update(found)
                    self._state.ledger.enter("draws", [self.call.label, ", ".join(found)])

    @property
    def label(self) -> str:
        return self.call.label

    def returned_coroutine(self) -> None:
        if self._flight is not None:
            self._flight.returned_coroutine = True

    def finish(self, plain: object, *, raises: bool = True) -> None:
        """Complete the call with a plain value; see `complete`. Where nobody would catch an error, it `raises` none."""
        from pytest_mimic._core.outcome.outcome import Outcome

        with nullcontext() if raises else suppress(MimicError):
            self.complete(Outcome.of_value(plain))

    def complete(self, outcome: Outcome) -> None:
        """Record an outcome, or compare it with the recording. An error of ours refuses it: nothing is recorded."""
        if not self.active:
            return
        duration = self._state.clock() - self._started
        try:
            assert self._place.keep is not None
            self._place.keep(self, outcome, duration)
        except MimicError as error:
            self._state.pending.note(error)
            raise
        finally:
            self._end()

    def abandon(self, error: BaseException | None = None) -> None:
        """End the call without an outcome. Nothing is recorded; the summary names a call that was cancelled or raised.

        `error` is the exception that the original raised, which has no plain form.
        """
        if not self.active:
            return
        self._end()
        if self._state.settings.mode is Mode.VERIFY:
            return
        if is_cancellation(sys.exc_info()[1]):
            self._state.ledger.note(f"{self.call.label} was cancelled: not recorded")
            if self._state.settings.mode.writes and not self._state.settings.review:
                note = cancelled_name(self.call.plan.target, self.call.key)
                self._state.decisions.recordings.cancelled.add(note)
                with suppress(MimicError):  # the vault cannot be written, and only a message lacks a line
                    self._state.vault.store.write(note, b"")
        elif error is not None and is_outcome(error):
            self._state.ledger.note(f"{self.call.label} raised {type(error).__name__}: not recorded")

    def _end(self) -> None:
        self.active = False
        self._state.unfinished.pop(self, None)
        if self._flight is not None:
            self._flight.done()

    def refuse(self) -> Replay:
        """Raise the error for a request that contains the placeholder of a secret. `Verification` returns a step instead."""
        from pytest_mimic._core.describe.messages import placeholder_sent

        self.abandon()
        error = placeholder_sent(self.call.label, test=self._state.test)
        raise self._state.blame(error, self.call, by_option=False)

    def copy(self, value: object) -> object:
        """Return a copy of an item of a stream, as it is now. UnstorableOutcomeError: it cannot be stored."""
        from pytest_mimic._core.outcome.encoding import snapshot

        if self._state.settings.mode is not Mode.VERIFY:
            with self._state.pending:
                return snapshot(value, target=self.call.plan.target, paths=self.call.paths)
        try:
            return snapshot(value).load()
        except UnstorableOutcomeError:  # it differs from the recording, which could be stored
            return value


def _global_states() -> dict[str, object]:
    """Return the global random states by module, to be compared. That of numpy is among them if numpy is imported already."""
    states: dict[str, object] = {"random": getstate()}
    if "numpy" in sys.modules:
        with suppress(ImportError, AttributeError):  # numpy itself is just being imported
            from marshal import dumps

            from numpy.random import get_state  # numpy imports it on first use

            # Arrays do not compare as one value. To pickle them takes ten times as long.
            states["numpy.random"] = dumps(get_state(legacy=False))
    return states


Step = PassThrough | Replay | RunningCall
PASS = PassThrough()
