"""An error of a call is counted, and its test fails for it."""

from __future__ import annotations

import pytest

from pytest_mimic._core.commands import Remedy, Verb
from pytest_mimic._core.engine.blame import blame
from pytest_mimic._core.engine.call import call_of_function
from pytest_mimic.errors import DriftError, MissingRecordingError, StaleRecordingError
from unit.core.engine.runs import TEST, Runs


def fetch(day: str) -> str:
    return day


@pytest.mark.parametrize("kind", [MissingRecordingError, StaleRecordingError])
def test_a_miss_stands_in_the_account_once_with_what_records_it(
    runs: Runs, kind: type[MissingRecordingError]
) -> None:
    call = call_of_function(runs.plan(fetch), ("2026-11-02",), {})
    error = kind("no recording", call=call.label, target="shop:fetch")

    for _ in range(2):
        blame(runs.run, error, call, option="--mimic-rerecord")

    [miss] = runs.account.misses
    assert (miss.label, miss.test) == ("shop:fetch(day='2026-11-02')", TEST)
    assert (miss.option, miss.key) == ("--mimic-rerecord", call.key)
    assert miss.is_stale is (kind is StaleRecordingError)
    assert runs.run.current.pending.take() == [error]


def test_a_miss_keeps_the_line_that_leaves_out_what_is_made_anew(runs: Runs) -> None:
    call = call_of_function(runs.plan(fetch), ("2026-11-02",), {})
    line = Remedy(Verb.IGNORE, "if it may change", target="shop:fetch", paths=("day",))
    error = MissingRecordingError("no recording", remedies=[line])

    blame(runs.run, error, call)

    assert [miss.line for miss in runs.account.misses] == ["shop:fetch ignore=day"]


def test_every_drift_counts_and_names_the_option_that_accepts_it(runs: Runs) -> None:
    call = call_of_function(runs.plan(fetch), ("2026-11-02",), {})

    for _ in range(2):
        blame(runs.run, DriftError("differs"), call)

    row = (call.label_in_lists, TEST, "--mimic-rerecord")
    assert [tuple(drift) for drift in runs.account.drifts] == [row, row]


def test_an_outage_has_nothing_to_accept(runs: Runs) -> None:
    call = call_of_function(runs.plan(fetch), ("2026-11-02",), {})
    error = DriftError("the real call raised TimeoutError", is_outage=True)

    blame(runs.run, error, call)

    assert [tuple(drift)[2] for drift in runs.account.drifts] == [""]
