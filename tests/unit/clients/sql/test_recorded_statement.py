"""What a recorded statement tells of the secrets that today's names hide in it."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._clients.sql.recorded_statement import (
    is_unclear,
    names_no_longer_hidden_in_statement,
)
from pytest_mimic._core.redact.redactor import Redactor

INSERT = "INSERT INTO users (name, motto) VALUES (?, ?)"
SELECT = "SELECT users.name, users.motto FROM users WHERE users.name = ? LIMIT ?"
UNCLEAR: dict[str, dict[str, Any]] = {
    "other names": {"statement": INSERT, "params": {"n": "Ann", "m": "tea"}},
    "no names": {"statement": INSERT, "params": {"1": "Ann", "2": "tea"}},
    "many rows": {"statement": INSERT, "params": [{"1": "Ann", "2": None}]},
    "a literal": {"statement": "INSERT INTO users (motto) VALUES ('tea')"},
}
CLEAR: dict[str, dict[str, Any]] = {
    "names of columns": {
        "statement": INSERT,
        "params": {"name": "Ann", "motto": "tea"},
    },
    "numbered": {"statement": INSERT, "params": {"name_m1": "Ann", "motto_m1": "tea"}},
    "an expression": {
        "statement": SELECT,
        "params": {"name_1": "Ann", "param_1": 1},
    },
    "hidden already": {
        "statement": SELECT,
        "params": {"needle": "Ann", "motto_1": "<redacted>"},
    },
    "no secret": {"statement": "SELECT name FROM users", "params": {"n": "Ann"}},
    "no values": {"statement": "SELECT motto FROM users WHERE a = ?", "params": {"1": None}},
    "no statement": {"params": {"number": 1}},
}  # fmt: skip


MOTTO = Redactor(("motto",), defaults=False)


@pytest.mark.parametrize("described", UNCLEAR.values(), ids=UNCLEAR)
def test_only_a_run_can_tell_the_secrets_of_a_text(described: dict[str, Any]) -> None:
    assert is_unclear(described, [], redactor=MOTTO)


@pytest.mark.parametrize("described", CLEAR.values(), ids=CLEAR)
def test_the_names_of_parameters_tell_the_secrets(described: dict[str, Any]) -> None:
    assert not is_unclear(described, [], redactor=MOTTO)


# By its statement: the columns of its result, a row of it, and whether only a run can
# tell what is secret in the row.
RESULTS = {
    "SELECT name, motto FROM t": (["name", "motto"], ["Ann", "tea"], False),
    "SELECT * FROM t WHERE motto IS NULL": (["name"], ["Ann"], False),
    "SELECT t.name AS t_name, t.motto AS t_motto FROM t": (["t_name", "t_motto"], ["Ann", "tea"], False),
    "SELECT t.id, t.motto AS m FROM t": (["id", "m"], [1, "tea"], True),
    "SELECT lower(t.motto) AS m FROM t": (["m"], ["tea"], True),
    "SELECT count(t.motto) AS m FROM t": (["m"], [3], False),
}  # fmt: skip


@pytest.mark.parametrize("sql", RESULTS)
def test_columns_of_expressions_may_show_a_secret(sql: str) -> None:
    names, row, expected = RESULTS[sql]
    result = {"columns": [[name] for name in names], "rows": [row]}
    hidden = {**result, "rows": [["<redacted>"] * len(row)]}

    assert is_unclear({"statement": sql}, [result], redactor=MOTTO) is expected
    assert not is_unclear({"statement": sql}, [hidden], redactor=MOTTO)
    assert not is_unclear({"statement": sql}, [None], redactor=MOTTO)


@pytest.mark.parametrize(
    ("described", "rows"),
    [
        ({"statement": "INSERT INTO t (token) VALUES ('<redacted>')"}, []),
        ({"statement": "SELECT lower(token) AS t FROM t"}, [["<redacted>"]]),
    ],
)
def test_a_name_that_hides_no_longer_is_told(
    described: dict[str, Any], rows: list[list[str]]
) -> None:
    def names(*setting: str) -> set[str]:
        before, today = Redactor(), Redactor(setting)
        return names_no_longer_hidden_in_statement(
            described, rows, rules_before=before, rules_of_today=today
        )

    assert names("!token") == {"token"}
    assert names() == set()
