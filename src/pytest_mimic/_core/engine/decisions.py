"""Decides about each call: replay its recording, run it, wait for an identical one in flight, or pass it through."""

from __future__ import annotations

import threading
from functools import partial
from os import getpid
from typing import TYPE_CHECKING

from pytest_mimic._core.engine.call import Place
from pytest_mimic._core.engine.owners import Owner, SequenceInProgress
from pytest_mimic._core.engine.real_calls import CallInFlight, ContextCopier, RealCall
from pytest_mimic._core.engine.recordings import Recordings
from pytest_mimic._core.engine.steps import PASS, Replay
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.vault.file_names import recording_name
from pytest_mimic.errors import CorruptRecordingError, MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call, Keeper
    from pytest_mimic._core.engine.real_calls import Step
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.vault import Stored
    from pytest_mimic._core.vault.locks import ByteLocks

# How long a call waits for an identical call elsewhere before it runs itself, in seconds.
MAX_WAIT = 30.0
# Waiting is counted in checks, because a test may have stopped the clocks.
MAX_CHECKS = int(MAX_WAIT / CallInFlight.interval)


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
            self.recordings.use(place.name)
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
            waits = self._waits(call, name, flight, checks)
            return flight if waits else RealCall(self.state, call, place)
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
            if found is None:
                assert place.keep is not None
                place = place._replace(keep=partial(place.keep, is_new=is_new))
                return RealCall(self.state, call, place, flight)
        except BaseException:
            flight.done()
            raise
        flight.done()
        self.recordings.use(name)
        return Replay(self.state, call, place._replace(outcomes=found.outcomes))

    def _waits(self, call: Call, name: str, flight: CallInFlight, checks: int) -> bool:
        """Check whether a call waits for an identical one, unless that would be a deadlock or takes too long."""
        if flight.returned_coroutine and not call.is_async:
            return True  # the caller gets a coroutine, which does the waiting
        if self.in_flight.may_deadlock(name, is_async=call.is_async):
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


