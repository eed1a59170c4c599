"""The distribution is made of nothing of pytest-mimic but `pytest_mimic.client`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest_mimic_grpc


def test_the_adapter_is_made_of_what_every_adapter_is_made_of():
    used = set()
    for path in Path(pytest_mimic_grpc.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                used.add(node.module)
            elif isinstance(node, ast.Import):
                used.update(alias.name for alias in node.names)

    ours = {name for name in used if name.partition(".")[0] == "pytest_mimic"}
    assert ours == {"pytest_mimic.client"}
