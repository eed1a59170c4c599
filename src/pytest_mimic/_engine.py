"""Decides about each call: replay its recording, run it for real, or neither."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pytest_mimic._flight import LOOKS, PATIENCE, Flight, Flights, Wait
from pytest_mimic._ledger import Miss
from pytest_mimic._settings import Mode
from pytest_mimic._threads import Handing
from pytest_mimic.errors import MimicError, UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._cassette import Cassette
    from pytest_mimic._explain import Known
    from pytest_mimic._ledger import Ledger
    from pytest_mimic._outcome import Outcome
    from pytest_mimic._settings import Settings
    from pytest_mimic._target import Options
    from pytest_mimic._vault import CassetteEntry, Recording, Stored, Vault
    from pytest_mimic._vault.redact import Redactor


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

    def note(self, call: Call) -> None:
        """Notes the arguments before a real run can change them."""

    def mutated(self, call: Call) -> None:
        """Refuses a call that has changed its arguments."""

    def changed(self, call: Call) -> dict[str, object]:
        """The new state of the arguments that the call may change."""

    def apply(self, call: Call, changed: dict[str, object], value: object = None) -> object:
        """Brings the arguments into the state that the real call left them in; gives the value, perhaps one of them."""

    def comparable(self, outcome: Outcome) -> Outcome:
        """What of an outcome verifying compares."""

    def secrets(self, call: Call) -> frozenset[str]:
        """The secret values among the arguments, which no message may tell."""


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


class Owner:
    """Whom the calls of a sequence belong to: a test, or a wider fixture's module, package or session."""

    __slots__ = ("name", "ordinals", "positions", "tracks")

    def __init__(self, name: str) -> None:
        self.name = name
        self.positions: dict[str, int] = {}
        self.tracks: dict[str, Track] = {}
        self.ordinals: dict[str, list[str]] = {}


class Track:
    """The outcomes of one sequence while it is being recorded, by position."""

    __slots__ = ("call", "fresh", "old", "rewritten")

    def __init__(self, call: Call, old: list[Stored]) -> None:
        self.call = call
        self.old = old
        self.fresh: dict[int, Stored] = {}
        self.rewritten = False

    def outcomes(self, *, length: int | None = None) -> list[Stored]:
        """All outcomes in order: fresh ones in place of old ones."""
        kept = {**dict(enumerate(self.old)), **self.fresh}
        return [kept[position] for position in sorted(kept) if length is None or position < length]


class Pass:
    """Run the original and keep nothing."""

    __slots__ = ()
    mode: Literal["pass"] = "pass"


class Replay:
    """The outcome of a recording stands for the call."""

    __slots__ = ("_finish", "_others", "call", "engine", "stored")
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

    def load(self) -> Outcome:
        """A fresh copy of the outcome."""
        return self.stored.load()

    def outcome(self) -> Any:
        """A fresh copy of the plain value that a boundary stored."""
        return self.stored.player()()

    def takes(self) -> Iterator[Outcome]:
        """Other streams recorded for the same call: what was sent into them differs."""
        return (other.load() for other in self._others)

    def longer(self) -> Run:
        """A run for a stream that is read further than its recording goes.

        Raises:
            MissingRecordingError: The mode does not run it.
        """
        from pytest_mimic._explain import read_further

        return self._instead(read_further)

    def otherwise(self) -> Run:
        """A run for a stream whose reader sends something else than was recorded.

        Raises:
            MissingRecordingError: The mode does not run it.
        """
        from pytest_mimic._explain import strange_answer

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
        outer: The exception that the caller was handling when it made the call.
    """

    __slots__ = ("_began", "_engine", "_finish", "_flight", "active", "call", "outer")
    mode: Literal["run"] = "run"

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
        self._began = time.perf_counter()
        self.call = call
        self.active = True
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
        """Ends the run when a stream or coroutine is gone, which may never have been read or awaited."""
        from weakref import finalize

        finalize(late, self.abandon).atexit = False

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
        duration = time.perf_counter() - self._began
        try:
            self._finish(outcome, duration)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Ends the run; without `complete`, nothing is recorded."""
        if self.active:
            self.active = False
            if self._flight is not None:
                self._flight.land()

    def copy(self, value: object) -> object:
        """A copy of an item of a stream, as it is now.

        Raises:
            UnstorableOutcomeError: It cannot be stored.
        """
        from pytest_mimic._outcome import snapshot

        if self._engine.settings.mode is not Mode.VERIFY:
            return snapshot(value, target=self.call.plan.target)
        try:
            return snapshot(value).load()
        except UnstorableOutcomeError:  # then it differs from what is recorded, which could be stored
            return value

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.perf_counter() - self._began


