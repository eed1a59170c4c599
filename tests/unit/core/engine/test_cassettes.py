"""What a cassette gives, records and writes, call by call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pytest_mimic import CassetteError
from pytest_mimic._core.engine.cassettes import mode_of
from pytest_mimic._core.settings import Mode
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


def test_a_call_says_what_it_is(recorded: Runs) -> None:
    cassette = recorded.cassette("replay")

    assert [repr(call) for call in cassette.calls] == [
        "<CassetteCall toy_client ASK Oslo>",
        "<CassetteCall toy_client ASK Rome>",
    ]
    assert repr(cassette) == "<Cassette trip, replay>"


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


def test_a_stream_that_is_read_to_its_end_after_the_block_is_written_then(runs: Runs) -> None:
    cassette = runs.cassette("rerecord")
    stream = runs.mimic(numbers, cassette)(3)
    assert next(stream) == 0
    cassette.close(None)
    assert [*stream] == [1, 2]

    replayed = runs.cassette("replay")
    assert [*runs.mimic(numbers, replayed)(3)] == [0, 1, 2]


@pytest.mark.parametrize("error", [None, KeyboardInterrupt()], ids=["as a whole", "in part"])
def test_a_replayed_block_is_not_written(recorded: Runs, error: BaseException | None) -> None:
    """An interrupt has nothing to say about it either."""
    name = "cassettes/trip.json"
    before = recorded.store.read(name)
    cassette = recorded.cassette("record")
    recorded.client(cassette)("Oslo")

    cassette.close(error)

    assert recorded.store.read(name) is before
    assert recorded.ledger.notes == []


@pytest.mark.parametrize(
    ("fixture", "mode", "exists", "expected"),
    [
        ("record", Mode.REPLAY, True, Mode.RERECORD),
        ("record", Mode.RECORD, True, Mode.RERECORD),
        ("record", Mode.VERIFY, True, Mode.VERIFY),
        ("record", Mode.LIVE, False, Mode.LIVE),
        ("replay", Mode.REPLAY, False, Mode.REPLAY),
        ("replay", Mode.RERECORD, True, Mode.REPLAY),
        ("replay", Mode.VERIFY, True, Mode.REPLAY),
        ("replay", Mode.LIVE, True, Mode.LIVE),
        ("auto", Mode.REPLAY, True, Mode.REPLAY),
        ("auto", Mode.REPLAY, False, Mode.RERECORD),
        ("auto", Mode.RECORD, True, Mode.RECORD),
        ("auto", Mode.RECORD, False, Mode.RERECORD),
        ("auto", Mode.RERECORD, True, Mode.RERECORD),
        ("auto", Mode.VERIFY, False, Mode.VERIFY),
        ("auto", Mode.LIVE, False, Mode.LIVE),
    ],
)
def test_a_fixtures_mode_follows_the_runs_mode(
    runs: Runs, fixture: str, mode: Mode, exists: bool, expected: Mode
) -> None:
    settings = runs.state.settings._replace(mode=mode)

    assert mode_of(fixture, settings, name="trip", exists=exists) is expected


def test_what_may_not_record(runs: Runs) -> None:
    settings = runs.state.settings._replace(mode=Mode.REPLAY, no_record=True)

    assert mode_of("auto", settings, name="trip", exists=False) is Mode.REPLAY
    with pytest.raises(CassetteError, match="mimic_record may not record cassette trip"):
        mode_of("record", settings, name="trip", exists=True)
