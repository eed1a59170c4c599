"""Reports the drifts of a test when it has ended, as a failure of its call."""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol

from pytest_mimic.run.phases import Phases


class DriftReports:
    """A plugin of a verifying run: each test is run, and only then reported.

    A drift raises nothing: an error in the set-up would keep the test's body from
    running, and its drifts from being found.
    """

    def __init__(self, phases: Phases) -> None:
        self._phases = phases

    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        if _may_run_again(item):
            return None
        hook, phases = item.ihook, self._phases
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        phases.holds_drifts = True
        try:
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
        finally:
            phases.holds_drifts = False
        for report in reports:
            is_last = report.when == "call" or report.failed
            if is_last and phases.drifts:
                report = _judged_again(item, phases.call, report)
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


def _judged_again(
    item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
) -> pytest.TestReport:
    """Return the report of a phase with the drifts that were held back."""
    judged: pytest.TestReport = item.ihook.pytest_runtest_makereport(
        item=item, call=call
    )
    shown = judged.sections
    judged.sections = [one for one in report.sections if one not in shown] + shown
    return judged


def _may_run_again(item: pytest.Item) -> bool:
    """Return whether a plugin with a protocol of its own may repeat a test.

    Each phase is then judged as it ends: `--reruns` of pytest-rerunfailures,
    `--force-flaky` of flaky; both know the marker `flaky`.
    """
    option = item.config.option
    if getattr(option, "reruns", None) or getattr(option, "force_flaky", None):
        return True
    return item.get_closest_marker("flaky") is not None
