"""The structure of the source: one direction of imports, few flat modules, one name for one class."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import pytest_mimic

PACKAGE = Path(pytest_mimic.__file__).parent
MODULES = {
    ".".join(("pytest_mimic", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in PACKAGE.rglob("*.py")
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def imported_names(tree: ast.Module) -> Iterator[str]:
    """Yield each imported name as `module` or `module.name`: lazy and typing-only imports, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_modules(name: str) -> set[str]:
    """Return the modules of the package that a module imports."""
    found = set()
    for imported in imported_names(TREES[name]):
        module = imported if imported in MODULES else imported.rpartition(".")[0]
        if module in MODULES and module != name:
            found.add(module)
    return found


def test_no_import_circle() -> None:
    graph = {name: imported_modules(name) for name in MODULES}
    # The facade names everything public for type checkers; it loads nothing by itself.
    graph["pytest_mimic"] = set()

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1]))


def test_at_most_nine_flat_modules() -> None:
    # Python looks for `__main__` in this place, and it only starts the command.
    flat = sorted(path.name for path in PACKAGE.glob("*.py") if path.name != "__main__.py")

    assert len(flat) <= 9, flat


def test_errors_import_nothing_of_the_package() -> None:
    assert imported_modules("pytest_mimic.errors") == set()


def test_only_the_run_package_and_the_plugin_import_pytest() -> None:
    importers = {
        name
        for name, tree in TREES.items()
        if any(re.match(r"_?pytest\b(?!_)", imported) for imported in imported_names(tree))
    }

    assert not {
        name for name in importers if not name.startswith(("pytest_mimic._run.", "pytest_mimic.plugin"))
    }


def test_public_class_names_are_unique() -> None:
    places = defaultdict(list)
    for name, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name)

    assert not {cls: where for cls, where in places.items() if len(where) > 1}


def test_docstrings_begin_with_a_subject_or_a_verb() -> None:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    first_lines = {
        f"{name}:{getattr(node, 'lineno', 1)}": docstring.partition("\n")[0]
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, documented) and (docstring := ast.get_docstring(node))
    }

    assert not {
        at: line for at, line in first_lines.items() if re.match(r"(What|Who|Whose|Whatever)\b", line)
    }


def test_modules_and_functions_stay_readable() -> None:
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    functions = {
        f"{name}.{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert not {name: count for name, count in lines.items() if count > 500}
    assert len(large := {name: count for name, count in lines.items() if count > 350}) <= 8, large
    assert not {name: count for name, count in functions.items() if count > 60}
