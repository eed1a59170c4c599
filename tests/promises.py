"""List the promises of promises.txt, each with the tests that show it: `python tests/promises.py [word]`."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent


def promises() -> list[str]:
    """Return the lines of promises.txt that are neither blank nor headings."""
    lines = (TESTS / "promises.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@cache
def marked_tests() -> dict[str, list[str]]:
    """Return the ids of the marked tests by promise, read from the sources: no test file is imported."""
    found = defaultdict(list)
    for file in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for promise in filter(None, map(_promise, node.decorator_list)):
                    found[promise].append(f"tests/{file.relative_to(TESTS).as_posix()}::{node.name}")
    return found


def _promise(decorator: ast.expr) -> str | None:
    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.promise":
        return ast.literal_eval(decorator.args[0])
    return None


def main(word: str = "") -> None:
    """Print the promises that contain `word`, each with its tests."""
    tests = marked_tests()
    for promise in promises():
        if word in promise:
            print(promise, *tests[promise], sep="\n    ")


if __name__ == "__main__":
    main(*sys.argv[1:])
