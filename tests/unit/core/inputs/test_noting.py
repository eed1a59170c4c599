"""The list of the files that a call read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.inputs.noting import Trace
from pytest_mimic._core.inputs.project_sources import ProjectSources

LATER = 1 << 62


def trace(root: Path, *, started: int = LATER) -> Trace:
    sources = ProjectSources(Places(str(root)), root, root / ".mimic_vault")
    return Trace(sources, "nowhere:fetch", [], started=started)


@pytest.mark.parametrize(
    ("name", "mode", "flags", "is_noted"),
    [
        ("data/rates.csv", "r", 0, True),
        ("data/rates.csv", "rb", 0, True),
        ("data/rates.csv", None, os.O_RDONLY, True),
        ("data/rates.csv", "r+", 0, True),
        ("data/rates.csv", "w", 0, False),
        ("data/rates.csv", "a", 0, False),
        ("data/rates.csv", None, os.O_RDWR | os.O_CREAT, False),
        ("data/code.py", "r", 0, False),
        ("data/gone.csv", "r", 0, False),
        (".mimic_vault/a.json", "r", 0, False),
        ("lib/site-packages/a.json", "r", 0, False),
        (".hidden/a.csv", "r", 0, False),
    ],
)
def test_files_of_the_project_that_are_read_are_listed(
    tmp_path: Path, name: str, mode: Any, flags: int, is_noted: bool
) -> None:
    others = (".mimic_vault/a.json", "lib/site-packages/a.json", ".hidden/a.csv")
    for file in ("data/rates.csv", "data/code.py", *others):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("1")
    made = trace(tmp_path)

    made.opened(tmp_path / name, mode, flags)
    made.opened(3, "r", 0)

    text = made.noted().over(None, is_same=False)
    assert [*(json.loads(text)["files"] if text else ())] == [name] * is_noted


def test_a_file_that_the_run_has_written_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "made.csv").write_text("1")
    made = trace(tmp_path, started=1)

    made.opened(str(tmp_path / "made.csv"), "r", 0)

    assert made.noted().over(None, is_same=False) == ""


def test_a_list_stays_while_the_outcome_and_all_in_it_stay(tmp_path: Path) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text("1")
    other.write_text("1")
    first, second = trace(tmp_path), trace(tmp_path)
    first.opened(one, "r", 0)
    second.opened(other, "r", 0)
    before = first.noted().over(None, is_same=False).encode()

    assert second.noted().over(before, is_same=True).encode() == before
    assert "other.csv" in second.over(before, is_same=False)
    assert "other.csv" in second.over(b"{", is_same=True)
    one.write_text("2")
    third = trace(tmp_path)
    third.opened(other, "r", 0)
    assert "other.csv" in third.noted().over(before, is_same=True)
