"""The identity of statements with their parameters, and the plain form of results."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest

from pytest_mimic import fingerprint
from pytest_mimic._clients.sql.outcomes import load_columns, store_columns, store_rows
from pytest_mimic._clients.sql.statement_calls import StatementCall
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.seam.base import parts_of
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


def test_parameters_of_own_types_count_by_what_they_hold() -> None:
    """Equal ones are one call, others another."""
    first, same, other = (fingerprint(params_of(Point(number))) for number in (1, 1, 2))

    assert first == same != other


def test_parts_are_what_options_may_name() -> None:
    """Each part of a statement has its word in `ignore=` and `match=`."""
    call = StatementCall("SELECT 1", (), database=0, redactor=Redactor()).call

    assert set(call.parts) == set(parts_of("sqlalchemy"))


def test_expressions_of_sqlalchemy_count_by_their_type() -> None:
    """No driver takes one as a parameter."""
    sa = pytest.importorskip("sqlalchemy")

    assert (
        params_of(sa.select(1))
        == params_of(sa.select(2))
        == {"1": {"$object": "sqlalchemy.sql.selectable:Select"}}
    )


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
    assert store_rows([[value]], ["a"], [False], Redactor()) == [[kept]]


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
    assert store_rows([[value]], ["a"], [False], Redactor()) == [[kept]]


def test_types_of_columns_are_numbers() -> None:
    """Where a driver describes a column by an object, that is left out."""
    description = [
        ("a", sqlite3.Binary, None, 8, 8, None, True),
        ("b", object(), None, None, None, None, None),
        ("c", 23, None, None, None, None, None),
    ]

    stored = json.loads(json.dumps(store_columns(description)))

    assert load_columns(stored) == (
        ("a", None, None, 8, 8, None, True),
        ("b", None, None, None, None, None, None),
        ("c", 23, None, None, None, None, None),
    )
