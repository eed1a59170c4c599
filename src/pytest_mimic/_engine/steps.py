"""A call of a target, and the steps that can be taken: replay it, run it for real, or neither."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pytest_mimic._outcome.raising import is_cancellation
from pytest_mimic._settings import Mode
from pytest_mimic.errors import MimicError, UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._engine.cassettes import Cassette
    from pytest_mimic._engine.engine import Engine
    from pytest_mimic._engine.single_flight import Flight
    from pytest_mimic._outcome import Outcome
    from pytest_mimic._targets.options import Options
    from pytest_mimic._vault import Stored

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


class Plan(Protocol):
    """How one activation mimics a function or a boundary."""

    kind: str
    target: str
    options: Options
    cassette: Cassette | None

    @property
    def source(self) -> str | None:
        """The fingerprint of the target's source; None where it has none."""
        ...

    def note(self, call: Call) -> None:
        """Notes the arguments before a real run can change them."""
        ...

    def mutated(self, call: Call) -> None:
        """Refuses a call that has changed its arguments."""
        ...

    def changed(self, call: Call) -> dict[str, object]:
        """The new state of the arguments that the call may change."""
        ...

    def apply(self, call: Call, changed: dict[str, object], value: object = None) -> object:
        """Brings the arguments into the state that the real call left them in; gives the value, perhaps one of them."""
        ...

    def comparable(self, outcome: Outcome, beside: Outcome | None = None) -> Outcome:
        """What of an outcome verifying compares, beside another one of the same call."""
        ...

    def secrets(self, call: Call) -> frozenset[str]:
        """The secret values among the arguments, which no message may tell."""
        ...


class Call:
    """One invocation of a target, bound and identified.

    Attributes:
        key: Its identity, hex.
        values: The bound arguments, in the order of the parameters.
        signature: `VERB resource`.
        host: The host that patterns look at, at boundaries.
        sequence: The n-th such call of its owner has the n-th outcome.
        reading: How the plan read the arguments.
        before: The state of each argument before a real run, as the plan noted it.
        awaited: A plain function gave its outcome as a coroutine or an async generator.
        looks: How often it has looked whether the same call elsewhere is over.
        pausing: Its caller lets other tasks run while it waits.
    """

    __slots__ = (
        "_describe",
        "_described",
        "awaited",
        "before",
        "host",
        "key",
        "looks",
        "pausing",
        "plan",
        "reading",
        "sequence",
        "signature",
        "values",
    )

    def __init__(
        self,
        plan: Plan,
        key: str,
        *,
        values: tuple[object, ...] = (),
        reading: Any = None,
        signature: str,
        host: str | None = None,
        sequence: bool,
        describe: Callable[[], dict[str, Any]],
    ) -> None:
        self.plan = plan
        self.key = key
        self.values = values
        self.reading = reading
        self.signature = signature
        self.host = host
        self.sequence = sequence
        self._describe = describe
        self._described: dict[str, Any] | None = None
        self.before: dict[str, str | None] | None = None
        self.awaited = False
        self.looks = 0
        self.pausing = False

    @property
    def is_shared(self) -> bool:
        """Whether it belongs to the client, at a boundary, and to no test."""
        return self.plan.kind != "function" and not self.sequence

    @property
    def arguments(self) -> dict[str, Any]:
        """The structured, redacted description of its arguments, as they were when first asked for."""
        if self._described is None:
            self._described = self._describe()
        return self._described

    @property
    def label(self) -> str:
        """The call in one line, for people."""
        from pytest_mimic._describe import call_label

        if self.plan.kind != "function":
            return f"{self.plan.kind} {self.signature}"
        return call_label(self.plan.target, self.arguments)


class Pass:
    """Run the original and keep nothing."""

    __slots__ = ()
    mode: Literal["pass"] = "pass"


class Replay:
    """The outcome of a recording stands for the call."""

    __slots__ = ("_finish", "_is_counted", "_others", "call", "engine", "stored")
    mode: Literal["replay"] = "replay"

    def __init__(
        self,
        engine: Engine,
        call: Call,
        stored: Stored,
        *,
        others: Sequence[Stored] = (),
        finish: Callable[[Outcome, float], None] | None = None,
    ) -> None:
        self.engine = engine
        self.call = call
        self.stored = stored
        self._others = others
        self._finish = finish
        self._is_counted = False

    def load(self) -> Outcome:
        """A fresh copy of the outcome; the replay counts once it is there."""
        outcome = self._load(self.stored)
        self._count()
        return outcome

    def _load(self, stored: Stored) -> Outcome:
        with self.engine.problems:
            return stored.load()

    def outcome(self) -> Any:
        """A fresh copy of the plain value that a boundary stored."""
        with self.engine.problems:
            plain = self.stored.player()()
        self._count()
        return plain

    def _count(self) -> None:
        if not self._is_counted:
            self._is_counted = True
            self.engine.ledger.tally(self.stored.duration).tick()

    def takes(self) -> Iterator[Outcome]:
        """Other streams recorded for the same call: what was sent into them differs."""
        return map(self._load, self._others)

    def longer(self) -> Run:
        """A run for a stream that is read further than its recording goes.

        Raises:
            MissingRecordingError: The mode does not run it.
        """
        from pytest_mimic._describe.messages import read_further

        return self._instead(read_further)

    def exhausted(self) -> MimicError:
        """The error for an answer at a boundary that is read further than its recording goes, in any mode.

        It is not run for what it lacks: its bytes are redacted, in another compression and framing than the real
        ones, so where those go on cannot be told.
        """
        from pytest_mimic._describe.messages import read_further

        error = read_further(self.call.label, test=self.engine.test, option="--mimic-rerecord")
        return self.engine.blame(error, self.call, by_option=False)

    def otherwise(self) -> Run:
        """A run for a stream whose reader sends something else than was recorded.

        Raises:
            MissingRecordingError: The mode does not run it.
        """
        from pytest_mimic._describe.messages import strange_answer

        return self._instead(strange_answer)

    def _instead(self, problem: Callable[..., MimicError]) -> Run:
        if self._finish is None:
            raise self.engine.blame(problem(self.call.label, test=self.engine.test), self.call)
        self.call.awaited = self.stored.awaited
        return self.engine.run(self.call, self._finish)


