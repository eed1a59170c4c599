"""What the tests of HTTP clients share. A module says by its fixture `line` which one it tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.http_server import Server, running_server

from pytest_mimic._core.seam.registry import load_adapter
from unit.clients.runs import Runs


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on loopback."""
    with running_server() as server:
        yield server


@pytest.fixture
def runs(line: str, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Runs of a test with a client."""
    runs = Runs(load_adapter(line))
    runs.install(monkeypatch)
    return runs
