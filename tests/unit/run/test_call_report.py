"""The line of a call in pytest's output."""

from __future__ import annotations

from pytest_mimic._run.call_report import line_of


def test_a_call_has_one_line_without_control_characters():
    row = {
        "kind": "replayed",
        "label": "sqlalchemy select\n::error::x\x1b[31m",
        "seconds": 0.5,
    }

    assert (
        line_of(row) == "replayed sqlalchemy select ::error::x\\x1b[31m (0.50 s saved)"
    )
