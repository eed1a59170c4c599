"""Sequences: the n-th identical call of an owner gets the n-th outcome."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pytest_mimic._core.engine.call import Place
from pytest_mimic._core.engine.owners import Owner, SequenceInProgress
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.vault.file_names import recording_name
from pytest_mimic.errors import CorruptRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.conversations import ClientConversation
    from pytest_mimic._core.engine.recordings import Recordings
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.engine.steps import RealCall
    from pytest_mimic._core.outcome.outcome import Outcome


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
            is_selected = self._conversation(owner, call).select(
                call, matches=matches, keeps_recorded=state.settings.mode is Mode.RECORD
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
            is_again = mode.writes and call.converses and self._conversation(owner, call).runs_again
            if imported and not is_again:
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
                is_kept = found is not None and not recordings.is_outdated(call.plan, found)
                outcomes = list(found.outcomes) if found is not None else []
                sequence = SequenceInProgress(
                    call, outcomes if is_kept else [], outcomes, is_new=found is None and not is_damaged
                )
                owner.sequences[name] = sequence
            is_real = mode is Mode.RERECORD or position >= len(sequence.old)
            if call.converses:
                is_real = self._conversation(owner, call).admit(call, is_new=is_real)
            kept = sequence.old[position : position + 1]
        keep = partial(self._keep, owner, sequence, name, position)
        return Place(name, kept, number=position, is_real=is_real, keep=keep)

    def _keep(
        self,
        owner: Owner,
        sequence: SequenceInProgress,
        name: str,
        position: int,
        real: RealCall,
        outcome: Outcome,
        duration: float,
    ) -> None:
        recordings, call = self._recordings, real.call
        stored = recordings.encode(real, outcome, duration, before=sequence.before(position))
        errors = {position: recordings.error_of(call, outcome)}
        with recordings.guard:
            sequence.new[position] = stored
            recordings.write(name, call, sequence.outcomes(), owner, errors=errors, is_new=sequence.is_new)
            sequence.is_new = False
        recordings.count(duration)
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

    def _conversation(self, owner: Owner, call: Call) -> ClientConversation:
        return self._state.conversations.of(owner, call.plan.target, is_wider=owner.name != self._state.test)

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
