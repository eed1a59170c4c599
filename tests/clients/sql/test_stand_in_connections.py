"""The driver's own connections and cursors, and connections that are lost."""

from __future__ import annotations

import asyncio
import sqlite3
from enum import IntEnum
from itertools import islice

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from clients.sql.places import place_for, same
from pytest_mimic.errors import UnstorableOutcomeError

pytest_plugins = ("support.database_servers",)


@pytest.mark.parametrize("mode", ["record", "pass"])
def test_drivers_cursor_is_read_row_by_row(runs, connect, place, mode):
    """`fetchone`, `fetchmany` with an `arraysize`, iteration, `fetchall`: as the driver's cursor does."""

    def steps(url):
        connection = connect(url).raw_connection()
        cursor = connection.cursor()
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


def test_types_of_parameters_reach_the_driver(runs, connect, request, tmp_path):
    """`setinputsizes`, which some dialects call: pg8000 sends the types that it is told."""
    place = place_for(request, "postgresql+pg8000", tmp_path)

    def steps(url):
        connection = connect(url).raw_connection()
        cursor = connection.cursor()
        cursor.setinputsizes(20)  # bigint
        cursor.execute("SELECT pg_typeof(%s)::text", (1,))
        found = cursor.fetchone()[0]
        connection.close()
        return found

    assert same(runs, place, steps) == "bigint"


def test_async_connection_that_is_given_up_is_replaced(runs, async_place):
    """`connection.invalidate()` closes it without a word; the next statement opens another."""

    def steps(url):
        async def ask():
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


# By the driver: a name, and what uses it at the driver's own connection.
OWN_NAMES = [
    ("sqlite", "executescript", lambda own: own.executescript("SELECT 1")),
    ("sqlite", "backup", lambda own: own.backup(own)),
    ("postgresql+psycopg", "notifies", lambda own: list(own.notifies(timeout=0))),
    ("postgresql+psycopg", "tpc_begin", lambda own: own.tpc_begin("x")),
    ("postgresql+psycopg", "copy", lambda own: own.cursor().copy("COPY t TO STDOUT")),
    ("postgresql+psycopg", "pgconn", lambda own: own.pgconn.backend_pid),
    ("postgresql+psycopg2", "poll", lambda own: own.poll()),
    (
        "postgresql+psycopg2",
        "copy_expert",
        lambda own: own.cursor().copy_expert("COPY t TO STDOUT", None),
    ),
]


@pytest.mark.parametrize(
    ("driver", "name", "use"), OWN_NAMES, ids=[name for _, name, _ in OWN_NAMES]
)
def test_what_only_the_driver_has_is_refused_in_every_mode(
    runs, connect, request, tmp_path, driver, name, use
):
    place = place_for(request, driver, tmp_path)

    def steps(url):
        connection = connect(url).raw_connection()
        with pytest.raises(
            UnstorableOutcomeError, match=f"driver's own `{name}` cannot be recorded"
        ) as caught:
            use(connection.driver_connection)
        connection.close()
        return str(caught.value)

    assert "mimic_functions" in same(runs, place, steps)


def test_what_only_an_async_driver_has_is_refused_in_every_mode(
    runs, request, tmp_path
):
    """While recording, it is not sent, as a replay would have no answer to it."""
    pytest.importorskip("greenlet")
    place = place_for(request, "postgresql+asyncpg", tmp_path)

    def steps(url):
        said = []

        async def ask():
            engine = create_async_engine(url)
            async with engine.connect() as connection:
                own = (await connection.get_raw_connection()).driver_connection
                assert not own.is_closed()
                for name in ("fetch", "add_listener"):
                    with pytest.raises(UnstorableOutcomeError) as caught:
                        getattr(own, name)
                    said.append(str(caught.value).split("`")[1])
            await engine.dispose()

        asyncio.run(ask())
        return said

    assert same(runs, place, steps) == ["fetch", "add_listener"]


def test_looking_for_what_only_the_driver_has_fails_no_test(runs, connect, lite):
    """Libraries ask which methods there are, and go another way without them."""

    def steps(url):
        connection = connect(url).raw_connection()
        own = connection.driver_connection
        seen = [hasattr(own, name) for name in ("backup", "notifies", "total_changes")]
        seen.append(hasattr(own.cursor(), "executescript"))
        connection.close()
        assert runs.errors() == []
        return seen

    assert same(runs, lite, steps) == [False, False, False, False]


def test_rows_of_another_class_are_refused_by_it(runs, connect, lite):
    """A replay could not make them."""
    connection = connect(lite.real).raw_connection()
    connection.dbapi_connection.row_factory = sqlite3.Row
    cursor = connection.cursor()

    with pytest.raises(UnstorableOutcomeError, match=r"a row of sqlite3\.Row") as error:
        cursor.execute("SELECT 1 AS a")
    assert "cast(" not in str(error.value)
    connection.close()


class Size(IntEnum):
    """What a converter makes of a number."""

    SMALL = 1


class Name(str):
    """What a connection makes of a text."""


