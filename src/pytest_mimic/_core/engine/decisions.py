"""Decides about each call: replay its recording, run it, or pass it through."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.engine.call import Place
from pytest_mimic._core.engine.owners import Owner, SequenceInProgress
from pytest_mimic._core.engine.recordings import Recordings
from pytest_mimic._core.engine.steps import Step
from pytest_mimic._core.settings import Mode
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.vault.recording_facts import Stored


class Decisions:
    """The decisions of one run, and what they rest on. A plain recorded value needs none: see `FunctionPlan.open_player`.

    It is the keeper of the calls that belong to no sequence and no cassette.
    """

    def __init__(self, state: RunState) -> None:
        self.state = state
        self.recordings = Recordings(state)
        self.sequences = Sequences(state, self.recordings)

    def decide(self, call: Call) -> Step:
        """Return the step for a call.

        Raises:
            MissingRecordingError: It has no recording, and the mode does not run it.
            StaleRecordingError: Its recording was made from another source.
            CorruptRecordingError: Its recording is damaged.
        """
        state, cassette = self.state, call.plan.cassette
        if state.retries is not None:
            state.retries.end_waits()
        # The cassette during which a client happened to connect does not own that call.
        taker = None if call.is_shared else cassette
        keeper: Any = taker or (self.sequences if call.sequence else self)
        try:
            mode = state.settings.mode if cassette is None else _mode_in(cassette, call)
            place: Place = keeper.place_of(call, mode)
            if place.is_real:
                return Step(state, call, place, "run")
            if place.found is None:
                raise (taker or self.recordings).miss(call)
            if place.source is not None and mode is not Mode.VERIFY:
                self.recordings.check_source(
                    call, place, remedies=taker.remedies if taker is not None else None
                )
            self.recordings.use(place.name)
            if mode is Mode.VERIFY or place.repeats:
                from pytest_mimic._core.engine.verifying import compare_repeated, verify

                keep = compare_repeated if place.repeats else verify
                return Step(state, call, place._replace(keep=keep), "verify")
            return Step(state, call, place, "replay")
        except MimicError as error:
            state.pending.note(error)
            raise

    # -- calls with one recording for all tests

    def place_of(self, call: Call, mode: Mode) -> Place:
        recordings = self.recordings
        keep = recordings.record if mode.writes else None
        name, found = recordings.look_up(call, mode)
        if found is None:
            return Place(name, is_real=mode.writes, keep=keep)
        # A client tries a failed request again.
        is_real = mode is Mode.RECORD and (
            name in recordings.failed or recordings.is_outdated(call.plan, found)
        )
        return Place(name, found.outcomes[0], found.source, found.recorded, is_real=is_real, keep=keep)


def _mode_in(cassette: Any, call: Call) -> Mode:
    """Return the mode of a call while a cassette is open. A client's own call is not compared."""
    mode: Mode = cassette.run_mode
    return Mode.REPLAY if call.is_shared and mode is Mode.VERIFY else mode


def decisions_of(state: RunState) -> Decisions:
    """Return the decisions of a run, made on first use: a run that only replays plain values needs none."""
    found: Decisions | None = state.decisions
    if found is not None:
        return found
    with state.guard:  # several threads may make their first call
        made: Decisions = state.decisions or Decisions(state)
        state.decisions = made
    return made


class Sequences:
    """The keeper of the calls of sequences, which the `owner` in the run's state owns."""

    def __init__(self, state: RunState, recordings: Recordings) -> None:
        self._state = state
        self._recordings = recordings

    def place_of(self, call: Call, mode: Mode) -> Place:
        """Return the place of the next identical call of the owner. At a client, a new call makes all of its calls real."""
        owner, recordings = self._state.owner, self._recordings
        name, found = recordings.look_up(call, mode, owner)
        with recordings.guard:
            position = owner.positions.get(name, 0)
            owner.positions[name] = position + 1
            if not mode.writes:
                if found is None:
                    return Place(name)
                owner.replayed.add(call.plan.target)
                number = min(position, len(found.outcomes) - 1)
                return Place(name, found.outcomes[number], found.source, found.recorded, number)
            sequence = owner.sequences.get(name)
            if sequence is None:
                outcomes = list(found.outcomes) if found is not None else []
                kept = [] if found is None or recordings.is_outdated(call.plan, found) else outcomes
                sequence = SequenceInProgress(call, kept, outcomes, was_recorded=bool(kept))
                owner.sequences[name] = sequence
            is_real = mode is Mode.RERECORD or position >= len(sequence.old)
            if call.converses:
                is_real = self._state.admit(owner, call, is_new=is_real)
            at = slice(position, position + 1)
            # What a new outcome replaces may be outdated.
            known = next(iter(sequence.old[at] or sequence.found[at]), None)
        keep = partial(self._keep, owner, sequence, name, position, known)
        repeats = call.converses and call.plan.keeps_state and not (is_real or owner.is_test)
        return Place(name, known, number=position, is_real=is_real, repeats=repeats, keep=keep)

    def _keep(
        self,
        owner: Owner,
        sequence: SequenceInProgress,
        name: str,
        position: int,
        before: Stored | None,
        real: Step,
        outcome: Outcome,
        duration: float,
    ) -> None:
        recordings, call = self._recordings, real.call
        stored = recordings.encode(real, outcome, duration, before=before)
        errors = {position: recordings.error_of(call, outcome)}
        with recordings.guard:
            sequence.new[position] = stored
            recordings.write(name, call, sequence.outcomes(), owner, errors=errors)
            self._state.ledger.count_recorded(duration)

    def replaced_by(self, owner: Owner) -> set[str]:
        """Return the clients at which an owner's conversation is recorded again and stood before."""
        made = {one.call.plan.target for one in owner.sequences.values() if one.was_recorded}
        return {each for each in owner.recorded_again if each in made or self._recordings.others(owner, each)}

    def end_owner(self, owner: Owner, *, passed: bool, is_complete: bool = True) -> None:
        """If its test passed, drop what was recorded before and does not belong to its conversations any more.

        These are the outcomes that a sequence no longer reaches, and the calls that were not made again. Other fixtures
        of the same scope may have made those, unless the run is complete.
        """
        mode, outcomes = self._state.settings.mode, self._state.ledger.outcomes
        # What a forked process did is not known here.
        if not passed or not mode.writes or outcomes.get(owner.name) == "forked":
            return
        for name, sequence in owner.sequences.items():
            length = owner.length(name)
            is_again = mode is Mode.RERECORD or sequence.call.plan.target in owner.recorded_again
            if is_again and is_complete and len(sequence.old) > length:
                self._recordings.write(
                    name, sequence.call, sequence.outcomes(length=length), owner, errors={}
                )
        if is_complete:
            for target in sorted(owner.recorded_again):
                for name in self._recordings.others(owner, target):
                    self._recordings.drop(name)
