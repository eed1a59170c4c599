"""Many targets in an application of 1,500 modules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.cases.base import Bench, Case, Measure, Row
from bench.contenders import BEFORE, OURS
from bench.processes import Figures, make_project, profile_pytest, run_pytest

MODULES = 1500
FUNCTIONS_IN_MODULE = 10
CLASSES_IN_MODULE = 5
COUNTS = (10, 1000, 10_000)
# The one target that each run has.
FETCH = "app.core:fetch"
TEST = """\
import app.every
from app.core import fetch


def test_it():
    assert fetch(1) == 1
"""


def write_application(folder: Path) -> list[str]:
    """Write the modules, and return the names of their functions as targets."""
    app = folder / "app"
    app.mkdir()
    (app / "__init__.py").touch()
    (app / "core.py").write_text("def fetch(n):\n    return n\n")
    definitions = _definitions()
    imports = ""
    targets = []
    for number in range(MODULES):
        source = definitions
        if number % 3 == 0:
            # A third of the modules hold the function that is replaced.
            source = "from app.core import fetch\n" + definitions
        (app / f"m{number}.py").write_text(source)
        imports += f"import app.m{number}\n"
        for function in range(FUNCTIONS_IN_MODULE):
            targets.append(f"app.m{number}:f{function}")
    (app / "every.py").write_text(imports)
    return targets


def _definitions() -> str:
    """Return the source of the classes and functions that each module has."""
    source = ""
    for number in range(CLASSES_IN_MODULE):
        source += f"class C{number}:\n    def m(self):\n        return {number}\n"
    for number in range(FUNCTIONS_IN_MODULE):
        source += f"def f{number}(a):\n    return a + {number}\n"
    return source


@contextmanager
def targets(bench: Bench) -> Iterator[dict[str, Measure]]:
    """Runs that name many functions, in seconds of CPU time.

    The time of a run that names one function is taken off.
    """
    names = write_application(bench.folder)

    def run_with(count: int, contender: str, *options: str) -> float:
        # Each contender has a vault of its own.
        vault = f"--mimic-vault={contender}"
        make_project(bench.folder, [FETCH, *names[:count]], TEST)
        return run_pytest(bench.python(contender), bench.folder, vault, *options)

    def measure(contender: str) -> Figures:
        base = run_with(0, contender)
        return {
            f"targets, {count:,}": run_with(count, contender) - base for count in COUNTS
        }

    contenders = bench.runnable(OURS, BEFORE)
    for contender in contenders:
        run_with(0, contender, "--mimic-record")
    yield {name: partial(measure, name) for name in contenders}


def profile_targets(bench: Bench, file: Path) -> None:
    """Profile a run that names 10,000 functions."""
    python = bench.python(OURS)
    make_project(bench.folder, [FETCH], TEST)
    names = write_application(bench.folder)
    run_pytest(python, bench.folder, "--mimic-record")
    make_project(bench.folder, [FETCH, *names[:10_000]], TEST)
    profile_pytest(python, bench.folder, file)


CASES = [
    Case(
        "targets",
        [
            Row("targets, 10", "s"),
            Row("targets, 1,000", "s"),
            Row("targets, 10,000", "s"),
        ],
        targets,
        rounds=3,
        profile=profile_targets,
    )
]
