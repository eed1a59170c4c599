"""The calls of a run as rows, which show no secret and never change what a run does."""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.engine.call import Call, call_of_function
from pytest_mimic._tools.page.call_log import CallLog
from pytest_mimic.errors import MissingRecordingError
from unit.core.engine.conftest import runs
from unit.core.engine.runs import TEST, Runs

__all__ = ["runs"]


def fetch(city: str, password: str) -> Any: ...


def a_call(runs: Runs) -> Call:
    return call_of_function(runs.plan(fetch), ("Oslo",), {"password": "hunter2-4711"})


def test_a_row_is_short_unless_details_are_asked_for(runs: Runs) -> None:
    error = MissingRecordingError(
        "no recording", facts=["a fact"], remedies=["record it"]
    )

    CallLog(runs.run, details=False).note("replayed", a_call(runs), seconds=0.5)
    CallLog(runs.run, details=True).note("missing", a_call(runs), error=error)
    short, detailed = runs.account.calls

    label = "shop:fetch(city='Oslo', password=<redacted>)"
    assert short == {"kind": "replayed", "label": label, "test": TEST, "seconds": 0.5}
    problem, commands, arguments = detailed["blocks"]
    assert problem["text"] == "no recording\na fact"
    assert commands["lines"] == ["record it"]
    assert arguments["pairs"] == [("city", "'Oslo'"), ("password", "<redacted>")]
    assert "hunter2" not in str(runs.account.calls)


def test_what_cannot_be_shown_changes_nothing(runs: Runs) -> None:
    broken: Any = object()

    CallLog(runs.run, details=True).note("missing", a_call(runs), error=broken)

    [block] = runs.account.calls[0]["blocks"]
    assert block["text"] == "cannot be shown: AttributeError"