class Run:
    """The call runs for real; `finish` records its outcome, or compares it.

    Attributes:
        active: It is not over.
        begun: The stream or coroutine that the call gave is being read or awaited.
        outer: The exception that the caller was handling when it made the call.
    """

    __slots__ = ("_began", "_engine", "_finish", "_flight", "active", "begun", "call", "outer")
    mode: Literal["run"] = "run"
    # Held here: in place of what stands in a module, freezegun puts a clock that stands still.
    _clock = staticmethod(perf_counter)

    def __init__(
        self,
        engine: Engine,
        call: Call,
        finish: Callable[[Outcome, float], None],
        flight: Flight | None = None,
    ) -> None:
        self._engine = engine
        self._finish = finish
        self._flight = flight
        self._began = self._clock()
        self.call = call
        self.active = True
        self.begun = False
        self.outer = sys.exc_info()[1]

    @contextmanager
    def running(self) -> Iterator[None]:
        """While the real call runs in it, inner calls belong to this one."""
        token = self._engine.inside.set(self)
        self._engine.running.add(self)
        try:
            with self._engine.handing:
                yield
        finally:
            self._engine.running.discard(self)
            try:
                self._engine.inside.reset(token)
            except ValueError:  # a coroutine is closed elsewhere than it was awaited
                pass

    def gives_coroutine(self) -> None:
        """Notes that a plain function has returned a coroutine: the same call can be awaited as well."""
        if self._flight is not None:
            self._flight.gives_coroutine = True

    def end_with(self, late: Any) -> None:
        """Ends the run when a stream or coroutine is gone that was never read or awaited."""
        from weakref import finalize

        finalize(late, self._abandon_unread).atexit = False

    def _abandon_unread(self) -> None:
        if not self.begun:  # else it ends by itself, after this
            self.abandon()

    def finish(self, plain: object) -> None:
        """Records a value, or compares it where the run verifies."""
        from pytest_mimic._outcome import Outcome

        self.complete(Outcome.of_value(plain))

    def complete(self, outcome: Outcome) -> None:
        """Records an outcome, or compares it where the run verifies.

        Raises:
            MutatedInputError, UnstorableOutcomeError: It is refused, nothing is recorded.
            DriftError: The recording says otherwise.
        """
        if not self.active:
            return
        duration = self._clock() - self._began
        try:
            with self._engine.problems:
                self._finish(outcome, duration)
        finally:
            self._end()

    def abandon(self) -> None:
        """Ends a run that is not over without an outcome: nothing is recorded, of a cancelled call is told why."""
        if not self.active:
            return
        self._end()
        if is_cancellation(sys.exc_info()[1]) and self._engine.settings.mode is not Mode.VERIFY:
            self._engine.ledger.note(f"{self.call.label} was cancelled: not recorded")

    def _end(self) -> None:
        self.active = False
        self._engine.unended.pop(self, None)
        if self._flight is not None:
            self._flight.land()

    def refused(self) -> MimicError:
        """The error for a request that would be sent with the placeholder of a secret; it ends the run."""
        from pytest_mimic._describe.messages import placeholder_sent

        self.abandon()
        error = placeholder_sent(self.call.label, test=self._engine.test)
        return self._engine.blame(error, self.call, by_option=False)

    def copy(self, value: object) -> object:
        """A copy of an item of a stream, as it is now.

        Raises:
            UnstorableOutcomeError: It cannot be stored.
        """
        from pytest_mimic._outcome.encoding import snapshot

        if self._engine.settings.mode is not Mode.VERIFY:
            with self._engine.problems:
                return snapshot(value, target=self.call.plan.target)
        try:
            return snapshot(value).load()
        except UnstorableOutcomeError:  # then it differs from what is recorded, which could be stored
            return value

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return self._clock() - self._began


Step = Pass | Replay | Run
PASS = Pass()
