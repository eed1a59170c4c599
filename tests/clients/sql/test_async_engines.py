"""Engines of SQLAlchemy's asyncio extension."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

pytest_plugins = ("support.database_servers",)


def test_async_engines(runs, async_place):
    """The adapters of asyncpg, aiosqlite and psycopg: statements, streams, errors, savepoints, no event loop kept."""

    async def steps(engine):
        seen = []
        async with engine.begin() as connection:
            await connection.execute(sa.text("CREATE TABLE t (a int UNIQUE)"))
            await connection.execute(
                sa.text("INSERT INTO t VALUES (:a)"), [{"a": n} for n in range(30)]
            )
        async with engine.connect() as connection:
            seen.append(
                (
                    await connection.execute(
                        sa.text("SELECT a FROM t WHERE a < :a ORDER BY a"), {"a": 3}
                    )
                ).all()
            )
            stream = await connection.stream(sa.text("SELECT a FROM t ORDER BY a"))
            seen.append([row.a async for row in stream])
            with pytest.raises(sa.exc.IntegrityError) as caught:
                async with connection.begin_nested():
                    await connection.execute(sa.text("INSERT INTO t VALUES (1)"))
            error = caught.value.orig
            seen += [
                # SQLAlchemy 2.0 has no such attribute.
                type(getattr(caught.value, "driver_exception", None)),
                type(error),
                str(error),
                getattr(error, "sqlstate", None),
                type(error.__cause__),
                getattr(error.__cause__, "constraint_name", None),
                getattr(error.__cause__, "detail", None),
            ]
            await connection.rollback()
            seen.append(await connection.scalar(sa.text("SELECT count(*) FROM t")))
        return seen

    engines = [
        create_async_engine(url, pool_pre_ping=True)
        for url in (async_place.real, async_place.gone)
    ]

    async def whole(engine):
        try:
            return await steps(engine)
        finally:
            await engine.dispose()

    recorded = asyncio.run(whole(engines[0]))
    runs.again("replay")
    replayed = asyncio.run(whole(engines[1]))

    assert replayed == recorded
    assert recorded[1] == list(range(30))
    assert recorded[-1] == 30
    if "asyncpg" in async_place.real:
        assert recorded[-3:-1] == ["t_a_key", "Key (a)=(1) already exists."]


def test_types_are_exact(runs, pg):
    """Numbers, moments, ids, JSON, bytes, arrays, ranges and NULL, with each driver of PostgreSQL."""
    pytest.importorskip("asyncpg")
    pytest.importorskip("greenlet")
    select = sa.text(
        "SELECT 1.10::numeric AS n, 'NaN'::numeric, 'Infinity'::float8, now()::timestamptz, now()::timestamp,"
        " '2026-11-02'::date, '10:00'::time, '10:00+02'::timetz, '1 day 3 sec'::interval,"
        " '12345678-1234-5678-1234-567812345678'::uuid, '{\"a\": [1, null]}'::jsonb, '\\xff00'::bytea,"
        " ARRAY[[1, 2], [3, 4]], ARRAY['a', NULL], '[1,5)'::int4range, '{[1,3),[5,7)}'::int4multirange,"
        " '10.0.0.1'::inet, '10.0.0.0/8'::cidr, ROW(1, 'x'), NULL, 9223372036854775807"
    )

    async def ask(url):
        engine = create_async_engine(url)
        async with engine.connect() as connection:
            row = (await connection.execute(select)).one()
        await engine.dispose()
        return row

    for driver in ("asyncpg", "psycopg"):
        runs.again("record")
        recorded = asyncio.run(ask(pg.real.replace("psycopg", driver)))
        runs.again("replay")
        replayed = asyncio.run(ask(pg.gone.replace("psycopg", driver)))

        assert [type(value) for value in replayed[:18]] == [
            type(value) for value in recorded[:18]
        ]
        assert [repr(value) for value in replayed[:18]] == [
            repr(value) for value in recorded[:18]
        ]
        assert tuple(replayed[18:]) == tuple(recorded[18:])
