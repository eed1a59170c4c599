"""Records the outcomes of real calls.

A call is recorded on one straight way:

| part of the way | where |
|---|---|
| it takes its place among equal calls | `Track.take` |
| the original runs, and is observed | a performer of `execution`, or a client's edge |
| its outcome becomes what a file holds | `encode_observed` |
| that is put in its place, and the file written | `Track.put` |

Whoever ran the original hands the outcome to `Step.complete`, and that to `record`,
which walks the rest of the way.

A value has four shapes on it: an `Outcome`, its text or its pickle (`Encoded`), the
JSON of its recording (`StoredOutcome.entry`), and the bytes of the file.
"""

from __future__ import annotations

from functools import partial
from json import dumps
from typing import TYPE_CHECKING, Any, Protocol

from pytest_mimic._core.engine.account_events import (
    LooksLikeKey,
    RecordedCall,
    TokensTaken,
    VariableInOutcome,
)
from pytest_mimic._core.engine.mutated_arguments import ArgumentsBefore
from pytest_mimic._core.engine.owners import NewAnswer
from pytest_mimic._core.engine.stayed_answers import answer_to_record, note_new_answer
from pytest_mimic._core.outcome.json_layout import bytes_in
from pytest_mimic._core.outcome.lossy import losses
from pytest_mimic._core.outcome.outcome import Stream, Value
from pytest_mimic._core.placeholders import issued_in
from pytest_mimic._core.redact.texts_like_keys import keys_in
from pytest_mimic._core.tree.chats import tokens_of_response
from pytest_mimic._core.tree.pickle_previews import described_outcome, preview
from pytest_mimic._core.vault.recording_facts import Recording

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.owners import Owner, TrackOfAnswer
    from pytest_mimic._core.inputs.input_trace import InputTrace
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.outcome.pickling import Pickled
    from pytest_mimic._core.vault.recording_facts import StoredOutcome

    class RecordedTrack(TrackOfAnswer, Protocol):
        """The outcomes of one file, as recording uses them: a `Track`."""

        @property
        def owner(self) -> Owner | None:
            """The owner of the calls; None if one recording serves all."""
            ...

        @property
        def outcomes_before(self) -> Mapping[int, StoredOutcome]:
            """The outcomes that the file has for real calls, by their places."""
            ...

        def replace_imported(self, call: Call, /) -> None:
            """Drop the imported recordings of a call that has one of its own now."""


# In seconds: a shorter part of a call's time, in which others ran, is not kept.
_SHORTEST_SECONDS_SHARED = 0.001
# Larger pickles, in bytes, have no description: making one would look at each value.
_LARGEST_DESCRIBED_PICKLE = 32 << 20
# So many characters of an outcome are looked through for keys while tests run: a look
# at a gigabyte takes a minute.
_MOST_CHARACTERS_SEARCHED = 10_000_000


class Observed:
    """What is observed of a real call, from before it runs until it has ended.

    Attributes:
        call: The call.
        is_recorded: Whether the outcome is recorded. Else it is compared.
        arguments_before: What a function may change, as it was before.
        trace: Notes what a function reaches and reads.
        returned_awaitable: Whether a plain function has returned a coroutine or an
            async generator.
        late_stream: Which stream a coroutine gave, so that a replay gives the same
            kind: see `StoredOutcome.late_stream`.
        started: When the call began, on the clock of the run.
        duration: How long the call took, in seconds, once it has ended. Of a stream,
            this is how long it was asked for items: not what its reader did with them.
        seconds_shared: The seconds of the duration in which other calls were made, too,
            that have ended.
        recorded: The outcome as it was recorded, once it was.
    """

    def __init__(self, call: Call, *, is_recorded: bool) -> None:
        self.call = call
        self.is_recorded = is_recorded
        self.arguments_before: ArgumentsBefore | None = None
        self.trace: InputTrace | None = None
        if call.edge_call is None:
            # The function may change its arguments. So the call computes and keeps
            # their description and parts now.
            self.trace = call.plan.trace and call.plan.trace(call.bound_values)
            call.arguments  # noqa: B018
            if is_recorded:
                call.parts  # noqa: B018
                self.arguments_before = ArgumentsBefore(call)
        self.returned_awaitable: bool = False
        self.late_stream: str = ""
        self.started: float = call.plan.run.clock()
        self.duration: float = 0.0
        self.seconds_shared: float = 0.0
        self.recorded: StoredOutcome | None = None
        # Since when the call has been running. None: it has ended, or it is a stream
        # and its reader has an item.
        self._running_since: float | None = self.started

    def stop_clock(self) -> None:
        """Note that the call does not run from now on: it ended, or gave an item."""
        began = self._running_since
        if began is None:
            return
        self._running_since = None
        run = self.call.plan.run
        ended = run.clock()
        self.duration += ended - began
        if self.is_recorded:
            wall_time = run.recordings.wall_time
            self.seconds_shared += wall_time.seconds_shared(began, ended)

    def start_clock(self) -> None:
        """Note that a stream is asked for an item from now on."""
        self._running_since = self.call.plan.run.clock()


