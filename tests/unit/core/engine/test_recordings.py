"""The recordings of a target are found, but for damaged and foreign ones."""

from __future__ import annotations

import pytest

from pytest_mimic import MissingRecordingError
from unit.core.engine.runs import Runs


def fetch(city: str, day: int) -> list[object]:
    return [city, day]


def search(city: str, day: int) -> list[object]:
    return [city, day]


def test_a_miss_names_the_nearest_of_the_readable_recordings(runs: Runs) -> None:
    """A damaged one is no obstacle, nor is one of another function that was put into the folder by hand."""
    runs.mimic(fetch)("Rome", 1)
    runs.damage(*runs.names())
    runs.mimic(search)("Oslo", 3)
    (foreign,) = (name for name in runs.names() if "search" in name)
    runs.store.write(
        foreign.replace("search", "fetch"), runs.store.read(foreign) or b""
    )
    runs.mimic(fetch)("Oslo", 2)

    runs.again("replay")
    with pytest.raises(MissingRecordingError) as missed:
        runs.mimic(fetch)("Rome", 3)

    assert "city: 'Oslo' recorded, 'Rome' now" in str(missed.value)
    assert "day: 2 recorded, 3 now" in str(missed.value)
