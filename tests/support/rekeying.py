"""A fixture that runs `pytest-mimic rekey` in the project of a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support import face

Rekey = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def rekey(
    project: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Rekey:
    """Runs the command in the project, and returns its exit code and lines."""

    def run(*words: str) -> tuple[int, list[str]]:
        monkeypatch.chdir(project.root)
        capsys.readouterr()
        code = face.command(["rekey", *words])
        printed = capsys.readouterr()
        return code, (printed.out + printed.err).splitlines()

    return run
