"""Every kind of value, exception, stream and call is recorded, replayed, checked and shown."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

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
