"""The frozen recordings replay: recordings of format 8, made with the versions in their manifest."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

LIBRARIES = (
    "aiohttp",
    "anthropic",
    "httpx2",
    "openai",
    "pandas",
    "psycopg",
    "redis",
    "scipy",
    "sqlalchemy",
)
# They are not imported: the SDKs have thousands of modules, through which each run in
# this process would search.
pytestmark = pytest.mark.skipif(
    any(find_spec(name) is None for name in LIBRARIES),
    reason="the frozen recordings need all of these libraries",
)
SCRIPT = Path(__file__).parents[2] / "scripts" / "frozen_recordings.py"


def test_frozen_recordings_replay():
    done = subprocess.run(
        [sys.executable, SCRIPT, "replay"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