class Sequences:
    """The keeper of the calls of sequences, which the `owner` in the run's state owns."""

    def __init__(self, state: RunState, recordings: Recordings) -> None:
        self._state = state
        self._recordings = recordings

    def mode_of(self, call: Call) -> Mode:
        """Return the mode of a call. At a client, `--mimic-only` selects conversations as a whole."""
        state, owner = self._state, self._state.owner
        mode = state.mode_of(call)
        if not call.converses:
            return mode
        with self._recordings.guard:
            matches = mode is state.settings.mode or (
                self._recordings.find(recording_name(call.plan.target, call.key, owner.name)) is None
                and not self._recordings.imported_name(call, owner)
                and self._selects_recorded(call, owner)
            )
            is_selected = self._state.conversations.select(
                owner, call, matches=matches, keeps_recorded=state.settings.mode is Mode.RECORD
            )
        return state.settings.mode if is_selected else Mode.REPLAY

    def place_of(self, call: Call, mode: Mode) -> Place:
        """Return the place of the next identical call of the owner. At a client, a new call makes all of its calls real."""
        owner, recordings = self._state.owner, self._recordings
        name = recording_name(call.plan.target, call.key, owner.name)
        found, is_damaged = None, False
        try:
            found = recordings.find(name)
        except CorruptRecordingError:
            if mode is not Mode.RERECORD:
                raise
            is_damaged = True  # and replaced, as the error proposes
        if (
            found is None
            and call.edge_call is not None
            and mode is not Mode.RERECORD
            and recordings.imports.get(call.plan.target) != []
        ):
            imported = recordings.imported_name(call, owner)
            is_part = mode.writes and call.converses
            if imported and not (
                is_part and (owner.name, call.plan.target) in self._state.conversations.again
            ):
                name, found = imported, recordings.find(imported)
        with recordings.guard:
            position = owner.positions.get(name, 0)
            owner.positions[name] = position + 1
            if not mode.writes:
                if found is None:
                    return Place(name)
                number = min(position, len(found.outcomes) - 1)
                return Place(name, [found.outcomes[number]], found.source, found.recorded, number)
            sequence = owner.sequences.get(name)
            if sequence is None:
                outcomes = list(found.outcomes) if found is not None else []
                kept = [] if found is None or recordings.is_outdated(call.plan, found) else outcomes
                is_new = found is None and not is_damaged
                sequence = SequenceInProgress(call, kept, outcomes, was_recorded=bool(kept), is_new=is_new)
                owner.sequences[name] = sequence
            is_real = mode is Mode.RERECORD or position >= len(sequence.old)
            if call.converses:
                is_real = self._state.conversations.admit(owner, call, is_new=is_real)
            at = slice(position, position + 1)
            known = sequence.old[at] or sequence.found[at]  # what a new outcome replaces may be outdated
        keep = partial(self._keep, owner, sequence, name, position, known[0] if known else None)
        return Place(name, known, number=position, is_real=is_real, keep=keep)

    def _keep(
        self,
        owner: Owner,
        sequence: SequenceInProgress,
        name: str,
        position: int,
        before: Stored | None,
        real: RealCall,
        outcome: Outcome,
        duration: float,
    ) -> None:
        recordings, call = self._recordings, real.call
        stored = recordings.encode(real, outcome, duration, before=before)
        errors = {position: recordings.error_of(call, outcome)}
        with recordings.guard:
            sequence.new[position] = stored
            recordings.write(name, call, sequence.outcomes(), owner, errors=errors, is_new=sequence.is_new)
            sequence.is_new = False
            self._state.ledger.count_recorded(duration, self._state.vault.replaced)
        if position < len(sequence.old) and self._state.settings.mode is Mode.RECORD:
            recordings.count_again(call, name, duration)

    def _selects_recorded(self, call: Call, owner: Owner) -> bool:
        """Check whether `--mimic-only` selects a recorded call of the conversation in which a new call is made."""
        from urllib.parse import urlsplit

        target, only = call.plan.target, self._state.only
        for name in self._recordings.others(owner, target):
            recording = self._recordings.find(name)
            shown = (recording.arguments if recording is not None else None) or {}
            host = urlsplit(str(shown.get("url", ""))).netloc or None
            if only is not None and only.takes(target, str(shown.get("signature", "")), host):
                return True
        return False

    def end_scope(self, owner: Owner) -> None:
        """Name a scope of wider fixtures whose conversation was recorded again, while its tests replay theirs."""
        if self._state.settings.mode is not Mode.RECORD:
            return
        replaced = {one.call.plan.target for one in owner.sequences.values() if one.was_recorded}
        for target in sorted(owner.recorded_again & replaced):
            from pytest_mimic._core.ambient import command

            scope = owner.name.partition("[")[0]
            kept = f"have new recordings at {target}, their tests keep older ones"
            remedy = command("--mimic-rerecord", scope)
            self._state.ledger.note(f"the fixtures of {scope or 'the session'} {kept}: {remedy}")

    def replaced_by(self, owner: Owner) -> set[str]:
        """Return the clients at which an owner's conversation is recorded again and stood before."""
        made = {one.call.plan.target for one in owner.sequences.values() if one.was_recorded}
        return {each for each in owner.recorded_again if each in made or self._recordings.others(owner, each)}

    def end_owner(self, owner: Owner, *, passed: bool, is_complete: bool = True) -> None:
        """If its test passed, drop what was recorded before and does not belong to its conversations any more.

        These are the outcomes that a sequence no longer reaches, and the calls that were not made again. Other fixtures
        of the same scope may have made those, unless the run is complete.
        """
        mode = self._state.settings.mode
        if not passed or not mode.writes:
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


class CallsInFlight:
    """The calls of one session that run for real now. They share 2 ** 28 locks between processes."""

    def __init__(self, locks: ByteLocks) -> None:
        self._locks = locks
        self._forget()

    def _forget(self) -> None:
        self._process = getpid()
        self._guard = threading.Lock()
        self._calls: dict[str, CallInFlight] = {}

    def start(self, name: str) -> tuple[CallInFlight, bool]:
        """Start a call, by the name of its recording, and return it with True; with False, one that runs already."""
        if self._process != getpid():  # a forked child, in which the calls of its parent do not run
            self._forget()
        with self._guard:
            current = self._calls.get(name)
            if current is not None:
                return current, False
            byte = int(name.rpartition("/")[2][:7], 16)
            if not self._locks.acquire(byte):
                return CallInFlight(None, is_here=False), False
            flight = self._calls[name] = CallInFlight(partial(self._remove, name, byte))
            return flight, True

    def may_deadlock(self, name: str, *, is_async: bool) -> bool:
        """Check whether this thread or task must not wait for a call in flight.

        It must continue for its own calls to finish, such as a stream that it reads. So it waits only for a name behind
        theirs: where all do so, no two can wait for each other.
        """
        with self._guard:
            own = list(self._calls.items())
        return any(one >= name and flight.needs_caller(is_async=is_async) for one, flight in own)

    def close(self) -> None:
        self._locks.close()

    def _remove(self, name: str, byte: int) -> None:
        if self._process != getpid():  # a forked child, in which no thread would release the guard
            return
        with self._guard:
            if self._calls.pop(name, None) is not None:
                self._locks.release(byte)
