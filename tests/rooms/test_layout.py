"""The structure of the source: floors, no circle, and tests that the guide to them names."""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from support.rooms import TABLE, modules_of, rows_of

import pytest_mimic

PACKAGE = Path(pytest_mimic.__file__).parent
MODULES = {
    ".".join(
        ("pytest_mimic", *path.relative_to(PACKAGE).with_suffix("").parts)
    ).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}

# Lowest first. Modules of no other floor are the face.
FLOORS = [
    "errors",
    "values",
    "vault",
    "secrets",
    "patch",
    "engine",
    "client",
    "functions",
    "clients",
    "cli",
    "run",
    "face",
]

# Commands to paste and words, of which errors are made.
GROUND = "errors"


@cache
def imported_modules(name):
    """Return the modules of the package that a module imports, lazily and for types, too."""
    found = set()
    for imported in _imported_names(MODULES[name]):
        module = imported if imported in MODULES else imported.rpartition(".")[0]
        # The facade loads nothing by itself.
        if module in MODULES and module not in (name, "pytest_mimic"):
            found.add(module)
    return frozenset(found)


def _imported_names(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floor_of(module):
    """Return the floor of a module, counted from the lowest."""
    names = module.split(".")[1:]
    if names in (["commands"], ["words"]):
        return FLOORS.index(GROUND)
    house = names[0] if names and names[0] in FLOORS else "face"
    return FLOORS.index(house)


def test_no_circle_of_modules():
    graph = {name: set(imported_modules(name)) for name in MODULES}
    # It names everything public for type checkers.
    graph["pytest_mimic"] = set()

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1]))


def test_each_floor_imports_only_floors_below():
    upward = [
        f"{name} imports {imported}"
        for name in MODULES
        for imported in imported_modules(name)
        if floor_of(imported) > floor_of(name)
    ]

    assert upward == []


def test_what_the_guide_to_the_tests_names_exists():
    guide = TABLE.read_text(encoding="utf-8")
    last_cells = re.findall(r"^\|.* \| ([\w/, ]+) \|$", guide, re.MULTILINE)
    modules = [name for cell in last_cells for name in cell.split(", ") if "/" in name]
    rooms = [name for names, _ in rows_of(guide) for name in names]

    missing = [name for name in modules if not (TABLE.parent / f"{name}.py").is_file()]
    missing += [
        name
        for name in rooms
        if not ((PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file())
    ]

    assert len(modules) > len(rooms) > 0
    assert missing == []


ROWS = """
| room | tests |
|---|---|
| `engine/logs`, `engine/real` | logs, ends |
| `engine/logs` (what tests share) | samples |
| `clients/sql/rows` | rows |
| `clients/sql/hiding` | secrets, rows |
| `client` | adapters |

## By promise

| 2 | `engine/logs` | promise |
"""


@pytest.mark.parametrize(
    ("room", "modules"),
    [
        ("engine/real", "logs ends"),
        ("engine/logs", "logs ends samples"),
        ("src/pytest_mimic/engine/real.py", "logs ends"),
        ("clients/sql", "rows secrets"),
        ("clients", "rows secrets"),
        ("clients/sql/a_new_file", "rows secrets"),
        ("src/pytest_mimic/clients/sql/__init__.py", "rows secrets"),
        ("client/requests", "adapters"),
        ("docs/logs.md", ""),
        ("plugin", ""),
    ],
)
def test_a_room_has_the_tests_of_its_rows(room, modules):
    assert modules_of(room, ROWS) == modules.split()
