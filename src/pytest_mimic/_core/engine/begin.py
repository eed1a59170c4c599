"""Begins each call: finds what is recorded for it, and asks what happens to it.

Here it is said, too, what a damaged recording does in each mode, and what a thread gets
that goes on calling when its test has ended.
"""

from __future__ import annotations

from threading import Event, current_thread
from typing import TYPE_CHECKING

from pytest_mimic._core.engine.equal_calls import (
    Track,
    imported_files,
    one_for_each_outcome,
)
from pytest_mimic._core.engine.steps import Step
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.vault.format import recording_name
from pytest_mimic._core.vault.outcome_entries import OPEN
from pytest_mimic._core.vault.recording_facts import StoredOutcome
from pytest_mimic.errors import CorruptRecordingError, MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.owners import Owner
    from pytest_mimic._core.engine.owners import Track as OwnedTrack
    from pytest_mimic._core.engine.run import Run
    from pytest_mimic._core.vault.recording_facts import Recording

# How long a thread waits for the same error again, while tests run and when the run has
# ended: it must not take the processor from the tests, nor hold up the end.
_SECONDS_BETWEEN_ATTEMPTS = 0.1
_SECONDS_BETWEEN_ATTEMPTS_AT_END = 0.01


def begin(run: Run, call: Call) -> Step:
    """Return the step for a call.

    A plain recorded value needs none: see `FunctionPlan.play_first`.

    Raises:
        MimicError: The call has no recording, and the mode does not run it, or a stale
            or damaged one.
    """
    if run.current.retries is not None:
        run.current.retries.end_waits()
    if run.account.log is not None:
        call.began = run.clock()
    cassette = call.plan.cassette
    mode = run.settings.mode
    if cassette is not None:
        mode = cassette.run_mode
        if call.is_shared:
            # A client connects once for many blocks: which block it happened in says
            # nothing, so the recording is none of the cassette's. A block that
            # verifies replays it.
            cassette = None
            if mode is Mode.VERIFY:
                mode = Mode.REPLAY
    try:
        track = cassette or _track_of(run, call, mode)
        if run.real_calls.ends_of_waits and _waits_again(run, call, track):
            return _closed_again(run, call)
        step: Step = track.take(call, mode)
        return step
    except MimicError as error:
        run.current.pending.note(error)
        raise


def _waits_again(run: Run, call: Call, track: OwnedTrack) -> bool:
    """Return whether a thread makes a call again that waited until its test had ended.

    A client tries again, or a loop in a thread that goes on. The recorded call got its
    answer then, so the running test has no recording of another attempt. Other calls of
    the thread, and all calls of another task of a pool, may be those of a later test.
    """
    waiting_calls = run.real_calls.ends_of_waits.get(current_thread(), {})
    return call.key in waiting_calls and not track.was_recorded


def _closed_again(run: Run, call: Call) -> Step:
    """Return the step of a call that gets the error of a closed connection again."""
    # Only the summary tells it apart from a call of the running test, if a thread takes
    # its work from a queue of its own.
    call.report("was made again after its test had ended, and got no answer")
    # A loop that tries again and again leaves the processor to the tests.
    if run.current.closed.wait(_SECONDS_BETWEEN_ATTEMPTS):
        Event().wait(_SECONDS_BETWEEN_ATTEMPTS_AT_END)
    # The step replays an answer that never came, of no file, to a call whose test has
    # ended: so `Step.wait` raises the error of the client at once.
    entry_of_open_call = {"duration": 0.0, "value": {}, "end": OPEN}
    step = Step(call, "replay", Track(run, "", None), 0)
    step.counts_as_replay = False
    step.stored = StoredOutcome(run.vault.objects, entry_of_open_call)
    step.source = None
    step.ended = Event()
    step.ended.set()
    return step


def _track_of(run: Run, call: Call, mode: Mode) -> OwnedTrack:
    """Return the outcomes of a call outside of cassettes.

    They are those of its owner, or those that all tests share. Imported ones, of which
    fewer parts count, come second, unless the call is recorded again.
    """
    current = run.current
    recordings = run.recordings
    plan = call.plan
    owner: Owner | None = None
    if call.is_in_sequence:
        owner = current.owner
        file = recording_name(plan.target, call.key, owner.name)
    else:
        file = f"{plan.folder}/{call.key}.json"
    # A recording of the call itself comes first.
    try:
        recording = recordings.find(file)
    except CorruptRecordingError:
        # The error proposes to record the call again, which replaces the file.
        if mode is not Mode.RERECORD:
            raise
        recording = None
    # An imported recording may be of this call, as fewer parts count in it.
    if recording is None and call.edge_call is not None:
        is_recorded_again = mode is Mode.RERECORD
        if owner is not None and plan.target in owner.clients_run_for_real:
            is_recorded_again = True
        if not is_recorded_again:
            names_of_imports = imported_files(recordings, call, owner)
            if names_of_imports:
                file = names_of_imports[0]
                recording = recordings.find(file)
    # Equal calls of an owner have one track.
    if owner is not None:
        track: OwnedTrack | None = owner.tracks.get(file)
        if track is None and current.family is not None:
            track = current.family.track_of(owner, file)
        if track is not None:
            return track
    calls_in_file: list[Recording] = []
    if recording is not None:
        calls_in_file = [recording]
        if len(recording.outcomes) > 1:
            calls_in_file = one_for_each_outcome(recording)
    # Whether the outcomes in the file are only compared with, so that each call is made
    # for real and recorded.
    if file in current.owner.not_made_again:
        # A failed attempt of the test has made the recording in this run.
        only_compares = True
    elif not mode.writes:
        only_compares = False
    elif owner is None:
        # A client tries a failed request again.
        only_compares = file in recordings.last_outcome_failed
    else:
        # Outdated outcomes are replaced as a whole, so that no new ones stand beside
        # them.
        only_compares = any(map(plan.is_outdated, calls_in_file))
    new_track = Track(run, file, owner, calls_in_file, only_compares=only_compares)
    if owner is None:
        # All tests share the recording, and each call gets its first outcome: there is
        # nothing to count.
        return new_track
    # Another thread may have begun an equal call meanwhile. Then its track counts.
    return owner.tracks.setdefault(file, new_track)
