"""Forged outcomes by the thousand, made in a process that is full of hooks and watched: none of them runs, imports, opens or changes anything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("attr")
pytest.importorskip("pydantic")
ATTACKS = Path(__file__).parents[1] / "support" / "attacks.py"
# At each change a sample of each kind: importing all libraries takes longest.
FEW = "attr", "pydantic", "numpy"
SEEDS = [(1, 1_500, FEW)]
SEEDS += [pytest.param(seed, 5_000, (), marks=pytest.mark.rare) for seed in (2, 3, 4)]


@pytest.mark.parametrize(("seed", "count", "libraries"), SEEDS)
def test_nothing_runs_whatever_a_readable_outcome_holds(
    seed, count, libraries, tmp_path
):
    command = [sys.executable, str(ATTACKS), str(seed), str(count), *libraries]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    *found, counts = map(json.loads, done.stdout.splitlines())
    assert found == []
    assert sum(counts["counts"].values()) == count
    # Not everything is refused: what the tables know is made.
    assert counts["counts"]["hooked classes: made"] > count // 100
    assert list(tmp_path.iterdir()) == []
