"""Recording more calls, and verifying."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta

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


@pytest.fixture
def _reading_values(monkeypatch):
    """Let sqlite3 give spans of time, and documents, as drivers of PostgreSQL do."""
    for name, convert in (("SPAN", _span), ("DOC", json.loads)):
        monkeypatch.setitem(sqlite3.converters, name, convert)


def _span(text):
    return timedelta(seconds=int(text))


@pytest.mark.parametrize(
    ("query", "drift"),
    [
        (
            """SELECT n AS 'span [span]' FROM t""",
            "rows[0].span: timedelta(0, 1, 0) recorded, timedelta(0, 2, 0) now",
        ),
        (
            """SELECT '{"$held": ' || n || '}' AS 'doc [doc]' FROM t""",
            "rows[0].doc['$held']: 1 recorded, 2 now",
        ),
    ],
    ids=["timedelta", "key"],
)
@pytest.mark.usefixtures("_reading_values")
def test_a_drift_has_no_tag_in_its_path(runs, connect, tmp_path, query, drift):
    engine = connect(
        f"sqlite:///{tmp_path}/shop.db",
        connect_args={"detect_types": sqlite3.PARSE_COLNAMES},
    )

    def ask(number):
        mode = runs.mode
        runs.again("off")
        run(engine, "DROP TABLE IF EXISTS t", f"CREATE TABLE t AS SELECT {number} AS n")
        runs.again(mode)
        with engine.connect() as connection:
            return connection.exec_driver_sql(query).all()

    recorded = ask(1)
    runs.again("verify")

    assert ask(2) == recorded
    assert drift in runs.drifts()
