"""Sequences: the n-th identical call of an owner gets the n-th outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mimic._core.engine.owners import Owner, SequenceInProgress
from pytest_mimic._core.engine.steps import PASS, RealCall, Replay
from pytest_mimic._core.settings import Mode

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.conversations import ClientConversation
    from pytest_mimic._core.engine.recordings import Recordings
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.engine.steps import Step
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.vault import Recording


class Sequences:
    """Decides about the calls of sequences, which the `owner` in the run's state owns, and records them."""

    def __init__(self, state: RunState, recordings: Recordings) -> None:
        self._state = state
        self._recordings = recordings

    def decide(self, call: Call) -> Step:
        """Return the step for a call of a sequence. The errors are those of `Decisions.decide`."""
        owner = self._state.owner
        name = self._recordings.name_of(call, owner)
        mode = self._state.settings.mode if self._state.only is None else self._mode_of(call, owner, name)
        if mode is Mode.LIVE:
            return PASS
        recording = self._recordings.find(name)
        if (
            recording is None
            and call.edge_call is not None
            and mode is not Mode.RERECORD
            and self._recordings.imports.get(call.plan.target) != []
        ):
            imported = self._recordings.imported_name(call, owner)
            if imported and not (mode.writes and self._conversation(owner, call).runs_again):
                name, recording = imported, self._recordings.find(imported)
        with self._recordings.guard:
            position = owner.positions.get(name, 0)
            owner.positions[name] = position + 1
        if mode.writes:
            return self._record(owner, name, position, call, recording)
        if recording is None:
            raise self._recordings.miss(call)
        if mode is not Mode.VERIFY and recording.source is not None:
            self._recordings.check_source(
                call, recording.source, recording.outcomes, name=name, recorded=recording.recorded
            )
        self._state.use(name)
        place = min(position, len(recording.outcomes) - 1)
        stored = recording.outcomes[place]
        if mode is Mode.VERIFY:
            return self._recordings.verification(call, [stored], source=recording.source, place=place)
        return Replay(self._state, call, stored)

    def _mode_of(self, call: Call, owner: Owner, name: str) -> Mode:
        """Return the mode of a call. At a client, `--mimic-only` selects conversations as a whole."""
        state = self._state
        mode = state.mode_of(call)
        if call.plan.kind == "function":
            return mode
        with self._recordings.guard:
            matches = mode is state.settings.mode or (
                self._recordings.find(name) is None
                and not self._recordings.imported_name(call, owner)
                and self._selects_recorded(call, owner)
            )
            is_selected = self._conversation(owner, call).select(
                call, matches=matches, keeps_recorded=state.settings.mode is Mode.RECORD
            )
        return state.settings.mode if is_selected else Mode.REPLAY

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

    def _record(
        self, owner: Owner, name: str, position: int, call: Call, recording: Recording | None
    ) -> Step:
        """Replay what `--mimic-record` keeps; run the call for real beyond that.

        At a client, a new call makes the whole conversation run for real.
        """
        recordings = self._recordings
        with recordings.guard:
            sequence = owner.sequences.get(name)
            if sequence is None:
                is_kept = recording is not None and not recordings.is_outdated(call.plan, recording)
                found = list(recording.outcomes) if recording is not None else []
                sequence = SequenceInProgress(call, found if is_kept else [], found)
                owner.sequences[name] = sequence
            is_real = self._state.settings.mode is Mode.RERECORD or position >= len(sequence.old)
            if call.plan.kind != "function":
                is_real = self._conversation(owner, call).admit(call, is_new=is_real)

        def finish(real: RealCall, outcome: Outcome, duration: float) -> None:
            stored = recordings.encode(real, outcome, duration, before=sequence.before(position))
            errors = {position: recordings.error_of(call, outcome)}
            with recordings.guard:
                sequence.new[position] = stored
                recordings.write(name, call, sequence.outcomes(), owner, errors=errors)
            recordings.count(duration)

        if is_real:
            return RealCall(self._state, call, finish)
        self._state.use(name)
        return Replay(self._state, call, sequence.old[position], finish=finish)

    def _conversation(self, owner: Owner, call: Call) -> ClientConversation:
        is_wider = owner.name != self._state.test
        return self._state.conversations.of(owner, owner.name, call.plan.target, is_wider=is_wider)

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
