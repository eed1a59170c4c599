"""The calls of a test at one client are replayed or run for real as a whole."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic.errors import CassetteError, MissingRecordingError
from unit.core.engine.runs import Runs


@pytest.fixture
def recorded(runs: Runs, service: Any) -> Runs:
    """A test that has asked for Oslo and then for Rome."""
    ask = runs.client()
    ask("Oslo")
    ask("Rome")
    service.degrees["Bergen"] = 4.0
    service.requests.clear()
    return runs


def test_a_new_call_after_a_replayed_one_is_refused(recorded: Runs, service: Any) -> None:
    """Each time, and what is recorded goes on to be replayed."""
    recorded.again("record")
    before = {name: recorded.store.read(name) for name in recorded.names()}
    ask = recorded.client()
    ask("Oslo")

    for _ in range(2):
        with pytest.raises(MissingRecordingError, match="cannot run for real: calls before it were replayed"):
            ask("Bergen")

    assert ask("Rome") == 16.0
    assert service.requests == []
    assert {name: recorded.store.read(name) for name in recorded.names()} == before
    assert "to record the whole conversation again: pytest --mimic-rerecord test_" in recorded.errors()[0]


def test_a_conversation_whose_first_call_is_new_runs_for_real_as_a_whole(
    recorded: Runs, service: Any
) -> None:
    recorded.again("record")
    ask = recorded.client()

    assert [ask("Bergen"), ask("Oslo")] == [4.0, -3.5]
    assert service.requests == ["Bergen 2026-11-01", "Oslo 2026-11-01"]


def test_a_call_after_a_replayed_one_names_the_option_that_records_it(recorded: Runs) -> None:
    recorded.again("replay")
    ask = recorded.client()

    with pytest.raises(MissingRecordingError, match="to record it: pytest --mimic-record test_"):
        ask("Bergen")
    ask("Oslo")
    for _ in range(2):
        with pytest.raises(MissingRecordingError, match="to record it: pytest --mimic-rerecord test_"):
            ask("Paris")


def record_cassette(runs: Runs, *places: str) -> None:
    cassette = runs.cassette("rerecord")
    for place in places:
        runs.client(cassette)(place)
    cassette.close(None)


def places_in(runs: Runs) -> list[str]:
    return [call.signature.removeprefix("ASK ") for call in runs.cassette("replay").calls]


@pytest.mark.parametrize(
    ("asked", "kept"),
    [(("Bergen",), ["Bergen"]), (("Bergen", "Oslo"), ["Bergen", "Oslo"]), (("Oslo",), ["Oslo", "Rome"])],
)
def test_a_cassette_whose_first_call_is_new_is_recorded_again(
    recorded: Runs, asked: tuple[str, ...], kept: list[str]
) -> None:
    record_cassette(recorded, "Oslo", "Rome")
    recorded.again("record")
    cassette = recorded.cassette("record")

    for place in asked:
        recorded.client(cassette)(place)
    cassette.close(None)

    assert places_in(recorded) == kept


def test_a_new_call_after_a_replayed_one_is_refused_in_a_cassette(recorded: Runs, service: Any) -> None:
    record_cassette(recorded, "Oslo", "Rome")
    service.requests.clear()
    recorded.again("record")
    cassette = recorded.cassette("record")
    ask = recorded.client(cassette)
    ask("Oslo")

    with pytest.raises(MissingRecordingError, match="cannot run for real: calls before it were replayed"):
        ask("Bergen")
    cassette.close(None)

    assert service.requests == []
    assert places_in(recorded) == ["Oslo", "Rome"]


def test_a_cassette_that_others_use_keeps_their_calls(recorded: Runs, service: Any) -> None:
    """What they recorded cannot be made again in another conversation."""
    record_cassette(recorded, "Oslo", "Rome")
    service.requests.clear()
    recorded.again("record")
    recorded.state.test = "test_other.py::test_y"
    cassette = recorded.cassette("record")
    ask = recorded.client(cassette)
    ask("Bergen")

    with pytest.raises(CassetteError, match="others use its recording in cassette trip"):
        ask("Oslo")
    cassette.close(None)

    assert service.requests == ["Bergen 2026-11-01"]
    assert places_in(recorded) == ["Oslo", "Rome", "Bergen"]
