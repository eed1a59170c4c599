"""The outcomes of one file: which of them a call gets, and where the outcome of a real one goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.commands import Remedy, Verb, rerecord
from pytest_mimic._core.engine.decisions import (
    Decision,
    Facts,
    Refuse,
    Replay,
    Run,
    Verify,
    decide,
)
from pytest_mimic._core.engine.ledger import REKEY
from pytest_mimic._core.engine.recordings import Change
from pytest_mimic._core.engine.steps import Step
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.vault.objects import EMPTY
from pytest_mimic._core.vault.recording_facts import empty_place

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.decisions import Conversation, Recorded
    from pytest_mimic._core.engine.events import PlaceTaken
    from pytest_mimic._core.engine.recordings import Errors, Recordings
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.vault.recording_facts import Recording, Stored
    from pytest_mimic.errors import MimicError


class Track:
    """The outcomes of one file: those found in it, in order, and over them those that this run records.

    Without an `owner`, each call gets the first one. With `is_anew`, the outcomes found
    in the file are only compared with; none is replayed.
    """

    # How to record a call, if no option does.
    remedies: Sequence[str] | None = None
    # The file in words, if it is one of several calls: `cassette trip`.
    within: str = ""

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
        # How many equal calls were made, by their identity.
        self.taken: dict[str, int] = {}
        self._state: RunState = state
        self._recordings: Recordings = state.recordings
        self._found: list[Recording] = [*found]
        kept = [] if is_anew else self._found
        # A call has its place as soon as it begins, which is empty until its outcome is
        # recorded.
        self._calls: list[Recording | None] = [*kept]
        # The places of equal calls.
        self._places: dict[str, list[int]] = {}
        # The outcomes that were found in the places of real calls.
        self._before: dict[int, Stored] = {}
        # The numbers of real calls among those of their owner.
        self._numbers: dict[int, int] = {}
        self._most = 0
        # Whether outcomes that were found are only compared with.
        self.is_anew = is_anew
        # The call that was recorded last.
        self._last: Recording | None = None
        # Whether there was no file.
        self._is_new = not self._found
        for place, call in enumerate(kept):
            self._places.setdefault(
                str(call.identity) if self.within else "", []
            ).append(place)

    @property
    def has_places(self) -> bool:
        """Whether each of equal calls has a place of its own."""
        return self.owner is not None

    # -- the next call

    def take(self, call: Any, mode: Any, key: str = "") -> Any:
        """Return the step for the next of equal calls, which have the same `key` in a file of several.

        Raises:
            MimicError: The call has no recording, and the mode does not run it, or a
                stale or damaged one.
        """
        with self._recordings.turns:
            if call.sequence and call.plan.cassette is None:
                # Only in a turn are the numbers of other processes' calls known.
                call.number = self.owner.next_number()
            at, found = self._next_place(call, mode, key)
            if (
                found is not None
                and (found.options or {}) != call.plan.kept_options
                and self._is_of_another_call(call, found)
            ):
                found = None
            recorded: Recorded = "nothing"
            if found is not None:
                recorded = self._recorded(call, mode, found)
            decision = decide(self._facts(call, mode, recorded))
            if call.converses:
                self._note_conversation(call, mode, decision, found)
            places = self._places[key]
            # Others hear of a place before they hear that the file has it.
            if self._state.family is not None:
                self._tell_place(key, decision, call.number)
            if isinstance(decision, Run):
                is_repeated = at == len(places) > 0
                self._begin_place(key, at)
                self._numbers[places[at]] = call.number
                if is_repeated:
                    self._write_empty(call)
        if isinstance(decision, Refuse):
            raise self._refusal(call, decision, found)
        if isinstance(decision, Run):
            return Step(self._state, call, "run", self, places[at])
        return self._recorded_step(call, decision, found, places[at])

    def _next_place(
        self, call: Call, mode: Mode, key: str
    ) -> tuple[int, Recording | None]:
        """Return the position of a call among equal ones, and what stands there."""
        places = self._places.setdefault(key, [])
        count = self.taken.get(key, 0)
        at = min(count, len(places))
        # In a replay, the last outcome repeats. While recording, one more call is a new
        # one.
        repeats = not mode.writes or (
            mode is Mode.RECORD and call.plan.options.sequence is False
        )
        if repeats and at == len(places) > 0:
            at -= 1
        if self.owner is not None:
            self.taken[key] = count + 1
            self._most = max(self._most, count + 1)
        return at, self._calls[places[at]] if at < len(places) else None

    def _is_of_another_call(self, call: Call, found: Recording) -> bool:
        """Return whether a recording is found only because its line has changed.

        An example. `http` recorded `{"q": 1}`, `{"q": 1, "ts": 5}` and `{"q": 1}`: two
        identities, of which the first has two places. Under `http ignore=body.ts` all
        three calls have the first identity, and the second call would get the answer
        of the third.
        """
        if not self.has_places:
            return False
        from pytest_mimic._core.engine.changed_lines import is_of_another_call

        return is_of_another_call(call, found)

    def _begin_place(self, key: str, at: int) -> None:
        """Give a real call its place, and note which outcome was found in it."""
        places = self._places[key]
        if at == len(places):
            places.append(len(self._calls))
            self._calls.append(None)
        equal = [
            call for call in self._found if not self.within or call.identity == key
        ]
        if at < len(equal) and not equal[at].outcomes[0].mark:
            self._before[places[at]] = equal[at].outcomes[0]

    # -- other processes

    def _tell_place(self, key: str, decision: Decision, number: int) -> None:
        """Tell forked processes, or the one that forked this, that a place is taken."""
        family = self._state.family
        if not family.shares(self.owner):
            return
        from pytest_mimic._core.engine.events import PlaceTaken

        event = PlaceTaken(
            self.owner.token,
            self.file,
            key,
            runs=isinstance(decision, Run),
            is_replayed=isinstance(decision, Replay),
            is_anew=self.is_anew,
            number=number,
        )
        family.tell(event)

    def follow(self, event: PlaceTaken) -> int | None:
        """Take the place of another process's call, and return it, if there is one."""
        places = self._places.setdefault(event.key, [])
        count = self.taken.get(event.key, 0)
        at = min(count, len(places))
        self.taken[event.key] = count + 1
        self._most = max(self._most, count + 1)
        if event.runs:
            self._begin_place(event.key, at)
            self._numbers[places[at]] = event.number
        return places[min(at, len(places) - 1)] if places else None

    def renew(self, calls: list[Recording]) -> None:
        """Take outcomes for recorded in this run that another process has written."""
        begun = len(self._calls) - len(calls)
        self._calls[:] = [*calls, *[None] * begun]
        self._is_new = False

    # -- facts of a call

    def _recorded(self, call: Call, mode: Mode, found: Recording) -> Recorded:
        """Return the word for what stands in a call's place."""
        if found.outcomes[0].mark == EMPTY:
            return "empty"
        if mode.writes:
            is_stale = self._recordings.is_outdated(call.plan, found)
        else:
            is_stale = self._is_stale(call, found)
        return "stale" if is_stale else "good"

    def _is_stale(self, call: Call, found: Recording) -> bool:
        """Return whether the source of a recording, or with `mimic_inputs = strict` its inputs, have changed."""
        state = self._state
        if found.source is None or state.settings.mode is Mode.VERIFY:
            return False
        if state.is_stale(call.plan, found.source):
            return True
        return bool(state.stale_inputs(found.outcomes[0].entry.get("inputs")))

    def _facts(self, call: Call, mode: Mode, recorded: Recorded) -> Facts:
        conversation: Conversation = "none"
        if call.converses:
            target = call.plan.target
            conversation = "new"
            if target in self.owner.again:
                conversation = "real"
            elif target in self.owner.replayed:
                conversation = "replayed"
        has_effect = call.converses and call.plan.keeps_state and not self.owner.is_test
        return Facts(mode, recorded, conversation, has_effect)

    def _note_conversation(
        self, call: Call, mode: Mode, decision: Decision, found: Recording | None
    ) -> None:
        """Note how far a conversation has come.

        A service remembers what came before. So recorded answers are never mixed with
        those of real calls: from its first call on, the conversation of its owner is
        replayed, or runs for real as a whole.
        """
        owner, target = self.owner, call.plan.target
        if not mode.writes:
            if found is not None:
                owner.replayed.setdefault(target, 0)
        elif isinstance(decision, Run):
            if target not in owner.again:
                self._tell_conversation(target, is_real=True)
            owner.again.add(target)
            owner.recorded_again.add(target)
        elif isinstance(decision, (Replay, Verify)) and target not in owner.replayed:
            self._tell_conversation(target, is_real=False)
            owner.replayed[target] = self._state.replayed_tests
            self._state.replayed_tests += owner.is_test

    def _tell_conversation(self, target: str, *, is_real: bool) -> None:
        family = self._state.family
        if family is not None and family.shares(self.owner):
            from pytest_mimic._core.engine.events import ConversationBegun

            family.tell(ConversationBegun(self.owner.token, target, is_real))

    def _recorded_step(
        self, call: Call, decision: Decision, found: Any, number: int
    ) -> Step:
        """Return the step for a call that gets its recorded outcome."""
        state = self._state
        state.ledger.used.add(self.file)
        if isinstance(decision, Verify):
            step = Step(
                state, call, "verify", self, number, repeats=decision.for_effect
            )
        else:
            step = Step(state, call, "replay", self, number)
        step.stored, step.source = found.outcomes[0], found.source
        return step

    # -- refusals

    def _refusal(
        self, call: Call, decision: Refuse, found: Recording | None
    ) -> MimicError:
        """Return the error for a call that gets none of its outcomes.

        The test fails even if its code swallows the error.
        """
        state = self._state
        if decision.reason == "follows replayed":
            from pytest_mimic._core.tree.messages import new_after_replayed

            error: MimicError = new_after_replayed(call.label, test=state.again)
            return state.blame(error, call, option="--mimic-rerecord")
        if decision.reason == "empty":
            return self._empty(call)
        if decision.reason == "stale" and found is not None:
            state.ledger.used.add(self.file)
            return self._stale(call, found)
        missed = self._recordings.missed
        key = (state.again, call.plan.target, call.key, self.within)
        # The same call of a test gets an equal error again, and no recording is sought.
        if key not in missed:
            missed[key] = self._missing(call)
        error, option = missed[key]
        # A copy, because its traceback will show whether the test handled it.
        return state.blame(error.copy(), call, option=option)

    def _stale(self, call: Call, found: Recording) -> MimicError:
        from pytest_mimic._core.tree.messages import stale

        state = self._state
        changed: list[str] = []
        if not state.is_stale(call.plan, found.source):
            changed = state.stale_inputs(found.outcomes[0].entry.get("inputs"))
        error = stale(
            call.label,
            call.plan.target,
            changed,
            recorded=found.recorded,
            test=state.again,
            remedies=self.remedies,
        )
        return state.blame(
            error, call, option="" if self.remedies else "--mimic-record"
        )

    def _empty(self, call: Call) -> MimicError:
        """Return the miss of a call that began when it was recorded, and has no outcome."""
        from pytest_mimic.errors import MissingRecordingError

        state = self._state
        remedies: Sequence[Remedy | str] = self.remedies or [
            rerecord("to record it", state.again)
        ]
        error = MissingRecordingError(
            f"no recording of {call.label}",
            facts=[
                "it was made when the calls around it were recorded, and gave nothing"
                " that was kept: it was cut short, refused, or its test did not pass"
            ],
            remedies=remedies,
            call=call.label,
            target=call.plan.target,
            test=state.again,
        )
        return state.blame(
            error, call, option="" if self.remedies else "--mimic-rerecord"
        )

    def _missing(self, call: Call) -> tuple[MimicError, str]:
        """Return the error, with the nearest recording, and the option that repairs it, if one does."""
        from pytest_mimic._core.engine.changed_lines import former_recording
        from pytest_mimic._core.tree.messages import CANDIDATES, MissedCall, missing
        from pytest_mimic._core.tree.stored import bare
        from pytest_mimic._core.types.hashes import paths_of_hashes

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
            hashes=paths_of_hashes(dict(zip(call.names, call.values, strict=False))),
        )
        among = [*islice(self._candidates(plan.target), CANDIDATES)]
        owner_name = "" if self.owner is None else self.owner.name
        former = former_recording(
            call,
            among,
            self._recordings.readable,
            owner=owner_name or state.owner.name,
            within=self.within,
        )
        hide = partial(bare, redactor=state.redactor)
        error = missing(
            missed,
            among,
            within=self.within,
            remedies=self.remedies,
            bare=hide,
            former=former,
        )
        if former is not None and former.follows:
            return error, REKEY
        return error, "" if self.remedies else verb.value

    def _candidates(self, target: str) -> Iterable[Recording]:
        """Return the recordings of a target that a miss is compared with."""
        return self._recordings.of_target(target, test=self._state.test)

    # -- recording

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

    def keep(self, real: Step, outcome: Outcome, duration: float) -> None:
        """Record the outcome of a real call, in its place.

        An outcome that stood there stays if only parts changed that verifying leaves
        out.
        """
        call, state, recordings = real.call, self._state, self._recordings
        before = self._before.get(real.number)
        stored = recordings.encode(real, outcome, duration, before)
        if state.log is not None:
            state.log("recorded", call, stored=stored, seconds=duration)
        if self.owner is None and self.file in state.ledger.used:
            # Another reader may have come to its end meanwhile.
            latest = recordings.known.get(self.file)
            stands = before if latest is None else latest.outcomes[0]
            if stands is not None and _goes_further(stands.load(call.paths), outcome):
                return
        failure = call.plan.failure(outcome)
        is_failed = failure is not None and call.edge_call is not None
        (recordings.failed.add if is_failed else recordings.failed.discard)(self.file)
        error = None if failure is None else (f"{call.listed} {failure}", state.test)
        recordings.note_keys(call, stored)
        if state.next_run is not None:
            state.next_run.note(call, stored)
        if before is not None and call.issuer is not None:
            recordings.note_dropped(call, before, stored)
        with recordings.turns:
            made = recordings.new_recording(call, [stored], self.owner)
            self._put(real.number, made, error)
            state.ledger.record_seconds += duration
            if call.edge_call is not None:
                self._count_tokens(outcome)
            is_shared_request = self.owner is None and call.edge_call is not None
            # It replaces an imported recording, of which fewer parts count. A failing
            # test puts that back.
            for name in recordings.imported(call) if is_shared_request else ():
                content = state.vault.store.read(name)
                recordings.drop(name)
                change = state.owner.journal.setdefault(name, Change(content))
                change.note(None, {})
                if state.family is not None:
                    self._tell_change(name, content, None, None, {})

    def recording_of(self, call: Call, stored: Stored) -> Recording:
        """Return the recording of a call that has this outcome."""
        return self._recordings.new_recording(call, [stored], self.owner)

    def _count_tokens(self, outcome: Outcome) -> None:
        from pytest_mimic._core.tree.chats import tokens_of_response

        tokens = tokens_of_response(outcome.value)
        if tokens is not None:
            self._state.ledger.tokens_sent += tokens.sent
            self._state.ledger.tokens_received += tokens.received

    def compare(self, real: Step, outcome: Outcome) -> None:
        """Compare the outcome of a real call with its recording."""
        from pytest_mimic._core.engine.verifying import compare_repeated, verify

        if real.repeats:
            compare_repeated(real, outcome)
        else:
            verify(real, outcome, self._state.clock() - real.started)

    def fill(self, number: int, recording: Recording) -> None:
        """Record in its empty place a call that has come to no whole outcome."""
        with self._recordings.turns:
            self._put(number, recording, None)
            self._state.ledger.record_seconds += recording.stored.duration

    def _put(
        self, number: int, recording: Recording, error: tuple[str, str] | None
    ) -> None:
        """Record an outcome in its place."""
        self._calls[number] = recording
        self._last = recording
        self._write({number: error})
        self._state.ledger.recorded += 1

    def leave_empty(self, real: Step) -> None:
        """Let the place of a call stay empty, so that no other outcome moves up to it.

        While nothing of its file is recorded, there is nothing that could.
        """
        with self._recordings.turns:
            self._calls[real.number] = None
            self._write_empty(real.call)

    def _write_empty(self, call: Call) -> None:
        """Write that the place of a call is empty, for a process that may be killed.

        While nothing of the file is recorded, each replay of it is a miss.
        """
        if not self.has_places or all(one is None for one in self._calls):
            return
        if self._last is None:
            self._last = self._recordings.new_recording(call, [], self.owner)
        self._write({})

    def _write(self, errors: Errors) -> None:
        """Write the recording; the errors are those of new outcomes."""
        state, last = self._state, self._last
        assert last is not None
        outcomes: list[Stored] = []
        for place, call in enumerate(self._calls):
            if call is None:
                number = self._numbers.get(place, 0)
                outcomes.append(empty_place(state.vault.objects, number))
            else:
                outcomes += call.outcomes
        made = last._replace(outcomes=outcomes)
        written = state.vault.write(self.file, [made], is_new=self._is_new)
        self._is_new = False
        # The arguments may be long, and are not needed again.
        self._recordings.known[self.file] = made._replace(arguments=None)
        # The client whose conversation the file belongs to, if it belongs to one.
        conversation = None
        if self.owner is not None and last.kind != "function":
            conversation = last.target
        change = state.owner.journal.setdefault(
            self.file, Change(written.before, conversation)
        )
        change.note(written.now, errors)
        if state.family is not None:
            self._tell_change(
                self.file, written.before, written.now, conversation, errors
            )
        state.ledger.used.add(self.file)
        state.owner.void.discard(self.file)

    def _tell_change(
        self,
        file: str,
        before: bytes | None,
        now: bytes | None,
        conversation: str | None,
        errors: Errors,
    ) -> None:
        """Tell other processes that a file was written or dropped."""
        family = self._state.family
        scope = self._state.owner
        if not family.shares(scope):
            return
        from pytest_mimic._core.engine.events import RecordingWritten

        track = None if self.owner is None else self.owner.token
        event = RecordingWritten(
            track, scope.token, file, before, now, conversation, dict(errors)
        )
        family.tell(event)


def each_outcome(recording: Recording) -> list[Recording]:
    """Return a recording once for each of its outcomes, which is its only one there."""
    return [recording._replace(outcomes=[stored]) for stored in recording.outcomes]


def _goes_further(one: Outcome, other: Outcome) -> bool:
    """Check whether one recording of a stream holds more of it than another.

    Of those that tests share, it is kept.
    """
    is_longer = len(one.items) > len(other.items) or one.end is not None
    return one.kind == other.kind == "stream" and other.end is None and is_longer
