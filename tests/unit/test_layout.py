"""The structure of the source: four houses, packages on floors, modules on layers."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import pytest_mimic
from pytest_mimic._run.layers import DOORS, Layer, layer_of

PACKAGE = Path(pytest_mimic.__file__).parent
MODULES = {
    ".".join(
        ("pytest_mimic", *path.relative_to(PACKAGE).with_suffix("").parts)
    ).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
MOST_FLOORS = 12

# The houses that each house may import, besides itself. `ground` is `errors` and the
# modules directly in `_core`. `client` is the seam, on which all adapters stand.
HOUSES = {
    "ground": set(),
    "_core": {"ground"},
    "client": {"ground", "_core"},
    "_clients": {"ground", "_core", "client"},
    "_tools": {"ground", "_core", "client", "_clients"},
    "_run": {"ground", "_core", "client", "_clients", "_tools"},
    "face": {"ground", "_core", "client", "_clients", "_tools", "_run"},
}


@cache
def tree_of(module: str) -> ast.Module:
    """Return the syntax tree of a module of the package.

    Parsing all of them takes a second, which only the process of these tests spends.
    """
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def package_of(module: str) -> str:
    """Return the package that a module belongs to: `_core.vault`, `_run`, `ground`, `client`, or `face` for the other public modules."""
    names = module.split(".")[1:]
    if names == ["client"]:
        return "client"
    if not names or names[0] not in ("_core", "_clients", "_tools", "_run", "errors"):
        return "face"
    if names[0] == "_run":
        return "_run"
    is_flat = len(names) < 3 and PACKAGE.joinpath(*names).with_suffix(".py").exists()
    is_ground = len(names) == 1 or (is_flat and names[0] == "_core")
    return "ground" if is_ground else ".".join(names[:2])


def imported_names(tree: ast.Module) -> Iterator[str]:
    """Yield each imported name as `module` or `module.name`: lazy and typing-only imports, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def imported_modules(name: str) -> frozenset[str]:
    """Return the modules of the package that a module imports, without the facade, which loads nothing by itself."""
    found = set()
    for imported in imported_names(tree_of(name)):
        module = imported if imported in MODULES else imported.rpartition(".")[0]
        if module in MODULES and module not in (name, "pytest_mimic"):
            found.add(module)
    return frozenset(found)


@cache
def modules_by_string(name: str) -> frozenset[str]:
    """Return the modules of the package that a module names in strings, `pytest_mimic._run.session:Session`."""
    found = set()
    for node in ast.walk(tree_of(name)):
        for text in strings_in(node):
            words = re.match(r"pytest_mimic(\.\w+)*", text)
            if words is not None and not re.search(r"\s", text):
                found.add(words[0])
    return frozenset(found & MODULES.keys() - {"pytest_mimic", name})


def strings_in(node: ast.AST) -> list[str]:
    """Return a string of the source; of a formatted one, its first part."""
    parts = node.values[:1] if isinstance(node, ast.JoinedStr) else [node]
    constants = [part for part in parts if isinstance(part, ast.Constant)]
    return [part.value for part in constants if isinstance(part.value, str)]


def arrows() -> dict[str, dict[str, list[str]]]:
    """Return, for each package, the packages that it imports, and by which modules."""
    found: dict[str, dict[str, list[str]]] = {
        package_of(name): defaultdict(list) for name in MODULES
    }
    for name in MODULES.keys() - {
        "pytest_mimic"
    }:  # it names everything public for type checkers
        for imported in imported_modules(name):
            if package_of(imported) != package_of(name):
                found[package_of(name)][package_of(imported)].append(
                    f"{name} imports {imported}"
                )
    return found


def sorted_by_floor(graph: dict[str, set[str]]) -> dict[str, int]:
    """Return the floor of each package: one above the highest that it imports.

    Fail for a circle.
    """
    sorter = TopologicalSorter(graph)
    try:
        order = list(sorter.static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1]))
    floors: dict[str, int] = {}
    for package in order:
        floors[package] = 1 + max(
            (floors[below] for below in graph.get(package, ())), default=0
        )
    return floors


def test_no_circle_of_modules() -> None:
    graph = {name: set(imported_modules(name)) for name in MODULES}
    graph["pytest_mimic"] = set()

    assert sorted_by_floor(graph)


def test_no_circle_of_packages_on_few_floors() -> None:
    graph = {package: set(imported) for package, imported in arrows().items()}

    assert max(sorted_by_floor(graph).values()) <= MOST_FLOORS


def test_each_house_imports_only_houses_below() -> None:
    upward = [
        line
        for package, imported in arrows().items()
        for below, lines in imported.items()
        for line in lines
        if below.partition(".")[0]
        not in HOUSES[package.partition(".")[0]] | {package.partition(".")[0]}
    ]

    assert not upward


def test_adapters_stand_on_the_seam_alone() -> None:
    """A bundled adapter has what one of another distribution has: `client`, and its own folder."""
    beside = []
    for name, path in MODULES.items():
        if path.parent.parent != PACKAGE / "_clients":
            continue
        own = f"pytest_mimic._clients.{path.parent.name}"
        for imported in imported_modules(name) - {"pytest_mimic.client"}:
            if not f"{imported}.".startswith(f"{own}."):
                beside.append(f"{name} imports {imported}")

    assert not beside


def test_no_string_names_a_module_of_a_house_above() -> None:
    """`import_module("pytest_mimic._run.session")` is an import that no other test sees."""
    upward = []
    for name in MODULES:
        house = package_of(name).partition(".")[0]
        # `_run` and the face may load what they like.
        if house in ("_run", "face"):
            continue
        for named in modules_by_string(name):
            other = package_of(named).partition(".")[0]
            if other != house and other not in HOUSES[house]:
                upward.append(f"{name} names {named}")

    assert not upward


