"""One pytest process from its header to its end, loaded once something is mimicked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from pytest_mimic._core.garbage import without_collections
from pytest_mimic._core.node_ids import plain_id, relative_path
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.targets.target import Target
from pytest_mimic._core.words import plural
from pytest_mimic._run.complete_selection import SelectedTests
from pytest_mimic._run.configuration import (
    Hooks,
    hook_targets,
    ini_targets,
    is_asked,
    owns_vcr_marks,
    register_vcr_marks,
    reports_to_ci,
    settings_of,
    shows_calls,
)
from pytest_mimic._run.ending import Ending
from pytest_mimic._run.fixtures import Fixtures
from pytest_mimic._run.phases import BlockedPhases, Phases
from pytest_mimic._run.session import Session
from pytest_mimic._run.summary import mode_line, names_targets
from pytest_mimic._run.unused_check import holds_recordings
from pytest_mimic.errors import MimicError, TargetError


class PytestRun(Hooks):
    """One pytest process's run, and the plugin for its header and its end.

    It may be made while a test is running. It has started when the configured targets are covered.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.session = Session(settings_of(config))
        self.has_started = False
        self._header: list[str] = []  # as pytest has shown it
        self._is_worker = hasattr(config, "workerinput")
        option = config.option  # checked as xdist does
        distributes = getattr(option, "dist", "no") != "no" and bool(getattr(option, "tx", None))
        self._is_controller = not self._is_worker and distributes and not option.collectonly
        self.tests = SelectedTests(config, self.session.ledger)  # which tests are selected, and how they end
        self.phases = Phases(self.session)  # the test that runs
        # What the end of the run finds and says.
        self.ending = Ending(config, self.session, self.tests, is_controller=self._is_controller)
        self._late_problems: list[TargetError] = []
        fixtures = Fixtures(config, self.session)
        config.pluginmanager.register(fixtures, "mimic-fixtures")
        config.pluginmanager.register(self.phases, "mimic-phases")
        self._watch()  # after the phases, so that it sees reports that are judged
        if (item := _test_under_way(config)) is not None:
            self.phases.name_test(item)
            fixtures.catch_up(item)

    def _watch(self) -> None:
        """Register what shows the calls of each test, if that was requested."""
        register = self.config.pluginmanager.register
        if shows_calls(self.config):
            from pytest_mimic._run.call_report import CallReports

            self.ending.calls = calls = CallReports(self.config, self.session)
            register(calls, "mimic-calls")
        if reports_to_ci(self.config):
            from pytest_mimic._run.ci import CiReports

            lines = partial(self.ending.summary, quiet=False)
            register(CiReports(self.config, self.session.ledger, lines), "mimic-ci")

    # -- start

    def start(self) -> None:
        """Cover the configured targets. pytest.UsageError: Lines are wrong. All of them are named."""
        self.has_started = True
        self.ending.prepare()
        hooks = self.config.hook.pytest_mimic_targets.get_hookimpls()[::-1]  # as pluggy calls them
        with without_collections():
            self._cover([*ini_targets(self.config), *hook_targets(self.config, hooks)])
        register_vcr_marks(self.config)
        manager = self.config.pluginmanager
        manager.register(self.tests, "mimic-run")
        settings = self.session.settings
        if settings.mode.writes:
            from pytest_mimic._run.progress import ProgressLine

            manager.register(ProgressLine(self.config, self.session.state), "mimic-progress")
        if settings.mode is Mode.RECORD or settings.only:
            from pytest_mimic._run.restarts import Restarts

            self.phases.restarts = Restarts(self.session)
            manager.register(self.phases.restarts, "mimic-restarts")
        if settings.blocks_network and not self._is_controller:
            manager.register(BlockedPhases(self.session), "mimic-network")

    def add_conftest(self, plugin: object) -> None:
        """Cover the targets of a conftest.py that is loaded when its folder is collected.

        A wrong target is reported when collecting has finished.
        """
        known = self.config.hook.pytest_mimic_targets.get_hookimpls()
        own = [one for one in known if one.plugin is plugin]
        try:
            if self.has_started:
                self._cover(hook_targets(self.config, own))
            else:
                self.start()
        except pytest.UsageError as error:
            self._late_problems.append(TargetError(str(error)))

    def _cover(self, targets: Sequence[Target]) -> None:
        self.session.coverings.targets += targets
        if not self._is_controller:
            self.session.coverings.cover(targets)

    def pytest_report_header(self) -> list[str]:
        """Return the line that names the mode and the vault, if the configuration or the vault asks for one."""
        settings = self.session.settings
        configured = self.session.coverings.targets or settings.blocks_network
        if not (configured or holds_recordings(settings.vault)):
            return []
        count = sum(not target.excluded for target in self.session.coverings.targets)
        absent = self.session.coverings.missing_clients()
        facts = [plural(count, "target"), *([f"not installed: {', '.join(absent)}"] if absent else [])]
        targets = f" ({'; '.join(facts)})" if count else ""  # markers and fixtures may name others
        blocked = ", network blocked" if settings.blocks_network else ""
        self._header = [f"mimic: {mode_line(settings)}{targets}{blocked}"]
        return self._header

    def late_header(self, items: Sequence[pytest.Item]) -> list[str]:
        """Return the header after the collection, if it says something else now, as collected files name targets."""
        if self.config.option.verbose < 0:
            return []
        known, is_hidden = self._header, self.config.option.no_header
        if self.session.coverings.targets:
            return [] if known == self.pytest_report_header() or is_hidden else self._header
        if any(map(names_targets, items)):
            return [] if known or is_hidden else [f"mimic: {mode_line(self.session.settings)}"]
        if not is_asked(self.config):
            return []
        why = "no ini file was found"
        if (path := self.config.inipath) is not None:
            why = f"{relative_path(path, start=self.config.invocation_params.dir)} has no mimic_functions"
        return [f"mimic: nothing is mimicked: {why}, and no test names a target"]

    # -- collection

    def mark_recorders(self, items: Sequence[pytest.Item]) -> None:
        """Put the marker `mimicked` on each test that a recording or cassette names as the one that recorded it."""
        vault = self.session.vault
        recorders = {test for _, test, _ in vault.tests_of(vault.names())}
        for item in items:
            if plain_id(item) in recorders:
                item.add_marker("mimicked")

    def finish_collection(self, selected: Sequence[pytest.Item]) -> None:
        """Judge the selection, which are the tests that will run, and the targets.

        pytest.UsageError: A target does not exist. Under xdist the tests fail instead.
        """
        self.session.state.note_environment()
        self.tests.finish_collection(selected, are_listed=self.session.settings.usage is not None)
        problems = [*self._late_problems, *self.session.coverings.new_problems()]
        if self.session.settings.mode is not Mode.LIVE and owns_vcr_marks(self.config):
            marked = [item for item in selected if item.get_closest_marker("vcr")]
            if marked:
                from pytest_mimic._run.vcr_marks import unanswered

                problems += unanswered(marked, self.session.coverings.targets)
        if not self.tests.narrowed():
            problems += self.session.coverings.missing_modules()
        if not problems:
            return
        self.session.ledger.problems += [str(problem) for problem in problems]
        if not self._is_worker:
            raise pytest.UsageError(*self.session.ledger.problems)
        self.phases.broken = problems[0]

    def end_worker(self, ledger: dict[str, Any] | None, error: object) -> None:
        """Add the ledger of a worker of xdist that has ended. One that crashed, or mimicked nothing, has sent none."""
        if ledger is not None:
            self.session.ledger.add(ledger)
        if error is not None or (ledger is None and self.has_started):
            self.tests.narrow("a worker crashed")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.ending.finish(session)

    def close(self) -> None:
        """Restore everything if the run did not come to its end."""
        self.session.close(passed=False)
        with suppress(MimicError):  # the summary has named what cannot be written
            self.session.vault.store.flush()
        self.session.vault.end_run()


def _test_under_way(config: pytest.Config) -> pytest.Item | None:
    """Return the test that runs now: one may be the first that mimics anything."""
    nodeid = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    items = getattr(config.pluginmanager.get_plugin("session"), "items", ())
    return next((item for item in items if item.nodeid == nodeid), None)
