"""Whether the order of the rows that one statement writes can show."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from pytest_mimic._clients.sql.secret_columns import CompiledNames
from pytest_mimic._clients.sql.written_rows import order_shows

metadata = sa.MetaData()
plain = sa.Table("plain", metadata, sa.Column("a"), sa.Column("b"))
users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name"),
    sa.Column("mail", unique=True),
    sa.Column("made", server_default=sa.func.now()),
)
nodes = sa.Table(
    "nodes",
    metadata,
    sa.Column("id", primary_key=True, autoincrement=False),
    sa.Column("parent", sa.ForeignKey("nodes.id")),
)
by_id = users.c.id == sa.bindparam("users_id")
ROWS_BY_ID = [{"name": "a", "users_id": 1}, {"name": "b", "users_id": 2}]
A_AND_B = [{"a": 1, "b": 2}, {"a": 2, "b": 1}]

FREE: dict[str, tuple[Any, list[dict[str, Any]]]] = {
    "all columns": (plain.insert(), A_AND_B),
    "columns without a default": (plain.insert(), [{"a": 1}, {"a": 2}]),
    "each row by its id": (users.update().where(by_id), ROWS_BY_ID),
    "deleted by id": (users.delete().where(by_id), [{"users_id": 1}, {"users_id": 2}]),
    "deleted by two columns": (
        plain.delete().where(
            sa.and_(plain.c.a == sa.bindparam("x"), plain.c.b == sa.bindparam("y"))
        ),
        [{"x": 1, "y": 2}, {"x": 1, "y": 3}],
    ),
}
SHOWN: dict[str, tuple[Any, list[dict[str, Any]]]] = {
    "text": (sa.text("INSERT INTO plain VALUES (:a, :b)"), A_AND_B),
    "unknown columns": (sa.table("plain", sa.column("a")).insert(), A_AND_B),
    "number of the server": (users.insert(), [{"name": "a", "made": 1}] * 2),
    "time of the server": (users.insert(), [{"id": 1, "name": "a"}] * 2),
    "an expression": (plain.insert().values(b=sa.func.random()), [{"a": 1}] * 2),
    "on conflict": (
        sqlite.insert(plain).on_conflict_do_update(["a"], set_={"b": 1}),
        A_AND_B,
    ),
    "or replace": (plain.insert().prefix_with("OR REPLACE"), A_AND_B),
    "rows of a tree": (
        nodes.insert(),
        [{"id": 1, "parent": 2}, {"id": 2, "parent": 1}],
    ),
    "the same row": (
        users.update().where(by_id),
        [{"name": "a", "users_id": 1}, {"name": "b", "users_id": 1}],
    ),
    "all rows": (plain.update(), [{"a": 1}, {"a": 2}]),
    "some rows": (
        plain.update().where(plain.c.a > sa.bindparam("x")),
        [{"b": 1, "x": 1}, {"b": 2, "x": 2}],
    ),
    "what the next row looks for": (
        plain.update().where(plain.c.a == sa.bindparam("x")),
        [{"a": 2, "x": 1}, {"a": 3, "x": 2}],
    ),
    "a unique value": (
        users.update().where(by_id),
        [{"mail": "a", "users_id": 1}, {"mail": "b", "users_id": 2}],
    ),
    "deleted from a tree": (
        nodes.delete().where(nodes.c.id == sa.bindparam("x")),
        [{"x": 1}, {"x": 2}],
    ),
    "deleted by what there is": (
        plain.delete().where(
            plain.c.a == sa.select(sa.func.max(plain.c.a)).scalar_subquery()
        ),
        [{}, {}],
    ),
}


def shows(statement: Any, rows: list[dict[str, Any]]) -> bool:
    compiled = statement.compile(dialect=sqlite.dialect(), column_keys=list(rows[0]))
    names = CompiledNames(compiled)
    return order_shows(names.statement, rows, names.bind_names)


@pytest.mark.parametrize(("statement", "rows"), FREE.values(), ids=list(FREE))
def test_order_cannot_show(statement: Any, rows: list[dict[str, Any]]) -> None:
    assert not shows(statement, rows)


@pytest.mark.parametrize(("statement", "rows"), SHOWN.values(), ids=list(SHOWN))
def test_order_can_show(statement: Any, rows: list[dict[str, Any]]) -> None:
    assert shows(statement, rows)
