"""The columns of parameters and results, as SQLAlchemy's compiled statements name them."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa

from pytest_mimic._clients.sql.compiled import CompiledReader

users = sa.Table(
    "users", sa.MetaData(), sa.Column("id", sa.Integer), sa.Column("name"), sa.Column("password", key="word")
)
c: Any = users.c
sub = sa.select(c.id.label("n"), sa.func.lower(c.word).label("x")).subquery()
union = sa.union_all(sa.select(c.name.label("x")), sa.select(c.word))

RESULTS: list[tuple[Any, list[set[str]]]] = [
    (sa.select(c.id, c.word), [{"id"}, {"word", "password"}]),
    (sa.select(c.word.label("x")), [{"x", "word", "password"}]),
    (sa.select(sa.func.count(c.word)), [{"count"}]),
    (sa.select(c.word == c.name, sa.exists().where(c.word == c.name)), [set(), set()]),
    (sa.select(sub.c.x, sub.c.n), [{"x", "lower", "word", "password"}, {"n", "id"}]),
    (union, [{"x", "name", "word", "password"}]),
    (sa.select(union.subquery().c.x), [{"x", "name", "word", "password"}]),
    (sa.select(sa.case((c.word == "a", c.id))), [{"id"}]),
    (sa.select(sa.func.max(c.id).over(partition_by=c.word)), [{"max", "id"}]),
    (sa.select(sa.text("name AS x")), [{"name", "AS", "x"}]),
    (users.delete().returning(c.word + "x"), [{"word", "password"}]),
]


@pytest.mark.parametrize(("statement", "expected"), RESULTS, ids=[str(statement) for statement, _ in RESULTS])
def test_columns_that_a_result_shows(statement: Any, expected: list[set[str]]) -> None:
    columns = CompiledReader(statement.compile()).names().columns

    assert columns is not None
    assert [{source.name for source in column.sources} for column in columns] == expected


BINDS: list[tuple[Any, dict[str, set[str]]]] = [
    (users.insert().values(id=1, word="a"), {"id": {"id"}, "word": {"word", "password"}}),
    (users.insert().values([{"word": "a"}, {"word": "b"}]), {"word_m0": {"word", "password"}, "word_m1": {"word", "password"}}),
    (users.update().values(word=sa.func.f("a")), {"f_1": {"word", "password"}}),
    (sa.select(c.id).where(c.word == sa.bindparam("x")), {"x": {"word", "password"}}),
    (sa.select(c.id).where(sa.bindparam("x") == c.id + 1), {"x": {"id"}, "id_1": {"id"}}),
    (sa.select(c.id).limit(5), {"param_1": {"limit"}}),
    (sa.select(sa.literal(1).label("x")), {"param_1": {"x"}}),
    (sa.select(c.word, sa.literal(1)), {}),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "expected"), BINDS, ids=[str(statement) for statement, _ in BINDS])
def test_columns_that_a_parameter_is_for(statement: Any, expected: dict[str, set[str]]) -> None:
    sources = CompiledReader(statement.compile()).names().sources

    assert {name: {source.name for source in found} for name, found in sources.items()} == expected


def test_text_has_no_columns() -> None:
    assert CompiledReader(sa.text("SELECT password AS x FROM users").compile()).names().columns is None


def test_large_statement_is_read_quickly() -> None:
    query = sa.select(c.word.label("x"))
    for _ in range(40):
        query = sa.select((query.subquery().c.x + "a").label("x"))

    (column,) = CompiledReader(query.compile()).names().columns or ()

    assert "password" in {source.name for source in column.sources}
