"""One pytest process from its header to its end, loaded once something is mimicked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

from pytest_mimic._core.modules import module_exists
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.targets.target import absent_clients, missing_module
from pytest_mimic._core.words import plural
from pytest_mimic._run.complete_selection import SelectedTests
from pytest_mimic._run.configuration import (
    Hooks,
    lacking_lines,
    options_of,
    register_vcr_mark,
    settings_of,
    verbosity,
)
from pytest_mimic._run.ending import Ending, holds_recordings
from pytest_mimic._run.fixtures import Fixtures
from pytest_mimic._run.phases import Phases
from pytest_mimic._run.session import Session
from pytest_mimic._run.summary import mode_line
from pytest_mimic.errors import TargetError


def too_late() -> TargetError:
    """Return the error for a test that mimics something in an unprepared run."""
    return TargetError(
        "nothing was prepared for mimicking before the tests, and this test asks for it",
        remedies=[
            "import it at the top of the test's file or of conftest.py:"
            " from pytest_mimic import mimic",
            "name a fixture as an argument of the test",
        ],
    )


class PytestRun(Hooks):
    """One pytest process's run, and the plugin for its header and its end.

    It is made at the end of the collection at the latest. It has started when the
    configured targets are covered.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.session = Session(settings_of(config))
        self.has_started = False
        self._is_worker = hasattr(config, "workerinput")
        option = config.option  # checked as xdist does
        distributes = getattr(option, "dist", "no") != "no" and bool(
            getattr(option, "tx", None)
        )
        self._is_controller = (
            not self._is_worker and distributes and not option.collectonly
        )
        self.tests = SelectedTests(
            config, self.session.ledger
        )  # which tests are selected, and how they end
        self.phases = Phases(self.session)  # the test that runs
        # What the end of the run finds and says.
        self.ending = Ending(
            config, self.session, self.tests, is_controller=self._is_controller
        )
        config.pluginmanager.register(Fixtures(config, self.session), "mimic-fixtures")
        config.pluginmanager.register(self.phases, "mimic-phases")
        if self.session.settings.mode is Mode.VERIFY:
            from pytest_mimic._run.drift_reports import DriftReports

            reports = DriftReports(self.session)
            config.pluginmanager.register(reports, "mimic-drifts")
        # After the phases, so that it sees reports that are judged.
        if option.mimic_report or verbosity(config) > 0:
            from pytest_mimic._run.call_report import CallReports

            self.ending.calls = CallReports(config, self.session)
            config.pluginmanager.register(self.ending.calls, "mimic-calls")

    # -- start

    def start(self) -> None:
        """Cover the configured targets. pytest.UsageError: Lines are wrong.

        All of them are named.
        """
        self.has_started = True
        self.ending.prepare()
        targets = options_of(self.config).targets()
        self.session.coverings.targets = targets
        self.session.ledger.lacking_lines.update(lacking_lines(self.config, targets))
        if not self._is_controller:
            if self.session.state.next_run is not None:
                self.session.state.next_run.begin()
            self.session.coverings.cover(targets)
        register_vcr_mark(self.config)
        manager = self.config.pluginmanager
        manager.register(self.tests, "mimic-run")

    def pytest_report_header(self) -> list[str]:
        """Return the line that names the mode and the vault, if the configuration or the vault asks for one."""
        settings = self.session.settings
        if not (self.session.coverings.targets or holds_recordings(settings.vault)):
            return []
        count = sum(not target.excluded for target in self.session.coverings.targets)
        absent = absent_clients(self.session.coverings.targets)
        facts = [
            plural(count, "target"),
            *([f"not installed: {', '.join(absent)}"] if absent else []),
        ]
        targets = (
            f" ({'; '.join(facts)})" if count else ""
        )  # markers and fixtures may name others
        return [f"mimic: {mode_line(settings)}{targets}"]

    # -- collection

    def finish_collection(self, selected: Sequence[pytest.Item]) -> None:
        """Judge the selection, which are the tests that will run, and the targets.

        pytest.UsageError: A target does not exist. Under xdist the tests fail instead.
        """
        self.session.state.note_environment()
        terminal: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        if self.session.settings.mode.writes and getattr(terminal, "isatty", False):
            from pytest_mimic._run.progress import show_progress

            self.config.add_cleanup(show_progress(terminal, self.session.state))
        self.tests.finish_collection(
            selected, are_listed=self.session.settings.usage is not None
        )
        problems = self.session.coverings.new_problems()
        if not self.tests.narrowed():
            exists = cache(
                module_exists
            )  # asked for thousands of targets in a few modules
            targets = self.session.coverings.targets
            absent = [
                one for one in targets if not one.is_client and not exists(one.module)
            ]
            problems += filter(None, map(missing_module, absent))
        if not problems:
            return
        self.session.ledger.problems += [str(problem) for problem in problems]
        if not self._is_worker:
            raise pytest.UsageError(*self.session.ledger.problems)
        self.phases.broken = problems[0]

    def end_worker(self, ledger: dict[str, Any] | None, error: object) -> None:
        """Add the ledger of a worker of xdist that has ended.

        One that crashed, or mimicked nothing, has sent none.
        """
        if ledger is not None:
            self.session.ledger.add(ledger)
        if error is not None or (ledger is None and self.has_started):
            self.tests.narrow("a worker crashed")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.ending.finish(session)

    def close(self) -> None:
        """Restore everything if the run did not come to its end."""
        self.session.close()
        self.session.vault.store.end_run()
