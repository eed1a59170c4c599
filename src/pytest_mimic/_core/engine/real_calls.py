"""Calls that run for real, and are recorded if they have a place: what is mimicked inside of them runs for real, too."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from random import getstate
from threading import Event, Lock, Thread, get_ident
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic._core.engine.steps import PassThrough, Replay
from pytest_mimic._core.outcome.outcome import Outcome, is_cancellation, is_outcome
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.vault.file_names import cancelled_name
from pytest_mimic.errors import MimicError, UnstorableOutcomeError

if TYPE_CHECKING:
    from contextlib import _GeneratorContextManager

    from pytest_mimic._core.engine.call import Call, Place
    from pytest_mimic._core.engine.run_state import RunState


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

    @contextmanager
    def running(self) -> Iterator[None]:
        """Mark the code that runs in this block, and in threads it starts, as part of this call."""
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
        # Only of a function is it noted what it changes, draws, runs and reads. A client may draw: it waits a random time
        # before it tries again, for example.
        is_function = call.plan.kind == "function"
        self.noted = call.plan.note(call) if is_function else None
        super().__init__(state)
        self.call = call
        # It would become the context of the recorded exception, and it belongs to the caller.
        self.outer = sys.exc_info()[1]
        self._place = place
        self._flight = flight
        is_recorded = is_function and state.settings.mode is not Mode.VERIFY
        self._drawn: set[str] | None = set() if is_recorded else None
        self.trace = state.trace(call.plan) if is_function else None
        state.unfinished[self] = None

    def running(self) -> _GeneratorContextManager[None]:
        """Mark the code that runs in this block as part of this call, and note the global random states that it draws from."""
        if self._drawn is None and self.trace is None:
            return super().running()
        # Not in the generator: from Python 3.12 on, numpy (Cython) would leave the caller's handled exception there, and
        # the exceptions of the block would lose their contexts.
        return self._noting({} if self._drawn is None else _global_states())

    @contextmanager
    def _noting(self, before: dict[str, object]) -> Iterator[None]:
        trace = self.trace
        try:
            with super().running(), nullcontext() if trace is None else trace.noter.noting(self, trace):
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

    def land(self) -> None:
        """Let identical calls wait no longer."""
        if self._flight is not None:
            self._flight.done()
            self._flight = None

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


class CallInFlight:
    """A call that runs for real now. As a step, it makes an identical call wait until it is done.

    At its end, `done` is called. With `is_here`, this thread makes the call; otherwise another process does.
    `returned_coroutine` says that a plain function returned a coroutine. Checks are `interval` seconds apart.
    """

    __slots__ = ("_end", "_ended", "_task", "_thread", "returned_coroutine")
    mode: Literal["wait"] = "wait"
    interval = 0.02

    def __init__(self, end: Callable[[], object] | None, *, is_here: bool = True) -> None:
        self._end = end
        # Made when a call waits: most have no identical one.
        self._ended: Event | None = None
        self._thread = get_ident() if is_here else None
        self._task = _current_task() if is_here else None
        self.returned_coroutine = False

    def done(self) -> None:
        """Let the waiting calls check again. Whoever started the call does it, in this process."""
        assert self._end is not None
        self._end()
        if self._ended is not None:
            self._ended.set()

    def block(self) -> None:
        """Pause this thread until the call is done, for `interval` seconds at most: also if it has just ended."""
        if self._ended is None:
            self._ended = Event()
        self._ended.wait(self.interval)

    def needs_caller(self, *, is_async: bool) -> bool:
        """Check whether this thread or task must continue for the call to finish, so that waiting is a deadlock."""
        if self._thread != get_ident():
            return False
        return not is_async or self._task is _current_task()


def _current_task() -> object | None:
    """Return the running task of asyncio or trio, or None outside both."""
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        task: object = trio.lowlevel.current_task()
        return task
    try:
        return asyncio.current_task() if asyncio is not None else None
    except RuntimeError:  # no event loop runs in this thread
        return None


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


Step = PassThrough | Replay | RunningCall
