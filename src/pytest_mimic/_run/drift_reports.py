"""Reports all drifts of a test when it has ended, as a failure of its call.

A drift raises nothing: an error in the set-up would keep the test's body from running,
and its drifts from being found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from _pytest.runner import runtestprotocol

from pytest_mimic._core.words import SHOWN, and_more, limited
from pytest_mimic._run.configuration import Hooks
from pytest_mimic._run.session import Session
from pytest_mimic._run.verdicts import (
    SECTION,
    fail_for,
    has_passed_strictly,
    is_expected_failure,
    judge_as_not_strict,
)
from pytest_mimic.errors import DriftError


class DriftReports(Hooks):
    """A plugin of a verifying run, which runs each test and then logs its reports."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        """Run all phases of a test, then let its call fail for its drifts, then log.

        None: pytest, or a plugin that repeats tests, is to run the test.
        """
        if _may_run_repeatedly(item):
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        self._session.reports_drifts_by_phase = False
        try:
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
        finally:
            self._session.reports_drifts_by_phase = True
        drifts = self._session.unreported_drifts
        self._session.unreported_drifts = []
        if drifts:
            fail_for_drifts(item, _main_report(reports), drifts)
        # No report was logged before all phases had ended: this is pytest's own
        # protocol but for that.
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


def _main_report(reports: Sequence[pytest.TestReport]) -> pytest.TestReport:
    """Return the report of a test's call; of the set-up if that failed or skipped."""
    for report in reports:
        if report.when == "call":
            return report
    return reports[0]


def _may_run_repeatedly(item: pytest.Item) -> bool:
    """Return whether pytest-rerunfailures or flaky run this test.

    These plugins have a protocol of their own, in which a test may have several
    attempts. `Phases` then judges each phase as it ends.
    """
    option = item.config.option
    # `--reruns=2` of pytest-rerunfailures, `--force-flaky` of flaky; both have the
    # marker `flaky` for single tests.
    if getattr(option, "reruns", None) or getattr(option, "force_flaky", None):
        return True
    return item.get_closest_marker("flaky") is not None


def fail_for_drifts(
    item: pytest.Item, report: pytest.TestReport, drifts: Sequence[DriftError]
) -> None:
    """Let a phase of a test fail for drifts, or show them if it has failed by itself.

    Args:
        item: The test.
        report: The report of the phase, mostly that of the test's call.
        drifts: The drifts that no report has shown yet, in the order of the calls.
    """
    drifts_in_words = "\n".join(limited(drift_texts(drifts), of=" calls that drifted"))
    if has_passed_strictly(report):
        # The drift is the failure that a strict `xfail` expects.
        judge_as_not_strict(report)
    if report.failed:
        report.sections.append((SECTION, drifts_in_words))
    elif not is_expected_failure(report):
        report.longrepr = drifts_in_words
        fail_for(item, report, drifts[0])


def drift_texts(drifts: Sequence[DriftError]) -> list[str]:
    """Return the drifts of a test as texts, each once.

    The first drift of a conversation may be the cause of those that follow: these are
    listed under it, the first of them, without their remedies. Those that drifted alike
    are one, with their number.

        DriftError: http POST /orders no longer gives what was recorded
          body.id: 7 recorded, 8 now
          then http GET /orders/7
            status: 200 recorded, 404 now
          to accept it: pytest --mimic-rerecord test_shop.py::test_order
    """
    # Both by the conversation, which is named after its client. A follower is the label
    # of a call with the lines of its facts, and is counted.
    first_drifts: dict[str, DriftError] = {}
    followers_by_conversation: dict[str, Counter[tuple[str, ...]]] = {}
    texts_of_drifts: list[str] = []
    for drift in drifts:
        conversation = drift.conversation
        if conversation and conversation in first_drifts:
            follower = (str(drift.data.get("call", "")), *drift.fact_lines())
            followers = followers_by_conversation.setdefault(conversation, Counter())
            followers[follower] += 1
        elif conversation:
            first_drifts[conversation] = drift
        else:
            # The drift of a function, for example, is of no conversation.
            texts_of_drifts.append(f"DriftError: {drift}")
    for conversation, drift in first_drifts.items():
        followers = followers_by_conversation.get(conversation, Counter())
        shown_followers = list(followers.items())[:SHOWN]
        follower_lines: list[str] = []
        for (call, *facts), times in shown_followers:
            heading = f"then {call}"
            if times > 1:
                heading += f", {times} times"
            follower_lines.append(heading)
            follower_lines += [f"  {fact}" for fact in facts]
        shown_count = sum(times for _, times in shown_followers)
        line_of_rest = and_more(
            sum(followers.values()) - shown_count, " calls that drifted"
        )
        # The first drift is made again, as its followers become facts of it.
        drift_with_followers = DriftError(
            drift.what,
            facts=[*drift.facts, *follower_lines, *line_of_rest],
            remedies=drift.remedies,
        )
        drift_with_followers.commands = drift.commands
        drift_with_followers.test = drift.test
        texts_of_drifts.append(f"DriftError: {drift_with_followers}")
    return list(dict.fromkeys(texts_of_drifts))
