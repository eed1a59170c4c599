"""What a statement is about."""

from __future__ import annotations

import pytest

from pytest_mimic.boundaries.sql.statements import read_statement

SIGNATURES = {
    "SELECT a FROM users": "SELECT users",
    "select a\nfrom public.users as u": "SELECT users",
    'SELECT a FROM "Order Lines"': "SELECT Order Lines",
    "SELECT a FROM `users`": "SELECT users",
    "SELECT a FROM [dbo].[users]": "SELECT users",
    "SELECT extract(year FROM d) FROM days": "SELECT days",
    "SELECT x FROM (SELECT y FROM deep) AS q": "SELECT deep",
    "(SELECT a FROM x) UNION SELECT b FROM y": "SELECT x",
    "/* hint */ SELECT a -- why\n FROM users": "SELECT users",
    "SELECT pg_catalog.version()": "SELECT version()",
    "SELECT 1": "SELECT",
    "WITH t AS (SELECT 1 FROM old) SELECT * FROM t": "SELECT t",
    "WITH RECURSIVE t AS (SELECT 1) INSERT INTO orders SELECT * FROM t": "INSERT orders",
    "INSERT INTO shop.orders (a) VALUES (?)": "INSERT orders",
    "INSERT OR IGNORE INTO orders VALUES (?)": "INSERT orders",
    "UPDATE ONLY users SET a = 1": "UPDATE users",
    "DELETE FROM users WHERE a = 1": "DELETE users",
    "MERGE INTO users USING new ON true": "MERGE users",
    "CREATE TABLE IF NOT EXISTS users (id int)": "CREATE users",
    "CREATE UNIQUE INDEX ix_name ON users (name)": "CREATE ix_name",
    "ALTER TABLE users ADD a int": "ALTER users",
    "DROP TABLE users": "DROP users",
    "TRUNCATE TABLE users": "TRUNCATE users",
    "SAVEPOINT sa_savepoint_1": "SAVEPOINT sa_savepoint_1",
    "RELEASE SAVEPOINT sa_savepoint_1": "RELEASE sa_savepoint_1",
    "ROLLBACK TO SAVEPOINT sa_savepoint_1": "ROLLBACK sa_savepoint_1",
    "BEGIN": "BEGIN",
    'PRAGMA main.table_info("users")': "PRAGMA table_info",
    "SET search_path TO x": "SET search_path",
    "EXPLAIN SELECT * FROM users": "EXPLAIN users",
    "": "",
    "-- nothing": "",
}


@pytest.mark.promise("every call has a signature")
@pytest.mark.parametrize("sql", SIGNATURES)
def test_signature_is_verb_and_main_table(sql: str) -> None:
    """`VERB table`, without schema and quotes."""
    assert read_statement(sql).signature == SIGNATURES[sql]


@pytest.mark.promise("a query counts by its text and parameters")
def test_blanks_are_folded_outside_of_quotes() -> None:
    """How a statement is laid out does not count; what it says does."""
    told = read_statement("  SELECT a,\n\t b\n FROM t WHERE c = 'two  blanks' ;\n")

    assert told.text(lambda _: False, "***") == "SELECT a, b FROM t WHERE c = 'two  blanks'"


