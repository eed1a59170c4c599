"""A vault in a revision of git, read without checking it out."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.git import git

from pytest_mimic._tools.cli.revision import Repository, RevisionStore
from pytest_mimic.errors import MimicError


def store_of(vault: Path, revision: str = "HEAD") -> RevisionStore:
    repository = Repository(vault)
    return RevisionStore(repository, repository.commit(revision))


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


def test_files_are_those_of_the_revision(vault: Path) -> None:
    first, second = (store_of(vault, revision) for revision in ("HEAD~1", "HEAD"))
    (vault / "calls/other.json").write_bytes(b"3")

    assert [store.read("calls/other.json") for store in (first, second)] == [b"1", b"2"]
    assert sorted(first.names("calls")) == ["calls/other.json", "calls/same.json"]
    assert first.size("calls/new.json") is None


def test_a_vault_that_archives_leave_out_is_read(vault: Path) -> None:
    (vault.parent / ".gitattributes").write_text("/vault export-ignore\n")
    git(vault.parent, "add", "-A")
    git(vault.parent, "commit", "-q", "-m", "left out")

    store = store_of(vault)

    assert store.read("calls/other.json") == b"2"
    assert sorted(store.names("calls")) == ["calls/other.json", "calls/same.json"]


def test_a_vault_behind_a_link_is_that_of_its_folder(vault: Path) -> None:
    link = vault.parent / "link"
    link.symlink_to(vault)

    assert store_of(link).read("calls/other.json") == b"2"


def test_a_link_in_a_revision_is_known_and_not_read(vault: Path) -> None:
    (vault / "calls/link.json").symlink_to("same.json")
    git(vault.parent, "add", "-A")
    git(vault.parent, "commit", "-q", "-m", "a link")

    store = store_of(vault)

    assert "calls/link.json" in store.tracked
    assert store.read("calls/link.json") is None


def test_a_repository_without_a_commit_is_said(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")

    with pytest.raises(MimicError, match="has no commit yet"):
        Repository(tmp_path / "vault").commit("HEAD")
