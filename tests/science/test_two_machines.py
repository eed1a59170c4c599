"""A model recorded with one set of versions is replayed with another: `MIMIC_LAPTOP` is a Python that has it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LAPTOP = os.environ.get("MIMIC_LAPTOP", "")
LAB = Path(__file__).parent / "lab"


@pytest.mark.skipif(not LAPTOP, reason="needs MIMIC_LAPTOP")
@pytest.mark.parametrize("way", ["there", "back"])
def test_the_other_machine_replays_all_that_one_has_recorded(tmp_path, way):
    shutil.copytree(LAB, tmp_path, dirs_exist_ok=True)
    one, other = (
        (sys.executable, LAPTOP) if way == "there" else (LAPTOP, sys.executable)
    )

    assert "25 passed" in run(tmp_path, one, "--mimic-record")
    assert "25 passed" in run(tmp_path, other)


def run(folder: Path, python: str, *arguments: str) -> str:
    command = [python, "-m", "pytest", "-Wignore", "-pno:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout
