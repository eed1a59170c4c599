"""Requests that belong to an engine; several engines, and engines that connected before."""

from __future__ import annotations

import threading
from contextlib import nullcontext

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa
from support.runs import Runs

from clients.sql.places import one, run, same
from pytest_mimic.errors import UnstorableOutcomeError

pytest_plugins = ("support.database_servers",)


def test_what_a_dialect_asks_first_is_one_recording(runs, connect, place):
    """Any test can be the one that connects first: it belongs to none, and a replay knows the server's version."""

    def steps(url):
        engine = connect(url)
        return (
            one(engine, "SELECT 1"),
            engine.dialect.server_version_info,
            engine.dialect.default_schema_name,
        )

    recorded = same(runs, place, steps)

    assert recorded[0] == 1
    assert recorded[1]


def test_texts_among_the_options_of_a_dialect_are_not_recorded(project):
    """They may be credentials, such as the `credentials_base64` of BigQuery."""
    project.ini("sqlalchemy")
    project.tests("""
        import sqlalchemy as sa
        from sqlalchemy.dialects import registry
        from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

        class Dialect(SQLiteDialect_pysqlite):
            supports_statement_cache = True

            def __init__(self, credentials_base64=None, **options):
                super().__init__(**options)
                self.credentials_base64 = credentials_base64

        def test_it():
            registry.impls["sqlite.keyed"] = lambda: Dialect
            engine = sa.create_engine("sqlite+keyed://", credentials_base64="cGlsbG93")
            with engine.connect() as connection:
                assert connection.scalar(sa.text("SELECT 1")) == 1
    """)

    project.record().expect(passed=1, says=["2 calls recorded"])

    files = [path for path in project.root.glob(".mimic_vault/**/*") if path.is_file()]
    assert files
    assert [path.name for path in files if "cGlsbG93" in path.read_text()] == []
    project.replay().expect(passed=1)


DIALECT = """
import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

class Dialect(SQLiteDialect_pysqlite):
    supports_statement_cache = True

    def _get_default_schema_name(self, connection):
        return connection.engine.url.database

registry.impls["sqlite.named"] = lambda: Dialect

def schema_of(name):
    engine = sa.create_engine(f"sqlite+named:///{name}")
    with engine.connect() as connection:
        connection.scalar(sa.text("SELECT 1"))
    return engine.dialect.default_schema_name
"""


def test_a_database_that_is_the_schema_is_that_of_each_engine(project):
    """MySQL takes the database for the schema, in which tables are looked for."""
    project.ini("sqlalchemy")
    project.write("schemas.py", DIALECT)
    project.tests("""
        from schemas import schema_of

        def test_two():
            assert schema_of("shop.db") == "shop.db"
            assert schema_of("stock.db") == "stock.db"
    """)

    project.round_trip(passed=1)
    project.run("--mimic-verify").expect(passed=1)


def test_a_driver_has_ways_of_its_own(project):
    """DuckDB has a `begin`; pyodbc tells types by classes; MySQL's connector hides the text of an error."""
    project.ini("sqlalchemy")
    project.tests("""
        import sqlite3

        import pytest
        import sqlalchemy as sa
        from sqlalchemy.dialects import registry
        from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

        class Failed(sqlite3.OperationalError):
            def __init__(self, text):
                super().__init__(1)
                self._text = text

            def __str__(self):
                return self._text

        class Cursor(sqlite3.Cursor):
            def execute(self, *statement):
                try:
                    return super().execute(*statement)
                except sqlite3.OperationalError as error:
                    raise Failed(str(error)) from None

            @property
            def description(self):
                columns = super().description or ()
                return [(name, str, *rest) for name, _, *rest in columns] or None

        class Connection(sqlite3.Connection):
            def begin(self):
                self.execute("BEGIN")

            def cursor(self, factory=Cursor):
                return super().cursor(factory)

        class Dialect(SQLiteDialect_pysqlite):
            supports_statement_cache = True

            def do_begin(self, connection):
                connection.begin()

        def test_it(tmp_path):
            registry.impls["sqlite.begun"] = lambda: Dialect
            made = {"factory": Connection, "isolation_level": None}
            engine = sa.create_engine(f"sqlite+begun:///{tmp_path}/shop.db", connect_args=made)
            users = sa.Table("users", sa.MetaData(), sa.Column("id", sa.Integer))
            with engine.begin() as connection:
                users.create(connection)
                connection.execute(users.insert(), {"id": 3})
            with engine.connect() as connection:
                connection.execute(users.delete())
                connection.rollback()
                assert connection.scalars(sa.select(users)).all() == [3]
                with pytest.raises(sa.exc.OperationalError) as failed:
                    connection.exec_driver_sql("SELECT * FROM absent")
                assert str(failed.value.orig) == "no such table: absent"
            engine.dispose()
    """)

    project.round_trip(passed=1)


