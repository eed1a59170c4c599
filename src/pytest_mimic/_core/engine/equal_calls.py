"""The outcomes of one file: which one each of equal calls gets, and where new ones go.

Equal calls of an owner have places in the order in which they begin. An example, of two
equal calls in a test:

| run | first call | second call |
|---|---|---|
| records, nothing is there | runs, and fills the first place | runs, fills the second |
| records, one outcome is there | gets it | runs; of a client, is refused |
| replays two outcomes | gets the first one | gets the second one |
| replays one outcome | gets it | gets it, too: the last one repeats |

Where one recording serves all, such as with `sequence=no`, there is one place. Why a
client's call is refused behind a replayed one, `decisions` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pytest_mimic._core.engine import decisions
from pytest_mimic._core.engine.account_events import (
    FixtureChanged,
    OlderAnswers,
    RecordedCall,
    RepeatedCall,
)
from pytest_mimic._core.engine.decisions import Facts, decide
from pytest_mimic._core.engine.family_events import (
    ConversationBegun,
    PlaceTaken,
    RecordingWritten,
)
from pytest_mimic._core.engine.owners import Change, is_in_scope
from pytest_mimic._core.engine.steps import Step, recorder, verifier
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.vault.format import recording_name, wall_seconds
from pytest_mimic._core.vault.outcome_entries import EMPTY
from pytest_mimic._core.vault.recording_facts import empty_place

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.decisions import Conversation, Decision, Recorded
    from pytest_mimic._core.engine.owners import Errors, Owner
    from pytest_mimic._core.engine.recordings import Recordings
    from pytest_mimic._core.engine.run import Run
    from pytest_mimic._core.vault.recording_facts import Recording, StoredOutcome
    from pytest_mimic.errors import MimicError


class Track:
    """The outcomes of one file, in order.

    Over those that were found in the file lie those that this run records. Without an
    `owner`, each call gets the first one.

    A call has a position among its equal calls, and its outcome a place in the file. In
    a recording these are the same number; in a cassette, calls of other identities
    stand between equal ones.

    Attributes:
        file: The name of the recording or cassette.
        owner: The owner of the calls; None if one recording serves all.
        has_places: Whether each of equal calls has a place of its own.
        only_compares: Whether outcomes that were found in the file are only compared
            with. Then none is replayed.
        made_count_by_key: How many equal calls were made in this pass of the owner. The
            key is what equal calls have in common: their identity in a cassette, and
            an empty text in a recording, which has one identity.
        outcomes_before: By the place of a call that runs for real: the outcome that the
            file had for it. `record` lets it stay if the new one agrees with it.
        remedies: How to record a call, if no option does.
        cassette_in_words: The file, if it is a cassette: `cassette trip`; else empty.
    """

    remedies: Sequence[str] | None = None
    cassette_in_words: str = ""

    def __init__(
        self,
        run: Run,
        file: str,
        owner: Owner | None,
        calls_in_file: Iterable[Recording] = (),
        *,
        only_compares: bool = False,
    ) -> None:
        self.file: str = file
        self.owner: Owner | None = owner
        self.has_places: bool = owner is not None
        self.only_compares: bool = only_compares
        self.made_count_by_key: dict[str, int] = {}
        self._run = run
        self._recordings: Recordings = run.recordings
        self._calls_in_file = list(calls_in_file)
        replayable_calls = [] if only_compares else self._calls_in_file
        # A call has its place as soon as it begins, which is empty until its outcome is
        # recorded.
        self._calls_by_place: list[Recording | None] = list(replayable_calls)
        # The places of equal calls in the order of their positions, by the key of
        # `made_count_by_key`.
        self._places_by_key: dict[str, list[int]] = {}
        self.outcomes_before: dict[int, StoredOutcome] = {}
        # By the place of a real call: its number among the calls of its owner. `show`
        # lists a call that came to no outcome by it.
        self._number_by_place: dict[int, int] = {}
        # How many equal calls were made at most in one pass of the owner: `trim` drops
        # the outcomes behind them.
        self._most_made_in_one_pass = 0
        # The recording of the call that was recorded last. The file that is written has
        # its facts, such as its test and its options, with the outcomes of all places.
        self._last_recording: Recording | None = None
        # Whether the file is not there yet, so that the writer need not read it.
        self._is_new_file = not self._calls_in_file
        if self.cassette_in_words:
            for place, call in enumerate(replayable_calls):
                self._places_by_key.setdefault(str(call.identity), []).append(place)
        elif replayable_calls:
            self._places_by_key[""] = list(range(len(replayable_calls)))

    @property
    def was_recorded(self) -> bool:
        """Whether the file was there before the first of the calls."""
        return bool(self._calls_in_file)

    # -- the next call

    def take(self, call: Call, mode: Mode, key: str = "") -> Step:
        """Return the step for the next of equal calls.

        Args:
            call: The call.
            mode: The mode of the run, or of the cassette.
            key: What equal calls have in common, in a file of several.

        Raises:
            MimicError: The call has no recording, and the mode does not run it, or a
                stale or damaged one.
        """
        plan, owner = call.plan, self.owner
        with self._recordings.turns:
            if owner is not None and call.is_in_sequence and plan.cassette is None:
                # Only in a turn are the numbers of other processes' calls known.
                owner.number_begun += 1
                call.number = owner.number_begun
            position, recording = self._next_position(call, mode, key)
            if recording is not None and owner is not None:
                options = recording.options or {}
                has_other_options = options != plan.kept_options
                if has_other_options and _is_of_another_call(call, recording):
                    # A miss is better than the answer to another request.
                    recording = None
            decision = decide(self._facts(call, mode, recording))
            runs = isinstance(decision, decisions.Run)
            if call.converses:
                self._note_conversation(call, mode, decision, recording)
            # Others hear of a place before they hear that the file has it.
            if self._run.current.family is not None:
                self._tell_place(key, decision, call.number)
            places_of_equal_calls = self._places_by_key[key]
            if runs:
                is_new = position == len(places_of_equal_calls)
                follows_others = is_new and position > 0
                self._begin_place(key, position, call.number)
                if follows_others:
                    # If the process is killed before the call ends, a replay misses
                    # this call. It does not repeat the outcome before it.
                    self._write_empty(call)
        if runs:
            return Step(call, "run", self, places_of_equal_calls[position])
        if isinstance(decision, decisions.Refuse):
            raise self._refusal(call, decision, recording)
        assert recording is not None
        place = places_of_equal_calls[position]
        return self._recorded_step(call, decision, recording, place)

    def _next_position(
        self, call: Call, mode: Mode, key: str
    ) -> tuple[int, Recording | None]:
        """Return the position of a call among equal ones, and what stands there.

        None stands there if the position is new, or its call has not ended.
        """
        places = self._places_by_key.setdefault(key, [])
        count = self.made_count_by_key.get(key, 0)
        position = min(count, len(places))
        if places and position == len(places):
            # In a replay, the last outcome repeats. While recording, one more call is a
            # new one.
            repeats = not mode.writes
            if mode is Mode.RECORD and call.plan.options.sequence is False:
                repeats = True
            if repeats:
                position -= 1
                is_first = count == len(places)
                if is_first and call.converses and not self.cassette_in_words:
                    self._note_repetition(call, recorded=count)
        if self.owner is not None:
            self.made_count_by_key[key] = count + 1
            self._most_made_in_one_pass = max(self._most_made_in_one_pass, count + 1)
        if position == len(places):
            return position, None
        return position, self._calls_by_place[places[position]]

    def _note_repetition(self, call: Call, *, recorded: int) -> None:
        """Note for the summary the first call that gets the outcome of the one before.

        The service may give another answer: it knows how often it was asked.
        """
        run = self._run
        test = run.current.test_to_run_again or ""
        run.account.repeated_calls.add(RepeatedCall(call.label, recorded, test))

    def _begin_place(self, key: str, position: int, number: int) -> None:
        """Give a real call its place, and note which outcome was found in it.

        `outcomes_before` has that outcome until `record` compares the new one with it.

        Args:
            key: What equal calls have in common.
            position: That of the call among them.
            number: That of the call among those of its owner.
        """
        places = self._places_by_key[key]
        if position == len(places):
            places.append(len(self._calls_by_place))
            self._calls_by_place.append(None)
        place = places[position]
        self._number_by_place[place] = number
        equal_calls = self._calls_in_file
        if self.cassette_in_words:
            equal_calls = [call for call in equal_calls if call.identity == key]
        if position < len(equal_calls):
            outcome_before = equal_calls[position].outcomes[0]
            # The mark is that of an empty place, or of a call that got no whole answer:
            # nothing that a new answer could be compared with.
            if not outcome_before.mark:
                self.outcomes_before[place] = outcome_before

    # -- other processes

    def _tell_place(self, key: str, decision: Decision, number: int) -> None:
        """Tell forked processes, or the one that forked this, that a place is taken."""
        family = self._run.current.family
        if family is None or self.owner is None or not family.shares(self.owner):
            return
        event = PlaceTaken(
            self.owner.token,
            self.file,
            key,
            runs=isinstance(decision, decisions.Run),
            is_replayed=isinstance(decision, decisions.Replay),
            only_compares=self.only_compares,
            number=number,
        )
        family.tell(event)

    def follow_other_process(self, others_call: PlaceTaken) -> int | None:
        """Take the place of another process's call.

        No call of this process then gets the same place.

        Returns:
            The place; None: this process knows none, as the other one has refused the
            call.
        """
        places = self._places_by_key.setdefault(others_call.key, [])
        count = self.made_count_by_key.get(others_call.key, 0)
        position = min(count, len(places))
        self.made_count_by_key[others_call.key] = count + 1
        self._most_made_in_one_pass = max(self._most_made_in_one_pass, count + 1)
        if others_call.runs:
            # The other process runs its call for real, in a place that is new to both.
            self._begin_place(others_call.key, position, others_call.number)
        if not places:
            return None
        # The last outcome repeats there as it does here.
        return places[min(position, len(places) - 1)]

    def follow_written(self, calls: list[Recording]) -> None:
        """Take over the outcomes of the file, which another process has written.

        They count as recorded in this run.

        Args:
            calls: All calls of the file, each with one outcome.
        """
        # Behind the written ones, calls of this process have begun and not ended. They
        # keep their places, which are empty so far.
        number_of_open_calls = len(self._calls_by_place) - len(calls)
        empty_places = [None] * number_of_open_calls
        self._calls_by_place[:] = [*calls, *empty_places]
        self._is_new_file = False

    # -- facts of a call

    def _facts(self, call: Call, mode: Mode, recording: Recording | None) -> Facts:
        """Return the facts by which `decisions` decides about a call."""
        recorded: Recorded = "nothing"
        if recording is not None:
            recorded = self._what_is_recorded(call, mode, recording)
        owner = self.owner
        # A replay goes by what is recorded alone.
        if not mode.writes or not call.converses or owner is None:
            return Facts(mode, recorded)
        conversation: Conversation = "new"
        if call.plan.target in owner.clients_run_for_real:
            conversation = "real"
        elif call.plan.target in owner.clients_replayed:
            conversation = "replayed"
        has_effect = call.plan.keeps_state and not owner.is_test
        return Facts(mode, recorded, conversation, has_effect)

    def _what_is_recorded(
        self, call: Call, mode: Mode, recording: Recording
    ) -> Recorded:
        """Return the word by which `decisions` knows what stands in a call's place."""
        if recording.outcomes[0].mark == EMPTY:
            return "empty"
        if mode.writes:
            # An outdated outcome is recorded again, although a replay might use it.
            is_stale = call.plan.is_outdated(recording)
        elif self._run.settings.mode is Mode.VERIFY:
            # Verifying tells what a change of the source has done to the outcome.
            is_stale = False
        else:
            inputs = recording.outcomes[0].entry.get("inputs")
            is_stale = call.plan.is_stale(recording.source, inputs)
        return "stale" if is_stale else "good"

    def _note_conversation(
        self, call: Call, mode: Mode, decision: Decision, recording: Recording | None
    ) -> None:
        """Note whether the conversation of a call's owner is replayed or runs for real.

        A service remembers what came before, so recorded answers are never mixed with
        those of real calls. The first call decides for all that follow: `_facts` reads
        the sets of the owner that this fills.
        """
        owner, target = self.owner, call.plan.target
        assert owner is not None
        if not mode.writes:
            if recording is not None:
                # A later miss of the owner then names `--mimic-rerecord`.
                owner.clients_replayed.setdefault(target, 0)
        elif isinstance(decision, decisions.Run):
            if target not in owner.clients_run_for_real:
                self._tell_conversation(owner, target, is_real=True)
                if owner.is_test:
                    self._note_test_of_changed_fixture(owner, target, is_real=True)
            if recording is None and not owner.is_test:
                self._note_changed_fixture(owner, target)
            owner.clients_run_for_real.add(target)
            owner.clients_recorded_again.add(target)
        elif (
            isinstance(decision, (decisions.Replay, decisions.Verify))
            and target not in owner.clients_replayed
        ):
            self._tell_conversation(owner, target, is_real=False)
            # The service lacks what a replayed test did, see `compare_repeated`.
            owner.clients_replayed[target] = self._run.current.replayed_test_count
            self._run.current.replayed_test_count += owner.is_test
            if owner.is_test:
                self._note_test_of_changed_fixture(owner, target, is_real=False)

    def _note_changed_fixture(self, owner: Owner, target: str) -> None:
        """Note that a wider fixture makes a new call in a recorded conversation.

        The recorded answers to its tests are from before that call.
        """
        current = self._run.current
        fixture = current.secret_scope
        # Code outside of fixtures, and a teardown, precede no test's call.
        if not fixture.name or owner.is_being_torn_down or self.cassette_in_words:
            return
        if current.was_recorded.get((owner.name, target)) is None:
            has_recordings = self._has_recordings(owner, target)
            current.was_recorded[owner.name, target] = has_recordings
        if current.was_recorded[owner.name, target]:
            current.changed_fixtures.add((owner.name, fixture.name, target))

    def _note_test_of_changed_fixture(
        self, owner: Owner, target: str, *, is_real: bool
    ) -> None:
        """Note that a recorded test uses a wider fixture that made new calls.

        Its replayed answers are from before these calls. The fixture may have other
        recorded tests, which do not run. One that only new tests use has none.

        Args:
            owner: The test.
            target: The client of its first call.
            is_real: Whether its conversation is recorded again.
        """
        current, account = self._run.current, self._run.account
        # Few runs have such a fixture, and a cassette is a conversation by itself.
        if not current.changed_fixtures or self.cassette_in_words:
            return
        if is_real and not self._has_recordings(owner, target):
            return
        for scope, fixture, client in sorted(current.changed_fixtures):
            is_used = fixture in current.fixtures and is_in_scope(owner.name, scope)
            if client != target or not is_used:
                continue
            account.changed_fixtures.add(FixtureChanged(fixture, scope, client))
            if not is_real:
                account.older_answers.add(
                    OlderAnswers(owner.name, fixture, is_certain=True)
                )

    def _has_recordings(self, owner: Owner, target: str) -> bool:
        """Return whether an owner's conversation with a client was recorded before."""
        if any(track.was_recorded for track in owner.tracks.values()):
            return True
        return bool(self._recordings.not_made_by(owner, target))

    def _tell_conversation(self, owner: Owner, target: str, *, is_real: bool) -> None:
        """Tell forked processes, which go on with the conversation in the same way."""
        family = self._run.current.family
        if family is not None and family.shares(owner):
            family.tell(ConversationBegun(owner.token, target, is_real))

    # -- what a call gets

    def _recorded_step(
        self, call: Call, decision: Decision, recording: Recording, place: int
    ) -> Step:
        """Return the step for a call that gets its recorded outcome.

        To be verified, or for its effect, the call runs as well.
        """
        run = self._run
        run.account.used.add(self.file)
        if isinstance(decision, decisions.Verify):
            repeats = decision.for_effect
            step = Step(call, "verify", self, place, repeats=repeats)
        else:
            step = Step(call, "replay", self, place)
        step.stored = recording.outcomes[0]
        step.source = recording.source
        return step

    def _refusal(
        self, call: Call, decision: decisions.Refuse, recording: Recording | None
    ) -> MimicError:
        """Return the error of a call that gets no outcome."""
        if decision.reason == "stale":
            # Its recording is asked for, and so is not unused.
            self._run.account.used.add(self.file)
        return verifier().Refusal(self._run, self, call).error(decision, recording)

    def candidates(self, target: str) -> Iterable[Recording]:
        """Return the recordings of a target that a miss is compared with.

        `Refusal` names the nearest one.
        """
        owner_name = None if self.owner is None else self.owner.name
        return self._recordings.like_missed(
            target, test=self._run.current.test, owner=owner_name
        )

    # -- recording

    def trim(self) -> None:
        """Drop the outcomes that no call has reached, when a test has passed.

        They stay unless those before them were recorded again: a test that is recorded
        only in part may reach them on another day.
        """
        recording, owner = self._last_recording, self.owner
        # None: no call of the file was recorded in this run.
        if recording is None or owner is None:
            return
        reached_count = self._most_made_in_one_pass
        is_rerecorded = self._run.settings.mode is Mode.RERECORD
        is_recorded_again = (
            is_rerecorded or recording.target in owner.clients_recorded_again
        )
        if is_recorded_again and len(self._calls_by_place) > reached_count:
            del self._calls_by_place[reached_count:]
            self._write({})

    def put(
        self, place: int, recording: Recording, error: tuple[str, str] | None
    ) -> None:
        """Put the outcome of a call in its place, in a turn, and write the file.

        Args:
            place: The place.
            recording: The call, with this outcome only.
            error: The call and its failure in words, with the test, if it has failed.
        """
        self._calls_by_place[place] = recording
        self._last_recording = recording
        self._write({place: error})

    def replace_imported(self, call: Call) -> None:
        """Drop the imported recordings of a call that has a recording of its own now.

        In an imported one fewer parts of the call count, such as its method and its URL
        alone. The journal notes each dropped file, so that a failing test puts it back.
        """
        run, recordings = self._run, self._recordings
        for name in imported_files(recordings, call, None):
            content = run.vault.store.read(name)
            recordings.drop(name)
            change = run.current.owner.journal.setdefault(name, Change(content))
            change.note(None, {})
            if run.current.family is not None:
                self._tell_change(name, content, None, None, {})

    def fill(self, place: int, recording: Recording) -> None:
        """Record in its empty place a call that has come to no whole outcome.

        `Scopes` asks it when the test of the call has passed.
        """
        account = self._run.account
        with self._recordings.turns:
            self.put(place, recording, None)
            seconds = wall_seconds(recording.stored.entry)
            account.recorded_calls.append(RecordedCall(recording.target, seconds))

    def leave_empty(self, real_step: Step) -> None:
        """Let the place of a call stay empty, so that no other outcome moves up to it.

        While nothing of its file is recorded, there is nothing that could.
        """
        with self._recordings.turns:
            self._calls_by_place[real_step.place] = None
            self._write_empty(real_step.call)

    def _write_empty(self, call: Call) -> None:
        """Write that the place of a call is empty, for a process that may be killed.

        While nothing of the file is recorded, each replay of it is a miss.
        """
        is_nothing_recorded = all(call is None for call in self._calls_by_place)
        if not self.has_places or is_nothing_recorded:
            return
        if self._last_recording is None:
            self._last_recording = recorder().recording_of(call, [], self.owner)
        self._write({})

    def _write(self, errors: Errors) -> None:
        """Write the recording, with the outcomes of all places.

        Args:
            errors: Of the places whose outcomes are new: the failure, or None.
        """
        run = self._run
        recording = self._last_recording
        # Nothing is written before a call is noted.
        assert recording is not None
        outcomes = self._outcomes()
        if outcomes != recording.outcomes:
            recording = recording._replace(outcomes=outcomes)
        written = run.vault.writer.write(
            self.file, [recording], is_new=self._is_new_file
        )
        self._is_new_file = False
        # The arguments may be long, and are not needed again.
        self._recordings.read_or_written[self.file] = recording._replace(arguments=None)
        # The journal puts the files of one conversation back together. None: the file
        # belongs to no conversation with a client.
        conversation = None
        if self.owner is not None and recording.kind != "function":
            conversation = recording.target
        journal = run.current.owner.journal
        change = journal.setdefault(self.file, Change(written.before, conversation))
        change.note(written.now, errors)
        if run.current.family is not None:
            self._tell_change(
                self.file, written.before, written.now, conversation, errors
            )
        # A complete run proves unused what is not in here.
        run.account.used.add(self.file)
        # Once the test passes, `Scopes` drops what only its failed attempts have made.
        run.current.owner.not_made_again.discard(self.file)

    def _outcomes(self) -> list[StoredOutcome]:
        """Return the outcomes in their places, with a mark in each empty one."""
        objects = self._run.vault.objects
        outcomes: list[StoredOutcome] = []
        for place, call in enumerate(self._calls_by_place):
            if call is None:
                outcomes.append(
                    empty_place(objects, self._number_by_place.get(place, 0))
                )
            else:
                outcomes += call.outcomes
        return outcomes

    def _tell_change(
        self,
        file: str,
        before: bytes | None,
        now: bytes | None,
        conversation: str | None,
        errors: Errors,
    ) -> None:
        """Tell other processes that a file was written or dropped.

        They read it again, and the one that judges the test notes it in its journal.
        """
        family = self._run.current.family
        scope = self._run.current.owner
        if family is None or not family.shares(scope):
            return
        owner_of_calls = None if self.owner is None else self.owner.token
        event = RecordingWritten(
            owner_of_calls, scope.token, file, before, now, conversation, dict(errors)
        )
        family.tell(event)


