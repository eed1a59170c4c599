"""Fixtures for tests of the SQL client: runs of one test, engines and databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from support.runs import Runs

from clients.sql.places import ASYNC, SYNC, Place, place_for

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa


@pytest.fixture
def line() -> str:
    return "sqlalchemy"


@pytest.fixture
def connect(runs: Runs) -> Iterator[Callable[..., sa.Engine]]:
    """`create_engine`, with engines that are disposed of when the test ends."""
    import sqlalchemy as sa

    engines: list[sa.Engine] = []

    def make(*args: Any, **kwargs: Any) -> sa.Engine:
        engines.append(sa.create_engine(*args, **kwargs))
        return engines[-1]

    yield make
    runs.again("off")
    for engine in engines:
        engine.dispose()


@pytest.fixture(params=SYNC)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each database that is used without asyncio."""
    return place_for(request, request.param, tmp_path)


@pytest.fixture(params=ASYNC)
def async_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each database that is used with asyncio."""
    pytest.importorskip("greenlet")
    return place_for(request, request.param, tmp_path)


@pytest.fixture
def pg(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """PostgreSQL."""
    return place_for(request, "postgresql+psycopg", tmp_path)


@pytest.fixture
def lite(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """SQLite."""
    return place_for(request, "sqlite", tmp_path)
