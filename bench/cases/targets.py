"""Many targets in an application of 1,500 modules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.cases.base import OURS, Bench, Case, Measure, Row
from bench.processes import project, pytest

MODULES, FUNCTIONS = 1500, 10
COUNTS = (10, 1000, 10_000)
TEST = "import app.every\nfrom app.core import fetch\n\n\ndef test_it():\n    assert fetch(1) == 1\n"


def application(folder: Path) -> list[str]:
    """Write the modules, and return the names of their functions."""
    app = folder / "app"
    app.mkdir()
    (app / "__init__.py").touch()
    (app / "core.py").write_text("def fetch(n):\n    return n\n")
    definitions = "".join(
        f"class C{k}:\n    def m(self):\n        return {k}\n" for k in range(5)
    )
    definitions += "".join(
        f"def f{k}(a):\n    return a + {k}\n" for k in range(FUNCTIONS)
    )
    for number in range(MODULES):
        held = "from app.core import fetch\n" if number % 3 == 0 else ""
        (app / f"m{number}.py").write_text(held + definitions)
    (app / "every.py").write_text(
        "".join(f"import app.m{number}\n" for number in range(MODULES))
    )
    return [
        f"app.m{number}:f{k}" for number in range(MODULES) for k in range(FUNCTIONS)
    ]


@contextmanager
def targets(bench: Bench) -> Iterator[dict[str, Measure]]:
    """Runs that name many functions, each less a run that names one."""
    python, folder = bench.python(OURS), project(bench.folder, ["app.core:fetch"], TEST)
    names = application(folder)
    pytest(python, folder, "--mimic-record")

    def added(count: int) -> float:
        project(folder, ["app.core:fetch", *names[:count]], TEST)
        return pytest(python, folder)

    def measure() -> dict[str, float]:
        one = added(0)
        return {f"targets, {count:,}": added(count) - one for count in COUNTS}

    yield {OURS: measure}


def profile_targets(bench: Bench, file: Path) -> None:
    """Profile a run that names 10,000 functions."""
    from bench.processes import PYTEST, run

    python, folder = bench.python(OURS), project(bench.folder, ["app.core:fetch"], TEST)
    names = application(folder)
    pytest(python, folder, "--mimic-record")
    project(folder, ["app.core:fetch", *names[:10_000]], TEST)
    run([str(python), "-m", "cProfile", "-o", str(file), *PYTEST], folder)


LIMITS = {1000: 0.1, 10_000: 1.0}
CASES = [
    Case(
        "targets",
        [
            Row(
                f"targets, {count:,}",
                "s",
                {OURS: LIMITS[count]} if count in LIMITS else {},
            )
            for count in COUNTS
        ],
        targets,
        rounds=3,
        profile=profile_targets,
    )
]
