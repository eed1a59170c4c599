"""The functions that judge and report failures are reached through their door."""

from __future__ import annotations

from pytest_mimic._core.commands import Commands
from pytest_mimic._run.phases import failure_layer


def test_the_door_leads_to_what_names_replays_in_a_report() -> None:
    line = failure_layer().line_of_replays(2, 2, "test_a.py::test_x", Commands())

    assert "--mimic-rerecord test_a.py::test_x" in line
