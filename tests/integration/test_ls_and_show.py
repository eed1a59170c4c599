"""Section 8, `ls` and `show`: what fits on a line of the terminal is one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(os.name == "nt", reason="it has no such terminals")
def test_a_line_of_ls_fits_into_the_terminal(project):
    """Into a pipe it goes whole."""
    import pty

    project.ini("shop:fetch")
    project.module("def fetch(city): return city")
    project.tests('import shop\n\ndef test_it():\n    shop.fetch("Llanfair" * 20)\n')
    project.record().expect(passed=1)
    command = [sys.executable, "-m", "pytest_mimic", "ls"]
    ours, theirs = pty.openpty()

    subprocess.run(
        command, cwd=project.root, env=os.environ | {"COLUMNS": "60"}, stdout=theirs
    )
    os.close(theirs)
    shown = os.read(ours, 10_000).decode().splitlines()
    os.close(ours)

    assert [len(line) <= 60 for line in shown] == [True, True]
    assert shown[0].endswith("…")
    assert shown[1].startswith("1 call, ")
    [row, _] = project.command("ls").out.splitlines()
    assert row.endswith("    test_shop.py::test_it")
    assert len(row) > 100


def test_a_statement_without_rows_is_a_line_and_a_row_is_a_table(project):
    pytest.importorskip("sqlalchemy")
    project.ini("sqlalchemy")
    project.tests("""
        from sqlalchemy import create_engine, text

        def test_it(tmp_path):
            engine = create_engine(f"sqlite:///{tmp_path}/shop.db")
            with engine.begin() as connection:
                connection.execute(text("CREATE TABLE users (id INT, name TEXT)"))
                add = text("INSERT INTO users VALUES (:id, :name)")
                connection.execute(add, {"id": 1, "name": "Ann"})
                read = text("SELECT * FROM users WHERE name = :who")
                assert connection.execute(read, {"who": "Ann"}).all() == [(1, "Ann")]
            engine.dispose()
    """)
    project.record().expect(passed=1)

    shown = project.command("show", "test_shop.py").out.splitlines()

    assert [line for line in shown if "INSERT" in line and line.endswith(": 1 row")]
    assert len([line for line in shown if "CREATE" in line]) == 1
    # Of a statement, what only a replay needs is not drawn.
    drawn = shown[shown.index("  parameters: {'who': 'Ann'}") :]
    assert drawn[: drawn.index("")] == [
        "  parameters: {'who': 'Ann'}",
        "  database: 0",
        "  answer:",
        "    rows: 1 row",
        "      id  name",
        "      1   'Ann'",
    ]


def test_a_row_with_its_names_in_another_order_stands_in_the_same_columns(project):
    project.ini("shop:rows")
    project.module(
        "def rows(): return [{'id': 1, 'name': 'Ann'}, {'name': 'Eve', 'id': 2}]"
    )
    project.tests("import shop\n\ndef test_it():\n    assert len(shop.rows()) == 2\n")
    project.record().expect(passed=1)

    shown = project.command("show", "shop:rows").out.splitlines()

    assert shown[-4:-1] == ["    id  name", "    1   'Ann'", "    2   'Eve'"]
