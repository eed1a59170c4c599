"""Calls that run for real, and are recorded if they have a place: what is mimicked inside of them runs for real, too."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic._core.engine.steps import PassThrough, Replay
from pytest_mimic._core.outcome.outcome import Outcome, is_cancellation, is_outcome
from pytest_mimic._core.settings import Mode
from pytest_mimic.errors import MimicError, UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call, Place
    from pytest_mimic._core.engine.run_state import RunState


class Unmimicked:
    """Marks code in which nothing is mimicked, as that of a call which runs for real."""

    active = True


class RealCall:
    """Call the original, and record its outcome at a place. What is mimicked inside of it runs for real.

    The arguments are noted when it is made, before the original can change them.

    Attributes:
        begun: Whether the stream or coroutine that the call returned is being consumed.
        awaited: Whether a plain function returned a coroutine or an async generator.
        recorded: The recorded outcome that the caller gets, if the real one is only compared with it.
    """

    __slots__ = (
        *("_place", "_started", "_state", "active", "awaited", "begun", "call"),
        *("noted", "recorded", "trace"),
    )
    mode: Literal["run", "verify"] = "run"

    def __init__(self, state: RunState, call: Call, place: Place) -> None:
        # Only of a function is it noted what it changes, runs and reads.
        is_function = call.plan.kind == "function"
        self.noted = call.plan.note(call) if is_function else None
        self.active = True  # whether the call has no outcome so far
        self.begun = self.awaited = False
        self.recorded: Replay | None = None
        self._state = state
        self._started = state.clock()
        self.call = call
        self._place = place
        self.trace = state.trace(call) if is_function else None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Mark the code that runs in this block, and in threads it starts, as part of this call."""
        state, trace = self._state, self.trace
        token = state.inside.set(self)
        state.running.add(self)
        try:
            with state.context_copier, nullcontext() if trace is None else trace.noter.noting(self, trace):
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
        return self.call.label

    def answers(self, error: BaseException) -> bool:  # noqa: ARG002
        """Return whether the caller gets a recorded outcome, although the original raised this."""
        return False

    def end_later(self, end: Callable[[], None]) -> None:
        """Call a function that ends this call with the running phase of the test: now it is discarded, perhaps as garbage."""
        self._state.discarded.append(end)

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

    def finish(self, plain: object, *, raises: bool = True) -> None:
        """Complete the call with a plain value; see `complete`. Where nobody would catch an error, it `raises` none."""
        with nullcontext() if raises else suppress(MimicError):
            self.complete(Outcome("value", plain))

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
            self.active = False

    def abandon(self, error: BaseException | None = None) -> None:
        """End the call without an outcome. Nothing is recorded; the summary names a call that was cancelled or raised.

        `error` is the exception that the original raised, which has no plain form.
        """
        if not self.active:
            return
        self.active = False
        if self._state.settings.mode is Mode.VERIFY:
            return
        if is_cancellation(sys.exc_info()[1]):
            self._state.ledger.note(f"{self.call.label} was cancelled: not recorded")
        elif error is not None and is_outcome(error):
            self._state.ledger.note(f"{self.call.label} raised {type(error).__name__}: not recorded")

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


class ContextCopier:
    """While entered, copies a context variable into new threads and into tasks of thread pools, unless it is None."""

    def __init__(self, variable: ContextVar[Any]) -> None:
        self._variable = variable
        self._guard = Lock()
        self._entered = 0
        self._originals: list[tuple[type, str, object, object]] = []
        # The last wrappers, with what they wrap: a run enters for each call that it records.
        self._wrappers: dict[str, tuple[object, Any]] = {}

    def __enter__(self) -> None:
        patches: list[tuple[type, str, Callable[[Any], Any]]] = [(Thread, "start", self._wrap_start)]
        # The call itself may import it. Then its pool's threads are copied into as any others.
        if (pools := sys.modules.get("concurrent.futures.thread")) is not None:
            patches.append((pools.ThreadPoolExecutor, "submit", self._wrap_submit))
        with self._guard:
            self._entered += 1
            for holder, name, wrap in patches if self._entered == 1 else ():
                original = getattr(holder, name)
                known, wrapper = self._wrappers.get(name, (None, None))
                if known is not original:
                    wrapper = functools.wraps(original)(wrap(original))
                    self._wrappers[name] = original, wrapper
                self._originals.append((holder, name, vars(holder).get(name), wrapper))
                setattr(holder, name, wrapper)

    def __exit__(self, *_: object) -> None:
        with self._guard:
            self._entered -= 1
            while self._originals and not self._entered:
                holder, name, original, wrapper = self._originals.pop()
                if vars(holder).get(name) is not wrapper:
                    continue  # others have patched over it, and stay
                if original is None:  # it was inherited: gevent's threads do that
                    delattr(holder, name)
                else:
                    setattr(holder, name, original)

    def _wrap_start(self, original: Callable[[Thread], None]) -> Callable[[Thread], None]:
        def start(thread: Thread) -> None:
            value = self._variable.get()
            if value is None:
                original(thread)
                return
            # A thread calls its own `run`, which a subclass or an instance may have replaced.
            own_run = vars(thread).get("run")
            run_inside = self._inside(value, thread.run)

            def restore_run() -> None:
                vars(thread).pop("run")
                if own_run is not None:
                    vars(thread)["run"] = own_run

            def run() -> None:
                restore_run()
                run_inside()

            vars(thread)["run"] = run
            try:
                original(thread)
            except BaseException:
                restore_run()
                raise

        return start

    def _wrap_submit(self, original: Callable[..., object]) -> Callable[..., Any]:
        def submit(pool: object, function: Callable[..., object], /, *args: Any, **kwargs: Any) -> object:
            value = self._variable.get()
            if value is None:
                return original(pool, function, *args, **kwargs)
            # Since Python 3.14, a pool may pickle its tasks for other interpreters, in which nothing is mimicked.
            if all(base.__module__ != "concurrent.futures.interpreter" for base in type(pool).__mro__):
                function = self._inside(value, function)
            # A thread that the pool starts now serves other callers later, so it must not inherit the value.
            token = self._variable.set(None)
            try:
                return original(pool, function, *args, **kwargs)
            finally:
                self._variable.reset(token)

        return submit

    def _inside(self, value: object, function: Callable[..., object]) -> Callable[..., Any]:

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            token = self._variable.set(value)
            try:
                return function(*args, **kwargs)
            finally:
                self._variable.reset(token)

        return call


Step = PassThrough | Replay | RealCall
