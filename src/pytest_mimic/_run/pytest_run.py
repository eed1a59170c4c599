"""One pytest process from its header to its end, loaded if the run may mimic."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

from pytest_mimic._core.modules import module_exists
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.targets.target import absent_clients, missing_module
from pytest_mimic._core.vault.folder import holds_recordings
from pytest_mimic._core.words import plural
from pytest_mimic._run.configuration import (
    Hooks,
    lacking_lines,
    options_of,
    register_vcr_mark,
    settings_of,
    verbosity,
)
from pytest_mimic._run.ending import Ending
from pytest_mimic._run.fixture_scopes import FixtureScopes
from pytest_mimic._run.phases import Phases, failure_layer
from pytest_mimic._run.selected_tests import SelectedTests
from pytest_mimic._run.session import Session
from pytest_mimic._run.summary import mode_in_words
from pytest_mimic.errors import TargetError


def too_late() -> TargetError:
    """Return the error for a test that mimics something in an unprepared run.

    pytest had collected the tests, and none of them asked for the plugin so far.
    """
    return TargetError(
        "nothing was prepared for mimicking before the tests, "
        "and this test asks for it",
        remedies=[
            "import it at the top of the test's file or of conftest.py: "
            "from pytest_mimic import mimic",
            "name a fixture as an argument of the test",
        ],
    )


class PytestRun(Hooks):
    """One pytest process's run, and the plugin for its header and its end.

    It is made at the end of the collection at the latest.

    Attributes:
        config: pytest's configuration.
        session: The parts of the run.
        has_started: Whether `start` has covered the configured targets. A run that only
            a test or a fixture has asked for has not.
        tests: Which tests are selected, and how they end.
        phases: The test that runs.
        ending: What the end of the run finds and says.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.session = Session(settings_of(config))
        self.has_started = False
        # Under xdist, the controller runs no test and judges, and workers run them.
        self._is_worker = hasattr(config, "workerinput")
        self._is_controller = not self._is_worker and _distributes(config.option)
        self.tests = SelectedTests(config, self.session.account)
        self.phases = Phases(self.session)
        self.ending = Ending(
            config, self.session, self.tests, is_controller=self._is_controller
        )
        fixture_scopes = FixtureScopes(config, self.session)
        config.pluginmanager.register(fixture_scopes, "mimic-fixtures")
        config.pluginmanager.register(self.phases, "mimic-phases")
        if self.session.settings.mode is Mode.VERIFY:
            reports = failure_layer().DriftReports(self.session)
            config.pluginmanager.register(reports, "mimic-drifts")
        self._load_for_options()

    def _load_for_options(self) -> None:
        """Load what shows calls, for `-v` and `--mimic-report`, and writes usage.

        This function is the door to the layer of tools.
        """
        config = self.config
        if config.option.mimic_report or verbosity(config) > 0:
            from pytest_mimic._run.call_report import CallReports

            self.ending.call_reports = CallReports(config, self.session)
            config.pluginmanager.register(self.ending.call_reports, "mimic-calls")
        path = self.session.settings.usage
        if path is not None:
            from pytest_mimic._tools.unused.usage import UsageFile

            self.ending.usage_file = UsageFile(path)

    # -- start

    def start(self) -> None:
        """Replace the functions and clients that lines of `mimic_functions` name.

        A function whose module is not imported yet is replaced when it is.

        Raises:
            pytest.UsageError: Lines are wrong. The error names all of them.
        """
        self.has_started = True
        self.ending.prepare()
        targets = options_of(self.config).targets()
        self.session.coverings.targets = targets
        self.session.account.lacking_lines.update(lacking_lines(self.config, targets))
        # The controller of xdist calls nothing.
        if not self._is_controller:
            if self.session.run.account.next_run is not None:
                self.session.run.account.next_run.begin()
            self.session.coverings.cover(targets)
        register_vcr_mark(self.config)
        manager = self.config.pluginmanager
        manager.register(self.tests, "mimic-run")

    def pytest_report_header(self) -> list[str]:
        """Return the line that names the mode and the vault.

        A run without configured targets and without recordings has none.
        """
        settings = self.session.settings
        targets = self.session.coverings.targets
        if not targets and not holds_recordings(settings.vault):
            return []
        line = f"mimic: {mode_in_words(settings)}"
        target_count = sum(not target.excluded for target in targets)
        if target_count:
            facts = [plural(target_count, "target")]
            absent = absent_clients(targets)
            if absent:
                facts.append(f"not installed: {', '.join(absent)}")
            line += f" ({'; '.join(facts)})"
        return [line]

    # -- collection

    def finish_collection(self, selected: Sequence[pytest.Item]) -> None:
        """Judge the selection and the targets.

        Args:
            selected: The tests that will run.

        Raises:
            pytest.UsageError: A target does not exist. Under xdist the tests fail
                instead.
        """
        self.session.run.note_environment()
        # In a file or in the log of a job, a line that is written over would be noise.
        terminal: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        if self.session.settings.mode.writes and getattr(terminal, "isatty", False):
            from pytest_mimic._run.progress import show_progress

            self.config.add_cleanup(show_progress(terminal, self.session.run))
        self.tests.finish_collection(selected, usage_file=self.ending.usage_file)
        target_errors = self.session.coverings.new_problems()
        if not self.tests.reasons_for_partial_run():
            target_errors += self._missing_modules()
        if not target_errors:
            return
        self.session.account.target_problems += [str(error) for error in target_errors]
        if not self._is_worker:
            raise pytest.UsageError(*self.session.account.target_problems)
        # An error here would end the worker without a word. So its tests fail, and the
        # controller ends the run by the problems in the worker's account.
        self.phases.target_error = target_errors[0]

    def _missing_modules(self) -> list[TargetError]:
        """Return an error for each target whose module does not exist.

        A part of the tests may not need it, so that it is no error there.
        """
        # Thousands of targets may be in a few modules.
        exists = cache(module_exists)
        errors = []
        for target in self.session.coverings.targets:
            if not target.is_client and not exists(target.module):
                error = missing_module(target)
                if error is not None:
                    errors.append(error)
        return errors

    def end_worker(self, account: dict[str, Any] | None, error: object) -> None:
        """Add the account of a worker of xdist that has ended.

        Args:
            account: The account. A worker that crashed, or mimicked nothing, has sent
                none.
            error: Why the worker has crashed, or None.
        """
        if account is not None:
            self.session.account.add(account)
        # A run that has started mimics in each worker, so that each sends an account.
        if error is not None or (account is None and self.has_started):
            self.tests.narrow("a worker crashed")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.ending.finish(session)

    def close(self) -> None:
        """Restore everything if the run did not come to its end."""
        self.session.close()
        self.session.vault.store.end_writing()


def _distributes(option: Any) -> bool:
    """Return whether xdist runs the tests in other processes, by its own rules."""
    if option.collectonly or getattr(option, "dist", "no") == "no":
        return False
    return bool(getattr(option, "tx", None))