def record(
    track: RecordedTrack,
    place: int,
    observed: Observed,
    outcome: Outcome,
    *,
    is_first: bool = True,
) -> None:
    """Record the outcome of a real call, in its place.

    An outcome that stood there stays if only parts changed that verifying leaves out:
    those of `volatile=`, and at a client also a date or a server's name. Of a
    conversation with services, `stayed_answers` says when.

    Args:
        track: The outcomes of the file that is written.
        place: The place of this outcome among them.
        observed: What was observed of the call.
        outcome: Its outcome.
        is_first: Whether the outcome is recorded for the first time. Its other form,
            with the placeholders of an earlier call, does not count again.

    Raises:
        MutatedInputError: The call has changed an argument.
        UnstorableOutcomeError: The outcome cannot be stored.
    """
    call, run = observed.call, observed.call.plan.run
    outcome_before = track.outcomes_before.get(place)
    new_outcome = encode_observed(observed, outcome)
    stored_outcome = new_outcome
    if outcome_before is not None:
        stored_outcome = answer_to_record(
            track.owner, call, outcome_before, new_outcome
        )
    if run.account.log is not None:
        run.account.log(
            "recorded", call, stored_outcome=stored_outcome, seconds=observed.duration
        )
    # If the test fails, no failure is kept; if it passes, the summary lists it.
    failure = call.plan.failure(outcome)
    error = None
    if failure is not None:
        error = f"{call.label_in_lists} {failure}", run.current.test
    with run.recordings.turns:
        # Tests share the recording, and this run has used or made it before.
        is_shared = track.owner is None and track.file in run.account.used
        if is_shared and _gives_way(
            track, observed, outcome, outcome_before, is_first=is_first
        ):
            return
        observed.recorded = stored_outcome
        _note_keys(call, stored_outcome)
        if run.account.next_run is not None:
            run.account.next_run.note(call, stored_outcome)
        issuer = call.issuer
        if outcome_before is not None and issuer is not None and issuer.is_of_fixture:
            # The recordings of other tests may hold a placeholder of the old answer:
            # the summary names these tests.
            placeholders_before = _placeholders(outcome_before)
            placeholders_now = _placeholders(stored_outcome)
            run.account.dropped_placeholders |= placeholders_before - placeholders_now
        recording = recording_of(call, [stored_outcome], track.owner)
        track.put(place, recording, error)
        owner = track.owner
        if owner is not None and call.converses:
            is_new = stored_outcome is new_outcome
            # Once new answers are written, one more needs no look at the others.
            if not is_new or owner.unwritten_answers or not owner.has_new_answers:
                new_recording = recording._replace(outcomes=[new_outcome])
                new_answer = NewAnswer(track, place, new_recording, error)
                note_new_answer(owner, call, stored_outcome, new_answer)
        if is_first:
            seconds = observed.duration - observed.seconds_shared
            run.account.recorded_calls.append(RecordedCall(call.plan.target, seconds))
        if call.edge_call is not None:
            _note_retries_and_tokens(track, call, outcome, is_first=is_first)
            # The recording of the run takes the place of one that was imported.
            if track.owner is None:
                track.replace_imported(call)


