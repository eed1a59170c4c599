"""Makes the processes that a run forks a part of it.

What one of them does counts in all. A call that equals one of a brother gets the place
behind it (`Track.follow_other_process`). Where calls have no places, it gets the
outcome that the brother has recorded.

The first fork of a run makes its family, with a log that all of its processes have
open. Whoever decides about a call, or writes a recording, takes a turn: it reads what
the others have told, decides, and tells what it has decided. The events of a turn are
in `family_events`.

An owner that was made after a fork is none of the forked process's business: it hears
of the test in which it was forked, and of the cassettes that were open.

A process that is started anew is no part of the run: `Coverings` notes it.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from functools import partial, wraps
from itertools import count
from os import getpid
from threading import Event
from typing import TYPE_CHECKING, Any, NoReturn, cast
from weakref import WeakKeyDictionary, WeakValueDictionary

from pytest_mimic._core.engine.account_growth import Growth
from pytest_mimic._core.engine.equal_calls import Track, one_for_each_outcome
from pytest_mimic._core.engine.family_events import (
    EVENTS,
    AccountGrown,
    CallEnded,
    CallRecorded,
    CallUnended,
    ConversationBegun,
    ErrorNoted,
    NameNumbered,
    NewAnswersWritten,
    PlaceTaken,
    RecordingWritten,
    SecretsHidden,
    SecretsLearned,
    SenderNoted,
)
from pytest_mimic._core.engine.family_log import SharedLog
from pytest_mimic._core.engine.owners import Change, Unended
from pytest_mimic._core.engine.recordings import Recordings
from pytest_mimic._core.engine.scopes import end_open_calls
from pytest_mimic._core.engine.senders import Sender
from pytest_mimic._core.redact.known_secrets import SECRET_FACTS, known_in
from pytest_mimic._core.vault.objects import Origin
from pytest_mimic._core.vault.outcome_entries import EMPTY
from pytest_mimic._core.vault.recording_facts import Recording, StoredOutcome
from pytest_mimic._core.vault.writing import entry_for_other_process
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.cassette_tracks import CassetteTrack
    from pytest_mimic._core.engine.current import OpenCassette
    from pytest_mimic._core.engine.family_events import Event as FamilyEvent
    from pytest_mimic._core.engine.owners import OpenCall, Owner, SecretScope, Token
    from pytest_mimic._core.engine.owners import Track as OwnedTrack
    from pytest_mimic._core.engine.run import Run
    from pytest_mimic._core.redact.known_secrets import SecretFact

    # What others tell of one file.
    _TrackEvent = PlaceTaken | RecordingWritten


class Family:
    """The processes of a run that has forked, as one of them sees it.

    Attributes:
        is_forked: Whether this process was forked by one of the family.
    """

    def __init__(self, run: Run) -> None:
        self.is_forked = False
        self._run = run
        self._recordings: Recordings = run.recordings
        self._log = SharedLog()
        # The events of this turn, which its end tells the others.
        self._events_of_turn: list[FamilyEvent] = []
        # The owners that this process has in common with forked ones.
        self._owners: WeakValueDictionary[Token, Owner] = WeakValueDictionary()
        # The secret scopes that this process has in common with forked ones.
        self._secret_scopes: WeakValueDictionary[Token, SecretScope] = (
            WeakValueDictionary()
        )
        # The cassettes that processes have in common, by the test or scope of their
        # blocks. What a forked process records may come after the block.
        self._kept_cassettes: WeakKeyDictionary[Owner, list[OpenCassette]] = (
            WeakKeyDictionary()
        )
        # The cassettes that have heard of a call in this turn.
        self._late_cassettes: list[CassetteTrack] = []
        # The real calls inside of which processes were forked.
        self._calls_with_forks: dict[Token, OpenCall] = {}
        self._numbers_of_calls = count()
        # The secrets of the run that all processes know.
        self._secrets_known_to_all: set[str] = set()
        # What others told of files in which this process has made no call.
        self._events_of_unseen_files: defaultdict[
            tuple[Token, str], list[_TrackEvent]
        ] = defaultdict(list)
        # Of a forked process: what its account has gained and nobody was told.
        self._growth: Growth | None = None
        self._has_wrapped_exit = False

    # -- turns

    def begin_turn(self) -> None:
        """Keep other processes out, and learn what they did."""
        self._log.lock()
        try:
            for row in self._log.read():
                for kind, *fields in row:
                    self._hear(EVENTS[kind](*fields))
            self._write_late()
        except BaseException:
            self._log.unlock()
            raise

    def end_turn(self) -> None:
        """Tell other processes what this one did, as one row, and let them in."""
        try:
            self._tell_hidden()
            self._tell_ended()
            events, self._events_of_turn = self._events_of_turn, []
            growth = {} if self._growth is None else self._growth.take()
            if growth:
                events.append(AccountGrown(growth))
            if events:
                self._log.write([(type(event).__name__, *event) for event in events])
        finally:
            self._log.unlock()

    def hear_other_processes(self) -> None:
        """Learn what the others have done, and tell them what this one did."""
        with self._recordings.turns:
            pass

    def tell(self, event: FamilyEvent) -> None:
        """Tell an event to the others at the end of this turn."""
        self._events_of_turn.append(event)

    def shares(self, owner: Owner | None) -> bool:
        """Return whether a forked process may know an owner, and so is told of it."""
        return owner is not None and owner.token in self._owners

    def is_judged_elsewhere(self, owner: Owner) -> bool:
        """Return whether another process judges what is recorded for an owner."""
        return self.is_forked and owner.token[0] != getpid()

    # -- tracks

    def track_of(self, owner: Owner, file: str) -> OwnedTrack | None:
        """Return the track of a file of which the others have told, or None."""
        events = self._events_of_unseen_files.pop((owner.token, file), None)
        if not events:
            return None
        recording = self._recordings.find(file)
        for event in events:
            if isinstance(event, RecordingWritten):
                # By now the file has what the others wrote. The track begins with what
                # stood there before, and follows their events.
                recording = self._recordings.parsed(file, event.before)
                break
        calls = [] if recording is None else one_for_each_outcome(recording)
        only_compares = isinstance(events[0], PlaceTaken) and events[0].only_compares
        track = Track(self._run, file, owner, calls, only_compares=only_compares)
        owner.tracks[file] = track
        for event in events:
            self._follow(track, event)
        return track

    def _follow(self, track: OwnedTrack, event: _TrackEvent) -> None:
        if isinstance(event, PlaceTaken):
            track.follow_other_process(event)
            return
        recording = self._recordings.parsed(event.file, event.now)
        calls = [] if recording is None else one_for_each_outcome(recording)
        track.follow_written(calls)

    def _hear_of_track(self, token: Token, event: _TrackEvent) -> None:
        owner = self._owners.get(token)
        track = None if owner is None else owner.tracks.get(event.file)
        if track is not None:
            self._follow(track, event)
        elif owner is not None:
            # This process has no track of the file yet. One that is made later follows
            # the event then.
            self._events_of_unseen_files[token, event.file].append(event)

    # -- what others tell

    def _hear(self, event: FamilyEvent) -> None:
        """Take over what another process has done; see the table of `family_events`."""
        if isinstance(event, PlaceTaken):
            self._hear_of_place(event)
        elif isinstance(event, ConversationBegun):
            self._hear_of_conversation(event)
        elif isinstance(event, NewAnswersWritten):
            self._hear_of_new_answers(event)
        elif isinstance(event, RecordingWritten):
            self._hear_of_recording(event)
        elif isinstance(event, NameNumbered):
            self._hear_of_number(event)
        elif isinstance(event, CallRecorded):
            self._hear_of_call(event)
        elif isinstance(event, CallEnded):
            self._hear_of_end(event)
        elif isinstance(event, CallUnended):
            self._hear_of_unended(event)
        elif isinstance(event, SecretsLearned):
            self._hear_of_secrets(event)
        elif isinstance(event, SecretsHidden):
            self._run.redactor.issued.update(event.values)
            self._secrets_known_to_all.update(event.values)
        elif isinstance(event, SenderNoted):
            self._hear_of_sender(event)
        elif isinstance(event, AccountGrown):
            if not self.is_forked:
                self._run.account.add(event.growth)
        # The last kind is `ErrorNoted`.
        elif event.judge == getpid():
            self._run.current.pending.add(MimicError.from_plain(event.error))

    def _hear_of_place(self, event: PlaceTaken) -> None:
        owner = self._owners.get(event.owner)
        if owner is not None:
            owner.number_begun = max(owner.number_begun, event.number)
            self._hear_of_track(event.owner, event)

    def _hear_of_conversation(self, event: ConversationBegun) -> None:
        owner = self._owners.get(event.owner)
        if owner is None:
            return
        if event.is_real:
            owner.clients_run_for_real.add(event.target)
            owner.clients_recorded_again.add(event.target)
        else:
            # The count is that of this process: its own calls are compared by it.
            owner.clients_replayed.setdefault(
                event.target, self._run.current.replayed_test_count
            )

    def _hear_of_new_answers(self, event: NewAnswersWritten) -> None:
        owner = self._owners.get(event.owner)
        if owner is not None:
            owner.has_new_answers = True

    def _hear_of_recording(self, event: RecordingWritten) -> None:
        # The next call that asks for the file reads it again.
        self._recordings.read_or_written.pop(event.file, None)
        if event.now is not None:
            self._run.account.used.add(event.file)
            self._note_outcomes(event.file, event.now)
        scope = self._owners.get(event.scope)
        if scope is not None:
            change = scope.journal.setdefault(
                event.file, Change(event.before, event.conversation)
            )
            change.note(event.now, event.errors)
            scope.not_made_again.discard(event.file)
        if event.track is not None:
            self._hear_of_track(event.track, event)

    def _note_outcomes(self, file: str, now: bytes) -> None:
        """Note what outcomes of another process give, for the warning of `NextRun`.

        A value that one of them gave is not made anew where this process sends it.
        """
        if self._run.account.next_run is not None:
            for recording in self._recordings.calls_in(file, now):
                for stored_outcome in recording.outcomes:
                    self._run.account.next_run.note_elsewhere(stored_outcome)

    def _hear_of_number(self, event: NameNumbered) -> None:
        owner = self._owners.get(event.owner)
        if owner is not None:
            # All processes know a database, or a server, by the same number.
            numbers = owner.ordinals.setdefault(event.space, {})
            numbers.setdefault(event.name, len(numbers))

    def _hear_of_unended(self, event: CallUnended) -> None:
        owner = self._owners.get(event.owner)
        # Only the process that has made the owner judges whether the call is kept.
        if owner is None or owner.token[0] != getpid():
            return
        track = self._track_named(event.track, event.file)
        if track is not None:
            recording = self._recording_in(event)
            unended = Unended(track, event.place, recording, event.label)
            owner.unended.append(unended)

    def _hear_of_call(self, event: CallRecorded) -> None:
        cassette = cast(
            "CassetteTrack | None", self._track_named(event.owner, event.file)
        )
        if cassette is None:
            return
        recording = self._recording_in(event)
        cassette.follow_recorded(event, recording)
        self._late_cassettes.append(cassette)
        # As for the outcomes of a recording, see `_note_outcomes`.
        if event.has_outcome and self._run.account.next_run is not None:
            self._run.account.next_run.note_elsewhere(recording.stored)

    def _write_late(self) -> None:
        """Write cassettes whose blocks have ended, once all events are heard."""
        cassettes, self._late_cassettes = self._late_cassettes, []
        for cassette in dict.fromkeys(cassettes):
            with suppress(MimicError), self._run.current.pending:
                cassette.write_late()

    def _hear_of_end(self, event: CallEnded) -> None:
        open_call = self._calls_with_forks.pop(event.call, None)
        if open_call is not None:
            # What this process does from now on is no part of the call.
            open_call.active = False

    def _track_named(self, token: Token, file: str) -> OwnedTrack | None:
        """Return the track of an owner's calls in a file; None: the owner has ended."""
        owner = self._owners.get(token)
        if owner is None:
            return None
        return owner.tracks.get(file) or self.track_of(owner, file)

    def _recording_in(self, event: CallRecorded | CallUnended) -> Recording:
        """Return the call of another process, with its one outcome."""
        facts = event.facts
        origin = Origin(event.file, facts["target"], facts["test"])
        stored_outcome = StoredOutcome(self._run.vault.objects, event.entry, origin)
        return Recording(**facts, outcomes=[stored_outcome])

    def _hear_of_secrets(self, event: SecretsLearned) -> None:
        scope = self._secret_scopes.get(event.scope)
        if scope is not None:
            known = known_in(scope, self._recordings.turns)
            known.follow(SECRET_FACTS[event.kind](*event.fields))

    def _hear_of_sender(self, event: SenderNoted) -> None:
        sender = Sender(event.credentials, event.headers)
        self._run.senders.follow(event.key, sender)

    # -- what this process tells

    def _tell_secrets(self, scope: Token, fact: SecretFact) -> None:
        self.tell(SecretsLearned(scope, type(fact).__name__, [*fact]))

    def _tell_hidden(self) -> None:
        """Tell the secrets that answers have held since the last turn."""
        # A run without clients makes no redactor.
        redactor = self._run.made_redactor
        if redactor is None:
            return
        issued = redactor.issued
        if len(issued) != len(self._secrets_known_to_all):
            self.tell(SecretsHidden(list(issued - self._secrets_known_to_all)))
            self._secrets_known_to_all.update(issued)

    def tell_sender(self, key: tuple[str, ...], sender: Sender) -> None:
        """Tell who has sent the first of equal calls, in a turn."""
        self.tell(SenderNoted(key, dict(sender.credentials), dict(sender.headers)))

    def tell_unended(self, owner: Owner, unended: Unended) -> None:
        """Tell the process that judges an owner of a call without a whole outcome."""
        facts, entry = self._plain_recording(unended.recording)
        track = unended.track
        # Only a call with an owner has a place that stays empty.
        assert track.owner is not None
        with self._recordings.turns:
            event = CallUnended(
                owner.token,
                track.owner.token,
                unended.track.file,
                unended.place,
                unended.label,
                facts,
                entry,
            )
            self.tell(event)

    def tell_recorded(
        self,
        cassette: OwnedTrack,
        place: int,
        recording: Recording,
        error: tuple[str, str] | None,
    ) -> None:
        """Tell the process that has opened a cassette of a call recorded in it.

        The caller holds a turn.

        Args:
            cassette: The calls of the cassette.
            place: The place of the call in the cassette.
            recording: The call and its outcome.
            error: The call and its failure in words, with the test; None: it has not
                failed.
        """
        # The calls of a cassette belong to the cassette itself.
        assert cassette.owner is not None
        facts, entry = self._plain_recording(recording)
        event = CallRecorded(
            cassette.owner.token,
            cassette.file,
            place,
            facts,
            entry,
            has_outcome=recording.stored.mark != EMPTY,
            error=error,
        )
        self.tell(event)

    def _plain_recording(
        self, recording: Recording
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the facts of a recording, and its outcome, as plain data."""
        facts = recording._asdict()
        [stored_outcome] = facts.pop("outcomes")
        return facts, entry_for_other_process(self._run.vault.objects, stored_outcome)

    def tell_progress(self) -> None:
        """Tell that a call has ended, or was replayed.

        The first process hears what the account of another one has gained. A process
        that was forked inside of a call hears that the call has ended.
        """
        if self.is_forked or self._calls_with_forks:
            # The end of each turn tells it.
            self._run.current.hear_other_processes()

    def _tell_ended(self) -> None:
        """Tell processes that were forked inside of a call that it has ended."""
        for token, open_call in list(self._calls_with_forks.items()):
            if not open_call.active:
                del self._calls_with_forks[token]
                self.tell(CallEnded(token))

    def tell_error(self, error: MimicError) -> None:
        """Tell an error the process that judges the running test."""
        with self._recordings.turns:
            self.tell(ErrorNoted(self._run.current.pending.judge, error.to_plain()))

    # -- forks

    def share_owners_before_fork(self) -> None:
        """Share the owners of now with the process that is forked now."""
        run = self._run
        self._owners[run.current.owner.token] = run.current.owner
        for cassette in run.current.cassettes.open:
            owner = cassette.block_owner
            self._owners[owner.token] = owner
            owner.tracks[cassette.file] = cassette
            # `_owners` is weak. A forked process may record into a cassette after its
            # block, so this list keeps the cassette until the test or scope is gone.
            kept_cassettes = self._kept_cassettes.setdefault(run.current.owner, [])
            if cassette not in kept_cassettes:
                kept_cassettes.append(cassette)
        for owner in self._owners_of_open_calls():
            for open_call in owner.open_calls:
                if open_call not in self._calls_with_forks.values():
                    # By this name, the forked process hears that the call has ended.
                    token = getpid(), next(self._numbers_of_calls)
                    self._calls_with_forks[token] = open_call
        for scope in (run.current.secret_scope, *run.current.fixture_scopes.values()):
            self._secret_scopes[scope.token] = scope
            scope.tell = partial(self._tell_secrets, scope.token)

    def begin_process(self) -> None:
        """Begin a process that was just forked.

        It leaves the calls of its parent alone.
        """
        run = self._run
        self.is_forked = True
        run.current.begin_process()
        run.real_calls.begin_process(self, run.current.hear_other_processes)
        for owner in self._owners_of_open_calls():
            for open_call in list(owner.open_calls):
                open_call.leave_to_parent()
            owner.unended = []
            owner.ended = Event()
        self._growth = Growth(run.account)
        if not self._has_wrapped_exit:
            self._has_wrapped_exit = True
            self._end_calls_at_exit()

    def _end_calls_at_exit(self) -> None:
        """Let `os._exit`, by which a forked process ends, end its open calls first.

        Their recordings end there as those of a test do at its end.
        """
        exit_at_once = os._exit

        @wraps(exit_at_once)
        def exit_in_order(status: int) -> NoReturn:
            try:
                self._end_open_calls()
            except Exception as error:
                # Nobody else would show it.
                sys.excepthook(type(error), error, error.__traceback__)
            finally:
                exit_at_once(status)

        os._exit = exit_in_order

    def _end_open_calls(self) -> None:
        """End the calls that this process has not ended, and tell the others."""
        for owner in self._owners_of_open_calls():
            end_open_calls(self._run, owner)
        self._run.current.hear_other_processes()

    def _owners_of_open_calls(self) -> Iterable[Owner]:
        """Return the owners that calls of this process may belong to now."""
        run = self._run
        # Outside of tests, the owner of now is one of the scopes.
        owners = [run.current.owner, *run.current.scopes.values()]
        owners += [cassette.block_owner for cassette in run.current.cassettes.open]
        return list(dict.fromkeys(owners))


def pause_before_fork(run: Run) -> None:
    """Wait until no thread of a run is in a turn, before a process is forked."""
    turns = run.recordings.turns
    turns.begin()
    run.current.is_forking = True
    try:
        if run.current.family is None:
            family = Family(run)
            turns.share(family)
            run.current.family = family
        run.current.family.share_owners_before_fork()
    except MimicError as error:
        run.account.errors.append(str(error))


def go_on_after_fork(run: Run) -> None:
    """Go on in the process that has forked another one."""
    if run.current.is_forking:
        run.current.is_forking = False
        run.recordings.turns.end()


def begin_forked_process(run: Run) -> None:
    """Go on in the process that was forked."""
    if run.current.is_forking:
        run.current.is_forking = False
        run.recordings.turns.start_over()
        run.recordings.wall_time.start_over()
        if run.current.family is not None:
            run.current.family.begin_process()


class Forks:
    """What happens at a fork; `coverings` loads it where a run has one."""

    pause_before_fork = staticmethod(pause_before_fork)
    go_on_after_fork = staticmethod(go_on_after_fork)
    begin_forked_process = staticmethod(begin_forked_process)
