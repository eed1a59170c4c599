"""What a cassette gives, records and writes, call by call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from unit.core.engine.runs import Runs


@pytest.fixture
def recorded(runs: Runs, service: Any) -> Runs:
    """A cassette in which Oslo and then Rome was asked for."""
    cassette = runs.cassette("rerecord")
    ask = runs.client(cassette)
    ask("Oslo")
    ask("Rome")
    cassette.close(None)
    service.requests.clear()
    return runs


def numbers(of: int) -> Iterator[int]:
    yield from range(of)


def test_one_more_identical_call_is_added(runs: Runs) -> None:
    given = [1, 2, 3]

    def poll() -> int:
        return given.pop(0)

    def polled(mode: str, times: int) -> list[int]:
        cassette = runs.cassette(mode)
        wrapped = runs.mimic(poll, cassette)
        got = [wrapped() for _ in range(times)]
        cassette.close(None)
        return got

    assert polled("rerecord", 2) == [1, 2]
    assert polled("record", 3) == [1, 2, 3]
    assert polled("replay", 4) == [1, 2, 3, 3]
    assert given == []


def test_a_stream_that_is_read_to_its_end_after_the_block_is_written_then(
    runs: Runs,
) -> None:
    cassette = runs.cassette("rerecord")
    stream = runs.mimic(numbers, cassette)(3)
    assert next(stream) == 0
    cassette.close(None)
    assert [*stream] == [1, 2]

    replayed = runs.cassette("replay")
    assert [*runs.mimic(numbers, replayed)(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    "error", [None, KeyboardInterrupt()], ids=["as a whole", "in part"]
)
def test_a_replayed_block_is_not_written(
    recorded: Runs, error: BaseException | None
) -> None:
    """An interrupt has nothing to say about it either."""
    name = "cassettes/trip.json"
    before = recorded.store.read(name)
    cassette = recorded.cassette("record")
    recorded.client(cassette)("Oslo")

    cassette.close(error)

    assert recorded.store.read(name) is before
    assert recorded.account.notes == []
