"""The workflow of GitHub Actions runs commands of the README, on each Python that is supported."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="needs pyyaml")

REPOSITORY = Path(__file__).parents[2]
WORKFLOW = REPOSITORY / ".github" / "workflows" / "tests.yml"


@pytest.fixture
def jobs() -> dict[str, Any]:
    jobs: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    return jobs


def test_the_commands_that_it_looks_for_are_in_the_readme(jobs: dict[str, Any]):
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    scripts = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    patterns = [
        found for script in scripts for found in re.findall(r"grep -m1 -oE '([^']+)' README.md", script)
    ]

    commands = [re.findall(pattern, readme)[:1] for pattern in patterns]

    venv = "python3 -m venv .venv && .venv/bin/pip install -q tox tox-uv && .venv/bin/tox run -e"
    assert commands == [[f"{venv} py"], [f"{venv} demo"]]


def test_it_runs_each_python_that_the_package_and_tox_name(jobs: dict[str, Any]):
    metadata = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    tox = ConfigParser(interpolation=None)
    tox.read(REPOSITORY / "tox.ini", encoding="utf-8")
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', metadata)

    matrix = jobs["tests"]["strategy"]["matrix"]

    assert matrix["python"] == named
    assert [name for name in tox["tox"]["env_list"].split(", ") if name[:2] == "py"] == [
        f"py{version.replace('.', '')}" for version in named
    ]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
