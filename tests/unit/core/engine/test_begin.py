"""Where a call begins: in the cassette that takes it, in its test, or among those that all tests share."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic import MissingRecordingError
from unit.core.engine.runs import Runs, connection


def fetch(city: str) -> str:
    return city


def test_an_error_of_ours_fails_the_test_whoever_catches_it(runs: Runs) -> None:
    runs.again("replay")

    with pytest.raises(MissingRecordingError, match="no recording of shop:fetch"):
        runs.mimic(fetch)("Oslo")

    assert len(runs.errors()) == 1


def test_a_connection_that_is_made_in_a_block_belongs_to_no_cassette(
    runs: Runs, service: Any
) -> None:
    cassette = runs.cassette("record")

    step: Any = runs.port(cassette).begin(connection())

    assert step.file.startswith("calls/toy_client/")
