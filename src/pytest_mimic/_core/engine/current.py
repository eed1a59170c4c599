"""What is the case now: the running test, the owner of its calls, and its real calls.

Each process of a run has its own, and all of its threads have the same.
"""

from __future__ import annotations

import gc
import os
import sys
from collections import deque
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from contextvars import ContextVar
from functools import partial, wraps
from threading import Event, Lock, Thread, current_thread
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from pytest_mimic._core.engine.owners import (
    Inside,
    Owner,
    SecretScope,
    has_interpreters,
)
from pytest_mimic._core.swallowed.pending_errors import PendingErrors
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.commands import Commands
    from pytest_mimic._core.engine.family_events import Family
    from pytest_mimic._core.engine.owners import Track
    from pytest_mimic._core.engine.senders import Sender
    from pytest_mimic._core.inputs.input_trace import InputTrace
    from pytest_mimic._core.settings import Mode
    from pytest_mimic._core.swallowed.retries import Retries

    # Only types need it: a replay starts without it.

    class OpenCassette(Track, Protocol):
        """The cassette of an open block: a `CassetteTrack`."""

        name: str
        run_mode: Mode
        block_owner: Owner
        is_running: Callable[[], bool]


# How long threads may try again in vain at the end of a run.
_SECONDS_OF_RETRIES = 2.0
# How long to wait before another look at which of them have ended.
_SECONDS_BETWEEN_LOOKS = 0.01
# The phase of the garbage collector, its only item: `start` while it runs, else `stop`.
_COLLECTOR_PHASE = ["stop"]


def _note_phase(phase: str, _facts: object) -> None:
    """Note whether the garbage collector runs, which calls this."""
    _COLLECTOR_PHASE[0] = phase


gc.callbacks.append(_note_phase)


