"""A database: Python's standard library as a SQLite file, and reports on it."""

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
    """What a module's functions look like."""

    module: str
    functions: int
    documented: Decimal
    """The share that has a docstring, in percent, to one place."""
    longest: tuple[tuple[str, int], ...]
    """The three longest, with their lines."""


def report(database: Path, module: str) -> Report:
    """Reports on one module. The database is built where there is none: some 170 files are parsed."""
    if not database.exists():
        build(database)
    with closing(sqlite3.connect(database)) as connection:
        functions, documented = connection.execute(
            "SELECT count(*), total(documented) FROM functions WHERE module = ?", [module]
        ).fetchone()
        longest = connection.execute(
            "SELECT name, lines FROM functions WHERE module = ? ORDER BY lines DESC, name LIMIT 3", [module]
        ).fetchall()
    share = Decimal(100 * int(documented)) / functions
    return Report(module, functions, share.quantize(Decimal("0.1")), tuple(longest))


def build(database: Path) -> None:
    """Fills a new database with every function of the standard library's modules."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE functions (module TEXT, name TEXT, lines INT, documented INT)")
        for path in sorted(Path(os.__file__).parent.glob("*.py")):
            connection.executemany("INSERT INTO functions VALUES (?, ?, ?, ?)", functions_of(path))


def functions_of(path: Path) -> Iterator[tuple[str, str, int, bool]]:
    """The functions of one file: module, name, lines, whether it has a docstring."""
    with catch_warnings():
        simplefilter("ignore")
        tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield path.stem, node.name, lines, ast.get_docstring(node) is not None
