"""The fixtures of the engine's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import toy_client

from pytest_mimic._core.seam.registry import CLIENTS, Client
from unit.core.engine.runs import Runs


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    """Runs of one test, the first of which records."""
    made = Runs(tmp_path)
    yield made
    made.end()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> toy_client.Service:
    """The service of the toy client, which has had no requests."""
    made = toy_client.Service()
    monkeypatch.setattr(toy_client, "SERVICE", made)
    monkeypatch.setitem(CLIENTS, "toy_client", Client("toy_adapter:ToyAdapter"))
    return made
