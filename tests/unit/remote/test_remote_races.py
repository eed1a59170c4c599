"""Recordings of a remote vault outlive what other machines, and a failing store, do to them at the worst moment."""

from __future__ import annotations

from pathlib import Path

from pytest_mimic._remote.place import parse_place
from pytest_mimic._remote.store import RemoteStore

NAMES = [f"calls/shop.prices/fetch/{number:07x}.json" for number in range(8)]
OBJECT = f"objects/ab/{'ab' * 16}-1.pkl"


def open_vault(folder: Path, machine: str = "machine") -> RemoteStore:
    """Return the vault in a folder as one machine sees it, which has a cache of its own."""
    return RemoteStore(parse_place((folder / "bucket").as_uri()), str(folder / machine))


def naming(*objects: str) -> bytes:
    """Return the content of a recording that names objects."""
    return " ".join(objects).encode()


def test_an_object_of_two_recordings_stays_when_one_of_them_goes(tmp_path):
    """Each recording keeps its objects, also if another one in the same pack has an equal one."""
    store = open_vault(tmp_path)
    store.write(OBJECT, b"object")
    for name in NAMES[:3]:
        store.write(name, naming(OBJECT))
    store.flush()
    for name in NAMES[:2]:
        store.write(name, b"another outcome")
        store.flush()

    other = open_vault(tmp_path, "other")

    assert other.read(NAMES[2]) == naming(OBJECT)
    assert other.read(OBJECT) == b"object"
