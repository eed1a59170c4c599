"""The identity of statements with their parameters, and the plain form of results."""

from __future__ import annotations

import json
import sqlite3
from collections import OrderedDict
from enum import Enum
from typing import Any

import pytest

from pytest_mimic import fingerprint
from pytest_mimic._clients.sql.rows_and_errors import (
    Rows,
    load_description,
    store_description,
)
from pytest_mimic._clients.sql.statement_calls import StatementCall
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.seam.base import parts_of_client_calls
from unit.clients.json_texts import written_json


class Point:
    """A type that an application has registered: `sqlite3.register_adapter(Point, ...)`."""

    def __init__(self, x: object) -> None:
        self.x = x


def params_of(*parameters: object, sql: str = "INSERT INTO t (a) VALUES (?)") -> Any:
    """The parameters in the identity of a call."""
    return StatementCall(sql, parameters, database=0, redactor=Redactor()).call.parts[
        "params"
    ]


def stored_rows(value: object) -> Any:
    """A result of one value in one column as plain data."""
    rows = Rows([(value,)], ["a"])
    rows.store([False], Redactor())
    return rows.stored_rows


class Currency(str, Enum):
    """A text by another name; its own `str()` is that name."""

    EUR = "eur"


class Cents(int):
    """A number of an application."""


class Ratio(float):
    """Another one."""

    def __repr__(self) -> str:
        return "a ratio"


class Names(list[str]):
    """A list of an application."""


class Raw(bytes):
    """Bytes of an application."""


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Currency.EUR, "eur"),
        (Cents(5), 5),
        (Ratio(0.5), 0.5),
        (Raw(b"a"), {"$bytes": "a"}),
        (Names(["a", "b"]), ["a", "b"]),
        ([Currency.EUR, Cents(5)], ["eur", 5]),
        (OrderedDict(a=Cents(5)), {"a": 5}),
    ],
    ids=repr,
)
def test_parameter_counts_by_its_value(value: object, plain: object) -> None:
    """Whatever subclass of a builtin it is, that is what a driver sends."""
    assert params_of(value) == {"1": plain}


def test_name_of_a_table_counts_as_the_text_that_it_is() -> None:
    sa = pytest.importorskip("sqlalchemy")
    quoted_name = sa.sql.elements.quoted_name
    table = sa.table("users", sa.column("name"))

    assert params_of(table.name) == {"1": "users"}
    assert params_of(quoted_name("orders", quote=True)) == {"1": "orders"}
    assert params_of(table.c.name.name) == {"1": "name"}


def test_secrets_inside_of_an_own_mapping_are_hidden() -> None:
    """A driver that writes JSON takes any mapping."""
    stored = params_of(OrderedDict(user="Ann", password="hunter2"))

    assert "hunter2" not in json.dumps(stored)
    assert "Ann" in json.dumps(stored)


def test_parameters_of_own_types_count_by_what_they_hold() -> None:
    """Equal ones are one call, others another."""
    first, same, other = (fingerprint(params_of(Point(number))) for number in (1, 1, 2))

    assert first == same != other


def test_parts_are_what_options_may_name() -> None:
    """Each part of a statement has its word in `ignore=` and `match=`."""
    call = StatementCall("SELECT 1", (), database=0, redactor=Redactor()).call

    assert set(call.parts) == set(parts_of_client_calls("sqlalchemy"))


def test_expression_of_sqlalchemy_is_refused_by_its_path() -> None:
    """No driver takes one as a parameter."""
    sa = pytest.importorskip("sqlalchemy")

    call = StatementCall("SELECT ?", (1, sa.select(1)), database=0, redactor=Redactor())

    assert call.refused_parameter is not None
    assert call.refused_parameter.path == "params.2"
    assert "an expression of SQLAlchemy, Select" in str(call.refused_parameter)


