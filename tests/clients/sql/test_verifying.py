"""Recording more calls, and verifying."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa
from unit.clients.runs import Runs

from clients.sql.places import Connect, Place, one, run
from pytest_mimic._core.engine.owners import Owner

if TYPE_CHECKING:
    pass

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
