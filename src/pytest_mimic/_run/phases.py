"""The phases of each test: begins the test before its set-up, judges each phase, and ends it after its teardown.

The plugin is registered once something is mimicked: a run without mimicked calls pays
nothing for each test.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mimic._core.engine.owners import SecretScope
from pytest_mimic._core.modules import PACKAGE
from pytest_mimic._core.targets.target import Target, as_targets
from pytest_mimic._run.complete_selection import plain_id
from pytest_mimic._run.configuration import Hooks
from pytest_mimic.errors import DriftError, TargetError

if TYPE_CHECKING:
    from pytest_mimic._run.session import Session


class Phases(Hooks):
    """A plugin: the test that runs, and what its phases have shown so far."""

    def __init__(self, session: Session) -> None:
        self.broken: TargetError | None = (
            None  # of a wrong target: each test of a worker of xdist raises it
        )
        self._session = session
        self._marks: list[
            Callable[[], None]
        ] = []  # what ends the coverings of its markers and decorators
        self._has_passed = self._is_whole = True
        self._has_loaded_all = self._are_marks_known = False
        self._replays_before = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin a test: mimic the targets of its class's decorators and of its markers.

        TargetError: A target does not exist.
        """
        # Errors since the last test, of threads or of a module that was imported, are
        # no fault of this one.
        self._has_passed = self._is_whole = True
        self._session.take_strays()
        self._session.begin_test(plain_id(item))
        state = self._session.state
        fixtures = getattr(item, "fixturenames", ())
        state.secret_scope = SecretScope(outer=partial(state.scopes_of, fixtures))
        self._session.state.own_files = lambda: import_module(
            "pytest_mimic._run.verdicts"
        ).own_files(item)
        self._replays_before = len(self._session.ledger.replays)
        if (
            not self._has_loaded_all
            and "pyfakefs.fake_filesystem_unittest" in sys.modules
        ):
            from pytest_mimic._run.plain_imports import load_all

            load_all()
            self._has_loaded_all = True
        if self.broken is not None:
            raise self.broken
        marks = list(item.iter_markers("mimic"))
        if marks and not self._are_marks_known:
            self._are_marks_known = True
            self._session.coverings.prepare(_marked(item.session.items))
        for targets in _decorations(item):
            self._marks.append(self._session.coverings.enter(targets).end)
        for mark in reversed(marks):  # the closest comes first, and is entered last
            try:
                if not mark.args:
                    raise TargetError(
                        'the marker names no target: write it as mimic("shop.api:fetch_rates")'
                    )
                self._marks.append(
                    self._session.coverings.enter(
                        as_targets(mark.args, mark.kwargs)
                    ).end
                )
            except TargetError as error:
                file, line, _ = item.location
                facts = (*error.facts, f"in a marker of {file}:{(line or 0) + 1}")
                raise TargetError(
                    error.what, facts=facts, remedies=error.remedies, **error.data
                ) from None

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
        if call.excinfo is not None or getattr(item, "_excinfo", None):
            from pytest_mimic._run.tracebacks import shorten

            shorten(item, call)
        report = yield
        self._end(item, call, report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_exception_interact(self, call: pytest.CallInfo[None]) -> None:
        """Let `--pdb` stop at the call that missed, and not in this plugin, where the report has shown nothing either."""
        trace = last = (
            call.excinfo.value.__traceback__ if call.excinfo is not None else None
        )
        while trace is not None:
            last = (
                last if trace.tb_frame.f_code.co_filename.startswith(PACKAGE) else trace
            )
            trace = trace.tb_next
        if last is not None:
            last.tb_next = None

    def _end(
        self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
    ) -> None:
        """Judge a phase of a test, and end the test after its teardown."""
        session = self._session
        test = session.state.test
        if (
            test != report.nodeid
        ):  # the report goes to xdist's controller, which does not know the test
            vars(report)["mimic_test"] = test
        pending = session.take_pending()
        session.drifts += [error for error in pending if isinstance(error, DriftError)]
        pending = [error for error in pending if not isinstance(error, DriftError)]
        if pending:
            from pytest_mimic._run.verdicts import judge_phase

            ended_in = call.excinfo.value if call.excinfo is not None else None
            judge_phase(item, report, pending, ended_in)
        if session.drifts and session.judges_phases and call.when != "setup":
            from pytest_mimic._run.drift_reports import fail_for_drifts

            drifts, session.drifts = session.drifts, []
            fail_for_drifts(item, report, drifts)
        replays = (
            session.ledger.replays[self._replays_before :] if report.failed else []
        )
        if replays:
            from pytest_mimic._run.verdicts import SECTION, name_replays

            again = sum(
                name not in session.state.only_replayed for _, name, _, _ in replays
            )
            commands = session.settings.commands
            line = name_replays(len(replays), again, test, commands)
            report.sections.append((SECTION, line))
        self._has_passed = self._has_passed and report.outcome != "failed"
        if report.outcome == "skipped" or hasattr(report, "wasxfail"):
            self._is_whole = False
        if report.when == "teardown":
            passed, is_whole = self._has_passed, self._is_whole
            session.keep_error(
                lambda: session.end_test(passed=passed, is_whole=is_whole)
            )
            session.state.secret_scope = SecretScope()


def _marked(items: Iterable[pytest.Item]) -> list[Target]:
    """Return the targets that markers name.

    Wrong ones are told when their tests begin.
    """
    found: dict[str, Target] = {}
    for item in items:
        for mark in item.iter_markers("mimic"):
            with suppress(TargetError):
                found.update((target.name, target) for target in as_targets(mark.args))
    return list(found.values())


def _decorations(item: pytest.Item) -> list[Any]:
    """Return the targets of each `mimic` that decorates the test's class or one of its bases."""
    decorated: Any = getattr(item, "cls", None)
    if not hasattr(decorated, "__mimic_targets__"):
        return []
    found = (
        vars(cls).get("__mimic_targets__", ()) for cls in reversed(decorated.__mro__)
    )
    return [targets for several in found for targets in several]
