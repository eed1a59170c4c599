"""Known identities and texts, under three hash seeds and on every Python that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_mimic

HERE = Path(__file__).parent
KNOWN = (HERE / "known_fingerprints.txt").read_text(encoding="utf-8")
PYTHONS = [f"python3.{minor}" for minor in range(10, 15)]


def printed(python, seed, folder=HERE):
    """Return the output of the script, run by a Python in a folder under a hash seed."""
    sources = Path(pytest_mimic.__file__).parents[1]
    environment = {
        **os.environ,
        "PYTHONHASHSEED": str(seed),
        "PYTHONPATH": str(sources),
        "PYTHONIOENCODING": "utf-8",
    }
    script = folder / "known_fingerprints.py"
    done = subprocess.run([python, script], env=environment, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.stdout


@pytest.mark.parametrize("seed", [0, 1, 4711])
def test_identities_are_the_same_under_any_hash_seed(seed):
    assert printed(sys.executable, seed) == KNOWN


def test_identities_are_the_same_in_another_folder(tmp_path):
    shutil.copy(HERE / "known_fingerprints.py", tmp_path)

    assert printed(sys.executable, 0, tmp_path) == KNOWN


@pytest.mark.parametrize("name", PYTHONS)
def test_identities_are_the_same_on_other_pythons(name):
    python = shutil.which(name)
    if python is None or subprocess.run([python, "-c", "import xxhash"], capture_output=True).returncode:
        pytest.skip(f"no {name} with xxhash here")

    assert printed(python, 2) == KNOWN
