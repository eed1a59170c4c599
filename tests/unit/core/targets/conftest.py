"""Packages that targets name."""

from __future__ import annotations

import pytest


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A package and a nested namespace package whose import fails."""
    for name in ("shop/__init__.py", "shop/api.py", "space/inner/deep.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