@pytest.mark.parametrize(
    "wrapper", ["psycopg2.extras:Json", "psycopg2:Binary", "psycopg.types.json:Jsonb"]
)
def test_wrappers_of_drivers_count_by_what_they_hold(wrapper: str) -> None:
    module, _, name = wrapper.partition(":")
    wrap = getattr(pytest.importorskip(module), name)
    first, second = ({"a": 1}, {"a": 2}) if "Json" in name else (b"1", b"2")

    assert params_of(wrap(first)) == params_of(wrap(first)) != params_of(wrap(second))
    assert "fingerprint" not in json.dumps(params_of(wrap(first)))


@written_json
def test_json_stays_as_it_is_written(value: str, kept: str) -> None:
    """Only its secrets are replaced."""
    assert params_of(value) == {"1": kept}
    assert stored_rows(value) == [[kept]]


def test_a_pair_of_a_name_and_a_value_is_secret_in_json_that_a_driver_reads() -> None:
    value = [
        {"name": "password", "value": "hunter2"},
        {"name": "Ann", "value": 3},
        {"of": [["token", "abc"]]},
    ]
    kept = [
        {"name": "password", "value": "<redacted>"},
        {"name": "Ann", "value": 3},
        {"of": [["token", "<redacted>"]]},
    ]

    assert params_of(value) == {"1": kept}
    assert stored_rows(value) == [[kept]]


def test_types_of_columns_are_numbers() -> None:
    """Where a driver describes a column by an object, that is left out."""
    description = [
        ("a", sqlite3.Binary, None, 8, 8, None, True),
        ("b", object(), None, None, None, None, None),
        ("c", 23, None, None, None, None, None),
    ]

    stored = json.loads(json.dumps(store_description(description)))

    assert load_description(stored) == (
        ("a", None, None, 8, 8, None, True),
        ("b", None, None, None, None, None, None),
        ("c", 23, None, None, None, None, None),
    )


@pytest.mark.parametrize(
    ("sql", "name", "shown"),
    [
        (
            "SELECT password = 'hunter2' FROM t",
            "password = 'hunter2'",
            "password = '<redacted>'",
        ),
        ("SELECT 'hunter2' FROM t WHERE token = 1", "'hunter2'", "'<redacted>'"),
        ("SELECT pin + 1234 AS a, token FROM t", "pin + 1234", "pin + <redacted>"),
        ("SELECT token FROM t", "token", "token"),
        ("SELECT name = 'Ann' FROM t", "name = 'Ann'", "name = 'Ann'"),
    ],
    ids=["compared", "literal", "number", "plain", "no secret"],
)
def test_name_of_an_expression_is_hidden_with_its_statement(
    sql: str, name: str, shown: str
) -> None:
    """SQLite makes the name of a column of its expression."""
    call = StatementCall(sql, (), database=0, redactor=Redactor())

    assert call.shown_name(name) == shown


# A text that looks like a token, and one that does not.
LOOK = "LEAKAzq7vT9xW2k0a1b2c3"
WORD = "the"


@pytest.mark.parametrize(
    ("column", "value", "hidden"),
    [
        ("tokens", [LOOK, WORD], ["<redacted>", WORD]),
        ("tokens", LOOK, "<redacted>"),
        ("tokens", f'["{LOOK}", "the"]', '["<redacted>", "the"]'),
        ("tokens", "[the", "[the"),
        ("tokens", 17, 17),
        ("tokens", [17], [17]),
        ("github_pat", LOOK, "<redacted>"),
        ("hmac", LOOK, "<redacted>"),
        ("names", [LOOK], [LOOK]),
        ("session", LOOK, LOOK),
    ],
    ids=str,
)
def test_what_looks_like_a_token_is_hidden_under_such_a_name(
    column: str, value: object, hidden: object
) -> None:
    sql = f"INSERT INTO users ({column}) VALUES (:{column}) RETURNING {column}"
    call = StatementCall(sql, {column: value}, database=0, redactor=Redactor())
    rows = Rows([(value,)], [column])

    rows.store(call.hidden_columns([column]), Redactor())

    assert call.call.parts["params"] == {column: hidden}
    assert rows.stored_rows == [[hidden]]
