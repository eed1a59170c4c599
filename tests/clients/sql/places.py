"""Databases to record with, and steps that are recorded and replayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from support.runs import Runs

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa
    from support.database_servers import Postgres

Connect = Callable[..., "sa.Engine"]
SYNC = ["sqlite", "postgresql+psycopg", "postgresql+psycopg2", "postgresql+pg8000"]
ASYNC = ["sqlite+aiosqlite", "postgresql+asyncpg", "postgresql+psycopg"]


class Place:
    """A database to record with, and one that leads nowhere to replay with."""

    def __init__(self, driver: str, real: str, gone: str) -> None:
        self.driver = driver
        self.real = f"{driver}://{real}"
        self.gone = f"{driver}://{gone}"


def place_for(request: pytest.FixtureRequest, driver: str, folder: Path) -> Place:
    library = driver.partition("+")[2]
    if library:
        pytest.importorskip(library)
    if driver.startswith("sqlite"):
        return Place(driver, f"/{folder}/real.db", f"/{folder}/gone/real.db")
    server: Postgres = request.getfixturevalue("postgres")
    return Place(driver, server.new_database(), "nobody@127.0.0.1:1/gone")


def one(engine: sa.Engine, sql: str, **parameters: Any) -> Any:
    """Return one value."""
    import sqlalchemy as sa

    with engine.connect() as connection:
        return connection.scalar(sa.text(sql), parameters)


def run(engine: sa.Engine, *statements: str) -> None:
    """Run some statements in a transaction."""
    import sqlalchemy as sa

    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def both(runs: Runs, place: Place, steps: Callable[[str], Any]) -> tuple[Any, Any]:
    """Return the results of the steps while recording, and while replaying without the database."""
    recorded = steps(place.real)
    runs.again("replay")
    return recorded, steps(place.gone)


def same(runs: Runs, place: Place, steps: Callable[[str], Any]) -> Any:
    """Return the result of the steps, which is the same while recording and without the database."""
    recorded, replayed = both(runs, place, steps)
    assert replayed == recorded
    return recorded
