"""What is recorded with numpy 2 replays with numpy 1.26, and the other way round."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

PYTHONS = [sys.executable, os.environ.get("MIMIC_NUMPY1", "")]

MODULE = '''
    import numpy as np
    import scipy.sparse

    class Own(np.ndarray):
        """An array of a class of its own."""

    random = np.random.default_rng(3).random((40, 50))
    VALUES = {
        "floats": np.array([1.0, np.nan]),
        "truth": [np.array([True]), np.bool_(True)],
        "numbers": [np.int64(5), np.float32(0.1), np.complex64(1j), np.str_("a")],
        "large": random,
        "columns": np.asfortranarray(random),
        "nested": {"a": [random, random * 2]},
        "objects": np.array([None, "a", np.float64(2)], dtype=object),
        "texts": np.array(["a", "bc"] * 60),
        "moments": [np.array(["2024-01-01", "NaT"], "M8[ns]"), np.datetime64("2024", "s")],
        "records": np.ones(3, [("a", "i4"), ("b", "f8")]),
        "own": np.zeros(2).view(Own),
        "rows of records": np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        "old texts": np.char.array(["a", "bc"]),
        "matrix": np.matrix([[1, 2]]),
        "rows": scipy.sparse.csr_matrix(np.eye(3)),
        "dtype": np.dtype("f8"),
        "functions": [np.add, np.mean, np.float32],
        "generator": np.random.default_rng(5),
        "old": np.random.RandomState(5),
        "seed": np.random.SeedSequence(8),
    }

    def give(name):
        return VALUES[name]

    def take(name, value):
        return name
'''
TESTS = """
    import pytest, pytest_mimic, things

    @pytest.mark.parametrize("name", things.VALUES)
    def test_it(name):
        value = things.VALUES[name]
        assert things.take(name, value) == name
        given = things.give(name)
        assert pytest_mimic.fingerprint(given) == pytest_mimic.fingerprint(value)
"""


@pytest.mark.parametrize("pythons", [PYTHONS, PYTHONS[::-1]], ids=["back", "forth"])
def test_each_numpy_replays_what_the_other_has_recorded(tmp_path, pythons):
    (tmp_path / "things.py").write_text(dedent(MODULE))
    (tmp_path / "test_things.py").write_text(dedent(TESTS))
    lines = "[pytest]\nmimic_functions =\n    things:give\n    things:take\n"
    (tmp_path / "pytest.ini").write_text(lines)
    one, other = pythons

    assert "40 calls of 20 tests recorded" in run(tmp_path, one, "--mimic-record")
    assert "40 calls replayed" in run(tmp_path, other)


def run(folder: Path, python: str, *arguments: str) -> str:
    command = [python, "-m", "pytest", "-p", "no:randomly", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout
