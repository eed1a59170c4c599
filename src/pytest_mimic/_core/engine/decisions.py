"""Decides about each call: replay its recording, run it for real, or pass it through."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pytest_mimic._core.engine.call import Place
from pytest_mimic._core.engine.recordings import Recordings
from pytest_mimic._core.engine.sequences import Sequences
from pytest_mimic._core.engine.single_flight import MAX_CHECKS, MAX_WAIT, CallsInFlight
from pytest_mimic._core.engine.steps import PASS, RealCall, Replay
from pytest_mimic._core.engine.threads import ContextCopier
from pytest_mimic._core.settings import Mode
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call, Keeper
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.engine.single_flight import CallInFlight
    from pytest_mimic._core.engine.steps import Step


class Decisions:
    """The decisions of one run, and what they rest on. A plain recorded value needs none: see `FunctionPlan.open_player`.

    It is the keeper of the calls that belong to no sequence and no cassette.
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
        state, cassette = self.state, call.plan.cassette
        # The cassette during which a client happened to connect does not own that call.
        taker = None if call.is_shared else cassette
        keeper: Keeper = taker or (self.sequences if call.sequence else self)
        try:
            is_common = state.only is None and cassette is None  # most calls have the mode of the run
            mode = state.settings.mode if is_common else keeper.mode_of(call)
            if mode is Mode.LIVE:
                return PASS
            place = keeper.place_of(call, mode)
            if place.is_real:
                is_single = keeper is self and call.plan.kind == "function"  # a client's edge cannot wait
                return self._run_once(call, place, checks) if is_single else RealCall(state, call, place)
            if not place.outcomes:
                raise (taker or self.recordings).miss(call)
            if place.source is not None and mode is not Mode.VERIFY:
                self.recordings.check_source(
                    call, place, remedies=taker.remedies if taker is not None else None
                )
            state.use(place.name)
            if mode is Mode.VERIFY:
                from pytest_mimic._core.engine.verifying import Verification

                return Verification(self.recordings, state, call, place)
            return Replay(state, call, place)
        except MimicError as error:
            state.pending.note(error)
            raise

    # -- calls with one recording for all tests

    def mode_of(self, call: Call) -> Mode:
        """Return the mode of a call. While a cassette is open, a client's own call has that of the cassette."""
        cassette = call.plan.cassette
        if cassette is None:
            return self.state.mode_of(call)
        return Mode.REPLAY if cassette.run_mode is Mode.VERIFY else cassette.run_mode

    def place_of(self, call: Call, mode: Mode) -> Place:
        recordings = self.recordings
        name = f"{call.plan.folder}/{call.key}.json"
        keep = partial(recordings.record, name) if mode.writes else None
        place = Place(name, is_real=mode.writes, keep=keep)
        is_unknown = name not in recordings.known and call.plan.kind == "function"
        if mode is Mode.RERECORD or (mode is Mode.RECORD and is_unknown):
            return place  # looked up when it is the call's turn
        found = recordings.find(name)
        if found is None and call.edge_call is not None and (other := recordings.imported_name(call)):
            name, found = other, recordings.find(other)
        if found is None:
            return place
        is_real = mode is Mode.RECORD and recordings.is_outdated(call.plan, found)
        return Place(name, found.outcomes, found.source, found.recorded, is_real=is_real, keep=keep)

    def _run_once(self, call: Call, place: Place, checks: int) -> Step | CallInFlight:
        """Run a call for real, unless it has a recording, or an identical call runs now or has just done so."""
        name = place.name
        flight, is_first = self.in_flight.start(name)
        if not is_first:
            return flight if self._waits(call, flight, checks) else RealCall(self.state, call, place)
        # Looked up only now: another thread or process may have just recorded the call.
        is_new = False
        try:
            if self.state.settings.mode is Mode.RERECORD:
                found = self.recordings.known.get(name) if checks else None
            else:
                found = self.recordings.find(name, again=True)
                is_new = found is None  # and stays so: nobody else records the call before this one has ended
                if found is not None and self.recordings.is_outdated(call.plan, found):
                    found = None
        except BaseException:
            flight.done()
            raise
        if found is None:
            assert place.keep is not None
            place = place._replace(keep=partial(place.keep, is_new=is_new))
            return RealCall(self.state, call, place, flight)
        flight.done()
        self.state.use(name)
        return Replay(self.state, call, place._replace(outcomes=found.outcomes))

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
