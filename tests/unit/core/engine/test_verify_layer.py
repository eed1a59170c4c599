"""The functions that explain misses are reached through their door."""

from __future__ import annotations

from pytest_mimic import MissingRecordingError
from pytest_mimic._core.engine.steps import verifier


def test_the_door_leads_to_what_explains_a_miss() -> None:
    error = verifier().new_after_replayed("http GET /users/1", test="test_a.py::test_x")

    assert isinstance(error, MissingRecordingError)
    assert "http GET /users/1" in str(error)
