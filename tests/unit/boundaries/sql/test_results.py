"""What the columns of a result show."""

from __future__ import annotations

import pytest

from pytest_mimic._redact.redactor import Redactor
from pytest_mimic.boundaries.sql.results import read_results

RESULTS = {
    "SELECT password AS p, id FROM users": {"p": True, "id": False},
    "SELECT u.password P, (u.password) q FROM users u": {"p": True, "q": True},
    "SELECT id, name AS token FROM users": {"id": False, "token": True},
    'SELECT "password" AS "P", \'x\' || [password] AS q, id::text AS r FROM users': {
        "P": True,
        "q": True,
        "r": False,
    },
    "SELECT lower(users.password), users.password + 1, lower(name) FROM users": {
        "lower": True,
        "x": True,
        "l": False,
    },
    "SELECT length(password) AS n, count(DISTINCT token) AS m, octet_length(a) FROM t": dict.fromkeys(
        "nmo", False
    ),
    "SELECT password IS NULL AS a, password = 'x' AS b, (password <> ?) AS c FROM t": dict.fromkeys(
        "abc", False
    ),
    "SELECT password IS DISTINCT FROM name AS a, coalesce(nullif(password, ''), ?) AS b": {
        "a": False,
        "b": True,
    },
    "SELECT CASE WHEN token = 'a' THEN id ELSE 0 END AS x, CASE id WHEN 1 THEN token END AS y": {
        "x": False,
        "y": True,
    },
    "SELECT credentials.id AS a, credentials.token AS b FROM credentials": {"a": False, "b": True},
    "SELECT *, password AS p FROM users": {"id": False, "name": False, "p": True},
    "SELECT q.p AS z, q.id FROM (SELECT password AS p, id FROM users) AS q": {"z": True, "id": False},
    "WITH q AS (SELECT password AS p FROM users) SELECT p AS z, 1 AS a FROM q": {"z": True, "a": False},
    "SELECT name, id FROM a UNION ALL SELECT password, id FROM b ORDER BY 1": {"name": True, "id": False},
    "(SELECT name FROM a) UNION (SELECT token FROM b)": {"name": True},
    "INSERT INTO t (token) SELECT token FROM u RETURNING id, token AS p": {"id": False, "p": True},
    "SELECT (SELECT password FROM u WHERE id = ?) AS a, (SELECT id FROM u WHERE token = ?) AS b": {
        "a": True,
        "b": False,
    },
    "SELECT EXISTS (SELECT token FROM u) AS a, id IN (SELECT token FROM u) AS b": {"a": False, "b": False},
    "SELECT ? AS x, lower(?) AS y, id AS z FROM t WHERE a = ?": {"x": False, "y": True, "z": False},
    "SELECT data->>'password' AS a, data ->> 'name' AS b, data -> 'x' ->> 'token' AS c FROM t": {
        "a": True,
        "b": False,
        "c": True,
    },
    "SELECT DISTINCT ON (token) id, cast(token AS text) AS t, cast(id AS token) FROM x": {
        "id": False,
        "t": True,
        "i": False,
    },
    "SELECT row_number() OVER (PARTITION BY token) AS n, max(token) FILTER (WHERE id = 1) AS m": {
        "n": False,
        "m": True,
    },
    'SELECT count(password), password IS NULL, lower(token), 1 AS "my token" FROM t': {
        "count(password)": False,
        "password IS NULL": False,
        "lower(token)": True,
        "my token": True,
    },
    "EXPLAIN SELECT password AS p FROM users": {"QUERY PLAN": False},
    "SELECT id AS a FROM users WHERE password = ? -- AS a": {"a": False},
    "COMMIT": {"a": False},
    "": {"a": False},
}


@pytest.mark.parametrize("sql", RESULTS)
def test_columns_that_show_a_secret(sql: str) -> None:
    """Whatever alias it has; what is only compared, counted or measured is not shown. The second parameter is secret."""
    expected = RESULTS[sql]

    assert read_results(sql).secret_columns(list(expected), Redactor().secret, {"2"}) == [*expected.values()]


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT {'(' * 20_000}password{')' * 20_000}",
        f"{'SELECT (' * 5_000}SELECT password{')' * 5_000}",
        " UNION ".join(["SELECT password"] * 20_000),
        f"SELECT {'CASE WHEN a THEN ' * 20_000}password{' END' * 20_000}",
        f"SELECT {'(' * 20_000}password",
    ],
    ids=["parentheses", "selects", "unions", "cases", "unclosed"],
)
def test_large_statements_are_read_in_linear_time(sql: str) -> None:
    """However deep: it ends before a test's patience does."""
    assert read_results(sql).secret_columns(["x"], Redactor().secret, ()) == [True]
