"""The mode of a fixture's cassette."""

from __future__ import annotations

import pytest

from pytest_mimic import CassetteError
from pytest_mimic._core.settings import Mode
from pytest_mimic._run.cassette_fixtures import mode_of
from unit.memory_store import settings


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("replay", "rerecord replay replay rerecord"),
        ("record", "rerecord replay record rerecord"),
        ("rerecord", "rerecord replay rerecord rerecord"),
        ("verify", "verify replay verify verify"),
        ("live", "live live live live"),
    ],
)
def test_a_fixtures_mode_follows_the_runs_mode(mode: str, expected: str) -> None:
    """The last of these is `mimic_auto` without a cassette."""
    fixtures = [("record", True), ("replay", True), ("auto", True), ("auto", False)]
    found = [
        mode_of(kind, settings(mode=mode), name="trip", exists=exists)
        for kind, exists in fixtures
    ]

    assert [one.value for one in found] == expected.split()


def test_what_may_not_record() -> None:
    given = settings(no_record=True)

    assert mode_of("auto", given, name="trip", exists=False) is Mode.REPLAY
    with pytest.raises(
        CassetteError, match="mimic_record may not record cassette trip"
    ):
        mode_of("record", given, name="trip", exists=True)