def _note_retries_and_tokens(
    track: RecordedTrack, call: Call, outcome: Outcome, *, is_first: bool
) -> None:
    """Note whether the client may try again, and the tokens that a model has taken."""
    run = call.plan.run
    # A client tries a failed request again, which replaces the failure.
    if call.plan.failure(outcome) is not None:
        run.recordings.last_outcome_failed.add(track.file)
    else:
        run.recordings.last_outcome_failed.discard(track.file)
    if is_first:
        tokens = tokens_of_response(outcome.content)
        if tokens is not None:
            run.account.recorded_tokens.append(
                TokensTaken(tokens.sent, tokens.received)
            )


def keep_issued(
    track: RecordedTrack, place: int, observed: Observed, outcome: Outcome
) -> None:
    """Let the secrets that an answer has issued be found in other calls.

    The answer is recorded in another form when an earlier call, of whichever client,
    turns out to have issued a secret in it.
    """
    issuer = observed.call.issuer
    if issuer is None:
        return

    def record_other_form(plain: object) -> None:
        record(track, place, observed, Value(plain), is_first=False)

    issuer.known.keep(outcome.content, record_other_form)
    if issuer.names_of_numbers:
        observed.call.report(issuer.numbers_in_words())


def recording_of(
    call: Call, outcomes: list[StoredOutcome], owner: Owner | None
) -> Recording:
    """Return a new recording: of a call of this run, with its outcomes.

    Args:
        call: The call.
        outcomes: Its outcomes.
        owner: The owner of the calls in the file. None: all tests share the recording,
            and its name alone has the identity.
    """
    plan = call.plan
    run = plan.run
    return Recording(
        target=plan.target,
        arguments=call.arguments,
        source=plan.source,
        test=run.current.test,
        recorded=run.today,
        owner=None if owner is None else owner.name,
        outcomes=outcomes,
        identity=None if owner is None else call.key,
        kind=plan.kind,
        signature=call.signature,
        host=call.host,
        options=plan.kept_options,
        parts=_kept_parts(call),
    )


def _kept_parts(call: Call) -> dict[str, Any] | None:
    """Return what is kept of the parts of a call, for `rekey` to identify it by.

    None: they are those of the description, in its order.
    """
    parts = call.parts
    if parts is None:
        return None
    # A part that is None is kept in the description, whole.
    described_names = [name for name in call.arguments if name != "signature"]
    are_described = all(part is None for part in parts.values())
    if are_described and list(parts) == described_names:
        return None
    return parts


# -- the outcome in its stored form


def encode_observed(observed: Observed, outcome: Outcome) -> StoredOutcome:
    """Return an outcome in its stored form, if it may be recorded.

    Args:
        observed: What was observed of the call.
        outcome: Its outcome.

    Raises:
        MutatedInputError: The call has changed an argument.
        UnstorableOutcomeError: The outcome cannot be stored.
    """
    call = observed.call
    plan = call.plan
    run = plan.run
    arguments_before = observed.arguments_before
    if arguments_before is not None:
        arguments_before.refuse_changes()
    stored_outcome = run.vault.writer.encoded(
        outcome,
        observed.duration,
        target=plan.target,
        paths=call.paths,
        detached=plan.cassette is not None,
    )
    seconds_shared = float(f"{observed.seconds_shared:.4g}")
    if seconds_shared >= _SHORTEST_SECONDS_SHARED:
        # A replay saves only the rest of the duration: `wall_seconds` reads it.
        stored_outcome.entry["beside"] = min(seconds_shared, stored_outcome.duration)
    # A replay moves the streams among its arguments as far.
    if arguments_before is not None and arguments_before.states:
        stored_outcome.entry["after"] = arguments_before.states
    if run.redactor.environment.forms:
        _hide_environment(call, stored_outcome)
    if (
        stored_outcome.encoded is not None
        and stored_outcome.encoded.pickled is not None
    ):
        _describe_pickle(call, outcome, stored_outcome, stored_outcome.encoded.pickled)
    if call.number:
        # `show` lists the calls of a test in the order of these numbers.
        stored_outcome.entry["number"] = call.number
    if observed.returned_awaitable:
        stored_outcome.entry["awaited"] = True
    if observed.late_stream:
        stored_outcome.entry["coroutine"] = observed.late_stream
    if observed.trace is not None:
        stored_outcome.inputs = observed.trace.with_fingerprints().list_to_store
    return stored_outcome


