"""What happens to a test that failed or has errors of ours: all of it in one place."""

from __future__ import annotations

from pytest_mimic._run.drift_reports import DriftReports, fail_for_drifts
from pytest_mimic._run.tracebacks import shorten
from pytest_mimic._run.verdicts import (
    SECTION,
    judge_phase,
    line_of_placeholders,
    line_of_replays,
    own_files,
)


class FailingTests:
    """Functions of the verify layer; `phases.failing_tests` loads them."""

    SECTION = SECTION
    DriftReports = DriftReports
    fail_for_drifts = staticmethod(fail_for_drifts)
    judge_phase = staticmethod(judge_phase)
    line_of_placeholders = staticmethod(line_of_placeholders)
    line_of_replays = staticmethod(line_of_replays)
    own_files = staticmethod(own_files)
    shorten = staticmethod(shorten)
