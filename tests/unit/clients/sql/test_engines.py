"""Requests that belong to an engine; several engines, and engines that connected before."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from pytest_mimic._clients.sql.sqlalchemy import SqlAdapter
from unit.clients.runs import Runs
from unit.clients.sql.places import Connect, Place, both, one, place_for, run, same

if TYPE_CHECKING:
    from pathlib import Path


pytest_plugins = ("support.database_servers",)


def test_first_connections_questions_belong_to_the_engine(runs: Runs, connect: Connect, place: Place) -> None:
    """Any test can be the one that connects first: they are shared, and found without a place in a sequence."""
    one(connect(place.real), "SELECT 1")
    asked = [call for call in runs.calls if call.shared]

    runs.again("replay")
    first = one(connect(place.gone), "SELECT 1")

    assert first == 1
    assert asked
    assert all("database" in call.identity and isinstance(call.parts["database"], str) for call in asked)
    assert runs.signatures == ["SELECT"]


def test_what_a_connect_event_sends_belongs_to_the_engine(runs: Runs, connect: Connect, lite: Place) -> None:
    """It is sent again on the real connection when that is opened, whether it was replayed or not."""

    def engine_with_foreign_keys(url: str) -> sa.Engine:
        engine = connect(url)

        @sa.event.listens_for(engine, "connect")
        def enforce(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA foreign_keys=ON")

        return engine

    assert one(engine_with_foreign_keys(lite.real), "SELECT 1") == 1
    runs.again("record")

    assert one(engine_with_foreign_keys(lite.real), "PRAGMA foreign_keys") == 1
    assert runs.signatures == ["PRAGMA foreign_keys"]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_types_registered_in_a_connect_event(runs: Runs, connect: Connect, pg: Place, is_async: bool) -> None:
    """psycopg's TypeInfo is asked for once and recorded; the real connection reads the type as registered."""
    pytest.importorskip("greenlet")
    from psycopg.types import TypeInfo
    from psycopg.types.hstore import register_hstore

    runs.again("off")
    run(connect(pg.real), "CREATE EXTENSION hstore")
    runs.again("record")

    def register(connection: Any, _record: Any) -> None:
        if not is_async:
            register_hstore(TypeInfo.fetch(connection, "hstore"), connection)
            return

        async def fetch(driver: Any) -> None:
            register_hstore(await TypeInfo.fetch(driver, "hstore"), driver)

        connection.run_async(fetch)

    sql = "SELECT 'a=>1'::hstore"

    async def ask(url: str) -> Any:
        engine = create_async_engine(url, use_native_hstore=False)
        sa.event.listen(engine.sync_engine, "connect", register)
        async with engine.connect() as connection:
            value = await connection.scalar(sa.text(sql))
        await engine.dispose()
        return value

    def steps(url: str) -> Any:
        if is_async:
            return asyncio.run(ask(url))
        engine = connect(url, use_native_hstore=False)
        sa.event.listen(engine, "connect", register)
        return one(engine, sql)

    assert same(runs, pg, steps) == {"a": "1"}

    # A new statement opens the connection, which knows the type that was registered while there was none.
    sql = "SELECT 'a=>2'::hstore"
    runs.again("record")
    assert steps(pg.real) == {"a": "2"}