def imported_files(
    recordings: Recordings, call: Call, owner: Owner | None
) -> list[str]:
    """Return the names of the imported recordings of a client's call.

    The first is the one in which most parts count: `begin` lets it serve a call that
    has no recording of its own. Once it has one, `Track.replace_imported` drops all.
    """
    plan = call.plan
    owner_name = None if owner is None else owner.name
    files = []
    for match in recordings.parts_of_imports(plan.target, plan.folder):
        key = plan.imported_key(call.edge_call, match)
        file = recording_name(plan.target, key, owner_name)
        if recordings.find(file) is not None:
            files.append(file)
    return files


def one_for_each_outcome(recording: Recording) -> list[Recording]:
    """Return a recording once for each of its outcomes, which is its only one there."""
    return [
        recording._replace(outcomes=[stored_outcome])
        for stored_outcome in recording.outcomes
    ]


def _is_of_another_call(call: Call, recording: Recording) -> bool:
    """Return whether a recording is found only because the line of its target changed.

    Then the call misses. An example. `http` recorded `{"q": 1}`, `{"q": 1, "ts": 5}`
    and `{"q": 1}`: two identities, of which the first has two places. Under `http
    ignore=body.ts` all three calls have the first identity, and the second call would
    get the answer of the third.
    """
    return verifier().is_of_another_call(call, recording)