def _hide_environment(call: Call, stored_outcome: StoredOutcome) -> None:
    """Let the names of environment variables stand for their values."""
    run = call.plan.run
    if stored_outcome.encoded is None:
        return
    hidden = stored_outcome.encoded.hide(run.redactor.environment)
    for name, is_hidden in hidden.items():
        remark = f"holds the value of {name}"
        if is_hidden:
            remark = f"<{name}> stands for the value"
        if run.current.test:
            remark = f"{remark}, {run.current.test}"
        run.account.variables_in_outcomes.add(VariableInOutcome(call.label, remark))


def _describe_pickle(
    call: Call, outcome: Outcome, stored_outcome: StoredOutcome, pickled: Pickled
) -> None:
    """Store beside a pickle what people can read of it, and report what it loses."""
    plan = call.plan
    run = plan.run
    for loss in losses(pickled.imports, outcome):
        call.report(loss)
    secrets = partial(plan.secrets, call)
    stored_outcome.entry["preview"] = preview(
        outcome, run.redactor, places=plan.places, secrets=secrets
    )
    size = sum(map(len, pickled.chunks))
    size += sum(memory.nbytes for memory in pickled.buffers)
    if size > _LARGEST_DESCRIBED_PICKLE:
        return
    description = described_outcome(
        outcome, run.redactor, places=plan.places, secrets=secrets
    )
    if description is not None:
        stored_outcome.entry["described"] = description


# -- what the recording says about the call


def _gives_way(
    track: RecordedTrack,
    observed: Observed,
    outcome: Outcome,
    outcome_before: StoredOutcome | None,
    *,
    is_first: bool,
) -> bool:
    """Return whether an outcome leaves a file that tests share as it is, in a turn.

    Another reader may have come further in the same stream in this run. Its outcome
    stays.
    """
    call = observed.call
    outcome_in_file = outcome_before
    # The file is read again if another process has written it.
    recording = call.plan.run.recordings.find(track.file)
    if recording is not None:
        outcome_in_file = recording.outcomes[0]
    if not is_first:
        # The same answer with other placeholders, see `keep_issued`, replaces its first
        # form, and the outcome of no other call.
        return outcome_in_file is not observed.recorded
    if outcome_in_file is None:
        return False
    return _is_read_further(call, outcome_in_file.load(call.paths), outcome)


def _is_read_further(call: Call, outcome_in_file: Outcome, outcome: Outcome) -> bool:
    """Return whether an outcome was left early, and the one in the file read further.

    The file serves all readers, so that it keeps the one from which all can be served.
    """
    if isinstance(outcome_in_file, Stream) and isinstance(outcome, Stream):
        is_longer = len(outcome_in_file.items) > len(outcome.items)
        is_at_end = outcome_in_file.end is not None
        return outcome.end is None and (is_longer or is_at_end)
    adapter = call.plan.adapter
    if adapter is None:
        return False
    return adapter.is_read_further(outcome_in_file.content, outcome.content)


def _note_keys(call: Call, stored_outcome: StoredOutcome) -> None:
    """Note texts in a call, or in its new outcome, that look like keys.

    `check` does the same, also for what is left out here of a large outcome.
    """
    run = call.plan.run
    texts = [call.described_text]
    texts += [str(data, "latin-1") for data in bytes_in(call.described_text)]
    if stored_outcome.encoded is not None:
        texts += stored_outcome.encoded.beginnings(_MOST_CHARACTERS_SEARCHED)
    test = run.current.test
    for text in texts:
        for shown_text, mark in keys_in(text):
            if mark in run.redactor.accepted:
                # A line `mimic_redact = !MARK` says that the text is no key.
                continue
            remark = f"{shown_text}; if it is none: mimic_redact = !{mark}"
            if test:
                remark = f"{remark}, {test}"
            run.account.texts_like_keys.add(LooksLikeKey(call.label, remark))


def _placeholders(stored_outcome: StoredOutcome) -> set[str]:
    """Return the placeholders of issued secrets in an old or a new answer."""
    return set(issued_in(dumps(stored_outcome.readable(), ensure_ascii=False)))


class Recorder:
    """What the layers below reach of this module; `steps.recorder` loads it."""

    Observed = Observed
    record = staticmethod(record)
    keep_issued = staticmethod(keep_issued)
    encode_observed = staticmethod(encode_observed)
    recording_of = staticmethod(recording_of)