class Current:
    """The running test, and whom the calls of now belong to.

    Args:
        commands: Makes the commands that the errors in `pending` offer.

    Attributes:
        test: The id of the running test, empty outside of tests.
        own_files: Returns the files of the running test's own code.
        owner: The owner of the calls that are made now.
        test_owner: The owner of the running test's own calls; None outside of tests.
            `Scopes` sets it, and `stayed_answers` asks it: while a test sets a fixture
            up, the answers of both may belong together.
        scopes: The scopes that calls may belong to, by name. That of the session, which
            also owns the calls outside of tests, has the empty name.
        secret_scope: What shares its secrets: the test, or a fixture.
        fixture_scopes: The wider fixtures that are set up, by name.
        fixtures: The names of the fixtures that the running test requests, and of those
            that these request.
        changed_fixtures: The wider fixtures that made a new call in this run, if their
            conversation was recorded before: the name of the scope, the fixture and
            the client. A recorded test that uses such a fixture is noted.
        was_recorded: Whether the conversation of a wider fixture's scope was recorded
            before its first new call, by the name of the scope and the client.
        cassettes: The cassettes of open blocks.
        pending: The errors that the test must fail for, even if its code catches them.
        retries: The retries and waits of the running test's code; None until a call of
            it has failed.
        replayed_test_count: How many tests of a recording run had calls of a client
            replayed. Their service lacks what they did, so that what a fixture does
            again there is compared only while the number stays.
        variables: The environment variables, as they were before tests changed them.
        family: The processes of the run; None until it forks.
        is_forking: Whether the run forks a process now.
        closed: An event that is set when the run has ended.
    """

    def __init__(self, commands: Commands | None = None) -> None:
        self.test: str = ""
        # Outside of tests, no file is the test's own.
        self.own_files: Callable[[], set[str]] = set
        self.owner: Owner = Owner("")
        self.test_owner: Owner | None = None
        self.scopes: dict[str, Owner] = {"": self.owner}
        self.secret_scope: SecretScope = SecretScope()
        self.fixture_scopes: dict[str, SecretScope] = {}
        self.fixtures: Collection[str] = ()
        self.changed_fixtures: set[tuple[str, str, str]] = set()
        self.was_recorded: dict[tuple[str, str], bool] = {}
        self.cassettes: Cassettes = Cassettes()
        self.pending: PendingErrors = PendingErrors(
            self._running_test, self._tell_error, commands=commands
        )
        self.retries: Retries | None = None
        self.replayed_test_count: int = 0
        self.variables: Mapping[str, str] = os.environ
        self.family: Family | None = None
        # The hooks behind a fork end the turn that the one before it has begun.
        self.is_forking: bool = False
        self.closed: Event = Event()
        # Only one of several threads makes `retries`.
        self._lock = Lock()

    def _running_test(self) -> str:
        return self.test

    @property
    def test_to_run_again(self) -> str:
        """What a command names to run the test again.

        It is the test's id, or while a wider fixture is torn down, the name of its
        scope.
        """
        if self.owner.is_being_torn_down:
            # The name of the session's scope is empty.
            return self.owner.name_in_commands or self.test
        return self.test

    def scopes_of(self, fixtures: Collection[str]) -> list[SecretScope]:
        """Return the scopes of the wider fixtures that a test or a fixture uses.

        Their secrets are known in its calls, too. `request` may give any of them.
        """
        if "request" in fixtures:
            return list(self.fixture_scopes.values())
        return [
            scope for name, scope in self.fixture_scopes.items() if name in fixtures
        ]

    def let_no_code_wait(self, error: MimicError | None = None, key: str = "") -> None:
        """Let code that has missed a call, or gets a recorded failure, not wait.

        Args:
            error: The miss; None for a recorded failure.
            key: The identity of the missed call.
        """
        if self.test:
            from pytest_mimic._core.swallowed.retries import Retries

            with self._lock:
                self.retries = self.retries or Retries()
                self.retries.let_no_code_wait(error, key, self.own_files)

    def end_test(self) -> None:
        """End the running test: code that waits is no longer disturbed."""
        self.test = ""
        if self.retries is not None:
            self.retries.end()

    # -- forked processes

    def hear_other_processes(self) -> None:
        """Learn what the other processes of a run that has forked have done."""
        if self.family is not None:
            self.family.hear_other_processes()

    def begin_process(self) -> None:
        """Begin anew in a forked process: a thread of its parent may have the lock."""
        self._lock = Lock()
        self.pending.take()

    def _tell_error(self, error: MimicError) -> None:
        if self.family is not None:
            self.family.tell_error(error)

    def tell_sender(self, key: tuple[str, ...], sender: Sender) -> None:
        """Tell forked processes who has sent the first of equal calls."""
        if self.family is not None:
            self.family.tell_sender(key, sender)


class Cassettes:
    """The cassettes of a run's blocks.

    Attributes:
        open: The cassettes of open blocks, the innermost last.
        of_thread_or_task: The cassette whose block the thread or task of now has
            opened, or the thread or task that has started it; None: it is in no block.
        written: The files of the cassettes that the run wrote, each with its content.
            Under `--mimic-rerecord`, a further block adds its calls to such a cassette;
            it replaces any other.
        last_opened_for_replay: The files of the cassettes whose newest block is one of
            `mimic_replay`. `--mimic-rerecord` does not make their calls again, so that
            the report of a failing test does not offer it for them.
    """

    def __init__(self) -> None:
        self.open: list[OpenCassette] = []
        self.of_thread_or_task: ContextVar[OpenCassette | None] = ContextVar(
            "pytest_mimic_cassette", default=None
        )
        self.written: set[tuple[str, bytes | None]] = set()
        self.last_opened_for_replay: set[str] = set()


