"""Wires the parts of one run together: settings, vault, engine, scopes and account.

The session knows nothing of pytest's hooks: `pytest_run.py` has them.
"""

from __future__ import annotations

from collections.abc import Callable
from time import strftime

from pytest_mimic._core.engine.account import Account
from pytest_mimic._core.engine.coverings import Coverings
from pytest_mimic._core.engine.run import Run
from pytest_mimic._core.engine.scopes import Scopes
from pytest_mimic._core.seam.registry import check_outcome
from pytest_mimic._core.settings import Mode, Settings
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic.errors import DriftError, MimicError, MissingRecordingError


class Session:
    """One pytest run, or one worker of it.

    Attributes:
        settings: The settings of the run.
        account: The account of the run, which the summary is made from.
        vault: The vault.
        run: What the run is made of, for the engine.
        unreported_drifts: The drifts of the running test that no report has shown yet.
            `phases.py` adds them, and it or `drift_reports.py` fails the test for them.
        reports_drifts_by_phase: Whether drifts are reported with the phase of a test
            that they are in. Otherwise `drift_reports.py` reports them when all phases
            have ended.
        coverings: The targets that are mimicked.
        scopes: The tests and scopes that calls belong to.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        store = FolderStore(settings.vault)
        self.vault: Vault = Vault(
            store,
            pickles=settings.pickles,
            label=settings.shown_vault,
            check_client=check_outcome,
        )
        self.run: Run = Run(settings, self.vault, today=strftime("%Y-%m-%d"))
        self.account: Account = self.run.account
        if settings.mode is not Mode.REPLAY:
            self._load_layers()
        self.unreported_drifts: list[DriftError] = []
        self.reports_drifts_by_phase = True
        self.coverings: Coverings = Coverings(self.run)
        self.scopes: Scopes = Scopes(self.run)

    def _load_layers(self) -> None:
        """Load what the mode needs: a test may replace functions that modules bind."""
        from pytest_mimic._core.engine.next_run import NextRun
        from pytest_mimic._run.layers import Layer, load

        load(Layer.RECORD)
        if self.settings.mode is Mode.VERIFY:
            load(Layer.VERIFY)
        if self.settings.mode.writes:
            # `NextRun` warns of parts of new recordings that the next run will not ask
            # for.
            self.account.next_run = NextRun(self.run)

    # -- tests

    def begin_test(self, nodeid: str) -> None:
        """Begin a test, before its set-up. Its sequences start over."""
        self.coverings.look_again()
        self.run.current.test = nodeid
        # From this, `Account` tells which test each replay was for.
        self.account.begun_tests.append((len(self.account.replays), nodeid))
        self.run.current.pending.begin()
        self.scopes.begin_test(nodeid)
        # If the test asks for a `tmp_path`, `fixture_scopes.py` sets its folder.
        self.run.places.folder_of_test = None

    def end_test(
        self, *, passed: bool, is_neither_skipped_nor_xfail: bool = False
    ) -> None:
        """End a test, after its teardown, and keep or take back what it recorded.

        Args:
            passed: Whether no phase of the test failed. If one did, `Scopes` takes back
                what the test recorded.
            is_neither_skipped_nor_xfail: Whether the test ran, and was not expected to
                fail. Only then do recordings go that a re-recording did not make again.
        """
        try:
            self.scopes.end_test(
                passed=passed, is_neither_skipped_nor_xfail=is_neither_skipped_nor_xfail
            )
        finally:
            self.run.end_test()
            # The folder of `tmp_path` was that of this test alone.
            self.run.places.folder_of_test = None

    def break_off(self) -> None:
        """End the test in which the run was stopped, if there is one, as not passed."""
        if self.run.current.test:
            self.end_test(passed=False)

    def take_pending(self) -> list[MimicError]:
        """Return the errors that the current phase must fail for, and forget them.

        They are misses, drifts and refused calls, also those whose errors code caught,
        and wrong targets.
        """
        # The rest of a stream may drift, and a forked process may have missed a call.
        self.run.real_calls.end_unread_streams()
        self.run.current.hear_other_processes()
        return [*self.run.current.pending.take(), *self.coverings.new_problems()]

    def keep_strays_for_summary(self) -> None:
        """Keep errors outside of tests for the summary: no test can fail for them."""
        for error in self.take_pending():
            # The summary has a list of misses of its own.
            if not isinstance(error, MissingRecordingError):
                error.commands = self.settings.commands
                self.account.errors.append(str(error))

    def do_and_keep_error(self, step: Callable[[], object]) -> None:
        """Take a step at the end of a test or of the run.

        An error becomes a line of the summary, and fails the run. If it were raised,
        the steps after this one would not be taken.
        """
        try:
            step()
        except MimicError as error:
            # The text of the error has its remedies, as commands of this run.
            error.commands = self.settings.commands
            self.account.errors.append(str(error))

    def close(self, *, is_complete: bool = False) -> None:
        """End the scopes of fixtures, and restore all functions that were replaced.

        Args:
            is_complete: Whether all tests of the project have run and passed.
        """
        try:
            self.scopes.close(is_complete=is_complete)
            self.run.real_calls.let_waiting_threads_end(self.run.clock)
            # `Ending.finish` deletes these objects, which no recording has any more.
            self.account.replaced_objects |= self.vault.replaced
        finally:
            if self.account.next_run is not None:
                self.account.next_run.end()
            self.coverings.close()
            self.run.end_test()
