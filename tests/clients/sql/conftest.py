"""Fixtures for tests of the SQL client: runs of one test, engines and databases."""

from __future__ import annotations

import pytest

from clients.sql.places import ASYNC, SYNC, place_for


@pytest.fixture
def line():
    return "sqlalchemy"


@pytest.fixture
def connect(runs):
    """`create_engine`, with engines that are disposed of when the test ends."""
    import sqlalchemy as sa

    engines = []

    def make(*args, **kwargs):
        engines.append(sa.create_engine(*args, **kwargs))
        return engines[-1]

    yield make
    runs.again("off")
    for engine in engines:
        engine.dispose()


@pytest.fixture(params=SYNC)
def place(request, tmp_path):
    """Each database that is used without asyncio."""
    return place_for(request, request.param, tmp_path)


@pytest.fixture(params=ASYNC)
def async_place(request, tmp_path):
    """Each database that is used with asyncio."""
    pytest.importorskip("greenlet")
    return place_for(request, request.param, tmp_path)


@pytest.fixture
def pg(request, tmp_path):
    """PostgreSQL."""
    return place_for(request, "postgresql+psycopg", tmp_path)


@pytest.fixture
def lite(request, tmp_path):
    """SQLite."""
    return place_for(request, "sqlite", tmp_path)
