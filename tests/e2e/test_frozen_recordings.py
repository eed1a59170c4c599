"""The frozen recordings replay: recordings of format 5 that were made with CPython 3.10."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

for name in (
    "aiohttp",
    "anthropic",
    "httpx2",
    "openai",
    "pandas",
    "psycopg",
    "redis",
    "scipy",
    "sqlalchemy",
):
    pytest.importorskip(name)

SCRIPT = Path(__file__).parents[2] / "scripts" / "frozen_recordings.py"


def test_frozen_recordings_replay():
    done = subprocess.run(
        [sys.executable, SCRIPT, "replay"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
