"""The start of a run.

Nothing is mimicked, or there is one target and one replayed call; and there are tests
that call nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.cases.base import Bench, Case, Measure, Row
from bench.contenders import BEFORE, FLOOR, OLDER, OURS, PLUGINS, RECORDING
from bench.processes import (
    PYTEST_OPTIONS,
    Figures,
    make_project,
    profile_pytest,
    run,
    run_pytest,
    run_without_plugin,
)

EMPTY_TEST = """\
def test_empty():
    pass
"""
EMPTY_TESTS = 1000
FETCH = "measured:fetch"
TEST_OF_FETCH = """\
import measured


def test_fetch():
    assert measured.fetch(1, {'a': 2}) == {'n': 1}
"""
EMPTY_PLUGIN = """\
def pytest_addoption(parser):
    parser.addini('empty', 'nothing')
"""
# pytest, which prints how many seconds of wall time the entry points took to load.
PYTEST_THAT_PRINTS_LOADS = """
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
    """Runs of one replayed call, in ms of CPU time.

    The time of a run with the plugin turned off is taken off.
    """
    measures: dict[str, Measure] = {}
    for contender in bench.runnable(OURS, BEFORE, OLDER):
        project = bench.folder / contender / "on"
        project_without_plugin = bench.folder / contender / "off"
        make_project(project, [FETCH], TEST_OF_FETCH)
        make_project(project_without_plugin, (), TEST_OF_FETCH)
        run_pytest(bench.python(contender), project, "--mimic-record")
        measure = partial(
            _first_replay, bench, contender, project, project_without_plugin
        )
        # The first runs write the bytecode of what they import.
        measure()
        measures[contender] = measure
    yield measures


def _first_replay(
    bench: Bench, contender: str, project: Path, project_without_plugin: Path
) -> Figures:
    """Return what a run with a replayed call takes above one without the plugin."""
    python = bench.python(contender)
    base = run_without_plugin(python, contender, project_without_plugin)
    return {"first_replay": (run_pytest(python, project) - base) * 1e3}


def profile_first_replay(bench: Bench, file: Path) -> None:
    """Profile a whole run of one replayed call."""
    python = bench.python(OURS)
    folder = make_project(bench.folder / "profile", [FETCH], TEST_OF_FETCH)
    run_pytest(python, folder, "--mimic-record")
    # Writes the bytecode of what a replay imports.
    run_pytest(python, folder)
    profile_pytest(python, folder, file)


@contextmanager
def startup(bench: Bench) -> Iterator[dict[str, Measure]]:
    """Runs of one empty test with a plugin, in ms of CPU time.

    The time of a run without the plugin is taken off. A second figure is the time to
    load the plugin's entry point, in ms of wall time. The floor is a plugin that only
    adds a setting.
    """
    make_project(bench.folder, (), EMPTY_TEST)
    (bench.folder / "empty_plugin.py").write_text(EMPTY_PLUGIN)
    measures: dict[str, Measure] = {}
    for contender in bench.runnable(OURS, BEFORE, OLDER):
        measure = partial(_startup, bench, contender)
        # The first runs write the bytecode of what they import.
        measure()
        measures[contender] = measure
    measures[FLOOR] = partial(_startup_of_empty_plugin, bench)
    yield measures


def _startup(bench: Bench, contender: str) -> Figures:
    """Return what a contender's plugin adds to a run, and what its import takes."""
    python = bench.python(contender)
    base = run_without_plugin(python, contender, bench.folder)
    added = run_pytest(python, bench.folder) - base
    command = [str(python), "-c", PYTEST_THAT_PRINTS_LOADS, *PYTEST_OPTIONS]
    _, output = run(command, bench.folder)
    names_and_seconds = re.findall(r"^loaded (\S+) (\S+)", output, re.MULTILINE)
    seconds_by_name = dict(names_and_seconds)
    return {
        "startup": added * 1e3,
        "startup, entry point": float(seconds_by_name[PLUGINS[contender]]) * 1e3,
    }


def _startup_of_empty_plugin(bench: Bench) -> Figures:
    """Return what the empty plugin adds to a run without ours."""
    python = bench.python(OURS)
    base = run_without_plugin(python, OURS, bench.folder)
    options = ["-p", f"no:{PLUGINS[OURS]}", "-p", "empty_plugin"]
    return {"startup": (run_pytest(python, bench.folder, *options) - base) * 1e3}


@contextmanager
def empty_tests(bench: Bench) -> Iterator[dict[str, Measure]]:
    """Whole runs of 1,000 tests that call nothing, in ms of CPU time.

    A target is configured for ours. The floor is pytest-recording, a plugin around
    vcrpy.
    """
    tests = "import measured\n"
    for number in range(EMPTY_TESTS):
        tests += f"def test_{number}():\n    pass\n"
    ours = make_project(bench.folder / OURS, [FETCH], tests)
    floor = make_project(bench.folder / FLOOR, (), tests)

    def measure(python: Path, folder: Path) -> Figures:
        return {f"{EMPTY_TESTS:,} empty tests": run_pytest(python, folder) * 1e3}

    yield {
        **{
            name: partial(measure, bench.python(name), ours)
            for name in bench.runnable(OURS, BEFORE)
        },
        FLOOR: partial(measure, bench.python(RECORDING), floor),
    }


CASES = [
    Case(
        "first_replay",
        [Row("first_replay", "ms")],
        first_replay,
        rounds=9,
        profile=profile_first_replay,
    ),
    Case(
        "startup",
        [
            Row("startup", "ms", floor="an empty plugin"),
            Row("startup, entry point", "ms"),
        ],
        startup,
        rounds=9,
    ),
    Case(
        "empty_tests",
        [
            Row(
                f"{EMPTY_TESTS:,} empty tests",
                "ms",
                floor="pytest-recording",
            )
        ],
        empty_tests,
    ),
]
