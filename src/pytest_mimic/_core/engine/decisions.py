"""Decides about each call: replay its recording, run it for real, or pass it through."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from pytest_mimic._core.engine.recordings import Recordings
from pytest_mimic._core.engine.sequences import Sequences
from pytest_mimic._core.engine.single_flight import MAX_CHECKS, MAX_WAIT, CallsInFlight
from pytest_mimic._core.engine.steps import PASS, RealCall, Replay
from pytest_mimic._core.engine.threads import ContextCopier
from pytest_mimic._core.settings import Mode
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call, CassetteInUse
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.engine.single_flight import CallInFlight
    from pytest_mimic._core.engine.steps import Step
    from pytest_mimic._core.vault import Stored


class Decisions:
    """The decisions of one run, and what they rest on.

    A plain recorded value is replayed without a decision: see `FunctionPlan.open_player`.
    """

    def __init__(self, state: RunState) -> None:
        self.state = state
        self.recordings = Recordings(state)
        self.sequences = Sequences(state, self.recordings)
        self.in_flight = CallsInFlight(state.locks())
        state.context_copier = ContextCopier(state.inside)

    def decide(self, call: Call, *, checks: int = 0) -> Step | CallInFlight:
        """Return the step for a call.

        `checks` is how often the call has checked whether the same call elsewhere is done.

        Raises:
            MissingRecordingError: It has no recording, and the mode does not run it.
            StaleRecordingError: Its recording was made from another source.
            CorruptRecordingError: Its recording is damaged.
        """
        cassette = call.plan.cassette
        try:
            if cassette is not None and call.is_shared:
                return self._decide_shared(call, cassette, checks)
            if cassette is not None:
                step: Step = cassette.decide(call)
                return step
            return self.sequences.decide(call) if call.sequence else self._decide_single(call, checks)
        except MimicError as error:
            self.state.pending.note(error)
            raise

    def _decide_shared(self, call: Call, cassette: CassetteInUse, checks: int) -> Step | CallInFlight:
        """Decide about a client's own call while a cassette is open.

        It is recorded in the vault: the cassette during which the client happened to connect does not own it.
        """
        if cassette.mode == "live":
            return PASS
        name = self.recordings.name_of(call)
        recording = None if cassette.mode == "record" else self.recordings.find(name)
        if recording is not None:
            self.state.use(name)
            return Replay(self.state, call, recording.outcomes[0])
        if cassette.mode in ("record", "extend"):
            return self._run_once(call, name, checks)
        raise self.recordings.miss(call)

    def _decide_single(self, call: Call, checks: int) -> Step | CallInFlight:
        """Decide about a call with one recording for all tests."""
        recordings, mode = self.recordings, self.state.mode_of(call)
        if mode is Mode.LIVE:
            return PASS
        name = recordings.name_of(call)
        is_unknown = name not in recordings.known and call.plan.kind == "function"
        if mode is Mode.RERECORD or (mode is Mode.RECORD and is_unknown):
            return self._run_once(call, name, checks)
        recording = recordings.find(name)
        if recording is None and call.edge_call is not None and (other := recordings.imported_name(call)):
            name, recording = other, recordings.find(other)
        if mode is Mode.RECORD:
            if recording is None or recordings.is_outdated(call.plan, recording):
                return self._run_once(call, name, checks)
        elif recording is None:
            raise recordings.miss(call)
        elif mode is not Mode.VERIFY:
            recordings.check_source(
                call, recording.source, recording.outcomes, name=name, recorded=recording.recorded
            )
        self.state.use(name)
        if mode is Mode.VERIFY:
            return recordings.verification(call, recording.outcomes, source=recording.source)
        return self._replay(call, name, recording.outcomes, may_record=mode.writes)

    def _replay(self, call: Call, name: str, outcomes: Sequence[Stored], *, may_record: bool) -> Replay:
        finish = partial(self.recordings.record, name) if may_record else None
        return Replay(self.state, call, outcomes[0], others=outcomes[1:], finish=finish)

    def _run_once(self, call: Call, name: str, checks: int) -> Step | CallInFlight:
        """Run a call for real, unless it has a recording, or an identical call runs now or has just done so."""
        finish = partial(self.recordings.record, name)
        if call.plan.kind != "function":  # a client's edge cannot wait
            return RealCall(self.state, call, finish)
        flight, is_first = self.in_flight.start(name)
        if not is_first:
            return flight if self._waits(call, flight, checks) else RealCall(self.state, call, finish)
        # Looked up only now: another thread or process may have just recorded the call.
        try:
            if self.state.settings.mode is Mode.RERECORD:
                found = self.recordings.known.get(name) if checks else None
            else:
                found = self.recordings.find(name, again=True)
                if found is not None and self.recordings.is_outdated(call.plan, found):
                    found = None
        except BaseException:
            flight.done()
            raise
        if found is None:
            return RealCall(self.state, call, finish, flight)
        flight.done()
        self.state.use(name)
        return self._replay(call, name, found.outcomes, may_record=self.state.settings.mode.writes)

    def _waits(self, call: Call, flight: CallInFlight, checks: int) -> bool:
        """Check whether a call waits for an identical one, unless that would be a deadlock or takes too long."""
        if flight.returned_coroutine and not call.is_async:
            return True  # the caller gets a coroutine, which does the waiting
        if flight.needs_caller(is_async=call.is_async):
            return False
        if checks == MAX_CHECKS:
            waited = f"{call.label} was in flight elsewhere for over {MAX_WAIT:.0f} s"
            self.state.ledger.note(f"{waited}: it ran here too")
        return checks < MAX_CHECKS


def decisions_of(state: RunState) -> Decisions:
    """Return the decisions of a run, made on first use: a run that only replays plain values needs none."""
    found: Decisions | None = state.decisions
    if found is not None:
        return found
    with state.guard:  # several threads may make their first call
        made: Decisions = state.decisions or Decisions(state)
        state.decisions = made
    return made
