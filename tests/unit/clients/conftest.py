"""The fixtures of the tests of all clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from unit.clients.runs import Runs


@pytest.fixture(autouse=True)
def _ended_runs() -> Iterator[None]:
    """End the tests that runs have played."""
    yield
    Runs.end_all()
