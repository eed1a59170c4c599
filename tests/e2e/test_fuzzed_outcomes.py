"""Outcomes of random opcodes, as strangers could write them: nothing unlisted happens in a process that watches."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def test_1500_random_pickles_do_nothing_that_is_not_listed(tmp_path):
    """They call, make, change and combine names of a project, pydantic, numpy, pandas and the standard library."""
    assert done_by("fuzzed_pickles.py", tmp_path) > 90


def done_by(script: str, folder: Path) -> int:
    """Return how many of 1,500 outcomes were not refused. The script watches what they do, and found nothing."""
    run = subprocess.run(
        [sys.executable, Path(__file__).with_name(script), "33", "1500"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, ""), run.stdout
    assert list(folder.iterdir()) == []
    found = re.search(r"loaded (\d+) of 1500", run.stdout)
    assert found is not None
    return int(found[1])
