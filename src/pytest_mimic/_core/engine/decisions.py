"""Decides about each call: give what is recorded, run it, or both; and keeps what the real ones gave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.commands import Verb
from pytest_mimic._core.engine.recordings import Change, recordings_of
from pytest_mimic._core.engine.steps import Step
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.vault.format import recording_name
from pytest_mimic.errors import CorruptRecordingError, MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.recordings import Errors, Recordings
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.vault.recording_facts import Recording, Stored


def decide(state: RunState, call: Call) -> Step:
    """Return the step for a call.

    A plain recorded value needs none: see `FunctionPlan.play_first`.

    MimicError: it has no recording, and the mode does not run it, or a stale or damaged
    one.
    """
    if state.retries is not None:
        state.retries.end_waits()
    cassette = call.plan.cassette
    mode: Mode = state.settings.mode if cassette is None else cassette.run_mode
    if (
        cassette is not None and call.is_shared
    ):  # made by a client that happened to connect in its block
        mode, cassette = Mode.REPLAY if mode is Mode.VERIFY else mode, None
    try:
        track: Track = cassette or _track_of(state, call, mode)
        step: Step = track.take(call, mode)
        return step
    except MimicError as error:
        state.pending.note(error)
        raise


def _track_of(state: RunState, call: Call, mode: Mode) -> Track:
    """Return the outcomes of a call outside of cassettes: those of its owner, or those that all tests share.

    Imported ones, of which fewer parts count, come second, unless the call is recorded
    again.
    """
    recordings: Recordings = state.recordings or recordings_of(state)
    plan, owner = call.plan, state.owner if call.sequence else None
    own = None if owner is None else recording_name(plan.target, call.key, owner.name)
    file = own or f"{plan.folder}/{call.key}.json"
    try:
        found = recordings.find(file)
    except CorruptRecordingError:
        if mode is not Mode.RERECORD:  # which replaces it, as the error proposes
            raise
        found = None
    is_again = mode is Mode.RERECORD or (
        owner is not None and plan.target in owner.again
    )
    if found is None and call.edge_call is not None and not is_again:
        for file in recordings.imported(call, owner)[:1]:
            found = recordings.find(file)
    known: Track | None = None if owner is None else owner.tracks.get(file)
    if known is not None:
        return known
    calls = [] if found is None else [found]
    if found is not None and len(found.outcomes) > 1:
        calls = [found._replace(outcomes=[one]) for one in found.outcomes]
    is_anew = mode.writes and (
        file in recordings.failed  # a client tries a failed request again
        if owner is None
        else any(
            recordings.is_outdated(plan, one) for one in calls
        )  # which no new outcomes join
    )
    track = Track(state, file, owner, calls, is_anew=is_anew)
    # Another thread may have made its first equal call by now.
    made: Track = track if owner is None else owner.tracks.setdefault(file, track)
    return made


class Track:
    """The outcomes of one file: those found in it, in order, and over them those that this run records.

    Without an `owner`, each call gets the first one. Found outcomes that are made
    `anew` only say what stood before.
    """

    remedies: Sequence[str] | None = None  # how to record a call, if no option does
    within: str = (
        ""  # the file in words, if it is one of several calls: `cassette trip`
    )

    # What only the engine passes is `Any`, so that type checkers know all of the public
    # class of cassettes.
    def __init__(
        self,
        state: Any,
        file: str,
        owner: Any,
        found: Iterable[Any] = (),
        *,
        is_anew: bool = False,
    ) -> None:
        self.file = file
        self.owner: Any = owner
        self.taken: dict[
            str, int
        ] = {}  # how many equal calls were made, by their identity
        self._state: RunState = state
        self._recordings: Recordings = state.recordings
        self._found: list[Recording] = [*found]
        kept = [] if is_anew else self._found
        # A call has its place as soon as it begins, which is empty until its outcome is
        # recorded.
        self._calls: list[Recording | None] = [*kept]
        self._places: dict[str, list[int]] = {}  # of equal calls
        self._most = 0
        self._last: Recording | None = None  # the call that was recorded last
        self._is_new = not self._found  # whether there was no file
        for place, call in enumerate(kept):
            self._places.setdefault(
                str(call.identity) if self.within else "", []
            ).append(place)

    def take(self, call: Any, mode: Any, key: str = "") -> Any:
        """Return the step for the next of equal calls, which have the same `key` in a file of several. For the errors see `decide`."""
        plan, owner, recordings = call.plan, self.owner, self._recordings
        with recordings.guard:
            places = self._places.setdefault(key, [])
            at = min(self.taken.get(key, 0), len(places))
            # In a replay, the last outcome repeats. While recording, one more call is a
            # new one.
            repeats = not mode.writes or (
                mode is Mode.RECORD and plan.options.sequence is False
            )
            if repeats and at == len(places) > 0:
                at -= 1
            found = self._calls[places[at]] if at < len(places) else None
            is_real = mode.writes and (
                found is None
                or mode is Mode.RERECORD
                or recordings.is_outdated(plan, found)
            )
            if owner is not None:
                self.taken[key] = self.taken.get(key, 0) + 1
                self._most = max(self._most, self.taken[key])
            if call.converses and mode.writes:
                is_real = self._admit(call, is_new=is_real)
            elif call.converses and found is not None:
                self.owner.replayed.setdefault(plan.target, 0)
            if is_real and at == len(places):
                places.append(len(self._calls))
                self._calls.append(None)
        if is_real:
            before = [
                one for one in self._found if not self.within or one.identity == key
            ][at : at + 1]
            keep = partial(self._keep, before[0].outcomes[0] if before else None)
            return Step(self._state, call, "run", self.file, places[at], keep=keep)
        if found is None:
            raise self._miss(call)
        self._state.ledger.used.add(self.file)
        if found.source is not None and self._state.settings.mode is not Mode.VERIFY:
            self._refuse_stale(call, found)
        repeats = (
            mode.writes
            and call.converses
            and plan.keeps_state
            and not self.owner.is_test
        )
        if mode is Mode.VERIFY or repeats:
            from pytest_mimic._core.engine.verifying import compare_repeated, verify

            compare = compare_repeated if repeats else verify
            step = Step(
                self._state,
                call,
                "verify",
                self.file,
                places[at],
                keep=compare,
                repeats=repeats,
            )
        else:
            step = Step(self._state, call, "replay", self.file, places[at])
        step.stored, step.source = found.outcomes[0], found.source
        return step

    def _admit(self, call: Call, *, is_new: bool) -> bool:
        """Return whether a call of a client runs for real; it `is_new` without a recording.

        A service remembers what came before. So recorded answers are never mixed with
        those of real calls: from its first
        call on, the conversation of its owner is replayed, or runs for real as a whole.
        """
        state, owner, target = self._state, self.owner, call.plan.target
        if target not in owner.again:
            if not is_new:
                if target not in owner.replayed:
                    owner.replayed[target] = state.replayed_tests
                    state.replayed_tests += owner.is_test
                return False
            if target in owner.replayed:
                from pytest_mimic._core.tree.messages import new_after_replayed

                error = new_after_replayed(call.label, test=state.again)
                raise state.blame(error, call, option="--mimic-rerecord")
            owner.again.add(target)
        owner.recorded_again.add(target)
        return True

    def _refuse_stale(self, call: Call, found: Recording) -> None:
        """Refuse a recording of another source or, with `mimic_inputs = strict`, of which something else has changed."""
        state = self._state
        is_stale = state.is_stale(call.plan, found.source)
        changed = (
            []
            if is_stale
            else state.stale_inputs(found.outcomes[0].entry.get("inputs"))
        )
        if is_stale or changed:
            from pytest_mimic._core.tree.messages import stale

            error = stale(
                call.label,
                call.plan.target,
                changed,
                recorded=found.recorded,
                test=state.again,
                remedies=self.remedies,
            )
            raise state.blame(
                error, call, option="" if self.remedies else "--mimic-record"
            )

    def _miss(self, call: Call) -> MimicError:
        """Return the error for a call without a recording.

        The test fails even if its code swallows the error.

        The same call of a test gets an equal error again, and no recording is sought.
        """
        state, missed = self._state, self._recordings.missed
        key = (state.again, call.plan.target, call.key, self.within)
        if key not in missed:
            missed[key] = self._missing(call)
        error, option = missed[key]
        # A copy, because its traceback will show whether the test handled it.
        return state.blame(error.copy(), call, option=option)

    def _missing(self, call: Call) -> tuple[MimicError, str]:
        """Return the error, with the nearest recording, and the option that repairs it, if one does."""
        from pytest_mimic._core.tree.messages import MissedCall, missing
        from pytest_mimic._core.tree.stored import bare

        plan, state = call.plan, self._state
        is_later = call.converses and plan.target in self.owner.replayed
        sequence = call.sequence and not self.within
        verb = Verb.RERECORD if is_later else Verb.RECORD
        missed = MissedCall(
            call.label,
            plan.target,
            call.arguments,
            state.again,
            plan.options,
            plan.client,
            sequence=sequence,
            verb=verb,
        )

        among, hide = (
            self._candidates(plan.target),
            partial(bare, redactor=state.redactor),
        )
        error = missing(
            missed, among, within=self.within, remedies=self.remedies, bare=hide
        )
        return error, "" if self.remedies else verb.value

    def _candidates(self, target: str) -> Iterable[Recording]:
        """Return the recordings of a target that a miss is compared with."""
        return self._recordings.of_target(target, test=self._state.test)

    def trim(self) -> None:
        """Drop the outcomes that no call has reached, although those before them were recorded again."""
        if self._last is None or len(self._calls) <= self._most:
            return
        if (
            self._state.settings.mode is Mode.RERECORD
            or self._last.target in self.owner.recorded_again
        ):
            del self._calls[self._most :]
            self._write({})

    def _keep(
        self, before: Stored | None, real: Step, outcome: Outcome, duration: float
    ) -> None:
        """Record the outcome of a real call, in the place of the one that stood `before`."""
        call, state, recordings = real.call, self._state, self._recordings
        stored = recordings.encode(real, outcome, duration, before)
        if state.log is not None:
            state.log("recorded", call, stored=stored, seconds=duration)
        if self.owner is None and self.file in state.ledger.used:
            latest = recordings.known.get(
                self.file
            )  # another reader may have come to its end meanwhile
            stands = before if latest is None else latest.outcomes[0]
            if stands is not None and _goes_further(stands.load(call.paths), outcome):
                return
        failure = call.plan.failure(outcome)
        is_failed = failure is not None and call.edge_call is not None
        (recordings.failed.add if is_failed else recordings.failed.discard)(self.file)
        error = None if failure is None else (f"{call.listed} {failure}", state.test)
        with recordings.guard:
            self._calls[real.number] = self._last = recordings.new_recording(
                call, [stored], self.owner
            )
            self._write({real.number: error})
            state.ledger.recorded += 1
            state.ledger.record_seconds += duration
            is_shared_request = self.owner is None and call.edge_call is not None
            # It replaces an imported recording, of which fewer parts count. A failing
            # test puts that back.
            for name in recordings.imported(call) if is_shared_request else ():
                state.owner.journal.setdefault(
                    name, Change(state.vault.store.read(name))
                ).note(None, {})
                recordings.drop(name)

    def _write(self, errors: Errors) -> None:
        """Write the recording; the errors are those of new outcomes."""
        state, last = self._state, self._last
        assert last is not None
        made = last._replace(
            outcomes=[one for call in self._calls if call for one in call.outcomes]
        )
        written = state.vault.write(self.file, [made], is_new=self._is_new)
        self._is_new = False
        # The arguments may be long, and are not needed again.
        self._recordings.known[self.file] = made._replace(arguments=None)
        talk = None if self.owner is None or last.kind == "function" else last.target
        change = state.owner.journal.setdefault(self.file, Change(written.before, talk))
        change.note(written.now, errors)
        state.ledger.used.add(self.file)


def _goes_further(one: Outcome, other: Outcome) -> bool:
    """Check whether one recording of a stream holds more of it than another.

    Of those that tests share, it is kept.
    """
    is_longer = len(one.items) > len(other.items) or one.end is not None
    return one.kind == other.kind == "stream" and other.end is None and is_longer