COLUMNS = {
    "INSERT INTO t (a, b) VALUES (?, ?), (?, ?)": {"1": "a", "2": "b", "3": "a", "4": "b"},
    "INSERT INTO t (a, b) VALUES (now(), $1::VARCHAR)": {"1": "b"},
    "INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO UPDATE SET b = ?": {"1": "a", "2": "b"},
    "UPDATE t SET a=?, b=? WHERE t.id = ?": {"1": "a", "2": "b", "3": "id"},
    "SELECT * FROM t WHERE a IN (?, ?) AND b LIKE ? LIMIT ?": {"1": "a", "2": "a", "3": "b", "4": "limit"},
    "SELECT * FROM t WHERE a BETWEEN $1 AND $2 OR $3": {"1": "a", "2": "a"},
    "SELECT * FROM t WHERE a = %(a_1)s::INTEGER AND b = %(x)s": {"a_1": "a", "x": "b"},
    "SELECT * FROM t WHERE a = :first": {"first": "a"},
    "SELECT ?, ? FROM t": {},
    "SELECT * FROM t WHERE lower(a) = lower(?) AND ? = lower(t.b) OR ((lower($3::text)) >= (c))": {
        "1": "a",
        "2": "b",
        "3": "c",
    },
    "SELECT a, ? FROM t WHERE max(a) > ?": {"2": "a"},
    "SELECT 1 AS a, ? AS b, substr(c, ?) AS d, (?)": {"1": "b", "2": "d"},
    "SELECT substr(a, ?, 1), coalesce(b, ?) FROM t": {},
    "UPDATE t SET a=upper(trim(?)), b=CASE WHEN (t.c = ?) THEN ? ELSE ? END": {
        "1": "a",
        "2": "c",
        "3": "b",
        "4": "b",
    },
    "SELECT CASE a WHEN ? THEN ? END": {"1": "a"},
    "SELECT 1 FROM t WHERE ? = a AND lower(b) LIKE '%' || lower(?) || '%' ESCAPE '/'": {"1": "a", "2": "b"},
    "SELECT 1 FROM t WHERE CAST(a AS text) = CAST(? AS text)": {"1": "a"},
    "SELECT 1 FROM t WHERE a IS DISTINCT FROM ? AND a = ANY (ARRAY[?]) AND NOT (b != ?)": {
        "1": "a",
        "2": "a",
        "3": "b",
    },
    "SELECT 1 FROM t WHERE $1::TIMESTAMP WITH TIME ZONE > a": {"1": "a"},
    "SELECT 1 FROM t WHERE (a, b) IN ((?, ?), (?, ?))": {"1": "a", "2": "b", "3": "a", "4": "b"},
    "SELECT 1 FROM t WHERE (a, b) IN (VALUES (?, ?), (?, ?))": {"1": "a", "2": "b", "3": "a", "4": "b"},
    "SELECT 1 FROM t WHERE a = (SELECT max(b) FROM u WHERE c = ?) OR a = (SELECT ?)": {"1": "c", "2": "a"},
    "SELECT 1 FROM t WHERE data ->> 'a' = ?": {"1": "data"},
    "SELECT 1 FROM t WHERE coalesce('', a) = coalesce(?, '') AND (b) || (c) = (?)": {"1": "a", "2": "b"},
    "SELECT DISTINCT ON (a) b FROM t JOIN u ON u.c = ? ORDER BY d LIMIT ? OFFSET ?": {
        "1": "c",
        "2": "limit",
        "3": "offset",
    },
    "INSERT INTO t (a, b) SELECT ?, ? FROM u WHERE c = ? UNION ALL SELECT ?, ?": {
        "1": "a",
        "2": "b",
        "3": "c",
        "4": "a",
        "5": "b",
    },
    "INSERT INTO t (a, b) SELECT p0::VARCHAR, p1::INTEGER FROM (VALUES ($1::VARCHAR, $2::INTEGER, 0)) AS i(p0, p1, n)"
    " ORDER BY n RETURNING t.id, $3 AS c": {"1": "a", "2": "b", "3": "c"},
    "WITH x AS (INSERT INTO t (a) VALUES (?) RETURNING ? AS b) SELECT ? AS c FROM x": {
        "1": "a",
        "2": "b",
        "3": "c",
    },
    'SELECT * FROM t WHERE :x LIKE "t"."b" AND a = :y': {"x": "b", "y": "a"},
    "UPDATE t SET a = crypt(?, gen_salt(?)), b = coalesce(?, b)": {"1": "a", "2": "a", "3": "b"},
    "MERGE INTO t USING (VALUES (?, ?)) AS s (a, b) ON t.a = s.a WHEN MATCHED THEN UPDATE SET b = ?"
    " WHEN NOT MATCHED THEN INSERT (a, b) VALUES (s.a, ?)": {"1": "a", "2": "b", "3": "b", "4": "b"},
    "INSERT INTO t (a, b) VALUES (?, ?) ON DUPLICATE KEY UPDATE a = VALUES(a), b = ?": {
        "1": "a",
        "2": "b",
        "3": "b",
    },
    "SELECT )))( case ? = a) FROM t WHERE b = ? AND (": {"1": "a", "2": "b"},
}


@pytest.mark.parametrize("sql", COLUMNS)
def test_parameters_are_named_by_their_columns(sql: str) -> None:
    """By the list of an INSERT, an alias, or by what they are assigned to or compared with; not by what stands nearby."""
    assert read_statement(sql).columns == COLUMNS[sql]


def test_deeply_nested_statement_is_read() -> None:
    """As one that is nested less."""
    assert read_statement(f"SELECT 1 WHERE {'(' * 5000}a = ?{')' * 5000} OR b = ?").columns == {
        "1": "a",
        "2": "b",
    }


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("SELECT 1 FROM t WHERE password = 'hunter2'", "SELECT 1 FROM t WHERE password = '***'"),
        (
            "INSERT INTO t (a, password) VALUES ('x', 'hunter2')",
            "INSERT INTO t (a, password) VALUES ('x', '***')",
        ),
        ("ALTER USER bob PASSWORD 'hunter2'", "ALTER USER bob PASSWORD '***'"),
        ("SELECT 1 FROM t WHERE 'hunter2' = password", "SELECT 1 FROM t WHERE '***' = password"),
        ("UPDATE t SET password='it''s', a='b'", "UPDATE t SET password='***', a='b'"),
        ("SELECT substr(password, 'x'), 'a'", "SELECT substr(password, 'x'), 'a'"),
        (
            "SELECT 1 FROM t WHERE 'hunter2' = upper(password)",
            "SELECT 1 FROM t WHERE '***' = upper(password)",
        ),
        ("SELECT 'hunter2' AS password", "SELECT '***' AS password"),
        ("SELECT 1 FROM t WHERE a->>'password' = 'hunter2'", "SELECT 1 FROM t WHERE a->>'password' = '***'"),
    ],
)
def test_secret_texts_in_a_statement_are_replaced(sql: str, shown: str) -> None:
    """A text that stands for a secret column is not stored."""
    assert read_statement(sql).text(lambda name: name.lower() == "password", "***") == shown
