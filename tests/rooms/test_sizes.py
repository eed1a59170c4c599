"""The size of the source: who makes a folder larger says why in `sizes.txt`, in the same commit."""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from pathlib import Path

import pytest_mimic

PACKAGE = Path(pytest_mimic.__file__).parent
SIZES = Path(__file__).with_name("sizes.txt")
PROSE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
# Python 3.12 and later split an f-string, which is one token here.
FSTRINGS = {
    getattr(tokenize, "FSTRING_START", -1): 1,
    getattr(tokenize, "FSTRING_END", -2): -1,
}


def lines_of_docstrings(text):
    lines = set()
    for node in ast.walk(ast.parse(text)):
        has_body = isinstance(
            node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        )
        if has_body and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            lines.update(range(first.lineno, first.end_lineno + 1))
    return lines


def tokens_in(text):
    """Count the names, operators and literals of a module."""
    docstrings = lines_of_docstrings(text)
    count = depth = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        before = depth
        depth += FSTRINGS.get(token.type, 0)
        is_part = before > 0 and token.type not in PROSE
        if token.type not in PROSE and token.start[0] not in docstrings and not is_part:
            count += 1
    return count


def test_no_folder_has_grown_without_a_reason():
    sizes = Counter()
    for path in PACKAGE.rglob("*.py"):
        folder = path.relative_to(PACKAGE).parts[0]
        name = folder if (PACKAGE / folder).is_dir() else "root"
        sizes[name] += tokens_in(path.read_text(encoding="utf-8"))
    rows = [line.split() for line in SIZES.read_text(encoding="utf-8").splitlines()]
    known = {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}

    grown = {name: size for name, size in sizes.items() if size > known.get(name, 0)}

    assert grown == {}, f"set it in {SIZES.name}, with the reason above it"
