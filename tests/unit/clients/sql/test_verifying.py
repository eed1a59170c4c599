"""Recording more calls, and verifying."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa

from pytest_mimic._core.engine.owners import Owner
from unit.clients.runs import Runs
from unit.clients.sql.places import Connect, Place, one, place_for, run

if TYPE_CHECKING:
    from pathlib import Path

    from support.database_servers import Postgres

pytest_plugins = ("support.database_servers",)


def test_new_call_finds_the_database_as_the_replayed_ones_left_it(
    runs: Runs, connect: Connect, place: Place
) -> None:
    """A test is recorded on an empty database: what was replayed of a wider fixture runs there first."""

    def steps(url: str, *more: str) -> Any:
        engine = connect(url)
        with runs.in_fixture(), engine.connect() as connection:
            connection.execute(sa.text("CREATE TABLE t (a int)"))
            connection.commit()
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


def test_new_call_finds_what_was_committed_between_rollbacks(runs: Runs, connect: Connect, pg: Place) -> None:
    """Each rollback undoes what follows the last commit of its connection, and nothing before."""
    runs.again("off")
    run(connect(pg.real), "CREATE TABLE t (a int)")
    runs.again("record")

    def steps(*more: str) -> Any:
        engine = connect(pg.real, poolclass=sa.NullPool)
        with runs.in_fixture(), engine.connect() as first, engine.connect() as second:
            second.execute(sa.text("INSERT INTO t VALUES (1)"))
            for number in (2, 3):
                first.execute(sa.text(f"INSERT INTO t VALUES ({number})"))
                first.commit()
                first.execute(sa.text(f"INSERT INTO t VALUES ({number}0)"))
                first.rollback()
            second.commit()
            second.rollback()
        return [one(engine, statement) for statement in more]

    steps()
    runs.again("off")
    run(connect(pg.real), "DELETE FROM t")
    runs.again("record")

    assert steps("SELECT array_agg(a ORDER BY a) FROM t") == [[1, 2, 3]]


def test_new_call_does_not_find_what_other_tests_replayed(runs: Runs, connect: Connect, place: Place) -> None:
    runs.again("off")
    run(connect(place.real), "CREATE TABLE t (a int)")

    def steps(*more: str) -> Any:
        engine = connect(place.real)
        run(engine, "INSERT INTO t VALUES (1)")
        runs.state.owner = Owner("test_shop.py::test_other", is_test=True)
        return [one(engine, statement) for statement in more]

    runs.again("record")
    steps()
    runs.again("off")
    run(connect(place.real), "DELETE FROM t")
    runs.again("record")

    assert steps("SELECT count(*) FROM t") == [0]


def test_new_call_finds_a_database_that_is_not_empty(runs: Runs, connect: Connect, place: Place) -> None:
    """Tables and rows that are there already are left as they are, and the summary names the statements."""

    def steps(*more: str) -> Any:
        engine = connect(place.real)
        with runs.in_fixture():
            run(engine, "CREATE TABLE t (a int UNIQUE)", "INSERT INTO t VALUES (1)", "CREATE TABLE u (a int)")
        return [one(engine, statement) for statement in more]

    steps()
    runs.again("off")
    run(connect(place.real), "DROP TABLE u")
    runs.again("record")

    assert steps("SELECT count(*) FROM t", "SELECT count(*) FROM u") == [1, 0]
    named = sorted(note.partition(",")[0] for note in runs.state.ledger.notes)
    assert named == ["sqlalchemy CREATE t", "sqlalchemy INSERT t"]


def test_replayed_statement_that_fails_when_run_is_in_the_summary(
    runs: Runs, connect: Connect, place: Place
) -> None:
    """The database is not as it was: a sentence says which statement it would not take, and what to do."""

    def steps(*more: str) -> Any:
        engine = connect(place.real)
        with runs.in_fixture():
            run(engine, "INSERT INTO t VALUES (1)")
        return [one(engine, statement) for statement in more]

    runs.again("off")
    run(connect(place.real), "CREATE TABLE t (a int)")
    runs.again("record")
    steps()
    runs.again("off")
    run(connect(place.real), "DROP TABLE t")
    runs.again("record")

    assert steps("SELECT 3") == [3]

    [note] = runs.state.ledger.notes
    assert re.fullmatch(
        r"sqlalchemy INSERT t, run for real because new calls follow, failed with \w+ "
        r"\(to record .* --mimic-rerecord\)",
        note,
    )


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

    assert one(engine_with_event(), "SELECT a FROM t") == 1
    assert "SELECT t no longer" in runs.drifts()


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_names_of_cursors_in_errors_are_not_compared(
    runs: Runs, connect: Connect, request: pytest.FixtureRequest, tmp_path: Path, driver: str
) -> None:
    """SQLAlchemy makes random names, which PostgreSQL quotes. The mark below the quotation keeps its place."""
    place = place_for(request, f"postgresql+{driver}", tmp_path)

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

    assert ask("('x', 1)", "('x', 3)", "('y', 4)") == ["x", "y", "x"]
    assert bool(runs.drifts()) == bool(order)
    assert ask("('x', 1)", "('y', 2)", "('y', 3)") == ["x", "y", "x"]
    assert runs.drifts()


def test_numbers_of_the_databases_own_types_are_not_compared(
    runs: Runs, connect: Connect, request: pytest.FixtureRequest, place: Place
) -> None:
    """A native ENUM has another number in each database. The types of PostgreSQL are compared."""
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
    assert not runs.drifts()
    ask(kind="bigint")
    assert "23 recorded, 20 now" in runs.drifts()
