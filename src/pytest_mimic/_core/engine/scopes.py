"""The owners of a run's calls, in turn, and what is kept of what each has recorded.

A test and a scope decide, when they end, what is kept of what they recorded. A scope
keeps what it recorded if a test has passed while it was set up.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pytest_mimic._core.engine.account_events import (
    OutcomeNotKept,
    RecordedError,
    RecordingRestored,
)
from pytest_mimic._core.engine.owners import Change, Owner
from pytest_mimic._core.vault.format import CASSETTES_PREFIX

if TYPE_CHECKING:
    from pytest_mimic._core.engine.run import Run

#: The summary names a call that has waited longer.
SECONDS_OF_LONG_WAIT = 1.0


class Scopes:
    """The owners of a run's calls, each in its turn the one of `Current`.

    The owner with the empty name is the scope of the session. It also owns the calls
    outside of tests.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._owners = run.current.scopes
        # The scopes that are set up, or have ended since the last test did.
        self._open: dict[str, Owner] = {}
        # The scopes in which the test ran whose teardown has begun.
        self._scopes_around_test: list[Owner] = []
        # By the test, the names of the recordings that its failed attempts have made: a
        # plugin may run a failed test again.
        self._made_in_failed_attempts: dict[str, set[str]] = {}

    # -- scopes

    def enter(self, name: str, *, is_teardown: bool = False) -> Callable[[bool], None]:
        """Assign calls to the scope of a wider fixture, to set it up or tear it down.

        Args:
            name: The name of the scope.
            is_teardown: Whether the fixture is torn down.

        Returns:
            A function that ends the assignment. It gets whether the set-up, or the
            tear-down, has passed. With its last fixture, the scope ends.
        """
        outer = self._run.current.owner
        owner = self._owners.setdefault(name, Owner(name))
        # A set-up is judged by itself: if it fails, what it recorded goes, and what
        # earlier ones recorded stays.
        journal, owner.journal = owner.journal, {}
        self._run.current.owner = owner
        owner.is_being_torn_down = is_teardown
        # The scope of the session ends with the run.
        if name:
            self._open[name] = owner

        def leave(passed: bool) -> None:
            self._run.current.hear_other_processes()
            fixture_count = owner.fixture_count + 1
            if is_teardown:
                fixture_count = owner.fixture_count - 1
            if fixture_count == 0:
                # Nobody is left who could read the streams of the scope.
                end_open_calls(self._run, owner)
            self._fill(owner, passed=passed)
            self._run.current.owner = outer
            if not passed:
                self._judge(owner, passed=False)
            _add_to(journal, owner.journal)
            owner.journal = journal
            owner.fixture_count = fixture_count
            if not fixture_count:
                owner.rewind()

        return leave

    # -- tests

    def begin_test(self, nodeid: str) -> None:
        """Begin a test, or a new attempt of one that has failed in this run."""
        owner = Owner(nodeid, is_test=True)
        self._run.current.owner = owner
        self._run.current.test_owner = owner
        owner.recordings_of_failed_attempts = self._made_in_failed_attempts.pop(
            nodeid, set()
        )
        owner.not_made_again = set(owner.recordings_of_failed_attempts)

    def begin_teardown(self) -> None:
        """Begin the teardown of a test, which may end scopes that it ran in."""
        self._scopes_around_test = [
            owner for owner in self._open.values() if owner.fixture_count
        ]

    def end_test(self, *, passed: bool, is_neither_skipped_nor_xfail: bool) -> None:
        """End a test, after its teardown, and the scopes that ended with it.

        A scope has passed if any test passed while it was set up.

        Args:
            passed: Whether the test has passed.
            is_neither_skipped_nor_xfail: Whether the test ran, and was not expected to
                fail.
        """
        test = self._run.current.owner
        scopes_around_test = self._scopes_around_test
        self._scopes_around_test = []
        session = self._owners[""]
        self._run.current.hear_other_processes()
        try:
            self.end_calls(test, passed=passed and is_neither_skipped_nor_xfail)
            if self._run.made_recordings is not None:
                # A miss is kept for equal calls of the same test alone.
                self._run.made_recordings.misses_of_test.clear()
            if passed and is_neither_skipped_nor_xfail:
                self._drop_old(test)
            if passed:
                self._leave_stayed_answers(test)
            self._judge(test, passed=passed)
            # A test that passed with what a scope recorded is the proof that it is
            # good.
            if passed:
                for owner in (session, *scopes_around_test):
                    owner.has_passed_test = True
            self._end_scopes()
        finally:
            self._run.current.owner = session
            self._run.current.test_owner = None
            test.ended.set()

    def _leave_stayed_answers(self, test: Owner) -> None:
        """Let wider fixtures go on with the answers that stayed in a test.

        A later test may record something new with such a fixture: see `stayed_answers`.
        """
        for scope in self._owners.values():
            if scope.fixture_count and scope.unwritten_answers:
                scope.unwritten_answers |= test.unwritten_answers

    def _end_scopes(self) -> None:
        for name, owner in list(self._open.items()):
            if not owner.fixture_count:
                del self._open[name]
                self._judge(owner, passed=owner.has_passed_test)
                owner.has_passed_test = False

    def close(self, *, is_complete: bool = False) -> None:
        """End all scopes.

        Only a complete run drops what they did not use: it may belong to fixtures of
        tests that did not run.
        """
        self._run.current.hear_other_processes()
        for owner in self._owners.values():
            self.end_calls(owner, passed=True)
            if is_complete:
                self._drop_old(owner)
            self._judge(owner, passed=owner.has_passed_test)
            owner.ended.set()
        self._run.current.closed.set()

    # -- calls that came to no whole outcome

    def end_calls(self, owner: Owner, *, passed: bool) -> None:
        """End the recordings of an owner's calls, which go on by themselves."""
        end_open_calls(self._run, owner)
        self._fill(owner, passed=passed)

    def _fill(self, owner: Owner, *, passed: bool) -> None:
        """Record the calls that came to no whole outcome, such as a long poll.

        Each gets the place in its sequence that was left empty for it.

        What made them, the test or the set-up of a fixture, must have passed. Otherwise
        they are forgotten.
        """
        unended_calls, owner.unended = owner.unended, []
        if not passed:
            return
        for unended in unended_calls:
            unended.track.fill(unended.place, unended.recording)
            seconds = unended.recording.stored.duration
            if seconds > SECONDS_OF_LONG_WAIT:
                self._run.account.notes.add(
                    f"{unended.label} waited {seconds:.1f} s for an answer: a replay"
                    " waits as long as the code lets it"
                )

    # -- what is kept

    def _drop_old(self, owner: Owner) -> None:
        """Drop what does not belong to an owner's conversations any more.

        An outcome that its sequence no longer reaches is dropped, and so is a call that
        was not made again.
        """
        run = self._run
        # What a forked process did is not known here: it may use any recording.
        is_forked = run.account.outcomes.get(owner.name) == "forked"
        if not run.settings.mode.writes or is_forked:
            return
        for track in owner.tracks.values():
            track.trim()
        if run.made_recordings is not None:
            for target in sorted(owner.clients_recorded_again):
                for name in run.made_recordings.not_made_by(owner, target):
                    run.made_recordings.drop(name)

    def _judge(self, owner: Owner, *, passed: bool) -> None:
        """Decide what is kept of what was recorded for an owner.

        All of it is kept, or if the owner's test failed, only new values.
        """
        if owner.not_made_again and passed:
            self._drop_failed_attempt(owner)
        if owner.is_test and not passed:
            self._note_failed_attempt(owner)
        if not owner.journal:
            return
        if passed:
            for change in owner.journal.values():
                for error in change.errors.values():
                    if error is not None:
                        self._run.account.recorded_errors.append(RecordedError(*error))
        else:
            self._take_back(owner)
            owner.let_recorded_answers_stay()
        owner.journal = {}

    def _note_failed_attempt(self, owner: Owner) -> None:
        """Note the recordings that did not exist before a failed attempt of a test.

        A new attempt replays none of them.
        """
        recording_names = set(owner.recordings_of_failed_attempts)
        for name, change in owner.journal.items():
            if change.is_of_new_file and not name.startswith(CASSETTES_PREFIX):
                recording_names.add(name)
        if recording_names:
            self._made_in_failed_attempts[owner.name] = recording_names

    def _drop_failed_attempt(self, owner: Owner) -> None:
        """Drop the recordings of failed attempts, once an attempt has passed.

        Those that the passed attempt has made again stay.
        """
        recordings = self._run.made_recordings
        if recordings is not None:
            for name in sorted(owner.not_made_again):
                recordings.drop(name)
        owner.not_made_again = set()

    def _take_back(self, owner: Owner) -> None:
        """Take back what a failed test must not keep.

        Errors and changed cassettes go. A recording that was replaced stands there
        again. What another test has written since stays. A sequence keeps
        the new outcomes before its first error. A conversation of which a part stood
        before is taken back as a whole.
        """
        # The files of each conversation, by its client. A file that belongs to none is
        # a group by itself, by its name.
        groups: dict[str, list[str]] = {}
        for name, change in owner.journal.items():
            groups.setdefault(change.conversation or name, []).append(name)
        for client_or_file, names in groups.items():
            may_stay = self._may_stay(owner, client_or_file, names)
            for name in names:
                self._take_back_file(owner, client_or_file, name, may_stay=may_stay)

    def _may_stay(self, owner: Owner, client_or_file: str, names: list[str]) -> bool:
        """Return whether new files of a failed test stay.

        Args:
            owner: The test, or the scope.
            client_or_file: The client of the conversation that they belong to, or the
                file.
            names: The files.
        """
        if client_or_file.startswith(CASSETTES_PREFIX):
            return False
        for name in names:
            change = owner.journal[name]
            has_changed = change.content_before != change.content_now
            if has_changed and not change.is_of_new_file:
                # A part of the conversation stood before: new files alone would mix it.
                return False
        recordings = self._run.made_recordings
        is_recorded_again = client_or_file in owner.clients_recorded_again
        if is_recorded_again and recordings is not None:
            return not recordings.not_made_by(owner, client_or_file)
        return True

    def _take_back_file(
        self, owner: Owner, client_or_file: str, name: str, *, may_stay: bool
    ) -> None:
        """Put a file back as it was before the failed test, and say so in the account.

        Args:
            owner: The test, or the scope.
            client_or_file: The client of the conversation that the file belongs to, or
                the file.
            name: The file.
            may_stay: Whether the good outcomes of a new file stay.
        """
        run = self._run
        account = run.account
        change = owner.journal[name]
        content = change.content_before
        if content is None and may_stay:
            content = change.last_good_content
        if content == change.content_now:
            return
        # What another test has written since stays.
        if not run.vault.restore(name, content, written_content=change.content_now):
            return
        if run.made_recordings is not None:
            run.made_recordings.read_or_written.pop(name, None)
        owner.tracks.pop(name, None)
        errors = [error for error in change.errors.values() if error]
        is_cassette = client_or_file.startswith(CASSETTES_PREFIX)
        if errors:
            account.outcomes_not_kept += [OutcomeNotKept(*error) for error in errors]
        elif content is None and not is_cassette:
            account.outcomes_not_kept.append(OutcomeNotKept(client_or_file, owner.name))
        elif not is_cassette:
            account.restored_recordings.append(RecordingRestored(name))
        if content is None:
            # There is no such recording any more.
            account.used.discard(name)


def _add_to(journal: dict[str, Change], later: Mapping[str, Change]) -> None:
    """Add later changes of files to earlier ones."""
    for name, change in later.items():
        earlier = journal.setdefault(name, change)
        if earlier is not change:
            earlier.note(change.content_now, change.errors)


def end_open_calls(run: Run, owner: Owner) -> None:
    """End the recordings of the calls of an owner that are still open."""
    if not owner.open_calls:
        return
    if any(not call.has_place for call in owner.open_calls):
        # What nobody can read any more has ended, and is recorded as far as it was
        # read.
        gc.collect()
        run.real_calls.end_unread_streams()
    for call in list(owner.open_calls):
        call.end_open()
