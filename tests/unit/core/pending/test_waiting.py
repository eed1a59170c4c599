"""A store over a vault: what a run writes and deletes is seen, and the vault stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_mimic._core.pending.waiting import OverlayStore
from pytest_mimic._core.vault import FolderStore

OLD, NEW = "calls/shop/ask/old.json", "calls/shop/ask/new.json"


@pytest.fixture
def vault(tmp_path: Path) -> FolderStore:
    """A vault with one recording."""
    store = FolderStore(tmp_path / "vault")
    store.write(OLD, b"before")
    return store


@pytest.fixture
def store(tmp_path: Path, vault: FolderStore) -> OverlayStore:
    return OverlayStore(FolderStore(tmp_path / "over"), vault)


def seen(store: OverlayStore, name: str) -> tuple[object, object, object]:
    """Return what each way to read a file says of it."""
    data = store.map(name)
    return store.read(name), None if data is None else bytes(data), store.size(name)


def test_what_is_written_hides_the_file_of_the_vault(store, vault):
    store.write(OLD, b"after")
    store.write(NEW, b"more")

    assert seen(store, OLD) == (b"after", b"after", 5)
    assert sorted(store.names("calls")) == sorted(store.names()) == [NEW, OLD]
    assert store.waiting() == [NEW, OLD]
    assert vault.read(OLD) == b"before"
    assert vault.read(NEW) is None


def test_what_is_deleted_is_gone_for_the_run_alone(store, vault):
    store.write(NEW, b"more")

    deleted = store.delete([OLD, NEW])

    assert (deleted, store.delete([OLD, NEW])) == (2, 0)
    assert seen(store, OLD) == seen(store, NEW) == (None, None, None)
    assert store.names() == []
    assert store.waiting() == [OLD]  # that it is to go is a change, too
    assert vault.read(OLD) == b"before"


def test_a_change_is_current_while_the_vault_is_as_it_was_when_it_was_first_made(
    store, vault
):
    store.write(OLD, b"after")
    assert store.is_current(OLD)

    vault.write(OLD, b"another one")
    store.write(OLD, b"after all")

    assert not store.is_current(OLD)


def test_a_new_recording_that_was_deleted_again_leaves_no_trace(store, vault):
    store.write(NEW, b"more")
    store.delete([NEW])
    vault.write(NEW, b"by another run")

    store.write(NEW, b"more")

    assert store.is_current(NEW)
