"""Finds the tests whose cassettes pytest-recording has named, in the text of a file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
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
    tree = _tree_of(module)
    name, bracket, parameters = cassette.stem.partition("[")
    tests = [test for test in _tests_in(tree) if _name_of(test) == name]
    if not tests:
        test = name.replace(".", "::")
        raise ForeignError(f"{module.name} has no test {test}", remedies=[_WAY_OUT])
    if not bracket:
        return tests
    parameters = _unreplaced(parameters, _texts_in(tree))
    return [f"{test}[{parameters}" for test in tests]


@cache
def _tree_of(module: Path) -> ast.Module:
    try:
        return ast.parse(module.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise ForeignError(f"{module.name} cannot be read: {error}") from None


def _tests_in(node: ast.AST, around: str = "") -> Iterator[str]:
    """Yield the functions in a module or class, `TestUsers::test_get`."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{around}{inner.name}"
        elif isinstance(inner, ast.ClassDef):
            yield from _tests_in(inner, f"{around}{inner.name}::")
        else:
            yield from _tests_in(inner, around)


def _name_of(test: str) -> str:
    """Return what pytest-recording calls a test: `TestUsers.test_get`."""
    return ".".join(test.split("::")[-2:])


def _texts_in(tree: ast.Module) -> dict[str, str]:
    """Return the texts of a module, by what pytest-recording makes of them."""
    texts: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            # pytest writes an id in ASCII.
            text = node.value.encode("unicode_escape").decode("ascii")
            texts.setdefault(_REPLACED.sub("-", text), text)
    return texts


def _unreplaced(shown: str, texts: Mapping[str, str]) -> str:
    """Return the parameters of a test of which the name of a cassette shows hyphens.

    | name of the cassette | texts in the module | parameters |
    |---|---|---|
    | `b-c]` | `b-c` | `b-c]` |
    | `http---a-1]` | `http://a` | `http://a-1]` |
    | `x---fast]` | `/`, `--fast` | `x---fast]` |
    """
    known = [text for text in texts if text and text in shown]
    longest_first = sorted(known, key=len, reverse=True)
    any_known = "|".join(map(re.escape, longest_first)) or "(?!)"
    # A parameter ends where the next one begins, behind a hyphen.
    parameter = re.compile(rf"(?:(?<=-)|^)(?:{any_known})(?=-|\])")
    return parameter.sub(lambda found: texts[found[0]], shown)
