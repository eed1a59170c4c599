"""The packages that run the tests."""

from __future__ import annotations

from typing import Final

TEST_MACHINERY: Final = frozenset({"_pytest", "execnet", "pluggy", "pytest", "pytest_mimic", "xdist"})
"""The packages that run the tests, which keep the real functions: pytest, pytest-xdist, what these two are built on, and
this plugin."""


def is_machinery(module: str) -> bool:
    """Return whether a module belongs to a package that runs the tests."""
    return module.partition(".")[0] in TEST_MACHINERY
