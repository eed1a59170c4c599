"""Statements that are recorded and replayed."""

from __future__ import annotations

import contextlib
import threading

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa

from clients.sql.places import one, place_for, run, same
from pytest_mimic.errors import MissingRecordingError

pytest_plugins = ("support.database_servers",)


def test_select_before_and_after_an_insert_differs(runs, connect, place):
    """The n-th identical statement of a test has the n-th outcome."""

    def steps(url):
        engine = connect(url)
        run(engine, "CREATE TABLE t (a int)")
        before = one(engine, "SELECT count(*) FROM t")
        run(engine, "INSERT INTO t (a) VALUES (1)")
        return [before, one(engine, "SELECT count(*) FROM t")]

    assert same(runs, place, steps) == [0, 1]


def test_error_comes_back_as_the_drivers(runs, connect, place):

    def steps(url):
        engine = connect(url)
        run(
            engine,
            "CREATE TABLE t (a int CONSTRAINT only_once UNIQUE)",
            "INSERT INTO t VALUES (1)",
        )
        with pytest.raises(sa.exc.IntegrityError) as caught:
            run(engine, "INSERT INTO t VALUES (1)")
        error = caught.value.orig
        diag = getattr(error, "diag", None)
        assert isinstance(error, engine.dialect.dbapi.IntegrityError)
        return [
            # In a replay psycopg2's class is a subclass, as its `diag` is read-only.
            f"{type(error).__module__}:{type(error).__qualname__}",
            str(error),
            getattr(error, "pgerror", None),
            getattr(diag, "message_hint", None),
            getattr(diag, "table_name", None),
            getattr(error, "sqlite_errorname", None),
            getattr(error, "sqlstate", None),
            getattr(error, "pgcode", None),
            getattr(diag, "constraint_name", None),
            getattr(diag, "message_detail", None),
        ]

    recorded = same(runs, place, steps)

    assert recorded[0].endswith((":IntegrityError", ":UniqueViolation"))
    if "psycopg2" in place.driver:
        assert recorded[2].startswith("ERROR:  duplicate key")
        assert recorded[-2:] == ["only_once", "Key (a)=(1) already exists."]


