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


def test_what_a_wider_fixture_sends_is_done_each_time_while_recording(
    runs: Runs, connect: Connect, place: Place
) -> None:
    """Its commits and rollbacks, too; what a test that is replayed sends is not."""
    runs.again("off")
    run(connect(place.real), "CREATE TABLE t (a int)")
    runs.again("record")

    def steps(*more: str) -> Any:
        engine = connect(place.real, poolclass=sa.NullPool)
        with runs.in_fixture(), engine.connect() as connection:
            for number in (1, 2):
                connection.execute(sa.text(f"INSERT INTO t VALUES ({number})"))
                connection.commit()
                connection.execute(sa.text(f"INSERT INTO t VALUES ({number}0)"))
                connection.rollback()
        run(engine, "INSERT INTO t VALUES (3)")
        runs.state.owner = Owner("test_shop.py::test_other", is_test=True)
        return [one(engine, statement) for statement in more]

    steps()
    runs.again("off")
    run(connect(place.real), "DELETE FROM t")
    runs.again("record")

    assert steps("SELECT sum(a) FROM t") == [3]
    assert not runs.drifts()


def test_other_answer_than_a_wider_fixture_has_recorded_is_told(
    runs: Runs, connect: Connect, place: Place
) -> None:
    """The fixture gets the recorded answer; the test fails, and the message names what records the fixture again."""

    def steps() -> Any:
        engine = connect(place.real)
        with runs.in_fixture():
            count = one(engine, "SELECT count(*) FROM t")
            run(engine, "INSERT INTO t VALUES (1)")
        return count

    runs.again("off")
    run(connect(place.real), "CREATE TABLE t (a int UNIQUE)")
    runs.again("record")
    assert steps() == 0
    runs.again("record")

    assert steps() == 0

    told = runs.drifts()
    assert "sqlalchemy SELECT t of a fixture gives something else than was recorded" in told
    assert "sqlalchemy INSERT t of a fixture gives something else than was recorded" in told
    assert "0 recorded, 1 now" in told
    assert "pytest --mimic-rerecord test_shop.py" in told


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
