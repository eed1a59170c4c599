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
        account: The account of the run.
        vault: The vault.
        run: What the run is made of, for the engine.
        drifts: The drifts of the running test that no report has shown yet.
        judges_phases: Whether drifts are reported with the phase of a test that they
            are in. Otherwise they are reported when all phases have ended.
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
        self.drifts: list[DriftError] = []
        self.judges_phases = True
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
        self.account.begun_tests.append((len(self.account.replays), nodeid))
        self.run.current.pending.begin()
        self.scopes.begin_test(nodeid)
        self.run.places.folder_of_test = None

    def end_test(
        self, *, passed: bool, is_neither_skipped_nor_xfail: bool = False
    ) -> None:
        """End a test, after its teardown.

        Args:
            passed: Whether no phase of the test failed.
            is_neither_skipped_nor_xfail: Whether the test ran, and was not expected to
                fail.
        """
        try:
            self.scopes.end_test(
                passed=passed, is_neither_skipped_nor_xfail=is_neither_skipped_nor_xfail
            )
        finally:
            self.run.end_test()
            self.run.places.folder_of_test = None

    def break_off(self) -> None:
        """End the test in which the run was stopped, if there is one, as not passed."""
        if self.run.current.test:
            self.end_test(passed=False)

    def take_pending(self) -> list[MimicError]:
        """Return the errors that the current phase must fail for, and forget them."""
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

    def keep_error(self, step: Callable[[], object]) -> None:
        """Take a step at the end of a test or of the run.

        An error becomes a line of the summary.
        """
        try:
            step()
        except MimicError as error:
            # The text of the error has its remedies, as commands of this run.
            error.commands = self.settings.commands
            self.account.errors.append(str(error))

    def close(self, *, is_complete: bool = False) -> None:
        """Restore everything.

        Args:
            is_complete: Whether all tests of the project have run and passed.
        """
        try:
            self.scopes.close(is_complete=is_complete)
            self.run.real_calls.let_waiting_threads_end(self.run.clock)
            self.account.replaced |= self.vault.replaced
        finally:
            if self.account.next_run is not None:
                self.account.next_run.end()
            self.coverings.close()
            self.run.end_test()
