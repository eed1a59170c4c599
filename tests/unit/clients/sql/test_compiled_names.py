"""The columns of parameters and results, as SQLAlchemy's compiled statements name them."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from pytest_mimic._clients.sql.compiled_names import CompiledNames
from pytest_mimic._clients.sql.rows_and_errors import load_rows
from pytest_mimic._clients.sql.statement_calls import StatementCall, StatementNames
from pytest_mimic._core.placeholders import PLACEHOLDER
from pytest_mimic._core.redact.redactor import Redactor

users = sa.Table(
    "users",
    sa.MetaData(),
    sa.Column("id", sa.Integer),
    sa.Column("name"),
    sa.Column("data", sa.JSON),
    sa.Column("password", key="word"),
)
c: Any = users.c
sub = sa.select(c.id.label("n"), sa.func.lower(c.word).label("x")).subquery()
union = sa.union_all(sa.select(c.name.label("x")), sa.select(c.word))

RESULTS: list[tuple[Any, list[set[str]]]] = [
    (sa.select(c.id, c.word.label("x")), [{"id"}, {"x", "word", "password"}]),
    (
        sa.select(
            sa.func.count(c.word), c.word == c.name, sa.exists().where(c.word == c.name)
        ),
        [set()] * 3,
    ),
    (sa.select(sub.c.x, sub.c.n), [{"x", "lower", "word", "password"}, {"n", "id"}]),
    (union, [{"x", "name", "word", "password"}]),
    (sa.select(union.subquery().c.x), [{"x", "name", "word", "password"}]),
    (sa.select(sa.case((c.word == "a", c.id))), [{"id"}]),
    (sa.select(sa.text("name AS x")), [{"name", "AS", "x"}]),
    (users.delete().returning(c.word + "x"), [{"word", "password"}]),
]


@pytest.mark.parametrize(
    ("statement", "expected"), RESULTS, ids=[str(statement) for statement, _ in RESULTS]
)
def test_columns_that_a_result_shows(statement: Any, expected: list[set[str]]) -> None:
    columns = CompiledNames(statement.compile()).columns

    assert columns is not None
    assert [names for names, _ in columns] == expected


def sent(statement: Any, redactor: Redactor, **given: object) -> dict[str, Any]:
    """Return the parameters of a compiled statement as they count."""
    compiled = statement.compile(dialect=sqlite.dialect())
    values = compiled.construct_params(given)
    names = StatementNames(
        tuple(compiled.positiontup), compiled=CompiledNames(compiled), values=values
    )
    parameters = [values[name] for name in compiled.positiontup]
    call = StatementCall(
        compiled.string, parameters, database=0, redactor=redactor, names=names
    ).call
    return dict(call.parts["params"])


PARAMETERS: list[tuple[Any, dict[str, Any]]] = [
    (users.insert().values(id=1, name="a", word="b"), {"id": 1, "name": "a", "word": PLACEHOLDER}),
    (users.update().values(word=sa.func.f("a")), {"f_1": PLACEHOLDER}),
    (sa.select(c.id).where(c.word == sa.bindparam("x", "a")), {"x": PLACEHOLDER}),
    (sa.select(c.word).where(c.id == 3, c.name == "b").limit(5), {"id_1": 3, "name_1": "b", "param_1": 5, "param_2": 0}),
    (sa.select(c.word, sa.literal("a"), sa.literal(1)), {"param_1": PLACEHOLDER, "param_2": 1}),
    (sa.select(c.name).where(c.name == "a", sa.text("password = 'b'")), {"name_1": PLACEHOLDER}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("statement", "expected"), PARAMETERS, ids=[str(each) for each, _ in PARAMETERS]
)
def test_parameters_are_hidden_by_the_columns_beside_them(
    statement: Any, expected: dict[str, Any]
) -> None:
    """One of an unknown column is hidden in a statement with a secret name, unless it is a number of a query."""
    assert sent(statement, Redactor()) == expected


def test_value_beside_a_part_of_json_is_hidden_by_the_name_of_the_part() -> None:
    """The name is a parameter as well: the statement's text is the same for every one."""
    part = sa.bindparam("part", type_=sa.JSON.JSONIndexType())
    statement = sa.select(c.name).where(c.data[part].as_string() == sa.bindparam("x"))
    redactor = Redactor()

    seen = [
        sent(statement, redactor, x="red", part=name)["x"]
        for name in ("a", "api_key", "a")
    ]

    assert seen == ["red", PLACEHOLDER, "red"]


def test_each_session_has_its_own_secrets() -> None:
    """The same text and parameters with other names in `mimic_redact`, in turn."""
    sql, parameters = "SELECT 'x' FROM t WHERE colour = :colour", {"colour": "red"}

    seen = [
        StatementCall(sql, parameters, database=0, redactor=redactor).call.parts
        for redactor in (Redactor(), Redactor(["colour"]), Redactor())
    ]

    assert [parts["params"]["colour"] for parts in seen] == ["red", PLACEHOLDER, "red"]
    assert [PLACEHOLDER in parts["statement"] for parts in seen] == [False, True, False]


def test_large_statement_is_read_quickly() -> None:
    query = sa.select(c.word.label("x"))
    for _ in range(40):
        query = sa.select((query.subquery().c.x + "a").label("x"))

    ((names, _),) = CompiledNames(query.compile()).columns or ()

    assert "password" in names


def test_loaded_rows_are_the_applications_own() -> None:
    rows: list[list[Any]] = [[2, "b", ["x"]], [3, "c", {"$date": "2026-11-02"}]]
    outcome = {"columns": [["a"], ["b"], ["c"]], "rows": rows}

    load_rows(outcome)[0][2].append("y")

    assert load_rows(outcome)[0] == (2, "b", ["x"])
    assert str(load_rows(outcome)[1][2]) == "2026-11-02"
