"""The driver's own connections and cursors, and connections that are lost."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from pytest_mimic.errors import UnstorableOutcomeError
from unit.clients.runs import Runs
from unit.clients.sql.places import Connect, Place, place_for, same

if TYPE_CHECKING:
    from pathlib import Path


pytest_plugins = ("support.database_servers",)


def test_state_of_a_transaction_is_known(runs: Runs, connect: Connect, pg: Place) -> None:
    """psycopg's `info.transaction_status`: idle, in a transaction, in one that has failed, idle again."""
    import psycopg

    def steps(url: str) -> Any:
        connection = connect(url).raw_connection()
        held: Any = connection.dbapi_connection
        seen = [held.info.transaction_status.name]
        held.execute("SELECT 1")
        seen.append(held.info.transaction_status.name)
        with pytest.raises(psycopg.errors.UndefinedColumn, match="nothing"):
            held.execute("SELECT nothing")
        seen.append(held.info.transaction_status.name)
        held.rollback()
        seen.append(held.info.transaction_status.name)
        connection.close()
        return seen

    assert same(runs, pg, steps) == ["IDLE", "INTRANS", "INERROR", "IDLE"]


def test_attributes_that_change_are_answered_each_time(runs: Runs, connect: Connect, lite: Place) -> None:

    def steps(url: str) -> Any:
        connection = connect(url).raw_connection()
        held: Any = connection.dbapi_connection
        cursor = held.cursor()
        cursor.execute("CREATE TABLE t (a int)")
        seen = [held.total_changes, held.in_transaction]
        cursor.execute("INSERT INTO t VALUES (1)")
        seen += [held.total_changes, held.in_transaction]
        connection.commit()
        seen += [held.in_transaction, held.isolation_level, held.text_factory]
        connection.close()
        return seen

    recorded = same(runs, lite, steps)

    assert recorded == [0, True, 1, True, False, "", str]


def test_other_attributes_of_the_driver_are_an_error(runs: Runs, connect: Connect, lite: Place) -> None:
    held: Any = connect(lite.real).raw_connection().dbapi_connection
    runs.calls.clear()

    with pytest.raises(AttributeError, match="driver's own `backup` cannot be recorded"):
        held.backup()
    assert runs.calls == []


def test_private_attributes_are_absent_and_not_recorded(runs: Runs, connect: Connect, pg: Place) -> None:
    """Debuggers look for them."""
    held: Any = connect(pg.real).raw_connection().dbapi_connection
    parts = [held, held.info, held.driver_connection, held.cursor()]
    runs.calls.clear()

    assert [hasattr(part, "_repr_html_") for part in parts] == [False] * 4
    assert runs.calls == []


@pytest.mark.parametrize("mode", ["record", "pass"])
def test_drivers_cursor_is_read_row_by_row(runs: Runs, connect: Connect, place: Place, mode: Any) -> None:
    """`fetchone`, `fetchmany` with an `arraysize`, iteration, `fetchall`: as the driver's cursor does."""

    def steps(url: str) -> Any:
        connection = connect(url).raw_connection()
        cursor: Any = connection.cursor()
        cursor.execute("CREATE TABLE t (a int)")
        marks = "?" if place.driver == "sqlite" else "%s"
        cursor.executemany(f"INSERT INTO t VALUES ({marks})", [(number,) for number in range(9)])
        cursor.arraysize = 2
        cursor.execute("SELECT a FROM t ORDER BY a")
        seen = [cursor.fetchone(), *cursor.fetchmany(), *islice(cursor, 2), *cursor.fetchall()]
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


def test_servers_cursor_is_recorded_as_far_as_it_is_read(runs: Runs, connect: Connect, pg: Place) -> None:
    """psycopg's `connection.cursor("name")`, in a `with`: row by row, then all that is left."""

    def steps(url: str) -> Any:
        connection = connect(url).raw_connection()
        held: Any = connection.dbapi_connection
        with held.cursor("numbers") as cursor:
            cursor.execute("SELECT generate_series(1, 5)")
            seen = [cursor.fetchone(), cursor.fetchone(), *cursor.fetchall(), cursor.fetchone()]
        with held.cursor("one") as cursor:
            cursor.execute("SELECT 6")
            seen += [*cursor, cursor.fetchone()]
        connection.close()
        return seen

    assert same(runs, pg, steps) == [(1,), (2,), (3,), (4,), (5,), None, (6,), None]


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


def test_cursor_of_a_call_left_out_is_the_drivers(runs: Runs, connect: Connect, pg: Place) -> None:
    """Where nothing is recorded, all that psycopg's cursor can do is there: here `statusmessage` and COPY."""
    runs.again("pass")
    connection = connect(pg.real).raw_connection()
    cursor: Any = connection.cursor()

    cursor.execute("CREATE TABLE t (a int)")
    assert cursor.statusmessage == "CREATE TABLE"
    with cursor.copy("COPY t FROM STDIN") as copy:
        copy.write_row((7,))
    cursor.execute("SELECT a FROM t")
    assert cursor.fetchall() == [(7,)]
    assert connection.dbapi_connection.info.encoding == "utf-8"  # type: ignore[union-attr]
    connection.close()


def test_async_drivers_own_queries_are_refused(runs: Runs, async_place: Place) -> None:

    async def fetch(url: str) -> None:
        engine = create_async_engine(url)
        try:
            async with engine.connect() as connection:
                raw = await connection.get_raw_connection()
                await raw.driver_connection.fetchval("SELECT 1")
        finally:
            await engine.dispose()

    with pytest.raises(UnstorableOutcomeError, match=r"driver's own fetchval\(\) is used"):
        asyncio.run(fetch(async_place.real))


def test_async_connection_that_is_given_up_is_replaced(runs: Runs, async_place: Place) -> None:
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
                await asyncio.wait_for(connection.execute(sa.text("SELECT pg_sleep(60)")), 0.2)
        await engine.dispose()

    asyncio.run(ask())

    assert runs.signatures == ["SELECT pg_sleep()"]
    assert runs.abandoned == 1
    assert all("setup" in plain for plain in runs.plain)


def test_async_calls_left_out_run_for_real(runs: Runs, async_place: Place) -> None:
    """The driver's adapter does them alone."""
    runs.again("pass")

    async def ask() -> Any:
        engine = create_async_engine(async_place.real)
        async with engine.connect() as connection:
            value = await connection.scalar(sa.text("SELECT 5"))
        await engine.dispose()
        return value

    assert asyncio.run(ask()) == 5
    assert all("setup" in plain for plain in runs.plain)
