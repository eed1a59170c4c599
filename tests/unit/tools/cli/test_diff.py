"""A vault in a revision of git, read without checking it out."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.git import git

from pytest_mimic._tools.cli.diff import GitStore


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    """A vault of which two revisions are committed."""
    folder = tmp_path / "vault"
    (folder / "calls").mkdir(parents=True)
    git(tmp_path, "init", "-q")
    for number in "12":
        (folder / "calls/same.json").write_bytes(b"same")
        (folder / "calls/other.json").write_bytes(number.encode())
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-q", "-m", number)
    return folder


def test_files_are_those_of_the_revision(vault):
    first, second = (GitStore(vault, revision) for revision in ("HEAD~1", "HEAD"))
    (vault / "calls/other.json").write_bytes(b"3")

    assert [store.read("calls/other.json") for store in (first, second)] == [b"1", b"2"]
    assert sorted(first.names("calls")) == ["calls/other.json", "calls/same.json"]
    assert first.size("calls/new.json") is None
