"""The fixtures of the tests of all clients."""

from __future__ import annotations

import pytest
from support.runs import Runs


@pytest.fixture(autouse=True)
def _ended_runs():
    """End the tests that runs have played."""
    yield
    Runs.end_all()


@pytest.fixture
def runs(line, monkeypatch):
    """Runs of a test with the client that the fixture `line` names."""
    runs = Runs(line)
    runs.install(monkeypatch)
    return runs
