"""Which recorded answers stay where their conversation is recorded again."""

from __future__ import annotations

from typing import Any

import pytest
import toy_client

from unit.core.engine.runs import Runs


@pytest.fixture(autouse=True)
def _service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toy_client, "SERVICE", toy_client.Service())


def conversation(runs: Runs, mode: str, *places: str) -> list[float]:
    runs.again(mode)
    ask: Any = runs.client(volatile=("degrees",))
    return [ask(place) for place in places]


def test_answers_stay_while_only_volatile_parts_change(runs: Runs) -> None:
    recorded = conversation(runs, "record", "Oslo", "Rome")
    toy_client.SERVICE.degrees = {"Oslo": 1.0, "Rome": 2.0}

    conversation(runs, "rerecord", "Oslo", "Rome")

    assert conversation(runs, "replay", "Oslo", "Rome") == recorded


@pytest.mark.parametrize("places", [("Oslo", "Bern", "Rome"), ("Oslo", "Rome", "Bern")])
def test_a_new_call_replaces_the_answers_before_and_after_it(
    runs: Runs, places: tuple[str, ...]
) -> None:
    conversation(runs, "record", "Oslo", "Rome")
    toy_client.SERVICE.degrees = {"Oslo": 1.0, "Rome": 2.0, "Bern": 3.0}

    recorded_again = conversation(runs, "rerecord", *places)

    assert conversation(runs, "replay", *places) == recorded_again


def test_a_call_that_is_gone_replaces_no_answer(runs: Runs) -> None:
    recorded = conversation(runs, "record", "Oslo", "Rome")
    toy_client.SERVICE.degrees = {"Oslo": 1.0, "Rome": 2.0}

    conversation(runs, "rerecord", "Oslo")

    assert conversation(runs, "replay", "Oslo") == recorded[:1]
