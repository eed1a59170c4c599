"""Outcomes of random opcodes, as strangers could write them: nothing unlisted happens in a process that watches."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.promise("what a pickle calls is listed as code, unless it makes a plain value")
@pytest.mark.promise("a pickle changes nothing that it imports")
def test_5000_random_pickles_do_nothing_that_is_not_listed(tmp_path):
    """They call, make, change and combine names of a project, pydantic, numpy, pandas and the standard library."""
    script = Path(__file__).with_name("fuzzed_pickles.py")

    run = subprocess.run(
        [sys.executable, script, "33", "5000"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (run.returncode, run.stderr) == (0, ""), run.stdout
    loaded = re.search(r"loaded (\d+) of 5000", run.stdout)
    assert loaded is not None
    assert int(loaded[1]) > 300
    assert list(tmp_path.iterdir()) == []