def test_the_picture_of_the_houses_is_true() -> None:
    page = (Path(__file__).parents[2] / "docs/internals/index.md").read_text(
        encoding="utf-8"
    )
    house, rows = "", defaultdict(list)
    for line in page.split("```")[1].splitlines()[1:]:
        house = line[:12].strip() or house
        rows[house].append(line[12:56].split())
    imports = {
        package.rpartition(".")[2]: {one.rpartition(".")[2] for one in below}
        for package, below in arrows().items()
    }

    for house in ("_tools", "_clients", "_core"):
        named = [name for row in rows[house] for name in row]
        assert sorted(named) == sorted(
            one.partition(".")[2] for one in arrows() if one.startswith(f"{house}.")
        )
        for number, row in enumerate(rows[house]):
            beside_and_above = {
                name for row in rows[house][: number + 1] for name in row
            }
            assert not [
                (name, bad) for name in row for bad in imports[name] & beside_and_above
            ]


def test_the_guide_for_contributors_names_files_that_exist() -> None:
    root = Path(__file__).parents[2]
    files = [
        path.as_posix()
        for folder in ("src", "tests", "scripts")
        for path in (root / folder).rglob("*.py")
    ]

    named = set(
        re.findall(
            r"[\w/]+\.py\b", (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
        )
    )

    assert named
    assert not [
        name for name in named if not any(file.endswith(f"/{name}") for file in files)
    ]


def test_each_file_name_says_its_room() -> None:
    places = defaultdict(list)
    for name, path in MODULES.items():
        if path.name != "__init__.py":
            places[path.name].append(name)

    assert not {file: names for file, names in places.items() if len(names) > 1}


def test_errors_import_only_their_remedies() -> None:
    assert imported_modules("pytest_mimic.errors") == {"pytest_mimic._core.commands"}


def test_only_the_run_package_and_the_plugin_import_pytest() -> None:
    importers = {
        name
        for name in MODULES
        if any(
            re.match(r"_?pytest\b(?!_)", imported)
            for imported in imported_names(tree_of(name))
        )
    }

    assert not {
        name
        for name in importers
        if not name.startswith(("pytest_mimic._run.", "pytest_mimic.plugin"))
    }


def test_each_source_module_has_tests_of_its_name():
    """CONTRIBUTING says where.

    What is named after a module with a longer name is about that one.
    """
    tests = Path(__file__).parents[1]
    lacking = []
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = [name.strip("_") for name in path.relative_to(PACKAGE).parts[:-1]]
        places = [tests.joinpath("unit", *inside)]
        if inside[:1] == ["clients"]:
            places.append(tests.joinpath(*inside))
        elif inside[:1] != ["core"]:
            places += [tests / "integration", tests / "e2e"]
        named = {f"test_{one.stem.strip('_')}" for one in path.parent.glob("*.py")}
        own = f"test_{path.stem.strip('_')}"
        longer = tuple(f"{one}_" for one in named if one.startswith(f"{own}_"))
        found = [file.stem for place in places for file in place.glob("test_*.py")]
        is_tested = any(
            f"{one}_".startswith(f"{own}_") and not f"{one}_".startswith(longer)
            for one in found
        )
        if path.name != "__init__.py" and not is_tested:
            lacking.append(path.relative_to(PACKAGE).as_posix())

    assert not lacking


def test_each_unit_module_is_named_after_a_source_module_or_its_package():
    """More words may follow: `tests/unit/core/vault/test_vault_damage.py` is about `_core/vault`."""
    unit = Path(__file__).parent
    strays = []
    for test in unit.rglob("*/test_*.py"):
        house, *inner = test.relative_to(unit).parent.parts
        folder = PACKAGE.joinpath(f"_{house}", *inner)
        names = [
            folder.name.strip("_"),
            *(path.stem.strip("_") for path in folder.glob("*.py")),
        ]
        if not any(f"{test.stem}_".startswith(f"test_{name}_") for name in names):
            strays.append(test.relative_to(unit).as_posix())

    assert not strays


NAMED_PARTS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


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
        if isinstance(child, NAMED_PARTS):
            inner = f"{function}.{child.name}".strip(".")
        elif isinstance(child, ast.Import):
            for alias in child.names:
                if alias.name in MODULES:
                    yield Imported(importer, function, alias.name)
        elif isinstance(child, ast.ImportFrom):
            for alias in child.names:
                name = f"{child.module}.{alias.name}"
                module = name if name in MODULES else str(child.module)
                if module in MODULES:
                    yield Imported(importer, function, module)
        yield from imports_in(child, importer, inner)


@cache
def run_time_imports() -> list[Imported]:
    """Return what all modules of the package import at run time."""
    found: list[Imported] = []
    for name in MODULES:
        found += imports_in(tree_of(name), name, "")
    return found


def test_no_module_imports_at_its_top_what_is_on_a_layer_above() -> None:
    upward = []
    for importer, function, module in run_time_imports():
        if not function and layer_of(module) > layer_of(importer):
            layers = f"{layer_of(importer).name} → {layer_of(module).name}"
            upward.append(f"{importer} imports {module}: {layers}")

    assert not upward, "name the layer of a new module in _run/layers.py"


def test_only_the_doors_import_modules_of_the_package_in_functions() -> None:
    """Each stands in the table under the highest layer of which it imports something."""
    layers: dict[str, Layer] = {}
    for importer, function, module in run_time_imports():
        if function:
            door = f"{importer.removeprefix('pytest_mimic.')}:{function}"
            layers[door] = max(layers.get(door, Layer.PLUGIN), layer_of(module))

    doors = {door: layer for layer, names in DOORS.items() for door in names}
    assert layers == doors
