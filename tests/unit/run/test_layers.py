"""Each module is on one layer, and imports at its top what is not above."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest_mimic
from pytest_mimic._run.layers import DOORS, Layer, layer_of, load

PACKAGE = Path(pytest_mimic.__file__).parent
FILES = {
    ".".join(
        ("pytest_mimic", *path.relative_to(PACKAGE).with_suffix("").parts)
    ).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Imported(NamedTuple):
    """A module of the package that is imported at run time."""

    importer: str
    function: str
    module: str


def imports_in(node: ast.AST, importer: str, function: str) -> Iterator[Imported]:
    """Yield what a part of a module imports of the package, with the function's name.

    Imports for type checkers alone are left out.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        inner = function
        if isinstance(child, NAMED):
            inner = f"{function}.{child.name}".strip(".")
        elif isinstance(child, ast.Import):
            for alias in child.names:
                if alias.name in FILES:
                    yield Imported(importer, function, alias.name)
        elif isinstance(child, ast.ImportFrom):
            for alias in child.names:
                name = f"{child.module}.{alias.name}"
                module = name if name in FILES else str(child.module)
                if module in FILES:
                    yield Imported(importer, function, module)
        yield from imports_in(child, importer, inner)


IMPORTS = [
    imported
    for name, path in FILES.items()
    for imported in imports_in(ast.parse(path.read_text(encoding="utf-8")), name, "")
]


def test_no_module_imports_at_its_top_what_is_on_a_layer_above() -> None:
    upward = []
    for importer, function, module in IMPORTS:
        if not function and layer_of(module) > layer_of(importer):
            layers = f"{layer_of(importer).name} → {layer_of(module).name}"
            upward.append(f"{importer} imports {module}: {layers}")

    assert not upward, "name the layer of a new module in _run/layers.py"


def test_only_the_doors_import_modules_of_the_package_in_functions() -> None:
    doors = {
        f"pytest_mimic.{module}:{function}"
        for module, functions in DOORS.items()
        for function in functions
    }

    importing = {f"{one.importer}:{one.function}" for one in IMPORTS if one.function}

    assert importing == doors


def test_a_layer_is_loaded_whole() -> None:
    load(Layer.RECORD)

    lacking = {name for name in FILES if layer_of(name) is Layer.RECORD}
    assert not lacking - sys.modules.keys()
