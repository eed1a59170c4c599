"""Begins and ends each test, and judges each of its phases."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from pytest_mimic.engine.events import Noted
from pytest_mimic.engine.lives import end_test
from pytest_mimic.engine.logs import Verdict
from pytest_mimic.errors import CorruptRecordingError, DriftError, TargetError
from pytest_mimic.patch.targets import Target, as_targets
from pytest_mimic.run.fakes import keep_out_of_fakes
from pytest_mimic.run.fixtures import Fixtures
from pytest_mimic.run.selection import plain_id
from pytest_mimic.run.session import Session
from pytest_mimic.words import plural

# They answer for a test only after they have called its function.
_CALLERS = frozenset({"anyio", "python"})


class Phases:
    """A plugin: the test that runs, and what its phases have shown.

    Attributes:
        target_error: A wrong target, which fails each test of a worker of xdist.
        reports_drifts_by_phase: Whether the phase in which calls drifted fails, and not
            the test when it has ended.
    """

    def __init__(self, session: Session, fixtures: Fixtures) -> None:
        self.target_error: TargetError | None = None
        self.reports_drifts_by_phase = True
        self._session = session
        self._fixtures = fixtures
        self._drifts: list[Noted] = []
        self._coverings = ExitStack()
        self._are_marks_prepared = False
        self._is_running = False
        self._has_failed = False
        self._has_skipped = False
        self._is_uncalled = False
        self._told_rows = 0

    def take_drifts(self) -> list[Noted]:
        """Return the drifts of which no report tells."""
        drifts, self._drifts = self._drifts, []
        return drifts

    def keep_strays(self) -> None:
        """Name the errors that belong to no test: of a thread, or of an import."""
        for noted in self._session.run.take_noted():
            self._session.keep_error(noted.error)

    # -- hooks

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin a test, and mimic the targets of its class and of its markers.

        Raises:
            TargetError: A target does not exist.
        """
        session = self._session
        if self._is_running:
            # pytest-retry makes a new attempt, and has reported nothing of the last.
            end_test(session.run, "failed")
        self._is_running = True
        self._has_failed = self._has_skipped = self._is_uncalled = False
        self.keep_strays()
        keep_out_of_fakes()
        session.begin_test(plain_id(item))
        self._fixtures.begin_test(item)
        if self.target_error is not None:
            raise self.target_error
        if not self._are_marks_prepared:
            # The holders of all tests' functions are searched for once.
            self._are_marks_prepared = True
            session.coverings.prepare(_targets_of_marks(item.session.items))
        for targets in _targets_of_class(item):
            self._enter(targets)
        # The closest marker comes first, and is to decide: it is entered last.
        for mark in reversed(list(item.iter_markers("mimic"))):
            self._enter_mark(item, mark)

    def _enter(self, targets: list[Target]) -> None:
        self._coverings.callback(self._session.coverings.enter(targets).end)

    def _enter_mark(self, item: pytest.Item, mark: pytest.Mark) -> None:
        """Mimic the targets of a marker until the end of the test.

        Raises:
            TargetError: There is none, or one does not exist.
        """
        try:
            if not mark.args:
                raise TargetError(
                    "the marker names no target: "
                    'write it as mimic("shop.api:fetch_rates")'
                )
            self._enter(as_targets(mark.args, mark.kwargs))
        except TargetError as error:
            # The error shows no line of the user's: no code of the test has run.
            file, line, _ = item.location
            facts = (*error.facts, f"in a marker of {file}:{(line or 0) + 1}")
            raise TargetError(error.what, facts, error.remedies) from None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, object, object]:
        try:
            return (yield)
        except BaseException:
            # An attempt that pytest-retry repeats raises, and has no report.
            self._has_failed = True
            raise

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(
        self, pyfuncitem: pytest.Function
    ) -> Generator[None, object, object]:
        self._is_uncalled = _may_be_answered(pyfuncitem)
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, None, None]:
        try:
            return (yield)
        finally:
            self._coverings.close()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        if call.excinfo is not None or getattr(item, "_excinfo", None):
            # Only a failure needs the module.
            from pytest_mimic.run.verdicts import leave_out_our_lines, shorten

            shorten(item, call)
        report = yield
        if report.failed and call.excinfo is not None:
            leave_out_our_lines(item, report, call.excinfo.value)
        self._judge(item, call, report)
        if report.when == "teardown":
            self._end_test()
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_exception_interact(self, call: pytest.CallInfo[None]) -> None:
        if call.excinfo is not None:
            from pytest_mimic.run.verdicts import hide_our_frames

            hide_our_frames(call.excinfo.value.__traceback__)

    # -- the verdict

    def _judge(
        self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
    ) -> None:
        """Judge a phase: it may have passed and fail for a miss that code caught."""
        test = self._session.run.test
        if test != report.nodeid:
            # The controller of xdist reads it there.
            vars(report)["mimic_test"] = test
        problems = [
            Noted(error, "") for error in self._session.coverings.new_problems()
        ]
        errors: list[Noted] = []
        for noted in [*problems, *self._session.run.take_noted()]:
            if isinstance(noted.error, CorruptRecordingError):
                self._session.run.events.add(
                    "damaged", noted.error.file, test=test, what=noted.error.damage
                )
            is_drift = isinstance(noted.error, DriftError)
            (self._drifts if is_drift else errors).append(noted)
        if errors:
            from pytest_mimic.run.verdicts import judge_phase

            raised = call.excinfo.value if call.excinfo is not None else None
            judge_phase(item, report, errors, raised)
        # Drifts of the set-up wait for the call: a failed set-up would hide the test.
        is_due = self.reports_drifts_by_phase and call.when != "setup"
        if self._drifts and is_due:
            from pytest_mimic.run.verdicts import fail_for_drifts

            fail_for_drifts(item, report, self.take_drifts())
        if call.when == "call":
            self._has_failed = False  # what was raised may be expected
            if self._is_uncalled:
                vars(report)["mimic_uncalled"] = True
        if item.config.option.verbose > 0:
            self._show_calls(report)
        self._note_outcome(report, test)

    def _show_calls(self, report: pytest.TestReport) -> None:
        """Add the calls of a phase to its report, a line each."""
        rows = self._session.run.events.rows
        shown = rows[self._told_rows :]
        self._told_rows = len(rows)
        # Few runs show calls.
        from pytest_mimic.run.verdicts import lines_of_calls

        lines = lines_of_calls(shown)
        if lines:
            title = f"Captured mimic {report.when}"
            report.sections.append((title, "\n".join(lines)))

    def _note_outcome(self, report: pytest.TestReport, test: str) -> None:
        if report.failed:
            self._has_failed = True
            self._tell_replays(report, test)
        if report.skipped and not hasattr(report, "wasxfail"):
            self._has_skipped = True

    def _tell_replays(self, report: pytest.TestReport, test: str) -> None:
        """Say in the report of a failure how many calls may be recorded again."""
        session = self._session
        if any(event.test == test for event in session.run.events.of("drifted")):
            return  # a drift has its own command
        replayed = 0
        for event in session.run.events.of("replayed"):
            # No option records what `mimic_replay` has opened.
            if event.test == test and event.text("name") not in session.only_replayed:
                replayed += event.times
        command = session.commands.pytest("--mimic-rerecord", tests=[test])
        if replayed and command not in str(report.longrepr):
            told = f"{plural(replayed, 'call')} replayed"
            them = "it" if replayed == 1 else "them"
            words = f"{told}; to record {them} again: {command}"
            report.sections.append(("mimic", words))

    def _end_test(self) -> None:
        self._is_running = False
        verdict: Verdict = "failed" if self._has_failed else "passed"
        if self._has_skipped:
            verdict = "skipped"
        self._session.safely(lambda: end_test(self._session.run, verdict))


def _may_be_answered(item: pytest.Function) -> bool:
    """Return whether a plugin may answer for a test without a call of its function."""
    for hook in item.ihook.pytest_pyfunc_call.get_hookimpls():
        is_wrapper = hook.wrapper or hook.hookwrapper
        if not is_wrapper and hook.plugin_name not in _CALLERS:
            return True
    return False


def _targets_of_marks(items: list[pytest.Item]) -> list[Target]:
    """Return the targets of all markers; the test itself reports a wrong one."""
    targets: dict[str, Target] = {}
    for item in items:
        for mark in item.iter_markers("mimic"):
            with suppress(TargetError):
                targets |= {target.name: target for target in as_targets(mark.args)}
    return list(targets.values())


def _targets_of_class(item: pytest.Item) -> Iterator[list[Target]]:
    """Yield what each `@mimic` of a test's class names, those of its bases first."""
    decorated: Any = getattr(item, "cls", None)
    if hasattr(decorated, "__mimic_targets__"):
        for cls in reversed(decorated.__mro__):
            yield from vars(cls).get("__mimic_targets__", ())
