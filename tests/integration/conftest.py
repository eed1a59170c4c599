"""What the tests of imported cassettes share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def take_over(project):
    """Imports into the project, and returns the exit code and what was printed."""

    def run(*words):
        answer = project.command("import", *words)
        return answer.code, answer.text

    return run


@pytest.fixture
def keep(project):
    """Copies a recorded cassette into the project."""

    def copy(name, place):
        path: Path = project.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(__file__).parents[1] / "vcr_cassettes" / name, path)
        return path

    return copy
