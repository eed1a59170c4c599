"""The start of a run: with nothing mimicked, with one target and one replayed call; and tests that call nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.cases.base import FLOOR, OLDER, OURS, Bench, Case, Measure, Row
from bench.processes import PYTEST, project, pytest, run, without_plugin

EMPTY = "def test_empty():\n    pass\n"
MANY = 1000
FETCH = "import measured\n\n\ndef test_fetch():\n    assert measured.fetch(1, {'a': 2}) == {'n': 1}\n"
# pytest, which prints how long the entry points took to load.
LOADS = """
import importlib.metadata, sys, time
plain = importlib.metadata.EntryPoint.load
def load(self):
    begun = time.perf_counter()
    loaded = plain(self)
    print("loaded", self.name, time.perf_counter() - begun, flush=True)
    return loaded
importlib.metadata.EntryPoint.load = load
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


@contextmanager
def first_replay(bench: Bench) -> Iterator[dict[str, Measure]]:
    """Runs of one replayed call, each less a run with the plugin turned off."""

    def measure_of(contender: str) -> Measure:
        python = bench.python(contender)
        on = project(bench.folder / contender / "on", ["measured:fetch"], FETCH)
        off = project(bench.folder / contender / "off", (), FETCH)
        pytest(python, on, "--mimic-record")

        def measure() -> dict[str, float]:
            base = without_plugin(python, contender, off)
            return {"first_replay": (pytest(python, on) - base) * 1e3}

        measure()  # writes bytecode
        return measure

    yield {
        contender: measure_of(contender)
        for contender in (OURS, OLDER)
        if contender in bench.pythons
    }


def profile_first_replay(bench: Bench, file: Path) -> None:
    """Profile a whole run of one replayed call."""
    python, folder = (
        bench.python(OURS),
        project(bench.folder / "profile", ["measured:fetch"], FETCH),
    )
    pytest(python, folder, "--mimic-record")
    pytest(python, folder)
    run([str(python), "-m", "cProfile", "-o", str(file), *PYTEST], folder)


@contextmanager
def startup(bench: Bench) -> Iterator[dict[str, Measure]]:
    """Runs of one empty test with a plugin, each less one without; and the time to load its entry point."""
    folder = project(bench.folder, (), EMPTY)
    (folder / "empty_plugin.py").write_text(
        "def pytest_addoption(parser):\n    parser.addini('empty', 'nothing')\n"
    )

    def measure_of(contender: str, plugin: str) -> Measure:
        python = bench.python(contender)

        def measure() -> dict[str, float]:
            base = without_plugin(python, contender, folder)
            added = (pytest(python, folder) - base) * 1e3
            _, output = run([str(python), "-c", LOADS, *PYTEST[2:]], folder)
            loaded = dict(re.findall(r"^loaded (\S+) (\S+)", output, re.MULTILINE))
            return {
                "startup": added,
                "startup, entry point": float(loaded[plugin]) * 1e3,
            }

        measure()
        return measure

    def empty_plugin() -> dict[str, float]:
        python = bench.python(OURS)
        base = without_plugin(python, OURS, folder)
        return {
            "startup": (
                pytest(python, folder, "-p", "no:mimic", "-p", "empty_plugin") - base
            )
            * 1e3
        }

    plugins = {OURS: "mimic", OLDER: "pytest-mimic"}
    measures = {
        who: measure_of(who, plugin)
        for who, plugin in plugins.items()
        if who in bench.pythons
    }
    yield {**measures, FLOOR: empty_plugin}


@contextmanager
def empty_tests(bench: Bench) -> Iterator[dict[str, Measure]]:
    """Whole suites of tests that call nothing, ours with a target that is configured."""
    tests = "import measured\n" + "".join(
        EMPTY.replace("empty", f"{n}") for n in range(MANY)
    )
    own = project(bench.folder / OURS, ["measured:fetch"], tests)
    other = project(bench.folder / FLOOR, (), tests)

    def measure(python: Path, folder: Path) -> dict[str, float]:
        return {f"{MANY:,} empty tests": pytest(python, folder) * 1e3}

    yield {
        OURS: partial(measure, bench.python(OURS), own),
        FLOOR: partial(measure, bench.pythons["recording"], other),
    }


CASES = [
    Case(
        "first_replay",
        [Row("first_replay", "ms", {OLDER: 0.5})],
        first_replay,
        rounds=9,
        profile=profile_first_replay,
    ),
    Case(
        "startup",
        [
            Row("startup", "ms", {OURS: 3}, floor="an empty plugin"),
            Row("startup, entry point", "ms", {OURS: 2, OLDER: 0.12}),
        ],
        startup,
        rounds=9,
    ),
    Case(
        "empty_tests",
        [Row(f"{MANY:,} empty tests", "ms", {FLOOR: 1.0}, floor="pytest-recording")],
        empty_tests,
    ),
]
