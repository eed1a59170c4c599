"""Finds the tests whose cassettes pytest-recording has named, in the text of a file."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from pytest_mimic.cli.foreign import ForeignError

# What a file cannot be called on some system; pytest-recording writes a hyphen.
_REPLACED = re.compile(r"""[<>?%*:|"'/\\]""")
_WAY_OUT = (
    "to import a cassette whose test was not found",
    "name it TEST or CLASS.TEST, or copy it to another folder,"
    " where it becomes a cassette of its name",
)


def module_of(cassette: Path) -> Path | None:
    """Return the file whose test has a cassette; None: it has a name of its own.

    `tests/cassettes/test_api/test_get.yaml` is of a test in `tests/test_api.py`.
    """
    folder = cassette.parent
    module = folder.parent.parent / f"{folder.name}.py"
    if folder.parent.name == "cassettes" and module.is_file():
        return module
    return None


def tests_of(cassette: Path, module: Path) -> list[str]:
    """Return the tests of a file that have a cassette, as `TestUsers::test_get[a/b]`.

    Raises:
        ForeignError: The file has no such test, or is no Python.
    """
    source = _source_of(module)
    name, bracket, parameters = cassette.stem.partition("[")
    tests = source.tests_called(name)
    if not tests:
        test = name.replace(".", "::")
        raise ForeignError(f"{module.name} has no test {test}", remedies=[_WAY_OUT])
    if not bracket:
        return tests
    ids = _unreplaced(parameters.removesuffix("]"), source.texts)
    return [f"{test}[{one}]" for test in tests for one in ids]


@cache
def _source_of(module: Path) -> _Source:
    source = _Source()
    try:
        source.visit(ast.parse(module.read_bytes()))
    except (OSError, SyntaxError, ValueError) as error:
        raise ForeignError(f"{module.name} cannot be read: {error}") from None
    return source


class _Source(ast.NodeVisitor):
    """The names and texts in the source of a module.

    Attributes:
        texts: The texts, by what pytest-recording makes of them.
    """

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = defaultdict(list)
        self._tests: dict[str, list[str]] = defaultdict(list)
        self._classes: list[str] = []

    def tests_called(self, name: str) -> list[str]:
        """Return the tests of a name, `test_get` or `TestUsers.test_get`."""
        return self._tests.get(name, [])

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._add_test(node)
        self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._add_test(node)
        self.generic_visit(node)

    def _add_test(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        name = ".".join([*self._classes[-1:], node.name])
        test = "::".join([*self._classes, node.name])
        self._tests[name].append(test)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._classes.append(node.name)
        self.generic_visit(node)
        self._classes.pop()

    def visit_Constant(self, constant: ast.Constant) -> None:
        if isinstance(constant.value, str):
            # pytest writes an id in ASCII.
            text = constant.value.encode("unicode_escape").decode("ascii")
            same = self.texts[_REPLACED.sub("-", text)]
            if text not in same:
                same.append(text)


def _unreplaced(shown: str, texts: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the parameters of a test of which the name of a cassette shows hyphens.

    | name of the cassette | texts in the module | parameters |
    |---|---|---|
    | `b-c` | `b-c` | `b-c` |
    | `d-e` | `d/e`, `d:e` | `d/e`, `d:e` |
    | `http---a-1` | `http://a` | `http://a-1` |
    | `x---fast` | `/`, `--fast` | `x---fast` |
    """
    if shown in texts:
        return list(texts[shown])
    known = [text for text in texts if text and text in shown]
    longest_first = sorted(known, key=len, reverse=True)
    any_known = "|".join(map(re.escape, longest_first)) or "(?!)"
    # A parameter ends where the next one begins, behind a hyphen.
    parameter = re.compile(rf"(?:(?<=-)|^)(?:{any_known})(?=-|$)")
    return [parameter.sub(lambda found: texts[found[0]][0], shown)]
