"""Which files a call reads, and the list that is stored of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.inputs.input_trace import InputTrace
from pytest_mimic._core.inputs.reached_and_read import ProjectSources

LATER = 1 << 62


def trace(root: Path, name: str, *, started: int = LATER) -> InputTrace:
    sources = ProjectSources(
        Places(str(root)), root, root / ".mimic_vault", started=started
    )
    made = InputTrace(sources, "nowhere:fetch", [])
    made.paths.add(str(root / name))
    return made


@pytest.mark.parametrize(
    ("name", "is_noted"),
    [
        ("data/rates.csv", True),
        ("data/gone.csv", False),
        ("data", False),
        (".hidden/a.csv", False),
        (".mimic_vault/a.json", False),
        ("lib/site-packages/a.json", False),
    ],
)
def test_files_of_the_project_that_are_read_are_listed(
    tmp_path: Path, name: str, is_noted: bool
) -> None:
    for file in (
        "data/rates.csv",
        ".hidden/a.csv",
        ".mimic_vault/a.json",
        "lib/site-packages/a.json",
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("1")

    text = trace(tmp_path, name).with_fingerprints().list_to_store(None, is_same=False)

    assert [*(json.loads(text)["files"] if text else ())] == [name] * is_noted


def test_a_file_that_the_run_has_written_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "made.csv").write_text("1")

    assert (
        trace(tmp_path, "made.csv", started=1)
        .with_fingerprints()
        .list_to_store(None, is_same=False)
        == ""
    )


def test_a_list_stays_while_the_outcome_and_all_in_it_stay(tmp_path: Path) -> None:
    for name in ("one.csv", "other.csv"):
        (tmp_path / name).write_text("1")
    before = (
        trace(tmp_path, "one.csv")
        .with_fingerprints()
        .list_to_store(None, is_same=False)
        .encode()
    )
    second = trace(tmp_path, "other.csv").with_fingerprints()

    assert second.list_to_store(before, is_same=True).encode() == before
    assert "other.csv" in second.list_to_store(before, is_same=False)
    assert "other.csv" in second.list_to_store(b"{", is_same=True)
    (tmp_path / "one.csv").write_text("2")
    assert "other.csv" in trace(
        tmp_path, "other.csv"
    ).with_fingerprints().list_to_store(before, is_same=True)
