"""The phases of each test: begins the test before its set-up, judges each phase, and ends it after its teardown.

The plugin is registered once something is mimicked: a run without mimicked calls pays nothing for each test.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mimic._core.machinery import PACKAGE
from pytest_mimic._core.node_ids import plain_id
from pytest_mimic._core.targets.target import as_targets
from pytest_mimic._run.configuration import Hooks
from pytest_mimic.errors import (
    CorruptRecordingError,
    DriftError,
    MimicError,
    MissingRecordingError,
    TargetError,
)

if TYPE_CHECKING:
    from pytest_mimic._run.restarts import Restarts
    from pytest_mimic._run.session import Session


class Phases(Hooks):
    """A plugin: the test that runs, and what its phases have shown so far."""

    def __init__(self, session: Session) -> None:
        self.broken: TargetError | None = None  # of a wrong target: each test of a worker of xdist raises it
        self.restarts: Restarts | None = None  # what runs tests again, if the run may do so
        self._session = session
        self._marks: list[Callable[[], None]] = []  # what ends the coverings of its markers and decorators
        self._has_passed = self._is_whole = True
        # The last report of the test; and the one within which pytest-retry runs it again, which gets the last outcome.
        self._report: pytest.TestReport | None = None
        self._retried: pytest.TestReport | None = None
        self._has_loaded_all = False
        self._replays_before = 0

    def name_test(self, item: pytest.Item) -> None:
        """Let calls belong to a test from now on."""
        self._session.begin_test(plain_id(item))
        self._session.state.own_files = partial(_own_files, item)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin a test: mimic the targets of its class's decorators and of its markers.

        TargetError: A target does not exist.
        """
        if self._report is not None:
            self._retried = self._report
            self._session.keep_error(lambda: self._session.end_test(passed=False, is_whole=False))
        # Errors since the last test, of threads or of a module that was imported, are no fault of this one.
        self._has_passed = self._is_whole = True
        self._session.take_strays()
        self.name_test(item)
        self._replays_before = self._session.ledger.own_replays
        if not self._has_loaded_all and "pyfakefs" in sys.modules:
            from pytest_mimic._run.plain_imports import load_all

            load_all()
            self._has_loaded_all = True
        if self.broken is not None:
            raise self.broken
        for targets in _decorations(item):
            self._marks.append(self._session.coverings.enter(targets).end)
        marks = list(item.iter_markers("mimic"))
        for mark in reversed(marks):  # the closest comes first, and is entered last
            try:
                if not mark.args:
                    raise TargetError('the marker names no target: write it as mimic("shop.api:fetch_rates")')
                self._marks.append(self._session.coverings.enter(as_targets(mark.args, mark.kwargs)).end)
            except TargetError as error:
                file, line, _ = item.location
                facts = (*error.facts, f"in a marker of {file}:{(line or 0) + 1}")
                raise TargetError(error.what, facts=facts, remedies=error.remedies, **error.data) from None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, None, None]:
        """Restore what the markers of a test, and the decorators of its class, covered."""
        self._session.scopes.begin_teardown()
        try:
            return (yield)
        finally:
            while self._marks:
                self._marks.pop()()

    # Not tryfirst: what a conftest.py wraps so is to see the judgement.
    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        self._end(item, call, report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_exception_interact(self, call: pytest.CallInfo[None]) -> None:
        """Let `--pdb` stop at the call that missed, and not in this plugin, where the report has shown nothing either."""
        error = call.excinfo.value if call.excinfo is not None else None
        trace = error.__traceback__ if isinstance(error, MimicError) else None
        last = trace
        while trace is not None:
            last = last if trace.tb_frame.f_code.co_filename.startswith(PACKAGE) else trace
            trace = trace.tb_next
        if last is not None:
            last.tb_next = None

    def _end(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
        """Judge a phase of a test, and end the test after its teardown."""
        session = self._session
        test = session.state.test
        if test != report.nodeid:  # the report goes to xdist's controller, which does not know the test
            vars(report)["mimic_test"] = test
        pending = session.take_pending()
        is_teardown = report.when == "teardown"  # a restart may rename the phase
        if self.restarts is not None and not self.restarts.judge(report):
            call.excinfo, pending = None, []  # else --pdb would stop at it
        unhandled: list[MimicError] = []
        if pending:
            from pytest_mimic._run.verdicts import judge_phase

            ended_in = call.excinfo.value if call.excinfo is not None else None
            handled = judge_phase(item, report, pending, session.settings.rootdir, ended_in)
            unhandled = [error for error in pending if error not in handled]
            session.ledger.excuse(test, handled, unhandled)
        if session.state.raised:
            from pytest_mimic._run.verdicts import was_expected

            raised, session.state.raised = session.state.raised, []
            session.ledger.expected.update(row for error, row in raised if was_expected(error, item))
        problems = [error for error in pending if isinstance(error, (DriftError, MissingRecordingError))]
        if report.failed and problems:  # xdist brings them to the controller, for annotations
            vars(report)["mimic_problems"] = list(dict.fromkeys(map(str, problems)))
        # Damage, a drift and a miss name a command of their own.
        commanding = (CorruptRecordingError, DriftError, MissingRecordingError)
        has_command = any(isinstance(error, commanding) for error in unhandled)
        replays = session.ledger.replays_since(self._replays_before)
        if report.failed and replays and not has_command:
            from pytest_mimic._run.verdicts import SECTION, name_replays

            fixtures = getattr(item, "fixturenames", ())
            report.sections.append((SECTION, name_replays(replays, session.vault, test, fixtures)))
        self._has_passed = self._has_passed and report.outcome != "failed"
        if report.outcome == "skipped" or hasattr(report, "wasxfail"):
            self._is_whole = False
        self._report = report
        if is_teardown:
            has_failed = self._retried is not None and self._retried.outcome == "failed"
            passed, is_whole = self._has_passed and not has_failed, self._is_whole
            self._report = self._retried = None
            session.keep_error(lambda: session.end_test(passed=passed, is_whole=is_whole))


def _decorations(item: pytest.Item) -> list[Any]:
    """Return the targets of each `mimic` that decorates the test's class or one of its bases."""
    decorated: Any = getattr(item, "cls", None)
    if not hasattr(decorated, "__mimic_targets__"):
        return []
    found = (vars(cls).get("__mimic_targets__", ()) for cls in reversed(decorated.__mro__))
    return [targets for several in found for targets in several]


def _own_files(item: pytest.Item) -> set[str]:
    from pytest_mimic._run.verdicts import own_files

    return own_files(item)


class BlockedPhases(Hooks):
    """The plugin of a run with `mimic_network = block`. Between its phases, other plugins may report to their servers."""

    def __init__(self, session: Session) -> None:
        from pytest_mimic._core.engine.coverings import WatchedFunction
        from pytest_mimic._core.hosts import AllowedHosts
        from pytest_mimic._core.network.edges import guarded_functions
        from pytest_mimic._core.network.guard import NetworkGuard

        self._patcher = session.coverings.patcher
        self._guard = session.state.network = guard = NetworkGuard(session.state)
        self._allowed = AllowedHosts(session.settings.allowed_hosts)
        # Patched now, because modules imported later may keep the functions.
        self._functions = session.coverings.watch(
            WatchedFunction(
                one.module, one.path, lambda function, _port, wrap=one.wrap: wrap(guard, function)
            )
            for one in guarded_functions()
        )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def _block(self) -> Generator[None, object, object]:
        self._patcher.put_back(self._functions)  # pytest-socket restores them after each test
        with self._guard.block(self._allowed):
            return (yield)

    # Each phase is blocked in the same way.
    pytest_make_collect_report = pytest_runtest_setup = _block
    pytest_runtest_call = pytest_runtest_teardown = _block