def test_connect_events_wait_for_the_real_connection(runs, connect, place):
    """They get the driver's own, and what they send is no call.

    So does what is set on the stand-in.
    """
    seen = []

    def note(driver, _):
        seen.append(driver.cursor().execute("SELECT 2"))

    def steps(url):
        engine = connect(url, isolation_level="AUTOCOMMIT")
        sa.event.listen(engine, "connect", note)
        return one(engine, "SELECT 1")

    assert same(runs, place, steps) == 1
    assert len(seen) == 1
    runs.again("replay")
    engine = connect(place.real, isolation_level="AUTOCOMMIT")
    sa.event.listen(engine, "connect", note)
    connection = engine.raw_connection()
    held = connection.dbapi_connection
    # The first is raised where the driver has no such method.
    refusals = (AttributeError, UnstorableOutcomeError)
    with pytest.raises(refusals, match="driver's own `backup` cannot be recorded"):
        held.backup()
    with pytest.raises(refusals, match="driver's own `copy_expert` cannot be recorded"):
        held.cursor().copy_expert("COPY t FROM STDIN", None)
    runs.errors()
    engine.dialect.set_isolation_level(held, "AUTOCOMMIT")
    runs.again("off")
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE t (a int)")
    connection.rollback()
    cursor.execute("SELECT count(*) FROM t")
    assert cursor.fetchone()[0] == 0
    cursor.close()
    connection.close()


def test_pings_and_recycling_are_no_calls(runs, connect, place):
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


@pytest.mark.parametrize("level", ["AUTOCOMMIT", "SERIALIZABLE"])
def test_isolation_levels(runs, connect, place, level):
    """Set for an engine, or for one connection; SQLAlchemy can ask for it."""

    def steps(url):
        engine = connect(url, isolation_level=level)
        with engine.connect() as connection:
            connection.execute(sa.text("CREATE TABLE t (a int)"))
            connection.execute(sa.text("INSERT INTO t VALUES (1)"))
            if level != "AUTOCOMMIT":
                connection.commit()
            if not place.driver.startswith("sqlite"):
                held = connection.connection.dbapi_connection
                assert held.autocommit is (level == "AUTOCOMMIT")
        with connect(url).connect().execution_options(isolation_level=level) as other:
            found = other.scalar(sa.text("SELECT a FROM t"))
            return [found, other.get_isolation_level(), other.default_isolation_level]

    recorded = same(runs, place, steps)

    assert recorded[0] == 1


def test_databases_differ_by_their_order_of_first_use(runs, connect, tmp_path):
    """The same statement on two databases has two recordings; two engines on one URL share theirs, but not in memory."""

    def steps(folder):
        first = connect(f"sqlite:///{folder}/first.db")
        again = connect(f"sqlite:///{folder}/first.db")
        others = [
            connect(f"sqlite:///{folder}/second.db"),
            connect("sqlite://"),
            connect("sqlite://"),
        ]
        run(first, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")
        for other in others:
            run(other, "CREATE TABLE t (a int)")
        return [
            one(engine, "SELECT count(*) FROM t") for engine in (first, again, *others)
        ]

    recorded = steps(tmp_path)
    runs.again("replay")

    assert steps(tmp_path / "gone") == recorded == [1, 1, 0, 0, 0]
    assert {call.parts["database"] for call in runs.asked} == {0, 1, 2, 3}


def test_a_connection_may_be_used_by_several_threads(runs, connect):
    """One connection for all threads, as a test has it with SQLite in memory: it is opened once.

    While recording, one thread uses it at a time: sqlite3 itself loses rows of a
    connection that two use at once
    (Python 3.12 and newer).
    """

    def steps(turn):
        opened = []

        def opening():
            import sqlite3

            opened.append(1)
            return sqlite3.connect(":memory:", check_same_thread=False)

        engine = connect("sqlite://", creator=opening, poolclass=sa.pool.StaticPool)
        run(engine, "CREATE TABLE t (a int)")
        barrier = threading.Barrier(4)
        found = []

        def work():
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


def test_a_connection_opened_before_is_taken_over(runs, connect, place):
    """A pool's connection that was there before the recording began is recorded too, and real afterwards."""
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
    runs.again("off")
    assert one(engine, "SELECT count(*) FROM t") == 1


@pytest.mark.parametrize("connects", ["never", "before", "each time"])
def test_an_engine_that_was_made_before_sqlalchemy_was_patched_is_recorded(
    monkeypatch, place, connects
):
    """As that of a module is, if only a fixture names the client.

    Some drivers register types on each connection.
    """
    options = {"poolclass": sa.pool.NullPool} if connects == "each time" else {}
    engine = sa.create_engine(place.real, **options)
    if connects == "before":
        run(engine, "SELECT 1")
    runs = Runs("sqlalchemy")
    runs.install(monkeypatch)

    assert [one(engine, "SELECT 7"), one(engine, "SELECT 8")] == [7, 8]
    runs.again("replay")
    engine.dispose()
    engine = sa.create_engine(place.gone)

    assert [one(engine, "SELECT 7"), one(engine, "SELECT 8")] == [7, 8]
    runs.again("off")
    engine.dispose()


def test_calls_left_out_run_for_real(runs, connect, place):
    """The driver does them alone, streams and errors included."""
    runs.again("pass")
    engine = connect(place.real)
    run(engine, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")

    with engine.connect() as connection:
        result = connection.execution_options(stream_results=True).execute(
            sa.text("SELECT a FROM t")
        )
        assert result.all() == [(1,)]
    with pytest.raises(sa.exc.DBAPIError):
        run(engine, "SELECT nothing FROM nowhere")
    assert [answer for answer in runs.answers if "rows" in answer.data] == []
