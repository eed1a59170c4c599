"""Decides about each call: replay its recording, run it for real, or neither."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic._engine.sequences import Owner, Track
from pytest_mimic._engine.single_flight import LOOKS, PATIENCE, Flight, Flights, Wait
from pytest_mimic._engine.steps import PASS, Call, Plan, Replay, Run, Step
from pytest_mimic._engine.threads import Handing
from pytest_mimic._ledger import Miss
from pytest_mimic._settings import Mode
from pytest_mimic._swallowed.pending import Problems
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._describe.messages import Known
    from pytest_mimic._engine.cassettes import Cassette
    from pytest_mimic._ledger import Ledger
    from pytest_mimic._outcome import Outcome
    from pytest_mimic._redact.redactor import Redactor
    from pytest_mimic._settings import Settings
    from pytest_mimic._vault import CassetteEntry, Recording, Stored, Vault


# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

_OURS = str(Path(__file__).parents[1])


class Engine:
    """One session's decisions.

    Attributes:
        inside: The run that the current thread or task is a part of.
        handing: Hands it on to threads.
        running: The runs under way, for the progress line.
        unended: The runs that have no outcome yet, in the order in which they began.
        owner: Whose sequences the calls belong to just now.
        test: The id of the running test; empty outside of tests.
        problems: The errors of ours that it must not get away with.
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
        today: str,
    ) -> None:
        self.settings = settings
        self.vault = vault
        self.redactor = redactor
        self.ledger = ledger
        self.inside: ContextVar[Run | None] = ContextVar("pytest_mimic_inside", default=None)
        self.handing = Handing(self.inside)
        self.running: set[Run] = set()
        self.unended: dict[Run, None] = {}
        self.owner = Owner("")
        self.test = ""
        self.problems = Problems(ledger.children)
        self.cassettes_before: dict[str, bytes | None] = {}
        self._flights = flights
        # Of the session: the test that makes a call may have stopped the clock.
        self._today = today
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
        with self.problems:
            return self._decide(call)

    def _decide(self, call: Call) -> Step | Wait:
        if call.plan.cassette is not None:
            if call.is_shared:
                return self._decide_shared(call, call.plan.cassette)
            return call.plan.cassette.decide(call)
        if call.sequence:
            return self._decide_sequence(call)
        return self._decide_single(call)

    def _decide_shared(self, call: Call, cassette: Cassette) -> Step | Wait:
        """A client's own call stands in the vault, not in the cassette during which the client happened to connect."""
        if cassette.mode == "live":
            return PASS
        name = self._name(call)
        recording = None if cassette.mode == "record" else self.find(name)
        if recording is not None:
            self.ledger.use(name)
            return self.replay(call, recording.outcomes[0])
        if cassette.mode in ("record", "extend"):
            return self._fly(call, name)
        raise self.miss(call)

    def _decide_single(self, call: Call) -> Step | Wait:
        name = self._name(call)
        mode = self.settings.mode
        if mode is Mode.RERECORD:
            return self._fly(call, name)
        recording = self.find(name)
        if mode is Mode.RECORD:
            if recording is None or self._is_outdated(call.plan, recording):
                return self._fly(call, name)
        elif recording is None:
            raise self.miss(call)
        else:
            self.check_source(call, recording.source, name=name, recorded=recording.recorded)
        self.ledger.use(name)
        if mode is Mode.VERIFY:
            return self.run(call, lambda outcome, _: self.verify(call, recording.outcomes, outcome))
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
        self.ledger.note(f"{call.label} was in flight elsewhere for over {PATIENCE:.0f} s: it ran here too")
        return self.run(call, self._keeping(call, name))

    def _landed_meanwhile(self, call: Call, name: str) -> Recording | None:
        """What another thread or process has recorded while this call was about to."""
        if self.settings.mode is Mode.RERECORD:
            return self._known.get(name) if call.looks else None
        recording = self._reread(name)
        if recording is None or self._is_outdated(call.plan, recording):
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
            return self.run(call, lambda outcome, _: self.verify(call, [stored], outcome))
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
                old: list[Stored] = []
                if recording is not None and not self._is_outdated(call.plan, recording):
                    old = list(recording.outcomes)
                track = owner.tracks[name] = Track(call, old)
            return track

    def run(self, call: Call, finish: Callable[[Outcome, float], None], flight: Flight | None = None) -> Run:
        """A real run of a call; its arguments are noted now, before it can change them."""
        call.plan.note(call)
        run = Run(self, call, finish, flight)
        self.unended[run] = None
        return run

    def tell_unended(self) -> None:
        """Tells of the runs that have no outcome when the tests are over: of them nothing is recorded."""
        for run in list(self.unended if self.settings.mode is not Mode.VERIFY else ()):
            how = "still ran at the end" if run in self.running else "was neither read to its end nor closed"
            self.ledger.note(f"{run.call.label} {how}: not recorded")

    def replay(
        self,
        call: Call,
        stored: Stored,
        *,
        others: Sequence[Stored] = (),
        finish: Callable[[Outcome, float], None] | None = None,
    ) -> Replay:
        """A replay of a call.

        Args:
            call: The call.
            stored: Its outcome.
            others: More streams recorded for it.
            finish: Keeps the outcome of a real run, where the mode makes one for what a stream lacks.
        """
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

    def _is_outdated(self, plan: Plan, recording: Recording) -> bool:
        """Whether `--mimic-record` has to make a recording anew: another source, or another Python's code in it."""
        is_foreign = any(stored.is_foreign for stored in recording.outcomes)
        return is_foreign or self.is_stale(plan, recording.source)

    def check_source(
        self,
        call: Call,
        source: str | None,
        *,
        name: str,
        recorded: str | None = None,
        remedies: Sequence[str] | None = None,
    ) -> None:
        """Refuses, or warns of, a recording that was made from another source of its target.

        Args:
            call: The call.
            source: The source's fingerprint, as the recording has it.
            name: The recording's name.
            recorded: Its date.
            remedies: What records it anew, where no option does.

        Raises:
            StaleRecordingError: `mimic_source` is `strict`.
        """
        if self.settings.mode is Mode.VERIFY or not self.is_stale(call.plan, source):
            return
        from pytest_mimic._describe.messages import stale

        error = stale(call.label, recorded=recorded, test=self.test, recording=remedies)
        if self.settings.source == "warn":
            import warnings

            warnings.warn(str(error), stacklevel=1 + _frames_of_ours())
            return
        self.ledger.use(name)
        raise self.blame(error, call, by_option=remedies is None)

    # -- problems

    def miss(
        self,
        call: Call,
        *,
        among: Iterable[Known] | None = None,
        within: str = "",
        remedies: Sequence[str] | None = None,
    ) -> MimicError:
        """The error for a call without a recording; the test will fail even if it is swallowed.

        Args:
            call: The call.
            among: Where the nearest recording is looked for; by default all of the target's.
            within: How that place is called.
            remedies: What records the call, where no option does.
        """
        from pytest_mimic._describe.messages import missing

        error = missing(
            call.label,
            arguments=call.arguments,
            candidates=self._candidates(call) if among is None else among,
            test=self.test,
            facts=self._old_vault(),
            ignored=call.plan.options.ignore,
            within=within,
            sequence=call.sequence and call.plan.cassette is None,
            recording=remedies,
        )
        return self.blame(error, call, by_option=remedies is None)

    def blame(self, error: MimicError, call: Call, *, by_option: bool = True) -> MimicError:
        """Counts and notes a problem of a call.

        Args:
            error: The problem.
            call: The call that has it.
            by_option: `--mimic-record` mends it.
        """
        from pytest_mimic.errors import DriftError, MissingRecordingError

        if isinstance(error, MissingRecordingError):
            self.ledger.missing.append(Miss(call.label, self.test, by_option))
        elif isinstance(error, DriftError):
            self.ledger.drifted += 1
        return self.problems.note(error)

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
            recorded=self._today,
            owner=owner.name if owner is not None else None,
            outcomes=outcomes,
        )

    def encode(
        self, call: Call, outcome: Outcome, duration: float, *, before: Stored | None = None
    ) -> Stored:
        """An outcome as the vault keeps it, once it is allowed to be kept.

        Args:
            call: The call.
            outcome: What it gave.
            duration: How long it took, in seconds.
            before: What is recorded of it so far; at a boundary it stays where only what verifying leaves out
                (a date, a server's name) is new.
        """
        call.plan.mutated(call)
        outcome.changed = call.plan.changed(call)
        if before is not None and call.plan.kind != "function" and self._is_same(call, before, outcome):
            return before
        stored = self.vault.stored(
            outcome, duration, target=call.plan.target, detached=call.plan.cassette is not None
        )
        if call.awaited:
            stored.entry["awaited"] = True
        return stored

    def _is_same(self, call: Call, before: Stored, outcome: Outcome) -> bool:
        comparable = call.plan.comparable
        # The new one beside nothing: where it goes further than the recorded one, it is another.
        return bool(comparable(before.load(), outcome).value == comparable(outcome).value)

    def _record(self, call: Call, name: str, outcome: Outcome, duration: float) -> None:
        stored = self.encode(call, outcome, duration)
        takes = [stored] if stored.kind != "stream" else self._takes(name, stored)
        if takes:
            self._write(name, self._recording(call, takes, None))
            self.count(call, outcome, duration)

    def _takes(self, name: str, stored: Stored) -> list[Stored]:
        """A stream among the others recorded for the same call; empty where one of those knows more of it."""
        from pytest_mimic._engine.streams import knows_more, share_beginning

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
        track = owner.tracks[name]
        before = track.old[position] if position < len(track.old) else None
        stored = self.encode(call, outcome, duration, before=before)
        with self._guard:
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
        self.ledger.children.note_recorded(duration, self.vault.replaced)
        plain = outcome.value if isinstance(outcome.value, dict) and call.plan.kind != "function" else {}
        status, error = plain.get("status"), plain.get("error")
        if outcome.kind == "raised":
            self.ledger.failures.append(f"{call.label} raised {type(outcome.exception).__name__}")
        elif isinstance(error, dict) and "type" in error:
            self.ledger.failures.append(f"{call.label} raised {error['type'].rpartition(':')[2]}")
        elif isinstance(status, int) and status >= 500:
            self.ledger.failures.append(f"{call.label} gave {status}")

    def keep_cassette(self, name: str, entries: list[CassetteEntry]) -> None:
        """Writes a cassette; what stood before comes back if its test fails."""
        if name not in self.cassettes_before:
            self.cassettes_before[name] = self.vault.store.read(name)
        self.vault.write_cassette(name, entries, test=self.test, recorded=self._today)

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
            length = owner.length(name)
            if len(track.old) > length:
                self._write(name, self._recording(track.call, track.outcomes(length=length), owner))

    # -- verifying

    def verify(self, call: Call, recorded: Sequence[Stored], outcome: Outcome) -> None:
        """Compares a real outcome with its recording; with one of several, where those are streams.

        Raises:
            DriftError: They differ.
        """
        from pytest_mimic._engine.verify import drift_of, same_take

        outcome.changed = call.plan.changed(call)
        take = same_take(recorded, outcome).load()
        with self._guard:
            self.ledger.verified += 1
        found = drift_of(call, take, outcome, redactor=self.redactor, test=self.test)
        if found is not None:
            raise self.blame(found, call)


def _frames_of_ours() -> int:
    """How many frames, from the caller's on, lie between it and the user's line."""
    frame = sys._getframe(1)
    count = 0
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        frame, count = frame.f_back, count + 1
    return count
