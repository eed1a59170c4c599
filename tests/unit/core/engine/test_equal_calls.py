"""What a call gets: a miss names the nearest recording, and recording replaces what stood there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pytest_mimic import CorruptRecordingError, MissingRecordingError
from unit.core.engine.runs import Runs


def fetch(city: str, day: int) -> list[object]:
    return [city, day]


def test_a_stream_replaces_the_value_that_the_same_call_gave_before(runs: Runs) -> None:
    """While recording again, each call runs."""
    given: list[Any] = [[1, 2], (number for number in (1, 2))]

    def pages() -> Any:
        return given.pop(0)

    runs.again("rerecord")
    wrapped = runs.mimic(pages)
    assert wrapped() == [1, 2]
    stream: Iterator[int] = wrapped()
    assert [*stream] == [1, 2]

    runs.again("replay")

    assert [*runs.mimic(pages)()] == [1, 2]
    recording = runs.run.vault.read(*runs.names())
    assert recording is not None
    assert [stored.kind for stored in recording.outcomes] == ["stream"]


def test_a_damaged_recording_is_replaced_whatever_is_volatile_in_it(runs: Runs) -> None:
    runs.mimic(fetch)("Oslo", 1)
    runs.damage()
    runs.again("replay")
    with pytest.raises(CorruptRecordingError):
        runs.mimic(fetch)("Oslo", 1)

    runs.again("rerecord")
    assert runs.mimic(fetch, volatile=("0",))("Oslo", 1) == ["Oslo", 1]

    runs.again("replay")
    assert runs.mimic(fetch)("Oslo", 1) == ["Oslo", 1]


def test_a_damaged_cassette_is_not_extended(runs: Runs) -> None:
    runs.store.write("cassettes/trip.json", b"{")

    with pytest.raises(CorruptRecordingError, match="cassettes/trip"):
        runs.cassette("record")

    assert runs.store.read("cassettes/trip.json") == b"{"


def test_a_call_after_a_replayed_one_names_the_option_that_records_it(
    runs: Runs, service: Any
) -> None:
    runs.client()("Oslo")
    runs.again("replay")
    ask = runs.client()

    with pytest.raises(
        MissingRecordingError, match="to record it: pytest --mimic-record test_"
    ):
        ask("Bergen")
    ask("Oslo")
    for _ in range(2):
        with pytest.raises(
            MissingRecordingError, match="to record it: pytest --mimic-rerecord test_"
        ):
            ask("Paris")
