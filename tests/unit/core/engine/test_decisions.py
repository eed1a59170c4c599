"""Each call is replayed, runs for real, or passes through."""

from __future__ import annotations

import pytest

from pytest_mimic.errors import MissingRecordingError
from unit.core.engine.runs import Runs, connection


def fetch(city: str) -> list[str]:
    return [city]


def test_a_connection_without_a_recording_is_a_miss_in_a_cassette_that_replays(runs: Runs) -> None:
    port = runs.port(runs.cassette("replay"))

    with pytest.raises(MissingRecordingError, match="no recording of toy_client CONNECT"):
        port.begin(connection())
