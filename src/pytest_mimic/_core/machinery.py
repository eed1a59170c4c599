"""The packages that run the tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

PACKAGE: Final = f"{Path(__file__).parents[1]}{os.sep}"
"""The folder of this plugin, as the files of its frames begin."""

TEST_MACHINERY: Final = frozenset({"_pytest", "execnet", "pluggy", "pytest", "pytest_mimic", "xdist"})
"""The packages that run the tests, which keep the real functions: pytest, pytest-xdist, what these two are built on, and
this plugin."""


def is_machinery(module: str) -> bool:
    """Return whether a module belongs to a package that runs the tests."""
    return module.partition(".")[0] in TEST_MACHINERY