def test_error_at_the_commit_is_recorded(runs, connect, pg):
    """A deferred constraint fails when the transaction ends, and so it does on replay."""

    def steps(url):
        engine = connect(url)
        run(engine, "CREATE TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        run(engine, "INSERT INTO t VALUES (1)")
        with pytest.raises(sa.exc.IntegrityError, match="duplicate key"):
            run(engine, "INSERT INTO t VALUES (2)", "INSERT INTO t VALUES (1)")
        return one(engine, "SELECT count(*) FROM t")

    assert same(runs, pg, steps) == 1


def test_rows_can_be_fetched_in_parts(runs, connect, place):
    """fetchone, fetchmany, partitions and iteration read the same rows."""

    def steps(url):
        engine = connect(url)
        run(engine, "CREATE TABLE t (a int)")
        with engine.begin() as connection:
            connection.execute(
                sa.text("INSERT INTO t VALUES (:a)"), [{"a": n} for n in range(10)]
            )
            result = connection.execute(sa.text("SELECT a FROM t ORDER BY a"))
            seen = [result.fetchone(), result.fetchmany(3), [row.a for row in result]]
            stream = connection.execution_options(yield_per=4).execute(
                sa.text("SELECT a FROM t ORDER BY a")
            )
            return [*seen, [len(part) for part in stream.partitions(4)]]

    recorded = same(runs, place, steps)

    assert recorded[-1] == [4, 4, 2]


def test_order_of_written_rows_is_free(runs, connect, lite):
    """A unit of work writes the rows of a set of objects in any order; other rows are another call."""
    insert = sa.text("INSERT INTO t (a, b) VALUES (:a, :b)")
    rows = [{"a": 1, "b": 9}, {"a": 2, "b": 8}, {"a": 2, "b": 7}]

    def steps(url, rows):
        engine = connect(url)
        run(engine, "CREATE TABLE t (a int, b int)")
        with engine.begin() as connection:
            return connection.execute(insert, rows).rowcount

    recorded = steps(lite.real, rows)
    runs.again("replay")

    assert steps(lite.gone, rows[::-1]) == recorded == 3
    runs.again("replay")
    with pytest.raises(MissingRecordingError, match="INSERT INTO t"):
        steps(lite.gone, rows[:2])


def test_order_of_the_values_of_in_is_free(runs, connect, place):
    """A set's come in any order; other values are another call, and what goes together in tuples stays together."""
    table = sa.table("t", sa.column("a"), sa.column("b"))
    pair = sa.tuple_(table.c.a, table.c.b)

    def steps(url, values, pairs):
        engine = connect(url)
        run(
            engine,
            "CREATE TABLE t (a int, b text)",
            "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')",
        )
        query = sa.select(table.c.b).where(
            table.c.b != "",
            table.c.a.in_(values),
            pair.in_(pairs),
            table.c.a.not_in([]),
        )
        with engine.connect() as connection:
            return connection.scalars(query.order_by(table.c.a)).all()

    pairs = [(1, "x"), (2, "y"), (3, "q")]
    recorded = steps(place.real, [1, 2, 7], pairs)
    runs.again("replay")

    assert steps(place.gone, [7, 1, 2], pairs[::-1]) == recorded == ["x", "y"]
    for values, others in (
        ([1, 2, 8], pairs),
        ([1, 2, 7], [(1, "y"), (2, "x"), (3, "q")]),
    ):
        runs.again("replay")
        with pytest.raises(MissingRecordingError, match="SELECT t"):
            steps(place.gone, values, others)


@pytest.mark.parametrize(
    ("sql", "is_same_call"),
    [
        ("SELECT coalesce :ids", False),
        ("SELECT (1, 2) = :ids", False),
        ("SELECT 1 WHERE 1 IN :ids AND 1 = coalesce :ids", False),
        ("SELECT count(*) WHERE 1 in :ids", True),
    ],
)
def test_order_of_a_list_counts_outside_of_in(runs, connect, lite, sql, is_same_call):
    """Only an `IN` has the same answer for the values in another order."""
    statement = sa.text(sql).bindparams(sa.bindparam("ids", expanding=True))

    def steps(url, ids):
        with connect(url).connect() as connection:
            return connection.scalar(statement, {"ids": ids})

    assert steps(lite.real, [1, 2]) == 1
    runs.again("replay")

    if is_same_call:
        assert steps(lite.gone, [2, 1]) == 1
    else:
        with pytest.raises(MissingRecordingError, match="SELECT"):
            steps(lite.gone, [2, 1])


def test_parameters_count_and_are_named_by_column(runs, connect, lite):
    """Another value is another call; what is shown says which column it was for."""
    engine = connect(lite.real)
    run(engine, "CREATE TABLE t (a int, b text)")
    table = sa.table("t", sa.column("a"), sa.column("b"))
    with engine.begin() as connection:
        connection.execute(table.insert(), {"a": 1, "b": "x"})
    [*_, call] = [call for call in runs.asked if call.signature == "INSERT t"]

    assert call.parts["params"] == {"a": 1, "b": "x"}
    runs.again("replay")
    with (
        pytest.raises(MissingRecordingError, match="INSERT INTO t"),
        engine.begin() as connection,
    ):
        connection.execute(table.insert(), {"a": 2, "b": "x"})


def test_a_miss_shows_what_differs_alone(runs, connect, lite):
    """The description of a call has a `signature`, a secret name, whose words the statement repeats."""
    engine = connect(lite.real)
    run(engine, "CREATE TABLE t (a int)")
    table = sa.table("t", sa.column("a"))
    with engine.begin() as connection:
        connection.execute(sa.select(table).where(table.c.a == 1))
    runs.again("replay")

    with pytest.raises(MissingRecordingError) as caught, engine.begin() as connection:
        connection.execute(sa.select(table).where(table.c.a == 2))

    said = str(caught.value)
    assert "a_1: 1 recorded, 2 now" in said
    assert said.count(" recorded, ") == 1
    assert "ignore=" not in said


def test_value_that_cannot_be_stored_is_refused(runs, connect, lite):
    """Nothing is recorded, and the error says which column it is."""
    import sqlite3

    class Point:
        def __init__(self):
            self.lock = threading.Lock()

    sqlite3.register_converter("point", lambda _: Point())
    engine = connect(lite.real, connect_args={"detect_types": sqlite3.PARSE_DECLTYPES})
    run(engine, "CREATE TABLE t (a point)", "INSERT INTO t VALUES ('x')")

    with pytest.raises(TypeError, match=r"rows\[0\]\.a\.lock: a thread lock") as error:
        one(engine, "SELECT a FROM t")
    assert str(error.value).endswith("read it as a text: cast(a AS text)")


def test_rows_that_psycopg2_writes_by_its_own_helpers(runs, connect, request, tmp_path):
    place = place_for(request, "postgresql+psycopg2", tmp_path)

    def steps(url):
        engine = connect(url, executemany_mode="values_plus_batch")
        run(engine, "CREATE TABLE t (a int, b int)", "INSERT INTO t VALUES (1), (2)")
        change = sa.text("UPDATE t SET b = :b WHERE a = :a")
        with engine.begin() as connection:
            connection.execute(change, [{"a": 1, "b": 10}, {"a": 2, "b": 20}])
        return one(engine, "SELECT sum(b) FROM t")

    assert same(runs, place, steps) == 30


def test_columns_of_one_name_keep_their_values(runs, connect, lite):
    def steps(url):
        connection = connect(url).raw_connection()
        with contextlib.closing(connection):
            cursor = connection.cursor()
            cursor.execute('SELECT 1 AS "x 3", 2 AS x, 3 AS x')
            return cursor.fetchone()

    assert same(runs, lite, steps) == (1, 2, 3)


def test_a_row_that_a_cursor_returns_keeps_its_id(runs, connect, lite):
    def steps(url):
        connection = connect(url).raw_connection()
        with contextlib.closing(connection):
            cursor = connection.cursor()
            cursor.execute("DROP TABLE IF EXISTS kept")
            cursor.execute("CREATE TABLE kept (id INTEGER PRIMARY KEY, a)")
            cursor.execute("INSERT INTO kept VALUES (7, 'x') RETURNING a")
            return cursor.fetchone()[0], cursor.lastrowid

    assert same(runs, lite, steps) == ("x", 7)


def test_arrays_of_one_statement_are_no_sets_of_parameters(
    runs, connect, request, tmp_path
):
    place = place_for(request, "postgresql+psycopg2", tmp_path)

    def joined(url, *arrays):
        connection = connect(url).raw_connection()
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute("SELECT %s || %s", [*arrays])
            return cursor.fetchone()[0]

    assert joined(place.real, [1], [2]) == [1, 2]

    runs.again("replay")
    assert joined(place.gone, [1], [2]) == [1, 2]
    with pytest.raises(MissingRecordingError):
        joined(place.gone, [2], [1])


PARENT_AND_CHILD = """
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

class Base(DeclarativeBase): ...

class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    lines: Mapped[list["Line"]] = relationship(back_populates="order")

class Line(Base):
    __tablename__ = "lines"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id"))
    order: Mapped[Order] = relationship(back_populates="lines")

def test_order():
    engine = sa.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine, expire_on_commit=False) as session:
        session.add(Order(id=1, lines=[Line(id=1)]))
        session.commit()
        lists = [[number] for number in range(int(os.environ["ALLOCATIONS"]))]
        assert session.get(Order, 1).lines[0].id == 1
    engine.dispose()  # since Python 3.13, a connection that is not closed warns

def test_without_a_database():
    assert gc.isenabled()
"""


@pytest.mark.parametrize(("recorded", "replayed"), [("1", "9999"), ("9999", "1")])
def test_when_python_collects_garbage_changes_no_statement(project, recorded, replayed):
    """An order and its lines refer to each other, so a session may lose them."""
    project.ini("sqlalchemy")
    project.tests(PARENT_AND_CHILD)
    # The heap of this process is too large for its collector to run often.
    project.process = True

    run = project.record(env={"ALLOCATIONS": recorded})

    run.expect(passed=2)
    replay = project.run(env={"ALLOCATIONS": replayed}).expect(passed=2)
    assert "unused" not in replay.output
