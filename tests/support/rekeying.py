"""A fixture that runs `pytest-mimic rekey` in the project of a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Rekey = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def rekey(project: Any) -> Rekey:
    """Runs the command in the project, and returns its exit code and lines."""

    def run(*words: str) -> tuple[int, list[str]]:
        answer = project.command("rekey", *words)
        return answer.code, answer.lines

    return run
