"""The mode of a fixture's cassette."""

from __future__ import annotations

import pytest

from pytest_mimic import CassetteError
from pytest_mimic._core.settings import Mode
from pytest_mimic._run.cassette_fixtures import mode_of
from unit.memory_store import settings


@pytest.mark.parametrize(
    ("fixture", "mode", "exists", "expected"),
    [
        ("record", "replay", True, "rerecord"),
        ("record", "record", True, "rerecord"),
        ("record", "verify", True, "verify"),
        ("record", "live", False, "live"),
        ("replay", "replay", False, "replay"),
        ("replay", "rerecord", True, "replay"),
        ("replay", "verify", True, "replay"),
        ("replay", "live", True, "live"),
        ("auto", "replay", True, "replay"),
        ("auto", "replay", False, "rerecord"),
        ("auto", "record", True, "record"),
        ("auto", "record", False, "rerecord"),
        ("auto", "rerecord", True, "rerecord"),
        ("auto", "verify", False, "verify"),
        ("auto", "live", False, "live"),
    ],
)
def test_a_fixtures_mode_follows_the_runs_mode(fixture: str, mode: str, exists: bool, expected: str) -> None:
    assert mode_of(fixture, settings(mode=mode), name="trip", exists=exists) is Mode(expected)


def test_what_may_not_record() -> None:
    given = settings(no_record=True)

    assert mode_of("auto", given, name="trip", exists=False) is Mode.REPLAY
    with pytest.raises(CassetteError, match="mimic_record may not record cassette trip"):
        mode_of("record", given, name="trip", exists=True)
