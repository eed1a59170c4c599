"""The SQLAlchemy boundary: what is recorded of a database, what belongs to the engine, what stays real."""

from __future__ import annotations

import asyncio
import gc
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from pytest_mimic.boundaries.sql.sqlalchemy import SqlBoundary
from pytest_mimic.boundaries.sql.stand_ins import StandInConnection
from pytest_mimic.errors import DriftError, MissingRecordingError, UnstorableOutcomeError
from unit.boundaries.runs import Runs

if TYPE_CHECKING:
    from pathlib import Path

    from database_servers import Postgres

pytest_plugins = ("database_servers",)

Connect = Callable[..., sa.Engine]
SYNC = ["sqlite", "postgresql+psycopg", "postgresql+psycopg2", "postgresql+pg8000"]
ASYNC = ["sqlite+aiosqlite", "postgresql+asyncpg", "postgresql+psycopg"]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """A test at SQLAlchemy's edges, with its vault in memory."""
    runs = Runs(SqlBoundary("sqlalchemy"))
    runs.install(monkeypatch)
    return runs


@pytest.fixture
def connect(runs: Runs) -> Iterator[Callable[..., sa.Engine]]:
    """`create_engine`, with engines that are disposed of when the test ends."""
    engines: list[sa.Engine] = []

    def make(*args: Any, **kwargs: Any) -> sa.Engine:
        engines.append(sa.create_engine(*args, **kwargs))
        return engines[-1]

    yield make
    runs.again("off")
    for engine in engines:
        engine.dispose()


class Place:
    """A database to record with, and one that leads nowhere to replay with."""

    def __init__(self, driver: str, real: str, gone: str) -> None:
        self.driver = driver
        self.real = f"{driver}://{real}"
        self.gone = f"{driver}://{gone}"


def _place(request: pytest.FixtureRequest, driver: str, folder: Path) -> Place:
    library = driver.partition("+")[2]
    if library:
        pytest.importorskip(library)
    if driver.startswith("sqlite"):
        return Place(driver, f"/{folder}/real.db", f"/{folder}/gone/real.db")
    server: Postgres = request.getfixturevalue("postgres")
    return Place(driver, server.new_database(), "nobody@127.0.0.1:1/gone")


@pytest.fixture(params=SYNC)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each database that is used without asyncio."""
    return _place(request, request.param, tmp_path)


@pytest.fixture(params=ASYNC)
def async_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each database that is used with asyncio."""
    pytest.importorskip("greenlet")
    return _place(request, request.param, tmp_path)


