"""Four jobs of a matrix as four processes: pytest-split deals out the tests, and xdist runs those of some jobs."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("pytest_split")
pytest.importorskip("xdist")

SHOP = """
    def fetch(city):
        return {"city": city}
"""
TESTS = """
    import pytest, shop

    @pytest.mark.parametrize("number", range(10))
    def test_{name}(number):
        assert shop.fetch(f"{name} {{number}}") == {{"city": f"{name} {{number}}"}}

    def test_once_{name}():
        assert shop.fetch("once {name}")
"""


def test_four_jobs_of_a_matrix(project):
    project.ini("shop:fetch", pythonpath=".", testpaths="tests")
    for name in ("a", "b", "c", "d"):
        project.write(f"tests/test_{name}.py", TESTS.format(name=name))
    project.record().expect(passed=44)
    project.write(
        "tests/test_a.py",
        TESTS.format(name="a").replace("test_once_a", "test_new_a").replace("once a", "a 1"),
    )
    project.write("tests/test_d.py", TESTS.format(name="d").replace("once d", "d 1"))
    before = project.files()

    jobs = [start_job(project, group, *workers) for group, workers in zip("1234", [["-n2"], [], ["-n1"], []])]
    said = [job.communicate(timeout=240)[0] for job in jobs]
    incomplete = command(project, *(f"usage-{group}.json" for group in "124"), "--clear")
    kept = project.files() == before
    cleared = command(project, *(f"usage-{group}.json" for group in "1234"), "--clear")

    assert [job.returncode for job in jobs] == [0, 0, 0, 0], said
    assert ["11 passed" in text for text in said] == [True] * 4, said
    assert incomplete.returncode == 2
    assert "ERROR: unused recordings not judged: 11 tests were not run" in incomplete.stderr
    assert kept
    assert cleared.returncode == 0, cleared.stdout + cleared.stderr
    assert cleared.stdout.splitlines()[1:] == [
        "cleared:",
        "  shop:fetch(city='once a')    recorded by tests/test_a.py::test_once_a, gone",
        "  shop:fetch(city='once d')    recorded by tests/test_d.py::test_once_d",
    ]
    assert len(before) - len(project.files()) == 2
    project.replay("--mimic-fail-on-unused").expect(passed=44)


def start_job(project, group, *workers):
    """Start a job of the matrix."""
    plugins = [
        "-p",
        "pytest_mimic.plugin",
        "-p",
        "pytest_split.plugin",
        *(["-p", "xdist"] if workers else []),
    ]
    words = ["--splits", "4", "--group", group, f"--mimic-usage=usage-{group}.json", *workers]
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-W", "error", *plugins, *words],
        cwd=project.root,
        env=project.environment({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def command(project, *words):
    """Call `pytest-mimic unused`."""
    return subprocess.run(
        [sys.executable, "-m", "pytest_mimic", "unused", *words],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
