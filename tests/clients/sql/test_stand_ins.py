"""The driver's own connections and cursors, and connections that are lost."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from unit.clients.runs import Runs

from clients.sql.places import Connect, Place, place_for, same

if TYPE_CHECKING:
    from pathlib import Path


pytest_plugins = ("support.database_servers",)


@pytest.mark.parametrize("mode", ["record", "pass"])
def test_drivers_cursor_is_read_row_by_row(
    runs: Runs, connect: Connect, place: Place, mode: Any
) -> None:
    """`fetchone`, `fetchmany` with an `arraysize`, iteration, `fetchall`: as the driver's cursor does."""

    def steps(url: str) -> Any:
        connection = connect(url).raw_connection()
        cursor: Any = connection.cursor()
        cursor.execute("CREATE TABLE t (a int)")
        marks = "?" if place.driver == "sqlite" else "%s"
        cursor.executemany(
            f"INSERT INTO t VALUES ({marks})", [(number,) for number in range(9)]
        )
        cursor.arraysize = 2
        cursor.execute("SELECT a FROM t ORDER BY a")
        seen = [
            cursor.fetchone(),
            *cursor.fetchmany(),
            *islice(cursor, 2),
            *cursor.fetchall(),
        ]
        seen.append(cursor.fetchone())
        cursor.close()
        connection.close()
        return [row and row[0] for row in seen]

    runs.again(mode)
    recorded = steps(place.real)
    assert recorded == [0, 1, 2, 3, 4, 5, 6, 7, 8, None]

    if mode == "record":
        runs.again("replay")
        assert steps(place.gone) == recorded


def test_types_of_parameters_reach_the_driver(
    runs: Runs, connect: Connect, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """`setinputsizes`, which some dialects call: pg8000 sends the types that it is told."""
    place = place_for(request, "postgresql+pg8000", tmp_path)

    def steps(url: str) -> Any:
        connection = connect(url).raw_connection()
        cursor: Any = connection.cursor()
        cursor.setinputsizes(20)  # bigint
        cursor.execute("SELECT pg_typeof(%s)::text", (1,))
        found = cursor.fetchone()[0]
        connection.close()
        return found

    assert same(runs, place, steps) == "bigint"


def test_async_connection_that_is_given_up_is_replaced(
    runs: Runs, async_place: Place
) -> None:
    """`connection.invalidate()` closes it without a word; the next statement opens another."""

    def steps(url: str) -> Any:
        async def ask() -> Any:
            engine = create_async_engine(url)
            async with engine.connect() as connection:
                seen = [await connection.scalar(sa.text("SELECT 1"))]
                await connection.invalidate()
            async with engine.connect() as connection:
                seen.append(await connection.scalar(sa.text("SELECT 2")))
            await engine.dispose()
            return seen

        return asyncio.run(ask())

    assert same(runs, async_place, steps) == [1, 2]


def test_statement_that_is_cancelled_is_not_recorded(runs: Runs, pg: Place) -> None:
    """A timeout around it says nothing of the database."""
    pytest.importorskip("asyncpg")
    pytest.importorskip("greenlet")

    async def ask() -> None:
        engine = create_async_engine(pg.real.replace("psycopg", "asyncpg"))
        async with engine.connect() as connection:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(
                    connection.execute(sa.text("SELECT pg_sleep(60)")), 0.2
                )
        await engine.dispose()

    asyncio.run(ask())

    assert runs.signatures == ["SELECT"]
    assert runs.abandoned == 1
    assert all("dialect" in plain for plain in runs.plain)
