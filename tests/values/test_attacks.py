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
RARE = pytest.mark.rare
# Each Monday, and here a sample of each.
SEEDS = [(1, 2_700), *(pytest.param(seed, 5_000, marks=RARE) for seed in (2, 3, 4))]


@pytest.mark.parametrize(("seed", "count"), SEEDS)
def test_nothing_runs_whatever_a_readable_outcome_holds(seed, count, tmp_path):
    command = [sys.executable, str(ATTACKS), str(seed), str(count)]
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