def test_hstore_of_psycopg2(
    runs: Runs, connect: Connect, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """SQLAlchemy registers it on each connection, also for an engine that has connected before."""
    place = place_for(request, "postgresql+psycopg2", tmp_path)
    runs.again("off")
    engine = connect(place.real)
    run(engine, "CREATE EXTENSION hstore")
    before = connect(place.real)
    sql = "SELECT 'a=>1'::hstore"
    assert one(before, sql) == {"a": "1"}
    before.dispose()
    runs.again("record")

    recorded = [one(before, sql), one(connect(place.real), sql)]
    runs.again("replay")

    assert [one(connect(place.gone), sql), one(connect(place.gone), sql)] == recorded == [{"a": "1"}] * 2


def test_a_composite_type_registered_in_a_connect_event(runs: Runs, connect: Connect, pg: Place) -> None:
    """psycopg makes a named tuple of it, in a secret column too."""
    from psycopg.types.composite import CompositeInfo, register_composite

    runs.again("off")
    run(
        connect(pg.real),
        "CREATE TYPE address AS (street text, number int)",
        "CREATE TABLE homes (home address, secret address)",
        "INSERT INTO homes VALUES (row('Torget', 5), row('Torget', 5))",
    )
    runs.again("record")

    def register(connection: Any, _record: Any) -> None:
        register_composite(CompositeInfo.fetch(connection, "address"), connection)

    def steps(url: str) -> Any:
        engine = connect(url)
        sa.event.listen(engine, "connect", register)
        with engine.connect() as connection:
            home, secret = connection.execute(sa.text("SELECT home, secret FROM homes")).one()
        return home.street, home.number, type(home).__name__, secret.number

    recorded, replayed = both(runs, pg, steps)

    assert recorded == ("Torget", 5, "address", 5)
    assert replayed == ("Torget", 5, "address", 0)


def test_pings_and_recycling_are_no_calls(runs: Runs, connect: Connect, place: Place) -> None:
    """A pool may ask whether its connection is alive, or open another, as it likes."""
    engine = connect(place.real, pool_pre_ping=True, pool_recycle=0)
    assert [one(engine, "SELECT 5"), one(engine, "SELECT 5")] == [5, 5]
    assert runs.signatures == ["SELECT", "SELECT"]

    runs.again("replay")
    engine = connect(place.gone, pool_pre_ping=True)
    for _ in range(3):
        assert one(engine, "SELECT 5") == 5
    engine.dispose()
    assert one(engine, "SELECT 5") == 5


def test_drivers_own_attributes_are_answered(runs: Runs, connect: Connect, pg: Place) -> None:
    """psycopg's `info`, and what a connection was set to."""

    def steps(url: str) -> Any:
        engine = connect(url)
        connection = engine.raw_connection()
        held: Any = connection.dbapi_connection
        before = [
            held.info.server_version,
            held.info.encoding,
            held.autocommit,
            held.closed,
            held.isolation_level,
        ]
        held.autocommit = True
        after = held.autocommit
        connection.close()
        return [*before, after]

    recorded = same(runs, pg, steps)

    assert recorded[1:] == ["utf-8", False, False, None, True]


@pytest.mark.parametrize("level", ["AUTOCOMMIT", "SERIALIZABLE"])
def test_isolation_levels(runs: Runs, connect: Connect, place: Place, level: str) -> None:
    """Set for an engine, or for one connection; SQLAlchemy can ask for it."""

    def steps(url: str) -> Any:
        engine = connect(url, isolation_level=level)
        with engine.connect() as connection:
            connection.execute(sa.text("CREATE TABLE t (a int)"))
            connection.execute(sa.text("INSERT INTO t VALUES (1)"))
            if level != "AUTOCOMMIT":
                connection.commit()
        with connect(url).connect().execution_options(isolation_level=level) as other:
            found = other.scalar(sa.text("SELECT a FROM t"))
            return [found, other.get_isolation_level(), other.default_isolation_level]

    recorded = same(runs, place, steps)

    assert recorded[0] == 1


def test_databases_differ_by_their_order_of_first_use(runs: Runs, connect: Connect, tmp_path: Path) -> None:
    """The same statement on two databases has two recordings; two engines on one URL share theirs."""

    def steps(folder: Path) -> Any:
        first = connect(f"sqlite:///{folder}/first.db")
        again = connect(f"sqlite:///{folder}/first.db")
        second = connect(f"sqlite:///{folder}/second.db")
        run(first, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")
        run(second, "CREATE TABLE t (a int)")
        return [one(engine, "SELECT count(*) FROM t") for engine in (first, again, second)]

    recorded = steps(tmp_path)
    runs.again("replay")

    assert steps(tmp_path / "gone") == recorded == [1, 1, 0]
    assert {call.parts["database"] for call in runs.calls if not call.shared} == {0, 1}


def test_databases_in_memory_are_each_their_own(runs: Runs, connect: Connect) -> None:
    """Two engines on `sqlite://` share nothing."""

    def steps() -> Any:
        first, second = connect("sqlite://"), connect("sqlite://")
        run(first, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")
        run(second, "CREATE TABLE t (a int)")
        return [one(first, "SELECT count(*) FROM t"), one(second, "SELECT count(*) FROM t")]

    recorded = steps()
    runs.again("replay")

    assert steps() == recorded == [1, 0]


def test_a_connection_may_be_used_by_several_threads(runs: Runs, connect: Connect) -> None:
    """One connection for all threads, as a test has it with SQLite in memory: it is opened once.

    While recording, one thread uses it at a time: sqlite3 itself loses rows of a connection that two use at once
    (Python 3.12 and newer).
    """

    def steps(turn: AbstractContextManager[Any]) -> Any:
        opened = []

        def opening() -> Any:
            import sqlite3

            opened.append(1)
            return sqlite3.connect(":memory:", check_same_thread=False)

        engine = connect("sqlite://", creator=opening, poolclass=sa.pool.StaticPool)
        run(engine, "CREATE TABLE t (a int)")
        barrier = threading.Barrier(4)
        found: list[Any] = []

        def work() -> None:
            barrier.wait()
            with turn, engine.connect() as connection:
                found.append(connection.scalar(sa.text("SELECT count(*) FROM t")))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [len(opened), found]

    assert steps(threading.Lock()) == [1, [0, 0, 0, 0]]
    runs.again("replay")
    assert steps(nullcontext()) == [0, [0, 0, 0, 0]]


def test_a_connection_opened_before_is_taken_over(runs: Runs, connect: Connect, place: Place) -> None:
    """A pool's connection that was there before the recording began is recorded too."""
    runs.again("off")
    engine = connect(place.real, pool_pre_ping=True)
    run(engine, "CREATE TABLE t (a int)")
    run(engine, "SELECT 1")
    runs.again("record")
    assert one(engine, "SELECT count(*) FROM t") == 0

    runs.again("off")
    run(engine, "INSERT INTO t VALUES (1)")
    runs.again("replay")

    assert one(engine, "SELECT count(*) FROM t") == 0


@pytest.mark.parametrize("disposed", [False, True])
def test_an_engine_that_connected_before_is_known_to_a_replay(
    runs: Runs, connect: Connect, place: Place, disposed: bool
) -> None:
    """Its first requests are repeated while recording, connect events included."""

    def engine_with_event(url: str) -> sa.Engine:
        engine = connect(url)
        sa.event.listen(
            engine, "connect", lambda connection, _: connection.cursor().execute("SELECT 1 AS ready")
        )
        return engine

    runs.again("off")
    engine = engine_with_event(place.real)
    run(engine, "SELECT 2")
    if disposed:
        engine.dispose()
    runs.again("record")
    assert one(engine, "SELECT 3") == 3
    assert runs.signatures == ["SELECT"]

    runs.again("replay")

    assert one(engine_with_event(place.gone), "SELECT 3") == 3


@pytest.mark.parametrize("connects", ["never", "before", "each time"])
def test_an_engine_that_was_made_before_sqlalchemy_was_patched_is_recorded(
    monkeypatch: pytest.MonkeyPatch, place: Place, connects: str
) -> None:
    """As that of a module is, if only a fixture names the client. Some drivers register types on each connection."""
    options: Any = {"poolclass": sa.pool.NullPool} if connects == "each time" else {}
    engine = sa.create_engine(place.real, **options)
    if connects == "before":
        run(engine, "SELECT 1")
    runs = Runs(SqlAdapter("sqlalchemy"))
    runs.install(monkeypatch)

    assert [one(engine, "SELECT 7"), one(engine, "SELECT 8")] == [7, 8]
    runs.again("replay")
    engine.dispose()
    engine = sa.create_engine(place.gone)

    assert [one(engine, "SELECT 7"), one(engine, "SELECT 8")] == [7, 8]
    runs.again("off")
    engine.dispose()


def test_a_replayed_connection_becomes_real_afterwards(runs: Runs, connect: Connect, place: Place) -> None:
    run(connect(place.real), "CREATE TABLE t (a int)")
    runs.again("record")
    one(connect(place.real), "SELECT 7")
    runs.again("replay")
    engine = connect(place.real)
    one(engine, "SELECT 7")

    runs.again("off")
    run(engine, "INSERT INTO t VALUES (1)")

    assert one(engine, "SELECT count(*) FROM t") == 1


def test_a_connections_settings_hold_when_it_becomes_real(runs: Runs, connect: Connect, pg: Place) -> None:
    one(connect(pg.real), "SELECT 7")
    runs.again("replay")
    connection = connect(pg.real).raw_connection()
    held: Any = connection.dbapi_connection
    held.autocommit = True

    runs.again("off")
    held.execute("CREATE TABLE t (a int)")

    assert held.info.transaction_status.name == "IDLE"
    assert held.info.parameter_status("server_encoding") == "UTF8"
    connection.close()


def test_calls_left_out_run_for_real(runs: Runs, connect: Connect, place: Place) -> None:
    """The driver does them alone, streams and errors included."""
    runs.again("pass")
    engine = connect(place.real)
    run(engine, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")

    with engine.connect() as connection:
        result = connection.execution_options(stream_results=True).execute(sa.text("SELECT a FROM t"))
        assert result.all() == [(1,)]
    with pytest.raises(sa.exc.DBAPIError):
        run(engine, "SELECT nothing FROM nowhere")
    assert [call for call in runs.calls if not call.shared]
    assert all("setup" in plain for plain in runs.plain)
