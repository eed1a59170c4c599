"""Tests for the store in which an import is tried."""

from __future__ import annotations

from pathlib import Path

from pytest_mimic._core.vault import FolderStore
from pytest_mimic._tools.foreign.overlay import ImportOverlay

NAME = "calls/http/0123456789abcdef0123456789abcdef.json"
OTHER = "calls/http/fedcba9876543210fedcba9876543210.json"


def overlay(tmp_path: Path) -> tuple[ImportOverlay, FolderStore]:
    """Return a store over a vault that has one recording, and the vault's store."""
    vault = FolderStore(tmp_path / "vault")
    vault.write(NAME, b"recorded")
    return ImportOverlay(FolderStore(tmp_path / "over"), vault), vault


def test_what_is_written_hides_the_file_of_the_vault_and_leaves_it_as_it_is(
    tmp_path: Path,
) -> None:
    store, vault = overlay(tmp_path)
    store.write(NAME, b"imported")
    store.write(OTHER, b"imported, too")

    assert store.read(NAME) == b"imported"
    assert sorted(store.names("calls")) == [NAME, OTHER]
    assert vault.read(NAME) == b"recorded"
    assert list(vault.names()) == [NAME]


def test_the_files_of_the_vault_are_read_and_cannot_be_deleted(tmp_path: Path) -> None:
    store, vault = overlay(tmp_path)

    deleted = store.delete([NAME])

    assert deleted == 0
    assert store.read(NAME) == vault.read(NAME) == b"recorded"


def test_a_recording_equal_to_that_of_the_vault_has_not_changed(tmp_path: Path) -> None:
    store, _ = overlay(tmp_path)
    store.write(NAME, b"recorded")
    store.write(OTHER, b"imported")

    assert store.changed_recordings() == [OTHER]