def test_values_of_a_converter_keep_their_class_in_an_async_engine(runs, lite):
    pytest.importorskip("aiosqlite")
    sqlite3.register_converter("size", lambda data: Size(int(data)))
    options = {"detect_types": sqlite3.PARSE_COLNAMES}

    async def ask(url):
        address = url.replace("sqlite:", "sqlite+aiosqlite:")
        engine = create_async_engine(address, connect_args=options)
        async with engine.connect() as connection:
            given = await connection.exec_driver_sql('SELECT 1 AS "a [size]"')
            value = given.scalar()
        await engine.dispose()
        return type(value), value

    assert same(runs, lite, lambda url: asyncio.run(ask(url))) == (Size, Size.SMALL)


def test_texts_of_a_loader_of_psycopg_keep_their_class(runs, connect, pg):
    adapt = pytest.importorskip("psycopg.adapt")

    class NameLoader(adapt.Loader):
        def load(self, data):
            return Name(bytes(data).decode())

    def steps(url):
        engine = connect(url)

        @sa.event.listens_for(engine, "connect")
        def register(connection, _):
            connection.adapters.register_loader("text", NameLoader)

        with engine.connect() as connection:
            value = connection.scalar(sa.text("SELECT 'x'::text"))
        return type(value), value

    assert same(runs, pg, steps) == (Name, "x")


@pytest.mark.parametrize("file", ["missing/a.db", "file:{}/a.db?mode=ro&uri=true", ""])
def test_file_that_cannot_be_opened_raises_where_it_does(runs, connect, tmp_path, file):
    """In a folder that is not there; not there, to be read only; and a folder."""
    path = file.format(tmp_path) if "{}" in file else f"{tmp_path}/{file}"

    def steps():
        with pytest.raises(sa.exc.OperationalError) as caught:
            connect(f"sqlite:///{path}").connect()
        return type(caught.value.orig), str(caught.value.orig), caught.value.code

    runs.again("off")
    live = steps()
    runs.again("record")
    recorded = steps()
    runs.again("replay")

    assert live == recorded == steps()


DRIVERS = ("postgresql+psycopg", "postgresql+psycopg2", "postgresql+pg8000")


# pg8000 takes the server's last words for an error of the statement.
@pytest.mark.parametrize("driver", DRIVERS[:2])
def test_connection_that_the_server_ended_is_invalidated(
    runs, connect, request, tmp_path, driver
):
    """Code that tries again with a new connection does so in a replay, too."""
    place = place_for(request, driver, tmp_path)

    def steps(url):
        first, second = connect(url), connect(url)
        with first.connect() as connection:
            number = connection.scalar(sa.text("SELECT pg_backend_pid()"))
            with second.connect() as other:
                other.execute(
                    sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": number}
                )
            with pytest.raises(sa.exc.DBAPIError) as error:
                connection.execute(sa.text("SELECT 1"))
        with first.connect() as connection:
            again = connection.scalar(sa.text("SELECT 2"))
        # In a replay psycopg2's class is a subclass, as its `pgcode` is read-only.
        kind = type(error.value.orig).__name__
        return error.value.connection_invalidated, kind, again

    invalidated, _, again = same(runs, place, steps)

    assert invalidated is True
    assert again == 2


def test_async_connection_that_the_server_ended_is_invalidated(runs, async_place):
    if async_place.driver.startswith("sqlite"):
        pytest.skip("it has no server")

    async def ask_all(url):
        first, second = create_async_engine(url), create_async_engine(url)
        async with first.connect() as connection:
            number = await connection.scalar(sa.text("SELECT pg_backend_pid()"))
            async with second.connect() as other:
                await other.execute(
                    sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": number}
                )
            with pytest.raises(sa.exc.DBAPIError) as error:
                await connection.execute(sa.text("SELECT 1"))
        async with first.connect() as connection:
            again = await connection.scalar(sa.text("SELECT 2"))
        await first.dispose()
        await second.dispose()
        return error.value.connection_invalidated, type(error.value.orig), again

    invalidated, _, again = same(
        runs, async_place, lambda url: asyncio.run(ask_all(url))
    )

    assert invalidated is True
    assert again == 2


@pytest.mark.parametrize("driver", DRIVERS)
def test_database_that_cannot_be_reached_raises_where_it_does(
    runs, connect, request, tmp_path, driver
):
    """Also where another database of this driver has answered before; and each replay raises again."""
    place = place_for(request, driver, tmp_path)

    def is_healthy(url):
        try:
            with connect(url).connect():
                return True
        except sa.exc.DBAPIError as error:
            return type(error), type(error.orig), error.orig.args if error.orig else ()

    def steps(url):
        return [
            is_healthy(url),
            is_healthy(f"{driver}://postgres@127.0.0.1:2/closed"),
            is_healthy(url.rpartition("/")[0] + "/no_such_database"),
        ]

    runs.again("off")
    live = steps(place.real)
    runs.again("record")
    recorded, replayed = steps(place.real), None
    runs.again("replay")
    replayed = steps(place.gone)

    assert [given is True for given in live] == [True, False, False]
    assert recorded == live
    assert replayed == live


def test_test_with_recordings_opens_no_connection_to_record(runs, connect, pg):
    """Its calls replay, so that a service may be gone."""

    def steps(url):
        with connect(url).connect() as connection:
            return connection.scalar(sa.text("SELECT 3"))

    assert steps(pg.real) == 3

    runs.again("record")

    assert steps(pg.gone) == 3
