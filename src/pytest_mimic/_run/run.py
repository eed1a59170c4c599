"""One pytest process from start to finish, loaded once something is mimicked."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mimic._core.files.places import TEMPORARY
from pytest_mimic._core.node_ids import plain_id, relative_path, without_group
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.targets.target import Target, as_targets
from pytest_mimic._core.words import SHOWN, plural, size
from pytest_mimic._run.complete_selection import Selection, selection_of
from pytest_mimic._run.configuration import (
    hook_targets,
    ini_targets,
    is_asked,
    reports_to_ci,
    settings_of,
    shows_calls,
)
from pytest_mimic._run.session import Session
from pytest_mimic._run.summary import mode_line, names_targets, summary
from pytest_mimic._run.unused_check import holds_recordings, judge_unused, restore_replaced
from pytest_mimic._tools.unused.judgement import Judgement
from pytest_mimic.errors import MimicError, TargetError, printable

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pytest_mimic._run.call_report import CallReports
    from pytest_mimic._run.ci import CiReports
    from pytest_mimic._run.fixtures import WiderFixtures
    from pytest_mimic._run.progress import Progress
    from pytest_mimic._run.restarts import Restarts
    from pytest_mimic._run.session import Covering

_STOPPED = "the run was stopped early"
# The exit codes of runs that were not stopped.
_COMPLETE = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


class PytestRun:
    """One pytest process's run, and the plugin whose hooks only such a run needs.

    It may be made while a test, `item`, is running. It has started when the configured targets are covered.
    """

    def __init__(self, config: pytest.Config, item: pytest.Item | None = None) -> None:
        self.config = config
        self.session = Session(settings_of(config))
        self.has_started = self._has_header = self._has_loaded_all = False
        self._is_worker = hasattr(config, "workerinput")
        option = config.option  # checked as xdist does
        distributes = getattr(option, "dist", "no") != "no" and bool(getattr(option, "tx", None))
        self._is_controller = not self._is_worker and distributes and not option.collectonly
        self._marks: list[Covering] = []
        self._wider: WiderFixtures | None = None
        self._outcomes: dict[str, str] = {}
        self._collected: list[pytest.Item] = []
        self._requested: Selection | None = None  # once it is needed
        self._late_problems: list[TargetError] = []
        self._broken: TargetError | None = None
        self._phases_passed = self._is_whole = True
        self._ran_tests, self._replays_before = False, 0
        self._judgement = Judgement()
        self._restarts: Restarts | None = None
        self._restored: list[str] = []
        self._progress: Progress | None = None
        self._calls: CallReports | None = None
        self._page: list[str] = []  # the line that names the HTML report
        self._watchers: list[CallReports | CiReports] = []
        self._watch()
        if item is not None:
            self.session.begin_test(plain_id(item))
            self.session.state.own_files = partial(_own_files, item)

    def _watch(self) -> None:
        """Register what shows the calls of each test, if that was requested."""
        register = self.config.pluginmanager.register
        if shows_calls(self.config):
            from pytest_mimic._run.call_report import CallReports

            self._calls = CallReports(self.config, self.session)
            self._watchers.append(self._calls)
            register(self._calls, "mimic-calls")
        if reports_to_ci(self.config):
            from pytest_mimic._run.ci import CiReports

            reports = CiReports(self.config, self.session.ledger, partial(self.summary, quiet=False))
            self._watchers.append(reports)
            register(reports, "mimic-ci")

    # -- start

    def start(self) -> None:
        """Cover the configured targets.

        Raises:
            pytest.UsageError: Lines are wrong. All of them are named.
        """
        self.has_started = True
        if self.session.settings.review and not self._is_worker:
            from pytest_mimic._core.pending.waiting import begin

            begin(self.session.settings)
        if self.session.settings.usage is not None and not self._is_worker:
            from pytest_mimic._run.usage_writer import remove_old

            remove_old(self.session.settings.usage)
        if self._is_controller and self.session.settings.mode.writes:
            self._keep_error(self.session.vault.mark_run)
        hooks = self.config.hook.pytest_mimic_targets
        self._cover([*ini_targets(self.config), *hook_targets(lambda: hooks(config=self.config))])
        manager = self.config.pluginmanager
        manager.register(self, "mimic-run")
        if self.session.settings.mode is Mode.RECORD or self.session.settings.only:
            from pytest_mimic._run.restarts import Restarts

            self._restarts = Restarts(self.session)
            manager.register(self._restarts, "mimic-restarts")
        if self.session.settings.blocks_network and not self._is_controller:
            from pytest_mimic._run.network import BlockedPhases

            manager.register(BlockedPhases(self.session), "mimic-network")

    def add_conftest(self, plugin: object) -> None:
        """Cover the targets of a conftest.py that is loaded when its folder is collected.

        A wrong target is reported when collecting has finished.
        """
        known = self.config.hook.pytest_mimic_targets.get_hookimpls()
        own = [one for one in known if one.plugin is plugin]
        hooks = [partial(one.function, *[self.config] * len(one.argnames)) for one in own]
        try:
            if self.has_started:
                self._cover(hook_targets(lambda: [hook() for hook in hooks]))
            else:
                self.start()
        except pytest.UsageError as error:
            self._late_problems.append(TargetError(str(error)))

    def _cover(self, targets: Sequence[Target]) -> None:
        self.session.targets += targets
        if not self._is_controller:
            self.session.cover(targets)

    def header(self) -> list[str]:
        """Return the line that names the mode and the vault, if the configuration or the vault asks for one."""
        settings = self.session.settings
        records_vcr = self.config.getini("mimic_vcr") != "off" and settings.mode is not Mode.REPLAY
        configured = self.session.targets or settings.blocks_network or records_vcr
        if not (configured or holds_recordings(settings.vault)):
            return []
        self._has_header = True
        count = sum(not target.excluded for target in self.session.targets)
        absent = self.session.missing_clients()
        facts = [plural(count, "target"), *([f"not installed: {', '.join(absent)}"] if absent else [])]
        targets = f" ({'; '.join(facts)})" if count else ""  # markers and fixtures may name others
        blocked = ", network blocked" if settings.blocks_network else ""
        return [f"mimic: {mode_line(settings)}{targets}{blocked}"]

    def late_header(self, items: Sequence[pytest.Item]) -> list[str]:
        """Return the header after the collection: that only tests name targets, or that nothing does."""
        if self.config.option.verbose < 0 or self.session.targets:
            return []
        if any(map(names_targets, items)):
            return [] if self._has_header else [f"mimic: {mode_line(self.session.settings)}"]
        if not is_asked(self.config) or self.config.getini("mimic_vcr") != "off":
            return []
        path, here = self.config.inipath, self.config.invocation_params.dir
        file = relative_path(path, start=here) if path else ""
        why = f"{file} has no mimic_functions" if file else "no ini file was found"
        return [f"mimic: nothing is mimicked: {why}, and no test names a target"]

    # -- collection

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self._collected.append(item)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.session.ledger.collected.add(report.nodeid.partition("::")[0])
        if report.failed:
            self._narrow("a collection error")
        elif report.skipped:
            self.session.ledger.skipped_modules.add(report.nodeid)

    def finish_collection(self, selected: Sequence[pytest.Item]) -> None:
        """Judge the selection, which are the tests that will run, and the targets.

        Raises:
            pytest.UsageError: A target does not exist. Under xdist the tests fail instead.
        """
        kept = set(map(id, selected))
        deselected = sum(id(item) not in kept for item in self._collected)
        if self.session.settings.usage is not None:
            self.session.ledger.tests.update(map(plain_id, self._collected))
        self._collected.clear()
        if deselected:
            self.session.ledger.deselected.append(f"{plural(deselected, 'test')} deselected")
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        settings = self.session.settings
        if settings.mode.writes and terminal is not None and terminal.isatty:
            from pytest_mimic._run.progress import Progress

            self._progress = Progress(self.session.state, terminal)
        problems = [*self._late_problems, *self.session.new_problems()]
        if not self._narrowed():
            problems += self.session.missing_modules()
        if not problems:
            return
        self.session.ledger.problems += [str(problem) for problem in problems]
        if not self._is_worker:
            raise pytest.UsageError(*self.session.ledger.problems)
        self._broken = problems[0]

    def end_worker(self, ledger: dict[str, Any] | None, error: object) -> None:
        """Add the ledger of a worker of xdist that has ended. One that crashed, or mimicked nothing, has sent none."""
        if ledger is not None:
            self.session.ledger.add(ledger)
        if error is not None or (ledger is None and self.has_started):
            self._narrow("a worker crashed")

    def _narrow(self, reason: str) -> None:
        if reason not in self.session.ledger.selection:
            self.session.ledger.selection.append(reason)

    def _selection(self) -> Selection:
        """Return the selection that the command line requests."""
        if self._requested is None:
            self._requested = selection_of(
                self.config.option,
                args=self.config.args,
                testpaths=self.config.getini("testpaths"),
                rootdir=self.config.rootpath,
                cwd=self.config.invocation_params.dir,
            )
        return self._requested

    def _narrowed(self) -> list[str]:
        """Return the reasons why not all tests run."""
        ledger = self.session.ledger
        return [*self._selection().narrowed, *ledger.deselected, *ledger.selection]

    # -- tests

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        self._ran_tests = True  # `--fixtures` and the like never get here

    def begin_test(
        self, item: pytest.Item, decorations: Sequence[Sequence[Target]], marks: Sequence[pytest.Mark]
    ) -> None:
        """Begin a test, before its set-up: mimic the targets of its class's decorators and of its markers.

        Raises:
            TargetError: A target does not exist.
        """
        self._phases_passed = self._is_whole = True
        self.session.take_strays()
        self.session.begin_test(plain_id(item))
        self.session.state.own_files = partial(_own_files, item)
        self._replays_before = self.session.ledger.own_replays
        for watcher in self._watchers:
            watcher.begin_test()
        if not self._has_loaded_all and "pyfakefs" in sys.modules:
            from pytest_mimic._run.plain_imports import load_all

            load_all()
            self._has_loaded_all = True
        if self._broken is not None:
            raise self._broken
        for targets in decorations:
            self._marks.append(self.session.enter(targets))
        for mark in reversed(marks):  # the closest marker comes first, and is entered last
            if not mark.args:
                raise TargetError('the marker names no target: write it as mimic("shop.api:fetch_rates")')
            self._marks.append(self.session.enter(as_targets(mark.args, mark.kwargs)))

    def end_marks(self) -> None:
        """Restore what the markers of a test, and the decorators of its class, covered."""
        while self._marks:
            self.session.uncover(self._marks.pop())

    def fixture_scope(self, fixturedef: Any, request: Any) -> AbstractContextManager[None]:
        """Return a block for the set-up of a fixture. Calls of a wider fixture belong to its scope."""
        if fixturedef.scope == "function":
            return nullcontext()
        if self._wider is None:
            from pytest_mimic._run.fixtures import WiderFixtures

            self._wider = WiderFixtures(self.session)
        return self._wider.scope(fixturedef, request, plain_id(request.node))

    def add_temporary_folder(self, factory: pytest.TempPathFactory) -> None:
        """Count paths under pytest's base temporary folder by their place in it, and by content."""
        base = str(factory.getbasetemp())
        folders = [base]
        if self._is_worker:  # tests of several workers share files in the folder around
            folders.append(str(factory.getbasetemp().parent))
        # pytest resolves links in the folder's path; its user may not.
        outer = os.environ.get("PYTEST_DEBUG_TEMPROOT") or tempfile.gettempdir()
        real = os.path.realpath(outer)
        if real != outer and base.startswith(real):
            folders += [outer + folder[len(real) :] for folder in folders]
        given = self.config.option.basetemp
        if given:
            folders.append(os.path.abspath(given))  # noqa: PTH100 - links in it are not resolved
        self.session.state.places.set_root(TEMPORARY, *folders)

    def end_phase(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
        """Judge a phase of a test, and end the test after its teardown."""
        test = self.session.state.test
        if test != report.nodeid:  # the report goes to xdist's controller, which does not know the test
            vars(report)["mimic_test"] = test
        when = report.when
        pending = self.session.take_pending()
        if self._restarts is not None and not self._restarts.judge(report):
            call.excinfo, pending = None, []  # else --pdb would stop at it
        if pending:
            from pytest_mimic._run.verdicts import judge_phase

            judge_phase(item, report, pending, self.session.settings.rootdir)
        for watcher in self._watchers:
            watcher.attach(report, pending)
        if report.failed and (replays := self.session.ledger.replays_since(self._replays_before)):
            from pytest_mimic._run.verdicts import SECTION, name_replays

            report.sections.append((SECTION, name_replays(replays, self.session.vault, test)))
        self._phases_passed = self._phases_passed and report.outcome != "failed"
        if report.outcome == "skipped" or hasattr(report, "wasxfail"):
            self._is_whole = False
        if when == "teardown":
            passed, is_whole = self._phases_passed, self._is_whole
            self._keep_error(lambda: self.session.end_test(passed=passed, is_whole=is_whole))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep how the test ended: failed in any phase, skipped, or passed."""
        nodeid = vars(report).get("mimic_test") or without_group(report.nodeid)
        if str(report.outcome) == "rerun":  # an outcome of pytest-rerunfailures
            if vars(report).get("mimic_restarts") != []:  # else a test has passed but for its teardown
                self._outcomes.pop(nodeid, None)
        elif report.outcome != "passed" or hasattr(report, "wasxfail"):
            self._outcomes[nodeid] = "failed" if report.failed else "skipped"
        elif report.when == "call":
            self._outcomes.setdefault(nodeid, "passed")

    # -- finish

    def pytest_keyboard_interrupt(self) -> None:
        self._narrow(_STOPPED)

    def finish(self, session: pytest.Session) -> None:
        """End the run: send the ledger if this is a worker, else judge, clear and set the exit code."""
        ledger = self.session.ledger
        if self._progress is not None:
            self._progress.stop()
        self.session.take_strays()
        self._keep_error(self.session.break_off)
        self.session.state.report_unfinished()
        is_complete = session.exitstatus in _COMPLETE
        if not self._is_controller:
            passed = is_complete and not session.testsfailed
            ran_all = passed and not self._is_worker and self._passed_all()
            self._keep_error(lambda: self.session.close(passed=passed, is_complete=ran_all))
        if self._is_worker:
            self._keep_error(self.session.vault.store.flush)
            # From here on, the controller's own mark counts.
            self.session.vault.end_run()
            self.config.workeroutput["mimic"] = ledger.to_plain()  # type: ignore[attr-defined]
            return
        if session.shouldstop or session.shouldfail or not is_complete:
            self._narrow(_STOPPED)
        self._keep_error(lambda: self._restored.extend(restore_replaced(self.session)))
        if ledger.replaced:
            self._keep_error(lambda: self.session.vault.collect(ledger.replaced))
        self._keep_error(self.session.vault.store.flush)
        if self._ran_tests and not self.config.option.collectonly:
            self._keep_error(self._judge)
        self._keep_error(self._keep_usage)
        self._keep_error(self._keep_changes)
        self.session.take_strays()  # from threads that tests have left running
        self._keep_error(self._write_page)
        if ledger.problems:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        elif session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            fails_on_unused = self.session.settings.fail_on_unused and self._judgement.unused
            if ledger.strays or ledger.errors or fails_on_unused:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _write_page(self) -> None:
        if self._calls is not None and not self.config.option.collectonly:
            notes = self.summary(quiet=False)
            self._page = self._calls.write(self._judgement, notes=notes, outcomes=self._outcomes)

    def _keep_usage(self) -> None:
        if self._ran_tests and (path := self.session.settings.usage) is not None:
            from pytest_mimic._run.usage_writer import keep_usage

            keep_usage(path, self.session, self._outcomes, self._selection())

    def _keep_changes(self) -> None:
        """Write the list of what waits for a review, and name it in the summary."""
        if not self.session.settings.review:
            return
        from pytest_mimic._core.pending.waiting import folder_of, keep

        if not self._ran_tests or self.config.option.collectonly:
            folder_of(self.session.settings).tidy()
        elif note := keep(self.session.settings, self.session.ledger.drifts):
            self.session.ledger.note(note)

    def _keep_error(self, step: Callable[[], object]) -> None:
        """Take a step at the end of a test or of the run. An error becomes a line of the summary."""
        try:
            step()
        except MimicError as error:
            self.session.ledger.errors.append(str(error))

    def _judge(self) -> None:
        listed = SHOWN if self._calls is None else self._calls.unused_listed
        self._judgement = judge_unused(self.session, self._outcomes, self._narrowed(), listed=listed)
        settings, vault, ledger = self.session.settings, self.session.vault, self.session.ledger
        for pattern in settings.only:
            if pattern not in ledger.matched:
                ledger.note(f"--mimic-only={pattern} matched no call")
        if not (settings.mode.writes and ledger.recorded) or settings.review:
            return
        count, total = vault.size()
        line = f"vault: {settings.shown_vault}, {plural(count, 'recording')}, {size(total)}"
        self._judgement.vault = line
        if vault.is_old():
            old = f"{settings.shown_vault}/*.pkl are recordings of pytest-mimic 0.x"
            ledger.note(f"{old}, which are no longer used: delete them")

    def _passed_all(self) -> bool:
        """Return whether all tests of the project have run and passed."""
        all_passed = set(self._outcomes.values()) <= {"passed"}
        return all_passed and not self.session.ledger.skipped_modules and not self._narrowed()

    def summary(self, *, quiet: bool | None = None) -> list[str]:
        """Return the lines of the section titled `mimic`. By default, `-q` makes it quiet."""
        ledger = self.session.ledger
        is_quiet = self.config.option.verbose < 0 if quiet is None else quiet
        lines = summary(
            ledger,
            self._judgement,
            restored=self._restored,
            quiet=is_quiet,
            fails_on_unused=self.session.settings.fail_on_unused,
        )
        lines += [] if is_quiet else self._page
        if self._is_controller:  # otherwise pytest itself prints the usage error
            lines = [*(f"ERROR: {problem}" for problem in ledger.problems), *lines]
        return [printable(line) for line in lines]

    def close(self) -> None:
        """Restore everything if the run did not come to its end."""
        self.session.close(passed=False)
        with suppress(MimicError):  # the summary has named what cannot be written
            self.session.vault.store.flush()
        self.session.vault.end_run()


def _own_files(item: pytest.Item) -> set[str]:
    from pytest_mimic._run.verdicts import own_files

    return own_files(item)
