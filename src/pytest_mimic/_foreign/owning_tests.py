"""The tests that the cassettes of pytest-recording belong to, by the names of their files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

# `TestClass.test_name[param]`, or without a class.
_STEM = re.compile(r"(?:(?P<cls>\w+)\.)?(?P<name>\w+)(?P<param>\[.*\])?", re.DOTALL)


class OwningTest(NamedTuple):
    """The test of a cassette.

    Attributes:
        nodeid: Its id; empty if there is no such test.
        problem: What is wrong with it, if the file seems to have a test: `tests/test_x.py has no test test_y`.
    """

    nodeid: str = ""
    problem: str = ""


def owning_test(path: Path, rootdir: Path) -> OwningTest:
    """Return the test of a cassette that pytest-recording has named: `cassettes/<module>/<test>.yaml`.

    The module is beside the folder `cassettes`, or beside a folder further up. The file of a test in a class is called
    `<class>.<test>.yaml`.
    """
    match = _STEM.fullmatch(path.stem)
    module = _module(path, rootdir)
    if match is None or module is None:
        return OwningTest()
    shown = module.relative_to(rootdir).as_posix()
    names = _names_of(module)
    wanted = f"{match['cls']}::{match['name']}" if match["cls"] else match["name"]
    found = next((name for name in names if name == wanted or name.endswith(f"::{wanted}")), None)
    if match["cls"] is None and found != wanted:
        found = None
    if found is None and match["cls"] is not None:  # a class may inherit its tests
        heirs = (name for name in names if name.endswith("::*"))
        found = next(
            (f"{heir[:-1]}{match['name']}" for heir in heirs if f"::{heir}".endswith(f"::{match['cls']}::*")),
            None,
        )
    if found is None:
        return OwningTest(problem=f"{shown} has no test {wanted}")
    return OwningTest(f"{shown}::{found}{match['param'] or ''}")


def _module(path: Path, rootdir: Path) -> Path | None:
    """Return the module of tests that the folder of a cassette is named after."""
    for folder in path.parents[1:]:
        if not folder.is_relative_to(rootdir):
            return None
        module = folder / f"{path.parent.name}.py"
        if module.is_file():
            return module
    return None


@lru_cache(maxsize=500)
def _names_of(module: Path) -> frozenset[str]:
    """Return the functions of a module of tests: `test_x`, `TestA::test_y`; `TestA::*` for a class with bases."""
    try:
        tree = ast.parse(module.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return frozenset()
    return frozenset(_functions(tree.body, ""))


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield prefix + node.name
        elif isinstance(node, ast.ClassDef):
            inner = f"{prefix}{node.name}::"
            yield from _functions(node.body, inner)
            if node.bases:
                yield f"{inner}*"
        elif isinstance(node, (ast.If, ast.Try)):
            yield from _functions(node.body, prefix)
            yield from _functions(node.orelse, prefix)
