"""The mode of a fixture's cassette in each mode of a run."""

from __future__ import annotations

import pytest

from pytest_mimic import CassetteError, CorruptRecordingError
from pytest_mimic._core.engine.cassette_modes import is_left_out, mode_of
from pytest_mimic._core.settings import Mode


@pytest.mark.parametrize(
    ("fixture", "mode", "exists", "expected"),
    [
        ("record", Mode.REPLAY, True, "record"),
        ("record", Mode.RECORD, True, "record"),
        ("record", Mode.VERIFY, True, "verify"),
        ("record", Mode.LIVE, False, "live"),
        ("replay", Mode.REPLAY, False, "replay"),
        ("replay", Mode.RERECORD, True, "replay"),
        ("replay", Mode.VERIFY, True, "replay"),
        ("replay", Mode.LIVE, True, "live"),
        ("auto", Mode.REPLAY, True, "replay"),
        ("auto", Mode.REPLAY, False, "record"),
        ("auto", Mode.RECORD, True, "extend"),
        ("auto", Mode.RECORD, False, "record"),
        ("auto", Mode.RERECORD, True, "record"),
        ("auto", Mode.VERIFY, False, "verify"),
        ("auto", Mode.LIVE, False, "live"),
    ],
)
def test_a_fixtures_mode_follows_the_runs_mode(fixture, mode, exists, expected):
    assert mode_of(fixture, mode, name="trip", exists=exists, may_record=True) == expected


def test_auto_replays_if_recording_is_forbidden():
    assert mode_of("auto", Mode.REPLAY, name="trip", exists=False, may_record=False) == "replay"


def test_record_is_refused_if_recording_is_forbidden():
    with pytest.raises(CassetteError, match="mimic_record may not record cassette trip"):
        mode_of("record", Mode.REPLAY, name="trip", exists=True, may_record=False)


def fetch(city):
    return [city]


@pytest.mark.parametrize(("pattern", "expected"), [("shop:fetch", False), ("shop:other", True)])
def test_only_leaves_a_cassette_out_if_it_selects_none_of_its_calls(runs, pattern, expected):
    record(runs)

    runs.again("rerecord", only=(pattern,))

    assert is_left_out(runs.state, "cassettes/trip.json") is expected


def test_only_leaves_a_damaged_cassette_out(runs):
    """Nobody knows its calls. So it is not replaced, and the replay reports the damage."""
    record(runs)
    runs.damage()

    runs.again("rerecord", only=("shop:fetch",))

    assert is_left_out(runs.state, "cassettes/trip.json")
    with pytest.raises(CorruptRecordingError, match=r"cassettes/trip\.json"):
        runs.cassette("replay")


def record(runs):
    cassette = runs.cassette("record")
    runs.mimic(fetch, cassette)("Oslo")
    cassette.close(None)