class RealCalls:
    """The real calls of now, and the code that is part of them.

    Attributes:
        inside: The real call that the current thread or task is part of.
        running: The steps whose real calls run now. While it holds something, no
            `Player` answers: a forked process holds its place in it, too.
        test_thread: The thread in which tests run.
        ends_of_waits: For each thread that waits in a replayed call until its test has
            ended, or did so: when the wait in each such call ended, by the identity of
            the call. Infinite: the thread still waits.
        end_lock: A lock by which only one of several threads ends a call.
    """

    def __init__(self) -> None:
        self.inside: Inside = Inside()
        self.running: set[object] = set()
        self.test_thread: Thread = current_thread()
        self.ends_of_waits: WeakKeyDictionary[Thread, dict[str, float]] = (
            WeakKeyDictionary()
        )
        self.end_lock: Lock = Lock()
        # Functions that end calls whose streams nobody holds any more.
        self._ends_of_unread_streams: deque[Callable[[], object]] = deque()

    def running_trace(self) -> InputTrace | None:
        """Return the trace of the real call that the current thread is part of.

        None: the thread is in no real call, or the call is not traced.
        """
        if not self.running:
            # Most files are opened outside of calls, many of them by this package.
            return None
        observed = getattr(self.inside.call(), "observed", None)
        return None if observed is None else observed.trace

    def note_waiting_thread(self, key: str, end: float) -> None:
        """Note that this thread waits in a call until its test has ended.

        Args:
            key: The identity of the call.
            end: When its wait ended, by the clock of the run; infinite while it waits.
        """
        self.ends_of_waits.setdefault(current_thread(), {})[key] = end

    def let_waiting_threads_end(self, clock: Callable[[], float]) -> None:
        """Let threads whose wait has just ended try again in vain, and end.

        Once nothing is mimicked any more, another attempt would be made for real.

        Args:
            clock: The clock of the run.
        """
        now = clock()
        trying_threads = set()
        # Other threads may begin to wait meanwhile.
        for reference in self.ends_of_waits.keyrefs():
            thread = reference()
            if thread is None:
                continue
            ends = self.ends_of_waits.get(thread, {}).values()
            if max(ends, default=0.0) > now - _SECONDS_OF_RETRIES:
                # Its wait has ended so lately that its client may still try again.
                trying_threads.add(thread.ident)
        # Threads that Python has not started cannot be joined.
        last_moment = now + _SECONDS_OF_RETRIES
        while trying_threads & sys._current_frames().keys() and clock() < last_moment:
            Event().wait(_SECONDS_BETWEEN_LOOKS)

    def wrap_pool_submit(
        self, submit: Callable[..., Any], _port: object = None
    ) -> Callable[..., Any]:
        """Return a `ThreadPoolExecutor.submit` whose tasks try no earlier call again.

        A task may get a thread that waited in an earlier test; see `ends_of_waits`.
        """
        submit_inside = self.inside.wrap_pool_submit(submit)

        @wraps(submit)
        def submit_task(
            pool: object, function: Any, /, *args: Any, **kwargs: Any
        ) -> Any:
            if self.ends_of_waits and not has_interpreters(pool):
                function = partial(self._begin_task, function)
            return submit_inside(pool, function, *args, **kwargs)

        return submit_task

    def _begin_task(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call the function of a task, in the thread of a pool."""
        self.ends_of_waits.pop(current_thread(), None)
        return function(*args, **kwargs)

    def end_unread_stream(self, end: Callable[[], object]) -> None:
        """End the call of a stream that nobody has read or holds any more.

        The call ends now, or later if the collector has interrupted a write or an
        import.

        Args:
            end: Ends the call.
        """
        self._ends_of_unread_streams.append(end)
        if _COLLECTOR_PHASE == ["stop"]:
            self.end_unread_streams()

    def end_unread_streams(self) -> None:
        """End the calls of unread streams that have not ended yet."""
        while self._ends_of_unread_streams:
            # The error is noted and fails the test. Nobody would catch it here.
            with suppress(MimicError):
                self._ends_of_unread_streams.popleft()()

    def begin_process(
        self, process: object, hear_other_processes: Callable[[], None]
    ) -> None:
        """Begin anew in a process that was just forked.

        Args:
            process: What stands among the running calls, so that no player answers: it
                would tell nobody of its calls.
            hear_other_processes: Learns what the other processes have done.
        """
        self.end_lock = Lock()
        self.test_thread = current_thread()
        self._ends_of_unread_streams.clear()
        self.running.clear()
        self.running.add(process)
        self.inside.hear_other_processes = hear_other_processes
