"""Reports the drifts of a test when it has ended, as a failure of its call."""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol

from pytest_mimic.run.phases import Phases
from pytest_mimic.run.verdicts import fail_for_drifts


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
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        self._phases.reports_drifts_by_phase = False
        try:
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
        finally:
            self._phases.reports_drifts_by_phase = True
        drifts = self._phases.take_drifts()
        if drifts:
            calls = [report for report in reports if report.when == "call"]
            fail_for_drifts(item, (calls or reports)[0], drifts)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


def _may_run_again(item: pytest.Item) -> bool:
    """Return whether a plugin with a protocol of its own may repeat a test.

    Each phase is then judged as it ends: `--reruns` of pytest-rerunfailures,
    `--force-flaky` of flaky; both know the marker `flaky`.
    """
    option = item.config.option
    if getattr(option, "reruns", None) or getattr(option, "force_flaky", None):
        return True
    return item.get_closest_marker("flaky") is not None
