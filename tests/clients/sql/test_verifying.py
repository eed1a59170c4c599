"""Recording more calls, and verifying."""

from __future__ import annotations

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa

from clients.sql.places import run

pytest_plugins = ("support.database_servers",)


@pytest.mark.parametrize("order", ["", " ORDER BY b"], ids=["none", "given"])
def test_order_of_rows_is_compared_where_the_query_gives_it(runs, connect, lite, order):
    """Without an ORDER BY, a database may give rows in any order; other rows are drift all the same."""
    engine = connect(lite.real)
    query = f"SELECT a FROM t{order}"

    def ask(*rows):
        mode = runs.mode
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
