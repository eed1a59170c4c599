"""What the report of a failing test says of its replayed calls."""

from __future__ import annotations

import pytest

from pytest_mimic._core.commands import Commands
from pytest_mimic._core.outcome.outcome import Value
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.recording_facts import Recording
from pytest_mimic._run.replay_lines import line_of_placeholders, line_of_replays
from unit.memory_store import MemoryStore

AGAIN = "pytest --mimic-rerecord t.py::test_x"
NAME = "calls/shop/fetch/00.json"


@pytest.mark.parametrize(
    ("count", "renewable_count", "line"),
    [
        (1, 1, f"1 call replayed; to record it again: {AGAIN}"),
        (2, 2, f"2 calls replayed; to record them again: {AGAIN}"),
        (3, 1, f"3 calls replayed; to record 1 of them again: {AGAIN}"),
        (
            1,
            0,
            "1 call replayed; mimic_replay never records: use mimic_auto or"
            " mimic_record to record it again",
        ),
    ],
)
def test_the_line_says_what_records_the_replayed_calls_again(
    count: int, renewable_count: int, line: str
) -> None:
    assert line_of_replays(count, renewable_count, "t.py::test_x", Commands()) == line


def test_a_test_whose_call_no_mode_makes_is_not_told_to_record_it_again() -> None:
    line = line_of_replays(2, 2, "t.py::test_x", Commands(), is_refused=True)

    assert line == "2 calls replayed"


@pytest.mark.parametrize(
    ("answer", "is_named"), [({"token": "<redacted>"}, True), ({"id": 1}, False)]
)
def test_a_placeholder_in_an_answer_is_named(answer: object, is_named: bool) -> None:
    vault = Vault(MemoryStore())
    outcomes = [vault.writer.encoded(Value(answer), 0.5)]
    recording = Recording("shop:fetch", {"a": 1}, None, "t.py", "2026", None, outcomes)
    vault.writer.write(NAME, [recording])

    line = line_of_placeholders([NAME], vault, Commands())

    expected = "their answers hold placeholders of secrets" if is_named else ""
    assert (line or "").startswith(expected)
    assert (line is not None) is is_named
