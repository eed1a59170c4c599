"""The table of clients by name."""

from __future__ import annotations

import subprocess
import sys


def test_clients_import_neither_clients_nor_asyncio():
    code = """
import sys
import pytest_mimic._run.configuration
from pytest_mimic._core.seam.base import load_adapter
before = set(sys.modules)
for name in ("httpx", "httpx2", "requests", "aiohttp"):
    assert load_adapter(name).edges()
print(*sorted({"aiohttp", "asyncio", "http.client", "httpx", "httpx2", "requests", "urllib3"} & (set(sys.modules) - before)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == ""