Step = Pass | Replay | Run
_PASS = Pass()


class Engine:
    """One session's decisions.

    Attributes:
        inside: The run that the current thread or task is a part of.
        handing: Hands it on to threads.
        running: The runs under way, for the progress line.
        owner: Whose sequences the calls belong to just now.
        test: The id of the running test; empty outside of tests.
        pending: Errors of ours that the running test must not get away with.
        cassettes_before: The cassettes that the running test has written, as they stood before.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        vault: Vault,
        redactor: Redactor,
        ledger: Ledger,
        flights: Flights,
        today: Callable[[], str],
    ) -> None:
        self.settings = settings
        self.vault = vault
        self.redactor = redactor
        self.ledger = ledger
        self.inside: ContextVar[Run | None] = ContextVar("pytest_mimic_inside", default=None)
        self.handing = Handing(self.inside)
        self.running: set[Run] = set()
        self.owner = Owner("")
        self.test = ""
        self.pending: list[MimicError] = []
        self.cassettes_before: dict[str, bytes | None] = {}
        self._flights = flights
        self.today = today
        self._guard = threading.Lock()
        self._known: dict[str, Recording] = {}

    # -- deciding

    @property
    def is_nested(self) -> bool:
        """Whether the current thread or task is inside a call that runs for real."""
        run = self.inside.get()
        return run is not None and run.active

    def decide(self, call: Call) -> Step | Wait:
        """What to do about a call.

        Raises:
            MissingRecordingError: It has no recording, and the mode does not run it.
            StaleRecordingError: Its recording was made from another source.
            CorruptRecordingError: Its recording is damaged.
        """
        if self.is_nested:
            return _PASS
        if call.plan.cassette is not None:
            return call.plan.cassette.decide(call)
        if call.sequence:
            return self._decide_sequence(call)
        return self._decide_single(call)

    def _decide_single(self, call: Call) -> Step | Wait:
        name = self._name(call)
        mode = self.settings.mode
        if mode is Mode.RERECORD:
            return self._fly(call, name)
        recording = self.find(name)
        if mode is Mode.RECORD:
            if recording is None or self.is_stale(call.plan, recording.source):
                return self._fly(call, name)
        elif recording is None:
            raise self.miss(call)
        else:
            self.check_source(call, recording.source, name=name, recorded=recording.recorded)
        self.ledger.use(name)
        if mode is Mode.VERIFY:
            return self.run(
                call, lambda outcome, _: self.verify(call, _same_take(outcome, recording.outcomes), outcome)
            )
        return self._replay_single(call, name, recording)

    def _replay_single(self, call: Call, name: str, recording: Recording) -> Replay:
        first, *others = recording.outcomes
        finish = self._keeping(call, name) if self.settings.mode.writes else None
        return self.replay(call, first, others=others, finish=finish)

    def _keeping(self, call: Call, name: str) -> Callable[[Outcome, float], None]:
        return lambda outcome, duration: self._record(call, name, outcome, duration)

    def _fly(self, call: Call, name: str) -> Step | Wait:
        if call.plan.kind != "function":  # an edge cannot wait
            return self.run(call, self._keeping(call, name))
        boarded = self._flights.board(name)
        if isinstance(boarded, Wait):
            return self._wait(call, name, boarded)
        try:
            found = self._landed_meanwhile(call, name)
        except BaseException:
            boarded.land()
            raise
        if found is not None:
            boarded.land()
            self.ledger.use(name)
            return self._replay_single(call, name, found)
        return self.run(call, self._keeping(call, name), boarded)

    def _wait(self, call: Call, name: str, wait: Wait) -> Step | Wait:
        """Waits for the same call elsewhere, unless that would wait for this one, or takes too long."""
        flight = wait.flight
        if flight is not None and flight.gives_coroutine and not call.pausing:
            return wait  # the caller gets a coroutine, which does the waiting
        if flight is not None and flight.waits_for_caller(pausing=call.pausing):
            return self.run(call, self._keeping(call, name))
        call.looks += 1
        if call.looks <= LOOKS:
            return wait
        self.ledger.notes.append(
            f"{call.label} was in flight elsewhere for over {PATIENCE:.0f} s: it ran here too"
        )
        return self.run(call, self._keeping(call, name))

    def _landed_meanwhile(self, call: Call, name: str) -> Recording | None:
        """What another thread or process has recorded while this call was about to."""
        if self.settings.mode is Mode.RERECORD:
            return self._known.get(name) if call.looks else None
        recording = self._reread(name)
        if recording is None or self.is_stale(call.plan, recording.source):
            return None
        return recording

    def _decide_sequence(self, call: Call) -> Step:
        owner = self.owner
        name = self._name(call, owner)
        position = self._next_position(owner, name)
        mode = self.settings.mode
        recording = self.find(name)
        if mode.writes:

            def finish(outcome: Outcome, duration: float) -> None:
                self._append(owner, name, position, call, outcome, duration)

            track = self._track(owner, name, call, recording)
            if mode is Mode.RECORD and position < len(track.old):
                self.ledger.use(name)
                return self.replay(call, track.old[position], finish=finish)
            return self.run(call, finish)
        if recording is None:
            raise self.miss(call)
        self.check_source(call, recording.source, name=name, recorded=recording.recorded)
        self.ledger.use(name)
        stored = recording.outcomes[min(position, len(recording.outcomes) - 1)]
        if mode is Mode.VERIFY:
            return self.run(call, lambda outcome, _: self.verify(call, stored, outcome))
        return self.replay(call, stored)

    def _next_position(self, owner: Owner, name: str) -> int:
        with self._guard:
            position = owner.positions.get(name, 0)
            owner.positions[name] = position + 1
            return position

    def _track(self, owner: Owner, name: str, call: Call, recording: Recording | None) -> Track:
        with self._guard:
            track = owner.tracks.get(name)
            if track is None:
                kept = recording is not None
                if recording is not None and self.settings.mode is Mode.RECORD:
                    kept = not self.is_stale(call.plan, recording.source)
                track = owner.tracks[name] = Track(
                    call, list(recording.outcomes) if recording and kept else []
                )
            return track

    def run(self, call: Call, finish: Callable[[Outcome, float], None], flight: Flight | None = None) -> Run:
        """A real run of a call; its arguments are noted now, before it can change them."""
        call.plan.note(call)
        return Run(self, call, finish, flight)

    def replay(
        self,
        call: Call,
        stored: Stored,
        *,
        others: Sequence[Stored] = (),
        finish: Callable[[Outcome, float], None] | None = None,
    ) -> Replay:
        """A replay of a call, counted.

        Args:
            call: The call.
            stored: Its outcome.
            others: More streams recorded for it.
            finish: Keeps the outcome of a real run, where the mode makes one for what a stream lacks.
        """
        self.ledger.tally(stored.duration).tick()
        return Replay(self, call, stored, others=others, finish=finish)

    # -- finding

    def _name(self, call: Call, owner: Owner | None = None) -> str:
        from pytest_mimic._vault import recording_name

        if owner is None:
            return recording_name(call.plan.target, call.key)
        from xxhash import xxh3_128_hexdigest

        key = xxh3_128_hexdigest(f"{call.key}\0{owner.name}".encode("utf-8", "surrogatepass"))
        return recording_name(call.plan.target, key)

    def find(self, name: str) -> Recording | None:
        """The recording named so; read once a session."""
        found = self._known.get(name)
        return found if found is not None else self._reread(name)

    def _reread(self, name: str) -> Recording | None:
        found = self.vault.read(name)
        if found is not None:
            self._known[name] = found
        return found

    def is_stale(self, plan: Plan, source: str | None) -> bool:
        """Whether a recording was made from another source of its target."""
        if self.settings.source == "ignore" or source is None:
            return False
        return plan.source is not None and source != plan.source

    def check_source(self, call: Call, source: str | None, *, name: str, recorded: str | None = None) -> None:
        """Refuses, or warns of, a recording that was made from another source of its target.

        Args:
            call: The call.
            source: The source's fingerprint, as the recording has it.
            name: The recording's name.
            recorded: Its date.

        Raises:
            StaleRecordingError: `mimic_source` is `strict`.
        """
        if self.settings.mode is Mode.VERIFY or not self.is_stale(call.plan, source):
            return
        from pytest_mimic._explain import stale

        error = stale(call.label, recorded=recorded, test=self.test)
        if self.settings.source == "warn":
            import warnings

            warnings.warn(str(error), stacklevel=2)
            return
        self.ledger.use(name)
        raise self.blame(error, call)

    # -- problems

    def miss(self, call: Call, *, among: Iterable[Known] | None = None) -> MimicError:
        """The error for a call without a recording; the test will fail even if it is swallowed.

        Args:
            call: The call.
            among: Where the nearest recording is looked for; by default all of the target's.
        """
        from pytest_mimic._explain import missing

        error = missing(
            call.label,
            arguments=call.arguments,
            candidates=self._candidates(call) if among is None else among,
            test=self.test,
            facts=self._old_vault(),
        )
        return self.blame(error, call)

    def blame(self, error: MimicError, call: Call) -> MimicError:
        """Notes a problem of the running test, which fails even where the error is swallowed."""
        from pytest_mimic.errors import DriftError, MissingRecordingError

        if isinstance(error, MissingRecordingError):
            self.ledger.missing.append(Miss(call.label, self.test))
        elif isinstance(error, DriftError):
            self.ledger.drifted += 1
        self.pending.append(error)
        return error

    def _candidates(self, call: Call) -> Iterator[Recording]:
        from pytest_mimic._vault import recording_name

        folder = recording_name(call.plan.target, "").rpartition("/")[0]
        for name in self.vault.store.names(folder):
            try:
                recording = self.vault.read(name)
            except MimicError:
                continue
            if recording is not None and recording.target == call.plan.target:
                yield recording

    def _old_vault(self) -> list[str]:
        if not self.vault.is_old():
            return []
        return [
            f"{self.settings.shown_vault} holds recordings of pytest-mimic 0.x, which this version does not read: "
            "record them anew with pytest --mimic-record"
        ]

    # -- recording

    def _recording(self, call: Call, outcomes: list[Stored], owner: Owner | None) -> Recording:
        from pytest_mimic._vault import Recording

        return Recording(
            target=call.plan.target,
            arguments=call.arguments if self.settings.store_arguments else None,
            source=call.plan.source,
            test=self.test,
            recorded=self.today(),
            owner=owner.name if owner is not None else None,
            outcomes=outcomes,
        )

    def encode(self, call: Call, outcome: Outcome, duration: float) -> Stored:
        """An outcome as the vault keeps it, once it is allowed to be kept."""
        call.plan.mutated(call)
        outcome.changed = call.plan.changed(call)
        stored = self.vault.stored(
            outcome, duration, target=call.plan.target, detached=call.plan.cassette is not None
        )
        if call.awaited:
            stored.entry["awaited"] = True
        return stored

    def _record(self, call: Call, name: str, outcome: Outcome, duration: float) -> None:
        stored = self.encode(call, outcome, duration)
        takes = [stored] if stored.kind != "stream" else self._takes(name, stored)
        if takes:
            self._write(name, self._recording(call, takes, None))
            self.count(call, outcome, duration)

    def _takes(self, name: str, stored: Stored) -> list[Stored]:
        """A stream among the others recorded for the same call; empty where one of those knows more of it."""
        from pytest_mimic._stream import knows_more, share_beginning

        known = self._known.get(name) if name in self.ledger.used else None
        new, others = stored.load(), []
        for other in known.outcomes if known is not None else ():
            old = other.load()
            if old.kind == "stream" and not share_beginning(old, new):
                others.append(other)
            elif old.kind == "stream" and knows_more(old, new):
                return []
        return [*others, stored]

    def _append(
        self, owner: Owner, name: str, position: int, call: Call, outcome: Outcome, duration: float
    ) -> None:
        stored = self.encode(call, outcome, duration)
        with self._guard:
            track = owner.tracks[name]
            track.fresh[position] = stored
            self._write(name, self._recording(call, track.outcomes(), owner))
        self.count(call, outcome, duration)

    def _write(self, name: str, recording: Recording) -> None:
        self.vault.write(name, recording)
        self._known[name] = recording
        self.ledger.use(name)

    def count(self, call: Call, outcome: Outcome, duration: float) -> None:
        """Counts a call as recorded."""
        with self._guard:
            self.ledger.recorded += 1
            self.ledger.record_seconds += duration
        status = (
            outcome.value.get("status")
            if isinstance(outcome.value, dict) and call.plan.kind != "function"
            else None
        )
        if outcome.kind == "raised":
            self.ledger.failures.append(f"{call.label} raised {type(outcome.exception).__name__}")
        elif isinstance(status, int) and status >= 500:
            self.ledger.failures.append(f"{call.label} gave {status}")

    def keep_cassette(self, name: str, entries: list[CassetteEntry]) -> None:
        """Writes a cassette; what stood before comes back if its test fails."""
        if name not in self.cassettes_before:
            self.cassettes_before[name] = self.vault.store.read(name)
        self.vault.write_cassette(name, entries, test=self.test, recorded=self.today())

    def end_cassettes(self, *, passed: bool) -> None:
        """Settles the cassettes that the ending test has written."""
        before, self.cassettes_before = self.cassettes_before, {}
        for name, data in before.items() if not passed else ():
            self.vault.restore(name, data)
            if data is None:
                self.ledger.used.discard(name)

    def end_owner(self, owner: Owner, *, passed: bool) -> None:
        """Drops what a sequence recorded anew no longer has; a failed test's stays."""
        if self.settings.mode is not Mode.RERECORD or not passed:
            return
        for name, track in owner.tracks.items():
            length = owner.positions[name]
            if len(track.old) > length:
                self._write(name, self._recording(track.call, track.outcomes(length=length), owner))

    # -- verifying

    def verify(self, call: Call, stored: Stored, outcome: Outcome) -> None:
        """Compares a real outcome with its recording.

        Raises:
            DriftError: They differ.
        """
        from pytest_mimic._compare import compare
        from pytest_mimic._explain import drift, unverifiable

        with self._guard:
            self.ledger.verified += 1
        outcome.changed = call.plan.changed(call)
        recorded = stored.load()
        failure = _failure(outcome)
        if failure is not None and _failure(recorded) is None:
            raise self.blame(
                unverifiable(call.label, failure, test=self.test, redactor=self.redactor), call
            ) from failure
        options = call.plan.options
        lines = compare(
            call.plan.comparable(recorded),
            call.plan.comparable(outcome),
            rtol=options.rtol,
            atol=options.atol,
            volatile=options.volatile,
            mode=options.compare,
            redactor=self.redactor,
            secrets=call.plan.secrets(call),
        )
        if lines:
            raise self.blame(drift(call.label, lines, test=self.test), call)


def _failure(outcome: Outcome) -> BaseException | None:
    """The exception that a call raised, or that ended its stream."""
    last = outcome.end if outcome.kind == "stream" else outcome
    return last.exception if last is not None else None


def _same_take(outcome: Outcome, recorded: Sequence[Stored]) -> Stored:
    """Of the streams recorded for a call, the one with the same answers of its reader."""
    from pytest_mimic._stream import share_beginning

    if len(recorded) > 1 and outcome.kind == "stream":
        return next((one for one in recorded if share_beginning(one.load(), outcome)), recorded[0])
    return recorded[0]
