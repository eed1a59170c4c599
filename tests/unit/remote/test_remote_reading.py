"""A remote vault is read as it was when the process has looked last, from packs, loose recordings and local copies."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_mimic._remote.place import parse_place
from pytest_mimic._remote.store import RemoteStore

NAMES = [f"calls/shop.prices/fetch/{number:07x}.json" for number in range(3)]


def open_vault(folder: Path, machine: str = "machine") -> RemoteStore:
    """Return the vault in a folder as one machine sees it, which has a cache of its own."""
    return RemoteStore(parse_place((folder / "bucket").as_uri()), str(folder / machine))


@pytest.fixture
def writer(tmp_path: Path) -> RemoteStore:
    """A machine that has recorded all names, which are in a pack."""
    store = open_vault(tmp_path, "writer")
    for name in NAMES:
        store.write(name, b"packed")
    store.flush()
    return store


def test_newer_recording_in_no_pack_counts_from_the_next_look_on(writer, tmp_path):
    """Also for a process that has read the pack."""
    reader = open_vault(tmp_path)
    assert reader.read(NAMES[0]) == b"packed"
    writer.write(NAMES[0], b"newer")
    assert reader.read(NAMES[0]) == b"packed"

    reader.refresh()

    assert reader.read(NAMES[0]) == b"newer"
