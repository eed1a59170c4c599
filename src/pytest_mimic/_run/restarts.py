"""Runs a test again from its start, if a conversation in it is to be recorded again as a whole."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mimic._core.engine.conversations import AbortedCallError, Restart
from pytest_mimic._core.node_ids import plain_id

if TYPE_CHECKING:
    from pytest_mimic._run.session import Session

# How often a test is run at most.
# An attempt ends at the first new call of a conversation, so a test may need one for each of its conversations.
_MAX_ATTEMPTS = 20
# The outcome of a phase that does not count, as pytest-rerunfailures names it.
_RERUN: Any = "rerun"


_Failed: Any = pytest.fail.Exception


class RestartedTest(_Failed):  # type: ignore[misc]  # pytest types it as a value
    """Ends a test that is run again. Only pytest catches it."""


class Restarts:
    """The plugin that runs tests again. The reports of an attempt that was ended do not count.

    They carry the reasons, because the attempt may have been made in a forked process.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._conversations = session.state.conversations
        self._reported: list[Restart] = []
        self._attempts = 0
        # Whether the call of this attempt, or of one before, was reported as passed.
        self._has_passed = self._had_passed = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """Run a test, and run it again if a conversation has ended it."""
        self._attempts += 1
        self._has_passed = False
        replayed = len(self._session.ledger.replays)
        try:
            self._conversations.end_test = RestartedTest if self._attempts < _MAX_ATTEMPTS else None
            try:
                result = yield
            finally:
                self._conversations.end_test = None
            reasons, self._reported = self._reported or self._conversations.restarts, []
            if not reasons:
                return result
            self._conversations.restarts = reasons
            del self._session.ledger.replays[replayed:]  # this attempt does not count
            ledger, test = self._session.ledger, plain_id(item)
            for one in reasons:
                (ledger.begun_again if one.by_pattern else ledger.restarts).append(f"{test}    {one.label}")
            self._had_passed = self._had_passed or self._has_passed
            if any(one.is_wider for one in reasons):
                self._tear_down(item)
            self._session.scopes.begin_again()
            return item.ihook.pytest_runtest_protocol(item=item, nextitem=nextitem)
        finally:
            self._attempts, self._had_passed = 0, False

    def _tear_down(self, item: pytest.Item) -> None:
        """Tear down the wider fixtures, so that the next attempt sets them up again from their start."""
        stack: Any = item.session._setupstate  # as other plugins that rerun tests do
        try:
            stack.teardown_exact(None)
        except BaseException as error:
            if isinstance(error, (KeyboardInterrupt, SystemExit, pytest.exit.Exception)):
                raise
            if not _ends_attempt(error):
                kind = type(error).__name__
                what = f"{kind} in the teardown of fixtures before {plain_id(item)} was run again: {error}"
                self._session.ledger.errors.append(what)

    def judge(self, report: pytest.TestReport) -> bool:
        """Return whether a phase of a test counts. If not, mark its report."""
        restarts = self._conversations.restarts
        if not restarts:
            if self._had_passed and _is_passed_call(report):
                # The attempt before was ended in the tear-down, after its call was reported.
                vars(report)["mimic_restarts"] = []
                report.outcome = _RERUN
            return True
        if report.when == "teardown":
            # junit's report of the test would end here.
            vars(report)["when"] = "rerun"
        vars(report).pop("wasxfail", None)
        vars(report)["mimic_restarts"] = [tuple(one) for one in restarts]
        report.outcome = _RERUN
        report.sections.clear()
        return False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note why a test is to be run again."""
        for one in vars(report).get("mimic_restarts", ()):
            if Restart(*one) not in self._reported:
                self._reported.append(Restart(*one))
        if _is_passed_call(report):
            self._has_passed = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: object) -> tuple[str, str, str] | None:
        """Show nothing of a phase that does not count."""
        return ("", "", "") if hasattr(report, "mimic_restarts") else None


def _is_passed_call(report: pytest.TestReport) -> bool:
    """Return whether a report says that the call of a whole test passed. That of a subtest is of another class."""
    return type(report) is pytest.TestReport and report.when == "call" and report.passed


def _ends_attempt(error: BaseException) -> bool:
    """Return whether an exception, or each one of a group, has ended an attempt of a test."""
    inner = getattr(error, "exceptions", None)
    return all(map(_ends_attempt, inner)) if inner else isinstance(error, (RestartedTest, AbortedCallError))
