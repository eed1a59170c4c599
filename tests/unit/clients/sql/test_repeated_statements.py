"""What is read once for a statement's text depends on all that decides it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from pytest_mimic._clients.sql.compiled import CompiledReader
from pytest_mimic._clients.sql.database_calls import StatementCall, StatementNames
from pytest_mimic._clients.sql.results import load_columns, load_rows
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.redact.secret_names import PLACEHOLDER


def table(column: sa.Column[Any]) -> sa.Table:
    return sa.Table("t", sa.MetaData(), sa.Column("name", sa.String), column)


def sent(statement: Any, redactor: Redactor, **given: object) -> tuple[str, dict[str, Any]]:
    """Return the text of a compiled statement, and its parameters as they count."""
    compiled = statement.compile(dialect=sqlite.dialect())
    values = compiled.construct_params(given)
    names = StatementNames(
        tuple(compiled.positiontup), compiled=CompiledReader(compiled).names(), values=values
    )
    parameters = [values[name] for name in compiled.positiontup]
    call = StatementCall(compiled.string, parameters, database=0, redactor=redactor, names=names).call
    return call.parts["statement"], call.parts["params"]


def test_each_session_has_its_own_secrets() -> None:
    """The same text and parameters with other names in `mimic_redact`, in turn."""
    sql, parameters = "SELECT 'x' FROM t WHERE colour = :colour", {"colour": "red"}

    seen = [
        StatementCall(sql, parameters, database=0, redactor=redactor).call.parts
        for redactor in (Redactor(), Redactor(["colour"]), Redactor())
    ]

    assert [parts["params"]["colour"] for parts in seen] == ["red", PLACEHOLDER, "red"]
    assert [PLACEHOLDER in parts["statement"] for parts in seen] == [False, True, False]


def test_each_compiled_statement_has_its_own_columns() -> None:
    """Two tables give the same text. In one of them, the column is a password under another name."""
    plain = table(sa.Column("a", sa.String))
    secret = table(sa.Column("a", sa.String, key="password"))
    redactor = Redactor()

    texts, params = zip(
        *(
            sent(sa.select(users.c.name).where(users.c[key] == sa.bindparam("x")), redactor, x="hunter2")
            for users, key in ((plain, "a"), (secret, "password"), (plain, "a"))
        )
    )

    assert len(set(texts)) == 1
    assert [each["x"] for each in params] == ["hunter2", PLACEHOLDER, "hunter2"]


def test_each_value_counts_by_its_type() -> None:
    """A number about a password is none; a text beside it is."""
    users = table(sa.Column("password", sa.String))
    statement = sa.select(users.c.name).where(sa.func.f(users.c.password) == sa.bindparam("x"))
    redactor = Redactor()

    seen = [sent(statement, redactor, x=value)[1]["x"] for value in (12, "hunter2", 13)]

    assert seen == [12, PLACEHOLDER, 13]


def test_each_value_beside_a_part_of_json_counts_by_the_part() -> None:
    """The name of the part is a parameter as well: the text is the same for every one."""
    users = table(sa.Column("data", sa.JSON))
    part = sa.bindparam("part", type_=sa.JSON.JSONIndexType())
    statement = sa.select(users.c.name).where(users.c.data[part].as_string() == sa.bindparam("x"))
    redactor = Redactor()

    texts, params = zip(*(sent(statement, redactor, x="red", part=name) for name in ("a", "api_key", "a")))

    assert len(set(texts)) == 1
    assert [each["x"] for each in params] == ["red", PLACEHOLDER, "red"]


def test_each_driver_has_its_own_types() -> None:
    columns = [["a", {"$dbapi": "STRING"}]]
    first, second = SimpleNamespace(STRING="one"), SimpleNamespace(STRING="two")

    types = [load_columns(columns, dbapi)[0][1] for dbapi in (first, second, first)]

    assert types == ["one", "two", "one"]
    assert load_columns([["a", 23]], first) == (("a", 23, *[None] * 5),)
    assert load_columns([["a", 25]], first) == (("a", 25, *[None] * 5),)


def test_rows_with_and_without_own_types_are_loaded_alike() -> None:
    """A value that the application changes is its own."""
    rows: list[list[Any]] = [[1, "a", None], [2, "b", ["x"]], [3, "c", {"$date": "2026-11-02"}]]

    loaded = load_rows(rows)
    loaded[1][2].append("y")

    assert load_rows(rows[:1]) == [(1, "a", None)]
    assert load_rows(rows)[1] == (2, "b", ["x"])
    assert str(load_rows(rows)[2][2]) == "2026-11-02"
