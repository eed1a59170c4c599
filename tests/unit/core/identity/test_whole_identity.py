"""The functions that identify any value are reached through their door."""

from __future__ import annotations

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.identity.call_identity import whole_identity


def test_the_door_leads_to_what_identifies_any_value() -> None:
    whole = whole_identity()
    places = Places()

    assert whole.digest({"a": [1]}, places) == whole.digest({"a": [1]}, places)
    pruned = whole.prune({"a": 1, "b": 2}, [whole.parse_path("b")], places)
    assert whole.digest(pruned, places) == whole.digest({"a": 1}, places)
