"""A review on a pseudo-terminal, whose output the documentation shows."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pty", reason="needs pseudo-terminals")
pytest.importorskip("PIL", reason="needs Pillow")

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script() -> Any:
    """The script that makes the documentation's terminal."""
    spec = importlib.util.spec_from_file_location("review_transcript", ROOT / "scripts/review_transcript.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_letters_decide_and_the_documentation_shows_it(
    script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    shown = "".join(script.transcript(tmp_path))
    rest = script.review(tmp_path, keys="r")

    assert shown == (ROOT / "docs/_terminal/review.txt").read_text(encoding="utf-8")
    assert re.findall("^> (.)$", shown, re.MULTILINE) == list("arsa")
    assert rest.endswith("\n1 refused\n")
    vault = b"".join(path.read_bytes() for path in (tmp_path / ".mimic_vault/calls").rglob("*.json"))
    assert b"Kenya" in vault
    assert b"2.75" in vault
    assert b'"4711"' in vault
    assert not list(tmp_path.glob(f".*{os.getpid()}*"))
