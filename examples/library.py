"""A database: the functions of the standard library in a SQLite file, and reports on them."""

from __future__ import annotations

import ast
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from warnings import catch_warnings, simplefilter


@dataclass(frozen=True)
class Report:
    """A summary of the functions of a module."""

    module: str
    functions: int
    documented: Decimal
    """The share of functions with a docstring, in percent, with one decimal place."""
    longest: tuple[tuple[str, int], ...]
    """The three longest functions, with their numbers of lines."""


def report(database: Path, module: str) -> Report:
    """Return the report on a module.

    A missing database is built first, from about 170 files.
    """
    if not database.exists():
        build(database)
    with closing(sqlite3.connect(database)) as connection:
        functions, documented = connection.execute(
            "SELECT count(*), total(documented) FROM functions WHERE module = ?",
            [module],
        ).fetchone()
        longest = connection.execute(
            "SELECT name, lines FROM functions WHERE module = ? ORDER BY lines DESC, name LIMIT 3",
            [module],
        ).fetchall()
    share = Decimal(100 * int(documented)) / functions
    return Report(module, functions, share.quantize(Decimal("0.1")), tuple(longest))


def build(database: Path) -> None:
    """Create a database with all functions of the standard library's modules."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "CREATE TABLE functions (module TEXT, name TEXT, lines INT, documented INT)"
        )
        for path in sorted(Path(os.__file__).parent.glob("*.py")):
            connection.executemany(
                "INSERT INTO functions VALUES (?, ?, ?, ?)", functions_of(path)
            )


def functions_of(path: Path) -> Iterator[tuple[str, str, int, bool]]:
    """Yield the functions of a file: module, name, number of lines, and whether it has a docstring."""
    with catch_warnings():
        simplefilter("ignore")
        tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield path.stem, node.name, lines, ast.get_docstring(node) is not None
