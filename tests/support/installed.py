"""Whether a library is installed, without importing it."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


def need(*names: str) -> None:
    """Skip the tests of the calling module, or the calling test, where one of these libraries is missing.

    Unlike `pytest.importorskip`, this is for libraries that only new processes import.
    In this process, each module costs
    every later search for the holders of a function: openai and anthropic have 3,500.

    Args:
        names: Of top-level packages.
    """
    for name in names:
        if find_spec(name) is None:
            pytest.skip(f"needs {name}", allow_module_level=True)
