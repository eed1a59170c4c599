"""The reader of a statement's text."""

from __future__ import annotations

import pytest

from pytest_mimic._clients.sql.statement_text import read_statement
from pytest_mimic.client import Redactor

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
    "SELECT pg_catalog.version()": "SELECT",
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


@pytest.mark.parametrize("sql", SIGNATURES)
def test_signature_is_verb_and_main_table(sql: str) -> None:
    assert read_statement(sql).signature == SIGNATURES[sql]


def test_blanks_are_folded_outside_of_quotes() -> None:
    text, _ = read_statement(
        "  SELECT a,\n\t b\n FROM t WHERE c = 'two  blanks' ;\n"
    ).text_and_literals(Redactor(), hides_numbers=True)

    assert text == "SELECT a, b FROM t WHERE c = 'two  blanks'"


SEPARATE = {
    "end of a comment": ("SELECT 1 -- and two\n +1", "SELECT 1 -- and two +1"),
    "line of a comment": ("SELECT 1 -- a\n +1\n +2", "SELECT 1 -- a +1\n +2"),
    "nested comment": ("SELECT /* /* */ ' */ '  '", "SELECT /* /* */ ' */ ' '"),
    "comment of MySQL": ("SELECT 1 # and two\n +1", "SELECT 1 # and two +1"),
    "quote in a comment of MySQL": (
        "SELECT 1 # it's\n + '  '",
        "SELECT 1 # it's\n + ' '",
    ),
    "two signs in MySQL": ("SELECT 5--1, 'a\n  b'", "SELECT 5--1, 'a\n b'"),
    "escaped quote of MySQL": ('SELECT "a\\"  b"', 'SELECT "a\\" b"'),
    "blank that is no blank": ("SELECT 1 AS a\xa0", "SELECT 1 AS a"),
    "two blanks that are none": ("SELECT a\xa0\xa0b", "SELECT a\xa0b"),
    "texts joined over a line": ("SELECT 'a'\n'b'", "SELECT 'a' 'b'"),
}


@pytest.mark.parametrize(("sql", "other_sql"), SEPARATE.values(), ids=list(SEPARATE))
@pytest.mark.parametrize("names", ["", ", password"], ids=["plain", "secret"])
def test_statements_that_servers_read_differently_are_told_apart(
    sql: str, other_sql: str, names: str
) -> None:
    text, _ = read_statement(f"{sql}{names}").text_and_literals(
        Redactor(), hides_numbers=True
    )
    other_text, _ = read_statement(f"{other_sql}{names}").text_and_literals(
        Redactor(), hides_numbers=True
    )

    assert text != other_text


FOLDED = {
    "SELECT a -- why\n\n   FROM  t": "SELECT a -- why\nFROM t",
    "SELECT a /* why\n so */\n FROM  t": "SELECT a /* why\n so */ FROM t",
    "SELECT a  -- why\n": "SELECT a -- why",
    "SELECT a #>> '{b}'\n FROM  t": "SELECT a #>> '{b}' FROM t",
    "SELECT 'a',\n 'b'": "SELECT 'a', 'b'",
    "SELECT ARRAY[b,  'a]  b']": "SELECT ARRAY[b, 'a]  b']",
    "SELECT password -- why\n FROM  t": "SELECT password /* <redacted> */ FROM t",
}


@pytest.mark.parametrize("sql", FOLDED)
def test_blanks_are_folded_where_every_server_does(sql: str) -> None:
    text, _ = read_statement(sql).text_and_literals(Redactor(), hides_numbers=True)

    assert text == FOLDED[sql]
    # `rekey` reads a statement as it was stored.
    again, _ = read_statement(text).text_and_literals(Redactor(), hides_numbers=True)
    assert again == text


