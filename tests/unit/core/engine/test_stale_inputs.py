"""Lists of inputs that are compared with the code and files of now."""

from __future__ import annotations

from pathlib import Path

import pytest
from xxhash import xxh3_128_hexdigest

from pytest_mimic.errors import CorruptRecordingError
from unit.core.engine.runs import Runs

MISSING = f"objects/00/{'0' * 30}00.json"


@pytest.fixture
def noted(runs: Runs) -> str:
    """The name of a list that names `shop.csv`, which has changed since."""
    Path(runs.folder, "shop.csv").write_text("2\n", encoding="utf-8")
    data = b'{"files": {"shop.csv": "0123abcd"}, "functions": {}}'
    digest = xxh3_128_hexdigest(data)
    name = f"objects/{digest[:2]}/{digest}.json"
    runs.store.write(name, data)
    runs.again("replay", inputs="strict")
    return name


def test_a_list_of_which_a_file_has_changed_makes_its_outcome_stale(
    runs: Runs, noted: str
) -> None:
    assert runs.run.stale_inputs(noted) == ["shop.csv"]


@pytest.mark.parametrize("inputs", ["warn", "ignore"])
def test_inputs_that_are_not_strict_make_nothing_stale(
    runs: Runs, noted: str, inputs: str
) -> None:
    runs.again("replay", inputs=inputs)

    assert runs.run.stale_inputs(noted) == []


def test_a_missing_list_fails_a_replay_and_is_recorded_again(runs: Runs) -> None:
    runs.again("replay", inputs="strict")
    with pytest.raises(CorruptRecordingError, match=r"00\.json"):
        runs.run.stale_inputs(MISSING)

    runs.again("record", inputs="strict")
    assert "00.json" in "".join(runs.run.stale_inputs(MISSING))


def test_a_report_counts_the_calls_and_names_the_tests_of_each_change(
    runs: Runs, noted: str
) -> None:
    runs.account.begun_tests.append((0, "test_a"))
    runs.account.replays += [(0.5, "calls/a.json", noted, "shop:fetch")] * 2

    runs.run.report_inputs()

    [changed] = runs.account.changed_inputs
    assert tuple(changed) == ("calls/a.json", "shop:fetch", "shop.csv", 2, ["test_a"])


def test_a_report_notes_a_list_that_is_missing(runs: Runs) -> None:
    runs.again("replay", inputs="warn")
    runs.account.replays.append((0.5, "calls/a.json", MISSING, "shop:fetch"))

    runs.run.report_inputs()

    assert runs.account.changed_inputs == []
    assert "00.json" in "".join(runs.account.notes)
