"""The functions that identify any value are reached through their door."""

from __future__ import annotations

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.identity.call_identity import rest_of_identity


def test_the_door_leads_to_what_identifies_any_value() -> None:
    rest = rest_of_identity()
    places = Places()

    assert rest.digest({"a": [1]}, places) == rest.digest({"a": [1]}, places)
    pruned = rest.prune({"a": 1, "b": 2}, [rest.parse_path("b")], places)
    assert rest.digest(pruned, places) == rest.digest({"a": 1}, places)
