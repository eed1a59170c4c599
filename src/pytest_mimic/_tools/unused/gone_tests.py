"""Finds out which tests no longer exist."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path


@dataclass
class GoneTests:
    """The tests that a complete run did not run because they no longer exist.

    A test may still exist if its file was not collected (`testpaths` leaves it out), or if the file still contains its
    name: a doctest in a run without doctests, or a unittest class with `-p no:unittest`.

    All are known by their ids: the files that were collected, and the tests that ran. If tests of other projects may
    have recorded as well (`is_shared`), no test is known to be gone.
    """

    collected: Collection[str]
    ran: Collection[str]
    rootdir: Path
    is_shared: bool
    _known: dict[str, bool] = field(init=False, default_factory=dict)

    def __contains__(self, nodeid: str) -> bool:
        if nodeid not in self._known:
            self._known[nodeid] = self._is_gone(nodeid)
        return self._known[nodeid]

    def _is_gone(self, nodeid: str) -> bool:
        if self.is_shared:
            return False
        file, _, name = nodeid.partition("::")
        path = Path(self.rootdir, file)
        if not path.is_file():
            return True
        if file not in self.collected:
            return False
        if self._is_doctest(nodeid):
            others_ran = any(ran.startswith(f"{file}::") and self._is_doctest(ran) for ran in self._functions)
            text = path.read_text(encoding="utf-8", errors="replace")
            owner = name.rpartition(".")[2]
            is_named = path.suffix != ".py" or owner == path.stem or owner in text
            return others_ran or not (">>>" in text and is_named)
        return nodeid.partition("[")[0] in self._functions or not _defines(path, name)

    @cached_property
    def _functions(self) -> set[str]:
        return {nodeid.partition("[")[0] for nodeid in self.ran}

    def _is_doctest(self, nodeid: str) -> bool:
        """Check whether an id is that of a doctest.

        It ends in the name of a text file, in a dotted name of Python, or in the name of its module. A test function may
        have the name of its module as well.
        """
        file, _, name = nodeid.partition("::")
        name = name.partition("[")[0]
        path = Path(self.rootdir, file)
        if path.suffix != ".py":
            return name == path.name
        if "." in name:
            return "::" not in name
        return name == path.stem and not (path.is_file() and _defines(path, name))


def _defines(path: Path, name: str) -> bool:
    """Check whether a file defines a function or method of this name. If it cannot be parsed, it may do so."""
    import ast

    *classes, function = name.partition("[")[0].split("::")
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix != ".py":
        return function in text or function == path.stem
    scope: ast.AST
    try:
        scope = ast.parse(text)
    except (SyntaxError, ValueError):
        return True
    for cls in classes:
        found = [node for node in ast.walk(scope) if isinstance(node, ast.ClassDef) and node.name == cls]
        if not found:
            return False
        scope = found[-1]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    if any(isinstance(node, kinds) and node.name == function for node in ast.walk(scope)):
        return True
    return isinstance(scope, ast.ClassDef) and bool(scope.bases) and f"def {function}(" in text
