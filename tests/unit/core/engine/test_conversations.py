"""The calls of a test at one client are replayed or run for real as a whole."""

from __future__ import annotations

from typing import Any

import pytest
from toy_adapter import ToyAdapter

from pytest_mimic._core.engine.conversations import AbortedCallError
from pytest_mimic.errors import MissingRecordingError
from unit.core.engine.runs import Runs


class EndedTest(BaseException):
    """Ends an attempt of a test."""


class PickyAdapter(ToyAdapter):
    """A client that would give up its connection if a `BaseException` passed through it."""

    closes_on_exits = True


@pytest.fixture
def recorded(runs: Runs, service: Any) -> Runs:
    """A test that has asked for Oslo and then for Rome."""
    ask = runs.client()
    ask("Oslo")
    ask("Rome")
    service.requests.clear()
    return runs


def begin(runs: Runs, mode: str, **settings: Any) -> None:
    """Begin an attempt of the test that can be ended."""
    runs.again(mode, **settings)
    runs.state.conversations.end_test = EndedTest


def test_an_ended_test_gets_no_further_answer(recorded: Runs, service: Any) -> None:
    """Code that catches everything goes on until the next call."""
    begin(recorded, "rerecord", only=("ASK Rome",))
    ask = recorded.client()

    assert ask("Oslo") == -3.5
    for place in ("Rome", "Rome", "Oslo"):
        with pytest.raises(
            EndedTest, match="the test is run again: a conversation at toy_client has changed"
        ):
            ask(place)
    assert service.requests == []

    recorded.next_attempt()
    assert [ask("Oslo"), ask("Rome")] == [-3.5, 16.0]
    assert service.requests == ["Oslo 2026-11-01", "Rome 2026-11-01"]


def test_code_that_goes_on_after_many_errors_gets_one_that_it_cannot_catch(recorded: Runs) -> None:
    begin(recorded, "record")
    ask = recorded.client(kind=PickyAdapter)
    ask("Oslo")

    caught: list[AbortedCallError] = []

    def go_on() -> None:
        while len(caught) < 1_000:
            try:
                ask("Bergen")
            except AbortedCallError as error:
                caught.append(error)

    with pytest.raises(EndedTest):
        go_on()
    assert len(caught) == 20


@pytest.mark.parametrize("settings", [{}, {"only": ("ASK Rome",)}], ids=["all", "only"])
def test_a_call_that_would_begin_again_is_refused_where_nothing_can_be_repeated(
    recorded: Runs, service: Any, settings: Any
) -> None:
    """At import, for example: there is no test to run again."""
    recorded.again("rerecord" if settings else "record", **settings)
    ask = recorded.client()
    ask("Oslo")

    with pytest.raises(MissingRecordingError, match="cannot run for real: calls before it were replayed"):
        ask("Rome" if settings else "Bergen")

    assert service.requests == []


def test_a_conversation_whose_first_call_is_selected_runs_for_real_as_a_whole(
    recorded: Runs, service: Any
) -> None:
    begin(recorded, "rerecord", only=("ASK Oslo",))
    ask = recorded.client()

    assert [ask("Oslo"), ask("Rome")] == [-3.5, 16.0]
    assert service.requests == ["Oslo 2026-11-01", "Rome 2026-11-01"]


def test_a_new_call_is_recorded_if_a_recorded_call_of_its_conversation_is_selected(
    recorded: Runs, service: Any
) -> None:
    service.degrees["Bergen"] = 4.0
    begin(recorded, "record", only=("ASK Rome",))

    assert recorded.client()("Bergen") == 4.0
    assert service.requests == ["Bergen 2026-11-01"]


def test_a_new_call_is_a_miss_if_no_call_of_its_conversation_is_selected(
    recorded: Runs, service: Any
) -> None:
    begin(recorded, "record", only=("ASK Paris",))

    with pytest.raises(MissingRecordingError, match="no recording of toy_client ASK Bergen"):
        recorded.client()("Bergen")
    assert service.requests == []