REDACTED = {
    "SELECT 1 FROM t WHERE password = 'hunter2'": "SELECT <redacted> FROM t WHERE password = '<redacted>'",
    "INSERT INTO t (a, password) VALUES ('x', 'it''s')": "INSERT INTO t (a, password) VALUES ('<redacted>', '<redacted>')",
    "ALTER USER bob PASSWORD 'hunter2'": "ALTER USER bob PASSWORD '<redacted>'",
    "CREATE USER bob IDENTIFIED BY 'hunter2'": "CREATE USER bob IDENTIFIED BY '<redacted>'",
    "ALTER USER b IDENTIFIED WITH 'plugin' AS 'x'": "ALTER USER b IDENTIFIED WITH '<redacted>' AS '<redacted>'",
    "CREATE USER bob IDENTIFIED BY tiger": "CREATE USER bob IDENTIFIED BY '<redacted>'",
    'ALTER USER bob IDENTIFIED BY "Tiger1"': "ALTER USER bob IDENTIFIED BY '<redacted>'",
    "CREATE USER b IDENTIFIED BY PASSWORD '*A4'": "CREATE USER b IDENTIFIED BY PASSWORD '<redacted>'",
    "CREATE USER b IDENTIFIED VIA ed25519 USING 'ZIg'": "CREATE USER b IDENTIFIED VIA ed25519 USING '<redacted>'",
    "PRAGMA key = \"x'2DD2'\"": "PRAGMA key = '<redacted>'",
    "PRAGMA main.key = 'abc'": "PRAGMA main.key = '<redacted>'",
    "PRAGMA \"key\" = 'abc'": "PRAGMA \"key\" = '<redacted>'",
    "PRAGMA textkey = 'abc'": "PRAGMA textkey = '<redacted>'",
    "ATTACH 'a.db' AS a KEY 'hunter2'": "ATTACH '<redacted>' AS a KEY '<redacted>'",
    "PRAGMA foreign_key_list('t')": "PRAGMA foreign_key_list('t')",
    "UPDATE t SET a = 'identified by Ann'": "UPDATE t SET a = 'identified by Ann'",
    "CREATE TABLE t (password varchar(30))": "CREATE TABLE t (password varchar(30))",
    "UPDATE t SET pin = 4711": "UPDATE t SET pin = <redacted>",
    'UPDATE "t" SET "password" = "hunter2" -- hunter2': 'UPDATE "t" SET "password" = \'<redacted>\' /* <redacted> */',
    "SELECT a FROM t WHERE a->>'password' = $1": "SELECT a FROM t WHERE a->>'password' = $1",
    "SELECT $$a$$, $x$b$x$, password FROM t": "SELECT '<redacted>', '<redacted>', password FROM t",
    "SELECT '\\' OR password = 'hunter2' FROM t": "SELECT '<redacted>' FROM t",
    "UPDATE t SET password = 'hunter2": "UPDATE t SET password = '<redacted>'",
    'INSERT INTO t VALUES (\'{"password": "hunter2"}\')': "INSERT INTO t VALUES ('<redacted>')",
    "INSERT INTO t (a) VALUES ('x', 4711)": "INSERT INTO t (a) VALUES ('x', 4711)",
    "SELECT ARRAY[lower('hunter2')], password": "SELECT ARRAY[lower('<redacted>')], password",
    "SELECT 'postgres://ann:abc@db/shop', 1": "SELECT 'postgres://ann:<redacted>@db/shop', 1",
    "INSERT INTO t (a) VALUES (:password, 'x')": "INSERT INTO t (a) VALUES (:password, 'x')",
}


@pytest.mark.parametrize("sql", REDACTED)
def test_literals_are_hidden_in_a_statement_with_a_secret_name(sql: str) -> None:
    assert (
        read_statement(sql).text_and_literals(Redactor(), hides_numbers=True)[0]
        == REDACTED[sql]
    )


LISTED = {
    "SELECT a, t.password FROM t WHERE lower(b) = 'x'": {"a", "password"},
    'SELECT DISTINCT "a" FROM t;': {"a"},
    "SELECT * FROM t": {"*"},
    "PRAGMA table_info(credentials)": {"*"},
    "SELECT password AS a FROM t": set(),
    "SELECT password a FROM t": set(),
    "SELECT upper(password) FROM t": set(),
    "SELECT a || password FROM t": set(),
    "SELECT password::a FROM t": set(),
    "SELECT a FROM (SELECT password AS a FROM t) AS q": set(),
    "SELECT a FROM t UNION SELECT password FROM t": set(),
    "WITH q (a) AS (SELECT password FROM t) SELECT a FROM q": set(),
    "EXPLAIN SELECT b FROM t WHERE password = 'x'": set(),
    "UPDATE t SET b = 1 RETURNING a": set(),
    f"SELECT {'(' * 20_000}password{')' * 20_000}": set(),
}


@pytest.mark.parametrize("sql", LISTED, ids=lambda sql: sql[:40])
def test_columns_are_listed_by_a_plain_select(sql: str) -> None:
    assert read_statement(sql).listed_columns == LISTED[sql]
