"""Wires settings, vault, patches, engine and the date of new recordings together for one run."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from time import strftime

from pytest_mimic._core.engine.coverings import Coverings
from pytest_mimic._core.engine.ledger import Ledger
from pytest_mimic._core.engine.owners import Scopes
from pytest_mimic._core.engine.run_state import RunState
from pytest_mimic._core.seam.registry import check_outcome
from pytest_mimic._core.settings import Mode, Settings
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic.errors import DriftError, MimicError, MissingRecordingError

# What a recording mode loads at once, because a test may replace functions that these
# modules bind.
_BOUND_EARLY = (
    "engine.decisions",
    "engine.effects",
    "engine.execution",
    "vault.locks",
    "vault.objects",
    "vault.writing",
)


class Session:
    """One pytest run, or one worker of it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ledger = Ledger()
        store = FolderStore(settings.vault)
        self.vault = Vault(
            store,
            pickles=settings.pickles,
            label=settings.shown_vault,
            check_client=check_outcome,
        )
        self.state = RunState(
            settings=settings,
            vault=self.vault,
            ledger=self.ledger,
            today=strftime("%Y-%m-%d"),
        )
        if settings.mode is not Mode.REPLAY:
            for name in _BOUND_EARLY:
                import_module(f"pytest_mimic._core.{name}")
        if settings.mode.writes:
            from pytest_mimic._core.engine.next_run import NextRun

            self.state.next_run = NextRun(self.state)
        # The drifts of the running test that no report has shown yet.
        self.drifts: list[DriftError] = []
        # Whether drifts are reported with the phase of a test that they are in. Else
        # they are reported when all its phases have ended.
        self.judges_phases = True
        self.coverings = Coverings(self.state)  # what is mimicked
        self.scopes = Scopes(self.state)  # the tests and scopes that calls belong to

    # -- tests

    def begin_test(self, nodeid: str) -> None:
        """Begin a test, before its set-up. Its sequences start over."""
        self.coverings.look_again()
        self.state.test = nodeid
        self.ledger.begun.append((len(self.ledger.replays), nodeid))
        self.state.pending.begin()
        self.scopes.begin_test(nodeid)
        self.state.places.own = None

    def end_test(self, *, passed: bool, is_whole: bool = False) -> None:
        """End a test, after its teardown.

        It is whole if it passed and was neither skipped nor expected to fail.
        """
        try:
            self.scopes.end_test(passed=passed, is_whole=is_whole)
        finally:
            self.state.end_test()
            self.state.places.own = None

    def break_off(self) -> None:
        """End the test during which the run was stopped, if there is one, as not passed."""
        if self.state.test:
            self.end_test(passed=False)

    def take_pending(self) -> list[MimicError]:
        """Return the errors that must fail the current phase of the test, and forget them."""
        self.state.end_discarded()
        self.state.hear()
        return [*self.state.pending.take(), *self.coverings.new_problems()]

    def take_strays(self) -> None:
        """Keep the errors outside of tests for the summary, because no test can fail for them."""
        for error in self.take_pending():
            if not isinstance(error, MissingRecordingError):  # these are listed
                error.commands = self.settings.commands
                self.ledger.errors.append(str(error))

    def keep_error(self, step: Callable[[], object]) -> None:
        """Take a step at the end of a test or of the run.

        An error becomes a line of the summary.
        """
        try:
            step()
        except MimicError as error:
            error.commands = self.settings.commands
            self.ledger.errors.append(str(error))

    def close(self, *, is_complete: bool = False) -> None:
        """Restore everything. A complete run has run all tests."""
        try:
            self.scopes.close(is_complete=is_complete)
            self.ledger.replaced |= self.vault.replaced
        finally:
            if self.state.next_run is not None:
                self.state.next_run.end()
            self.coverings.close()
            self.state.end_test()
