"""What judges and reports failures of tests: all that the layers below reach of it."""

from __future__ import annotations

from pytest_mimic._run.drift_reports import DriftReports, fail_for_drifts
from pytest_mimic._run.replay_lines import line_of_placeholders, line_of_replays
from pytest_mimic._run.tracebacks import shorten
from pytest_mimic._run.verdicts import SECTION, judge_phase, own_files


class FailureLayer:
    """Functions of the verify layer; `phases.failure_layer` loads them."""

    SECTION = SECTION
    DriftReports = DriftReports
    fail_for_drifts = staticmethod(fail_for_drifts)
    judge_phase = staticmethod(judge_phase)
    line_of_placeholders = staticmethod(line_of_placeholders)
    line_of_replays = staticmethod(line_of_replays)
    own_files = staticmethod(own_files)
    shorten = staticmethod(shorten)