@pytest.fixture
def pg(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """PostgreSQL."""
    return _place(request, "postgresql+psycopg", tmp_path)


@pytest.fixture
def lite(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """SQLite."""
    return _place(request, "sqlite", tmp_path)


def one(engine: sa.Engine, sql: str, **parameters: Any) -> Any:
    """One value."""
    with engine.connect() as connection:
        return connection.scalar(sa.text(sql), parameters)


def run(engine: sa.Engine, *statements: str) -> None:
    """Some statements in a transaction."""
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def both(runs: Runs, place: Place, steps: Callable[[str], Any]) -> tuple[Any, Any]:
    """What the steps give while recording, and while replaying without the database."""
    recorded = steps(place.real)
    runs.again("replay")
    return recorded, steps(place.gone)


# -- what is recorded


@pytest.mark.promise("boundaries use sequence by default")
def test_select_before_and_after_an_insert_differs(runs: Runs, connect: Connect, place: Place) -> None:
    """The n-th identical statement of a test has the n-th outcome."""

    def steps(url: str) -> list[Any]:
        engine = connect(url)
        run(engine, "CREATE TABLE t (a int)")
        before = one(engine, "SELECT count(*) FROM t")
        run(engine, "INSERT INTO t (a) VALUES (1)")
        return [before, one(engine, "SELECT count(*) FROM t")]

    recorded, replayed = both(runs, place, steps)

    assert recorded == replayed == [0, 1]


@pytest.mark.promise("responses and errors replay as the client's own objects")
def test_error_comes_back_as_the_drivers(runs: Runs, connect: Connect, place: Place) -> None:
    """Its type, its text and what the driver tells of it are those of the recording."""

    def steps(url: str) -> Any:
        engine = connect(url)
        run(engine, "CREATE TABLE t (a int CONSTRAINT only_once UNIQUE)", "INSERT INTO t VALUES (1)")
        with pytest.raises(sa.exc.IntegrityError) as caught:
            run(engine, "INSERT INTO t VALUES (1)")
        error = caught.value.orig
        # What psycopg2 keeps in `diag` cannot be given to an error of its class.
        diag = None if "psycopg2" in place.driver else getattr(error, "diag", None)
        return [
            type(error),
            str(error),
            getattr(error, "sqlite_errorname", None),
            getattr(error, "sqlstate", None),
            getattr(error, "pgcode", None),
            getattr(diag, "constraint_name", None),
            getattr(diag, "message_detail", None),
        ]

    recorded, replayed = both(runs, place, steps)

    assert replayed == recorded
    assert recorded[0].__name__ in ("IntegrityError", "UniqueViolation")


def test_error_at_the_commit_is_recorded(runs: Runs, connect: Connect, pg: Place) -> None:
    """A deferred constraint fails when the transaction ends, and so it does on replay."""

    def steps(url: str) -> Any:
        engine = connect(url)
        run(engine, "CREATE TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        run(engine, "INSERT INTO t VALUES (1)")
        with pytest.raises(sa.exc.IntegrityError, match="duplicate key"):
            run(engine, "INSERT INTO t VALUES (2)", "INSERT INTO t VALUES (1)")
        return one(engine, "SELECT count(*) FROM t")

    recorded, replayed = both(runs, pg, steps)

    assert recorded == replayed == 1


def test_rows_can_be_fetched_in_parts(runs: Runs, connect: Connect, place: Place) -> None:
    """fetchone, fetchmany, partitions and iteration read the same rows."""

    def steps(url: str) -> Any:
        engine = connect(url)
        run(engine, "CREATE TABLE t (a int)")
        with engine.begin() as connection:
            connection.execute(sa.text("INSERT INTO t VALUES (:a)"), [{"a": n} for n in range(10)])
            result = connection.execute(sa.text("SELECT a FROM t ORDER BY a"))
            seen: list[Any] = [result.fetchone(), result.fetchmany(3), [row.a for row in result]]
            stream = connection.execution_options(yield_per=4).execute(sa.text("SELECT a FROM t ORDER BY a"))
            return [*seen, [len(part) for part in stream.partitions(4)]]

    recorded, replayed = both(runs, place, steps)

    assert recorded == replayed
    assert recorded[-1] == [4, 4, 2]


def test_stream_read_further_than_recorded_is_a_miss(runs: Runs, connect: Connect, pg: Place) -> None:
    """A cursor at the server's side is recorded as far as it was read."""

    def steps(url: str, count: int) -> Any:
        engine = connect(url)
        with engine.connect() as connection:
            streaming = connection.execution_options(stream_results=True, max_row_buffer=2)
            result = streaming.execute(sa.text("SELECT generate_series(1, 1000)"))
            rows = [result.fetchone() for _ in range(count)]
            result.close()
            return rows

    recorded = steps(pg.real, 3)
    runs.again("replay")

    assert steps(pg.gone, 3) == recorded
    runs.again("replay")
    with pytest.raises(MissingRecordingError, match="further"):
        steps(pg.gone, 500)


def test_executemany_and_last_row(runs: Runs, connect: Connect, lite: Place) -> None:
    """Row counts and the id of the last row are the recorded ones."""

    def steps(url: str) -> Any:
        engine = connect(url)
        run(engine, "CREATE TABLE t (id integer primary key, a int)")
        with engine.begin() as connection:
            many = connection.execute(sa.text("INSERT INTO t (a) VALUES (:a)"), [{"a": 1}, {"a": 2}])
            single = connection.execute(sa.text("INSERT INTO t (a) VALUES (3)"))
            changed = connection.execute(sa.text("UPDATE t SET a = 0 WHERE a > 1"))
            return [many.rowcount, single.lastrowid, changed.rowcount]

    recorded, replayed = both(runs, lite, steps)

    assert recorded == replayed == [2, 3, 2]


def test_row_counts_are_those_that_the_application_sees_without_us(
    runs: Runs, connect: Connect, place: Place
) -> None:
    """Drivers differ in what a closed cursor still knows."""
    table = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Integer, primary_key=True))

    def steps(url: str) -> list[int]:
        engine = connect(url)
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TEMPORARY TABLE t (a int)"))
            results = [
                connection.execute(table.insert(), [{"a": 1}, {"a": 2}, {"a": 3}]),
                connection.execute(table.insert(), {"a": 4}),
                connection.execute(table.update().values(a=5)),
                connection.execute(table.select()),
            ]
            results[-1].all()
            return [result.rowcount for result in results]

    runs.again("off")
    real = steps(place.real)
    runs.again("record")

    assert both(runs, place, steps) == (real, real)


def test_order_of_written_rows_is_free(runs: Runs, connect: Connect, lite: Place) -> None:
    """A unit of work writes the rows of a set of objects in any order; other rows are another call."""
    insert = sa.text("INSERT INTO t (a, b) VALUES (:a, :b)")
    rows = [{"a": 1, "b": 9}, {"a": 2, "b": 8}, {"a": 2, "b": 7}]

    def steps(url: str, rows: list[dict[str, int]]) -> int:
        engine = connect(url)
        run(engine, "CREATE TABLE t (a int, b int)")
        with engine.begin() as connection:
            return connection.execute(insert, rows).rowcount

    recorded = steps(lite.real, rows)
    runs.again("replay")

    assert steps(lite.gone, rows[::-1]) == recorded == 3
    runs.again("replay")
    with pytest.raises(MissingRecordingError, match="INSERT t"):
        steps(lite.gone, rows[:2])


def test_order_of_the_values_of_in_is_free(runs: Runs, connect: Connect, place: Place) -> None:
    """A set's come in any order; other values are another call, and what goes together in tuples stays together."""
    table = sa.table("t", sa.column("a"), sa.column("b"))
    pair = sa.tuple_(table.c.a, table.c.b)

    def steps(url: str, values: list[int], pairs: list[tuple[int, str]]) -> Any:
        engine = connect(url)
        run(engine, "CREATE TABLE t (a int, b text)", "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')")
        query = sa.select(table.c.b).where(table.c.b != "", table.c.a.in_(values), pair.in_(pairs))
        with engine.connect() as connection:
            return connection.scalars(query.order_by(table.c.a)).all()

    pairs = [(1, "x"), (2, "y"), (3, "q")]
    recorded = steps(place.real, [1, 2, 7], pairs)
    runs.again("replay")

    assert steps(place.gone, [7, 1, 2], pairs[::-1]) == recorded == ["x", "y"]
    for values, others in (([1, 2, 8], pairs), ([1, 2, 7], [(1, "y"), (2, "x"), (3, "q")])):
        runs.again("replay")
        with pytest.raises(MissingRecordingError, match="SELECT t"):
            steps(place.gone, values, others)


def test_an_in_may_be_empty(runs: Runs, connect: Connect, place: Place) -> None:
    """It has no parameters, and perhaps the statement has no others."""
    table = sa.table("t", sa.column("a"))

    def steps(url: str) -> Any:
        engine = connect(url)
        run(engine, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")
        with engine.connect() as connection:
            none, every = (
                connection.scalars(sa.select(table.c.a).where(condition)).all()
                for condition in (table.c.a.in_([]), table.c.a.not_in([]))
            )
        return none, every

    recorded = steps(place.real)
    runs.again("replay")

    assert steps(place.gone) == recorded == ([], [1])


def test_order_of_an_in_that_stands_twice_is_free(runs: Runs, connect: Connect, place: Place) -> None:
    """A subquery that is used twice has one list, and by place two of each parameter."""
    table = sa.table("t", sa.column("a"), sa.column("b"))

    def steps(url: str, values: list[int]) -> Any:
        engine = connect(url)
        run(engine, "CREATE TABLE t (a int, b int)", "INSERT INTO t VALUES (1, 2), (2, 3), (3, 4)")
        found = sa.select(table.c.a).where(table.c.b.in_(values))
        query = sa.select(table.c.a).where(table.c.a.in_(found) | table.c.b.in_(found))
        with engine.connect() as connection:
            return connection.scalars(query.order_by(table.c.a)).all()

    recorded = steps(place.real, [2, 3, 7])
    runs.again("replay")

    assert steps(place.gone, [7, 3, 2]) == recorded == [1, 2]
    runs.again("replay")
    with pytest.raises(MissingRecordingError, match="SELECT t"):
        steps(place.gone, [2, 3, 8])


def test_order_of_a_list_outside_of_in_counts(runs: Runs, connect: Connect, place: Place) -> None:
    """A list that expands elsewhere may be one of columns or arguments, also one that stands in an `IN` as well."""
    chosen, others = (sa.bindparam(name, expanding=True) for name in ("chosen", "others"))
    query = sa.text("SELECT a FROM t WHERE a IN :others AND a IN :chosen AND (a, b) = :chosen")
    query = query.bindparams(chosen, others)

    def steps(url: str, values: list[int], others: list[int]) -> Any:
        engine = connect(url)
        run(engine, "CREATE TABLE t (a int, b int)", "INSERT INTO t VALUES (1, 2), (3, 4)")
        with engine.connect() as connection:
            return connection.scalars(query, {"chosen": values, "others": others}).all()

    recorded = steps(place.real, [1, 2], [1, 2, 3])
    runs.again("replay")

    assert steps(place.gone, [1, 2], [3, 2, 1]) == recorded == [1]
    runs.again("replay")
    with pytest.raises(MissingRecordingError, match="SELECT t"):
        steps(place.gone, [2, 1], [1, 2, 3])


@pytest.mark.promise("a query counts by its text and parameters")
def test_parameters_count_and_are_named_by_column(runs: Runs, connect: Connect, lite: Place) -> None:
    """Another value is another call; what is shown says which column it was for."""
    engine = connect(lite.real)
    run(engine, "CREATE TABLE t (a int, b text)")
    table = sa.table("t", sa.column("a"), sa.column("b"))
    with engine.begin() as connection:
        connection.execute(table.insert(), {"a": 1, "b": "x"})
    call = runs.calls[-2]

    assert (call.signature, call.parts["params"]) == ("INSERT t", {"a": 1, "b": "x"})
    runs.again("replay")
    with pytest.raises(MissingRecordingError, match="INSERT t"), engine.begin() as connection:
        connection.execute(table.insert(), {"a": 2, "b": "x"})


def test_value_that_cannot_be_stored_is_refused(runs: Runs, connect: Connect, lite: Place) -> None:
    """Nothing is recorded, and the error says which column it is."""
    import sqlite3

    class Point:
        pass

    sqlite3.register_converter("point", lambda _: Point())
    engine = connect(lite.real, connect_args={"detect_types": sqlite3.PARSE_DECLTYPES})
    run(engine, "CREATE TABLE t (a point)", "INSERT INTO t VALUES ('x')")

    with pytest.raises(TypeError, match=r"rows\[0\]\.a: .*Point"):
        one(engine, "SELECT a FROM t")


# -- secrets


@pytest.mark.promise("redaction leaves live traffic alone, and identities use redacted data")
@pytest.mark.promise("SQL and Redis redaction goes by column, field and parameter names")
def test_secrets_never_reach_a_recording(runs: Runs, connect: Connect, place: Place) -> None:
    """Columns, parameters, texts, JSON and messages of errors; the application sees the real ones while recording."""

    def steps(url: str) -> Any:
        engine = connect(url)
        run(
            engine,
            "CREATE TABLE t (name text NOT NULL, password text UNIQUE, settings json)",
            "INSERT INTO t (name, password) VALUES ('a', 'hunter2-literal')",
        )
        table = sa.table("t", sa.column("name"), sa.column("password"), sa.column("settings", sa.JSON))
        row = {"name": "b", "password": "hunter2-bound", "settings": {"api_key": "hunter2-json", "a": 1}}
        with engine.begin() as connection:
            connection.execute(table.insert(), row)
        with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
            connection.execute(table.insert(), row)
        for statement in (
            "INSERT INTO t (name, password) VALUES ('c', 'hunter2-literal')",
            "UPDATE t SET password = (SELECT max(password) FROM t)",
            "UPDATE t SET name = NULL",
        ):
            with pytest.raises(sa.exc.DatabaseError):  # pg8000: ProgrammingError for the NULL
                run(engine, statement)
        with engine.connect() as connection:
            where = sa.select(table).where(table.c.password == "hunter2-bound")
            return [connection.execute(where).one()._asdict(), one(engine, "SELECT password FROM t")]

    recorded, replayed = both(runs, place, steps)

    assert recorded[0] == {
        "name": "b",
        "password": "hunter2-bound",
        "settings": {"api_key": "hunter2-json", "a": 1},
    }
    assert replayed[0] == {
        "name": "b",
        "password": "<redacted>",
        "settings": {"api_key": "<redacted>", "a": 1},
    }
    assert "hunter2" not in runs.text


@pytest.mark.promise("SQL and Redis redaction goes by column, field and parameter names")
def test_secrets_of_a_result_are_known_under_an_alias(runs: Runs, connect: Connect, place: Place) -> None:
    """By what the statement says of a column; the application sees the real ones while recording."""

    def steps(url: str) -> Any:
        engine = connect(url)
        run(
            engine,
            "CREATE TABLE t (id int, password text)",
            "INSERT INTO t (id, password) VALUES (1, 'hunter2-a')",
        )
        t = sa.table("t", sa.column("id", sa.Integer), sa.column("password", sa.String))
        select = sa.select(
            t.c.password.label("zz"),
            sa.func.lower(t.c.password),
            t.c.id.label("n"),
            sa.func.count(t.c.password),
        ).group_by(t.c.id, t.c.password)
        with engine.connect() as connection:
            return [
                tuple(connection.execute(select).one()),
                connection.scalar(sa.text("SELECT cast(:token AS text) AS x"), {"token": "hunter2-b"}),
            ]

    recorded, replayed = both(runs, place, steps)

    assert recorded == [("hunter2-a", "hunter2-a", 1, 1), "hunter2-b"]
    assert replayed == [("<redacted>", "<redacted>", 1, 1), "<redacted>"]
    assert "hunter2-" not in runs.text


SECRET_RESULTS = {
    "SELECT password AS p, id FROM t": ["<redacted>", 7],
    "SELECT upper(password) p, max(passcode) FROM t GROUP BY password": ["<redacted>", 0],
    "SELECT DISTINCT email || password, t.id FROM t": ["<redacted>", 7],
    "SELECT *, password AS p FROM t": [7, "ann", "<redacted>", 0, "<redacted>"],
    "SELECT email FROM t WHERE id < 0 UNION ALL SELECT password FROM t": ["<redacted>"],
    "SELECT CASE WHEN id > 0 THEN password ELSE email END AS p FROM t": ["<redacted>"],
    "SELECT (SELECT max(password) FROM t) AS p, id FROM t": ["<redacted>", 7],
    "UPDATE t SET id = 7 RETURNING id, coalesce(password, email) AS p": [7, "<redacted>"],
    "SELECT count(password), length(password), 1 + length(password) FROM t GROUP BY id, password": [1, 7, 8],
    "SELECT email FROM t WHERE password IS NOT NULL ORDER BY password": ["ann"],
    "SELECT email FROM t WHERE (SELECT max(password) FROM t) IS NOT NULL": ["ann"],
    "WITH x AS (SELECT id, password FROM t) SELECT id, 'a' FROM x": [7, "<redacted>"],
}


@pytest.mark.parametrize("sql", SECRET_RESULTS)
def test_columns_of_a_text_that_show_a_secret_are_replaced(
    runs: Runs, connect: Connect, place: Place, sql: str
) -> None:

    def steps(url: str) -> Any:
        engine = connect(url)
        run(engine, "CREATE TABLE t (id int, email text, password text, passcode int)")
        run(engine, "INSERT INTO t (id, email, password, passcode) VALUES (7, 'ann', 'hunter2', 4711)")
        with engine.begin() as connection:
            return list(connection.execute(sa.text(sql)).one())

    _, replayed = both(runs, place, steps)

    assert replayed == SECRET_RESULTS[sql]


@pytest.mark.promise("SQL and Redis redaction goes by column, field and parameter names")
def test_secrets_of_parameters_are_known_by_their_own_names(
    runs: Runs, connect: Connect, place: Place
) -> None:
    """Also where the driver takes them by place, and the statement names no column for them."""

    def steps(url: str) -> Any:
        engine = connect(url)
        run(engine, "CREATE TABLE t (id int, password text)")
        insert = sa.text("INSERT INTO t VALUES (:id, :password)")
        names = sa.text("SELECT id FROM t WHERE cast(id AS text) IN :api_keys AND id < :most")
        with engine.begin() as connection:
            connection.execute(insert, {"id": 1, "password": "hunter2-one"})
            connection.execute(insert, [{"id": n, "password": f"hunter2-{n}"} for n in (2, 3)])
            found = connection.execute(
                names.bindparams(sa.bindparam("api_keys", expanding=True)),
                {"most": 4711, "api_keys": ["hunter2-x", "1"]},
            )
            return found.scalars().all(), connection.scalar(
                sa.text("SELECT count(*) FROM t WHERE substr(cast(:api_key AS text), 1, 7) = 'hunter2'"),
                {"api_key": "hunter2-key"},
            )

    recorded, replayed = both(runs, place, steps)

    assert recorded == replayed == ([1], 3)
    assert "hunter2-" not in runs.text
    assert "4711" in runs.text


def test_parameters_are_called_by_their_own_names(runs: Runs, connect: Connect, place: Place) -> None:
    """Where no column tells: in what is shown, with whatever driver."""
    engine = connect(place.real)
    run(engine, "CREATE TABLE t (id int, token text)")
    rows = [{"id": 1, "token": "hunter2"}, {"id": 2, "token": "hunter2"}]
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO t VALUES (:id, :token)"), rows)

    assert runs.calls[-2].parts["params"] == [
        {"id": 1, "token": "<redacted>"},
        {"id": 2, "token": "<redacted>"},
    ]


def test_secrets_of_many_rows_in_one_statement(runs: Runs, async_place: Place) -> None:
    """As SQLAlchemy writes them where it wants something back: the place in a row tells the column."""
    table = sa.Table(
        "t",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String),
        sa.Column("password", sa.String),
    )
    rows = [{"name": f"n{number}", "password": f"hunter2-{number}"} for number in range(3)]

    async def write() -> None:
        engine = create_async_engine(async_place.real)
        async with engine.begin() as connection:
            await connection.run_sync(table.metadata.create_all)
            await connection.execute(table.insert().returning(table.c.id), rows)
        await engine.dispose()

    asyncio.run(write())

    params = runs.calls[-2].parts["params"]
    assert sorted(params.values()) == ["<redacted>"] * 3 + ["n0", "n1", "n2"]
    assert "hunter2" not in runs.text


def test_number_about_a_secret_counts(runs: Runs, connect: Connect, place: Place) -> None:
    """`token_count = 5` is not `token_count = 6`: SQLAlchemy numbers the names of its parameters."""
    engine = connect(place.real)
    table = sa.Table("t", sa.MetaData(), sa.Column("token_count", sa.Integer))
    table.create(engine)

    with engine.begin() as connection:
        connection.execute(sa.select(table).where(table.c.token_count == 5))

    assert list(runs.calls[-2].parts["params"].values()) == [5]


# -- what belongs to the engine


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

    recorded, replayed = both(runs, pg, steps)

    assert recorded == replayed == {"a": "1"}

    # A new statement opens the connection, which knows the type that was registered while there was none.
    sql = "SELECT 'a=>2'::hstore"
    runs.again("record")
    assert steps(pg.real) == {"a": "2"}


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

    recorded, replayed = both(runs, pg, steps)

    assert replayed == recorded
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

    recorded, replayed = both(runs, place, steps)

    assert replayed == recorded
    assert recorded[0] == 1


# -- several engines, threads


@pytest.mark.promise("databases count by order of first use, not by host or credentials")
def test_databases_are_told_apart_by_their_order(runs: Runs, connect: Connect, tmp_path: Path) -> None:
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


# -- engines that were there before, and after


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
    """What it asked on its first connection is asked again while recording, its connect events included."""

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


def test_a_replayed_connection_becomes_real_afterwards(runs: Runs, connect: Connect, place: Place) -> None:
    """What the pool keeps from a replay opens its connection when it is used without the boundary."""
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
    """What was set on a connection that was not there is set on the one that is opened."""
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


@pytest.mark.promise("a call that is left out runs for real and is not recorded")
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


# -- recording more


def test_new_call_finds_the_database_as_the_replayed_ones_left_it(
    runs: Runs, connect: Connect, place: Place
) -> None:
    """A test that has grown is recorded on an empty database: what was replayed before runs there first."""

    def steps(url: str, *more: str) -> Any:
        engine = connect(url)
        run(engine, "CREATE TABLE t (a int)")
        with engine.connect() as connection:
            connection.execute(sa.text("INSERT INTO t VALUES (1)"))
            connection.commit()
            connection.execute(sa.text("INSERT INTO t VALUES (2)"))
            connection.rollback()
        return [one(engine, statement) for statement in more]

    steps("sqlite://" if place.driver == "sqlite" else place.real)
    if place.driver != "sqlite":
        runs.again("off")
        run(connect(place.real), "DROP TABLE t")
    runs.again("record")

    assert steps(place.real, "SELECT count(*) FROM t") == [1]
    runs.again("replay")
    assert steps(place.gone, "SELECT count(*) FROM t") == [1]


def test_new_call_finds_what_each_connection_has_committed(runs: Runs, connect: Connect, pg: Place) -> None:
    """Two connections at once: what one of them rolled back is not there, what the other did is."""
    runs.again("off")
    run(connect(pg.real), "CREATE TABLE t (a int)")
    runs.again("record")

    def steps(*more: str) -> Any:
        engine = connect(pg.real, poolclass=sa.NullPool)
        with engine.connect() as first, engine.connect() as second:
            first.execute(sa.text("INSERT INTO t VALUES (1)"))
            second.execute(sa.text("INSERT INTO t VALUES (2)"))
            first.rollback()
            second.commit()
        return [one(engine, statement) for statement in more]

    steps()
    runs.again("off")
    run(connect(pg.real), "DELETE FROM t")
    runs.again("record")

    assert steps("SELECT array_agg(a) FROM t") == [[2]]


def test_new_call_finds_a_database_that_is_not_empty(runs: Runs, connect: Connect, place: Place) -> None:
    """Tables and rows that are there already are left as they are."""

    def steps(*more: str) -> Any:
        engine = connect(place.real)
        run(engine, "CREATE TABLE t (a int UNIQUE)", "INSERT INTO t VALUES (1)", "CREATE TABLE u (a int)")
        return [one(engine, statement) for statement in more]

    steps()
    runs.again("off")
    run(connect(place.real), "DROP TABLE u")
    runs.again("record")

    assert steps("SELECT count(*) FROM t", "SELECT count(*) FROM u") == [1, 0]


def test_replayed_statement_that_fails_when_it_is_run_is_told(
    runs: Runs, connect: Connect, place: Place
) -> None:
    """The database is not as it was: a warning says which statement it would not take, and what to do."""

    def steps(*more: str) -> Any:
        engine = connect(place.real)
        run(engine, "INSERT INTO t VALUES (1)")
        return [one(engine, statement) for statement in more]

    runs.again("off")
    run(connect(place.real), "CREATE TABLE t (a int)")
    runs.again("record")
    steps()
    runs.again("off")
    run(connect(place.real), "DROP TABLE t")
    runs.again("record")

    with pytest.warns(UserWarning, match=r"(?s)could not run .*INSERT INTO t VALUES.*--mimic-rerecord"):
        assert steps("SELECT 3") == [3]


# -- verifying


@pytest.mark.promise("verifying compares status, content type and body")
def test_verifying_compares_rows_and_not_the_server(runs: Runs, connect: Connect, place: Place) -> None:
    """The engine asks for a random number when it connects, and gets another one each time."""

    def engine_with_event() -> sa.Engine:
        engine = connect(place.real)
        sa.event.listen(
            engine, "connect", lambda connection, _: connection.cursor().execute("SELECT random()")
        )
        return engine

    engine = engine_with_event()
    run(engine, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")
    one(engine, "SELECT a FROM t")
    runs.again("off")
    run(engine, "UPDATE t SET a = 2")
    runs.again("verify")

    with pytest.raises(DriftError, match="SELECT t"):
        one(engine_with_event(), "SELECT a FROM t")


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_names_of_cursors_in_errors_are_not_compared(
    runs: Runs, connect: Connect, request: pytest.FixtureRequest, tmp_path: Path, driver: str
) -> None:
    """SQLAlchemy draws them anew each time, and PostgreSQL quotes them; the mark under the quotation stays where it is."""
    place = _place(request, f"postgresql+{driver}", tmp_path)

    def steps(url: str) -> str:
        with connect(url).connect().execution_options(stream_results=True) as connection:
            with pytest.raises(sa.exc.ProgrammingError) as caught:
                connection.execute(sa.text("SELECT nope"))
            return str(caught.value.orig)

    runs.again("off")
    # SQLAlchemy counts them: the next two numbers have as many hexadecimal digits.
    while int(re.findall("c_[0-9a-f]+_([0-9a-f]+)", steps(place.real))[0], 16) % 16 > 12:
        pass
    runs.again("record")
    recorded = steps(place.real)
    runs.again("verify")
    assert steps(place.real) != recorded
    runs.again("replay")

    replayed = steps(place.gone)
    hidden = re.sub(
        "c_[0-9a-f]+_[0-9a-f]+", lambda name: "c_" + re.sub("[0-9a-f]", "0", name[0][2:]), recorded
    )
    assert hidden == replayed


@pytest.mark.parametrize("order", ["", " ORDER BY b"], ids=["none", "given"])
def test_order_of_rows_is_compared_where_the_query_gives_it(
    runs: Runs, connect: Connect, lite: Place, order: str
) -> None:
    """Without an ORDER BY, a database may give rows in any order; other rows are drift all the same."""
    engine = connect(lite.real)
    query = f"SELECT a FROM t{order}"

    def ask(*rows: str) -> Any:
        mode = runs.state.settings.mode.value
        runs.again("off")
        run(engine, "DROP TABLE IF EXISTS t", "CREATE TABLE t (a text, b int)")
        run(engine, f"INSERT INTO t VALUES {', '.join(rows)}")
        runs.again(mode)
        with engine.connect() as connection:
            return connection.scalars(sa.text(query)).all()

    assert ask("('x', 1)", "('y', 2)", "('x', 3)") == ["x", "y", "x"]
    runs.again("verify")

    with pytest.raises(DriftError) if order else nullcontext():
        assert ask("('x', 1)", "('x', 3)", "('y', 4)") == ["x", "x", "y"]
    with pytest.raises(DriftError):
        ask("('x', 1)", "('y', 2)", "('y', 3)")


def test_numbers_of_the_databases_own_types_are_not_compared(
    runs: Runs, connect: Connect, request: pytest.FixtureRequest, place: Place
) -> None:
    """A native ENUM has another number in a database that was made anew; the types of PostgreSQL are compared."""
    if place.driver == "sqlite":
        pytest.skip("its types have no numbers")
    server: Postgres = request.getfixturevalue("postgres")

    def ask(*before: str, kind: str = "int") -> Any:
        engine = connect(f"{place.driver}://{server.new_database()}")
        mode = runs.state.settings.mode.value
        runs.again("off")
        run(engine, *before, "CREATE TYPE mood AS ENUM ('sad')", f"CREATE TABLE t (m mood, n {kind})")
        run(engine, "INSERT INTO t VALUES ('sad', 1)")
        runs.again(mode)
        with engine.connect() as connection:
            return [*connection.execute(sa.text("SELECT m, n FROM t")).one()]

    assert ask() == ["sad", 1]
    runs.again("verify")

    assert ask("CREATE TYPE another AS ENUM ()") == ["sad", 1]
    with pytest.raises(DriftError, match="23 recorded, 20 now"):
        ask(kind="bigint")


# -- asyncio


@pytest.mark.promise("sync and async clients replay")
def test_async_engines(runs: Runs, async_place: Place) -> None:
    """The adapters of asyncpg, aiosqlite and psycopg: statements, streams, errors, savepoints, no event loop kept."""

    async def steps(engine: AsyncEngine) -> list[Any]:
        seen: list[Any] = []
        async with engine.begin() as connection:
            await connection.execute(sa.text("CREATE TABLE t (a int UNIQUE)"))
            await connection.execute(sa.text("INSERT INTO t VALUES (:a)"), [{"a": n} for n in range(30)])
        async with engine.connect() as connection:
            seen.append(
                (await connection.execute(sa.text("SELECT a FROM t WHERE a < :a ORDER BY a"), {"a": 3})).all()
            )
            stream = await connection.stream(sa.text("SELECT a FROM t ORDER BY a"))
            seen.append([row.a async for row in stream])
            with pytest.raises(sa.exc.IntegrityError) as caught:
                async with connection.begin_nested():
                    await connection.execute(sa.text("INSERT INTO t VALUES (1)"))
            error = caught.value.orig
            seen += [type(error), str(error), getattr(error, "sqlstate", None), type(error.__cause__)]
            await connection.rollback()
            seen.append(await connection.scalar(sa.text("SELECT count(*) FROM t")))
        return seen

    engines = [create_async_engine(url, pool_pre_ping=True) for url in (async_place.real, async_place.gone)]

    async def whole(engine: AsyncEngine) -> list[Any]:
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


def test_names_of_parameters_are_known_with_asyncio(runs: Runs, async_place: Place) -> None:
    """Also of a driver that numbers them, with the values of a list behind all others."""

    async def steps() -> None:
        engine = create_async_engine(async_place.real)
        async with engine.begin() as connection:
            await connection.execute(sa.text("CREATE TABLE t (id int, password text)"))
            await connection.execute(
                sa.text("INSERT INTO t VALUES (1, :password)"), {"password": "hunter2-a"}
            )
            await connection.execute(
                sa.text("SELECT id FROM t WHERE cast(id AS text) IN :api_keys AND id < :most").bindparams(
                    sa.bindparam("api_keys", expanding=True)
                ),
                {"most": 4711, "api_keys": ["hunter2-x", "1"]},
            )
        await engine.dispose()

    asyncio.run(steps())

    assert "hunter2-" not in runs.text
    assert "4711" in runs.text


def test_async_connections_are_set_up_through_their_driver(runs: Runs, async_place: Place) -> None:
    """`run_async` in a connect event configures the real connection, when there is one."""
    if "psycopg" in async_place.driver:
        pytest.skip("it has nothing to configure that shows in a query")

    def engine_for(url: str) -> AsyncEngine:
        engine = create_async_engine(url)

        @sa.event.listens_for(engine.sync_engine, "connect")
        def configure(connection: Any, _record: Any) -> None:
            if "asyncpg" in url:
                connection.run_async(
                    lambda driver: driver.set_type_codec(
                        "int4",
                        encoder=str,
                        decoder=lambda text: -int(text),
                        schema="pg_catalog",
                        format="text",
                    )
                )
            else:
                connection.run_async(
                    lambda driver: driver.create_function("negative", 1, lambda value: -value)
                )

        return engine

    async def ask(url: str) -> Any:
        engine = engine_for(url)
        async with engine.connect() as connection:
            sql = "SELECT 5" if "asyncpg" in url else "SELECT negative(5)"
            value = await connection.scalar(sa.text(sql))
        await engine.dispose()
        return value

    assert asyncio.run(ask(async_place.real)) == -5
    runs.again("replay")
    assert asyncio.run(ask(async_place.gone)) == -5


@pytest.mark.promise("responses and errors replay as the client's own objects")
def test_types_are_exact(runs: Runs, pg: Place) -> None:
    """Numbers, moments, ids, JSON, bytes, arrays, ranges and NULL, with each driver of PostgreSQL."""
    pytest.importorskip("asyncpg")
    pytest.importorskip("greenlet")
    select = sa.text(
        "SELECT 1.10::numeric AS n, 'NaN'::numeric, 'Infinity'::float8, now()::timestamptz, now()::timestamp,"
        " '2026-11-02'::date, '10:00'::time, '10:00+02'::timetz, '1 day 3 sec'::interval,"
        " '12345678-1234-5678-1234-567812345678'::uuid, '{\"a\": [1, null]}'::jsonb, '\\xff00'::bytea,"
        " ARRAY[[1, 2], [3, 4]], ARRAY['a', NULL], '[1,5)'::int4range, '{[1,3),[5,7)}'::int4multirange,"
        " '10.0.0.1'::inet, '10.0.0.0/8'::cidr, ROW(1, 'x'), NULL, 9223372036854775807, B'101'"
    )

    async def ask(url: str) -> Any:
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

        # asyncpg's UUID is a subclass that its driver makes for speed; the standard one stands for it.
        kinds = [uuid.UUID if isinstance(value, uuid.UUID) else type(value) for value in recorded]
        assert [type(value) for value in replayed[:18]] == kinds[:18]
        assert [repr(value) for value in replayed[:18]] == [repr(value) for value in recorded[:18]]
        assert tuple(replayed[18:]) == tuple(recorded[18:])


def test_stand_in_says_what_it_is(runs: Runs, connect: Connect, lite: Place) -> None:
    """In a log, a connection that is not there looks like that."""
    engine = connect(lite.real)
    connection = engine.raw_connection()

    assert isinstance(connection.dbapi_connection, StandInConnection)
    assert "stand-in" in repr(connection.dbapi_connection)
    connection.close()


# -- what goes past SQLAlchemy


def test_state_of_a_transaction_is_told(runs: Runs, connect: Connect, pg: Place) -> None:
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

    recorded, replayed = both(runs, pg, steps)

    assert replayed == recorded == ["IDLE", "INTRANS", "INERROR", "IDLE"]


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

    recorded, replayed = both(runs, lite, steps)

    assert replayed == recorded
    assert recorded == [0, True, 1, True, False, "", str]


def test_other_attributes_of_the_driver_are_an_error(runs: Runs, connect: Connect, lite: Place) -> None:
    held: Any = connect(lite.real).raw_connection().dbapi_connection
    runs.calls.clear()

    with pytest.raises(AttributeError, match="driver's own `backup` cannot be recorded"):
        held.backup()
    assert runs.calls == []


def test_questions_of_debuggers_are_not_asked_of_the_server(runs: Runs, connect: Connect, pg: Place) -> None:
    """Names with an underscore are nobody's business: they are absent, and nothing is recorded of them."""
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


def test_drivers_cursor_at_the_servers_side_is_recorded_as_far_as_it_is_read(
    runs: Runs, connect: Connect, pg: Place
) -> None:
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

    recorded, replayed = both(runs, pg, steps)

    assert replayed == recorded == [(1,), (2,), (3,), (4,), (5,), None, (6,), None]


def test_types_of_parameters_reach_the_driver(
    runs: Runs, connect: Connect, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """`setinputsizes`, which some dialects call: pg8000 sends the types that it is told."""
    place = _place(request, "postgresql+pg8000", tmp_path)

    def steps(url: str) -> Any:
        connection = connect(url).raw_connection()
        cursor: Any = connection.cursor()
        cursor.setinputsizes(20)  # bigint
        cursor.execute("SELECT pg_typeof(%s)::text", (1,))
        found = cursor.fetchone()[0]
        connection.close()
        return found

    recorded, replayed = both(runs, place, steps)

    assert replayed == recorded == "bigint"


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
    """They cannot be recorded, and would run for real unseen: the error names the method."""

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


def test_async_connection_tells_of_its_server(runs: Runs, pg: Place) -> None:
    """psycopg's `info`, at the connection itself."""
    pytest.importorskip("greenlet")

    def steps(url: str) -> Any:
        seen = []
        engine = create_async_engine(url)

        @sa.event.listens_for(engine.sync_engine, "connect")
        def look(connection: Any, _record: Any) -> None:
            seen.append(connection.driver_connection.info.encoding)

        async def ask() -> None:
            async with engine.connect() as connection:
                seen.append(await connection.scalar(sa.text("SELECT 5")))
            await engine.dispose()

        asyncio.run(ask())
        return seen

    recorded, replayed = both(runs, pg, steps)

    assert replayed == recorded == ["utf-8", 5]


# -- connections that are lost, given up, or not an engine's


# On Python 3.12 and newer pg8000 leaves its socket open then, without pytest-mimic too.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_server_that_goes_away_goes_away_in_a_replay(runs: Runs, connect: Connect, place: Place) -> None:
    """The error is recorded; the pool opens another connection, and the next statement works."""
    if place.driver == "sqlite":
        pytest.skip("it has no server")

    def steps(url: str) -> Any:
        engine = connect(url)
        with pytest.raises(sa.exc.DBAPIError) as caught, engine.connect() as connection:
            connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return [type(caught.value.orig), caught.value.connection_invalidated, one(engine, "SELECT 8")]

    recorded, replayed = both(runs, place, steps)
    gc.collect()

    assert replayed == recorded
    assert recorded[1:] == [True, 8]


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

    recorded, replayed = both(runs, async_place, steps)

    assert replayed == recorded == [1, 2]


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


def test_a_pool_without_an_engine(runs: Runs, lite: Place) -> None:
    """`create_pool_from_url`: a database of its own."""

    def steps(url: str) -> Any:
        pool = sa.create_pool_from_url(url)
        connection = pool.connect()
        cursor = connection.cursor()
        cursor.execute("SELECT 9")
        found = cursor.fetchall()
        connection.close()
        pool.dispose()
        return found

    recorded, replayed = both(runs, lite, steps)

    assert replayed == recorded == [(9,)]


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
