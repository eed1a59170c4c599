"""Every kind of value, exception, stream and call is recorded, replayed, checked and shown."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from pytest_mimic._core.types.stdlib_types import ROWS
from pytest_mimic._core.types.type_names import full_name

PROJECT = Path(__file__).parent / "projects/kinds"
LIBRARIES = (
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "scipy",
    "PIL",
    "attrs",
    "pydantic",
    "sqlalchemy",
)
# : Types with a rule that no machine has: a library's, Windows', and a name in a later
# Python.
ELSEWHERE = {
    "configparser.ConfigParser",
    "configparser.RawConfigParser",
    "configparser.SafeConfigParser",
    "annotationlib.ForwardRef",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "pygments.token._TokenType",
    "sqlparse.tokens._TokenType",
    "typing.ForwardRef",
    "typing.Union",
}


def test_every_kind_is_recorded_replayed_checked_and_shown(project):
    shutil.copytree(PROJECT, project.root, dirs_exist_ok=True)
    environment = {"KINDS": " ".join(["plain", *filter(find_spec, LIBRARIES)])}
    recorded = project.record(process=True, env=environment)
    passed = recorded.outcomes["passed"]
    assert (recorded.exit_code, passed > 150) == (0, True)

    options = {"process": True, "env": {**environment, "OFFLINE": "1"}}
    replayed = project.run("--mimic-fail-on-unused", **options).expect(passed=passed)

    assert replayed.changed == set()
    assert ".mimic_vault is sound" in command(project, "check")
    shown = command(project, "show", "calls", "cassettes").splitlines()
    assert not [line for line in shown if line.strip().startswith("returned {'$")]


def command(project, *words):
    done = project.pytester.run(sys.executable, "-m", "pytest_mimic", *words)
    assert done.ret == 0, done.errlines
    return "\n".join(done.outlines)


def test_the_project_has_an_argument_of_each_type_of_the_standard_library(monkeypatch):
    monkeypatch.syspath_prepend(PROJECT)
    monkeypatch.delitem(sys.modules, "kinds_plain", raising=False)
    arguments = [make() for make in import_module("kinds_plain").ARGUMENTS.values()]

    found = {
        full_name(base) for value in _parts(arguments) for base in type(value).__mro__
    }
    if "typing.Union" in found:  # since Python 3.14, all unions have this class
        found |= {"types.UnionType", "typing._UnionGenericAlias"}

    assert {*ROWS} - {
        name.replace("pathlib._local.", "pathlib.") for name in found
    } <= ELSEWHERE


def _parts(value: object) -> Iterator[object]:
    """Yield a value and the items of its lists, up to those of a list of lists of lists."""
    level = [value]
    for _ in range(4):
        yield from level
        level = [part for item in level if type(item) is list for part in item]
