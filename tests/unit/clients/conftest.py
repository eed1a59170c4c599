"""The fixtures of the tests of all clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.runs import end_all_runs, runs_of

from unit.clients.runs import Runs


@pytest.fixture(autouse=True)
def _ended_runs() -> Iterator[None]:
    """End the tests that runs have played."""
    yield
    end_all_runs()


@pytest.fixture
def runs(line: str, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Runs of a test with the client that the fixture `line` names."""
    runs = runs_of(line)
    runs.install(monkeypatch)
    assert isinstance(runs, Runs)
    return runs
