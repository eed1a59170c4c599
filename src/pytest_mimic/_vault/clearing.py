"""Deletes recordings, and the objects to which no recording points any longer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._vault.names import FOLDERS
from pytest_mimic._vault.parsing import REFERENCES, is_object, is_readable
from pytest_mimic._vault.writing import OBJECTS_LOCK

if TYPE_CHECKING:
    from pytest_mimic._vault.store import Store


class Cleared(NamedTuple):
    """The numbers of deleted recordings, of deleted objects, and of their bytes."""

    recordings: int
    objects: int
    bytes: int


def delete(store: Store, names: Iterable[str]) -> Cleared:
    """Delete recordings and cassettes, and all objects that no other one names; see `Vault.delete`."""
    sweep = getattr(store, "sweep", None)
    if sweep is not None:  # a store without temporary files has no leftovers of them
        sweep()
    # A writer holds the lock until its recording names its objects.
    with store.lock(OBJECTS_LOCK):
        sizes = remove(store, list(names))
        # All objects are examined: a crash may have left some that no recording ever named.
        cleared = _delete_unreferenced(store, set(filter(is_object, store.names("objects"))))
    return Cleared(len(sizes), cleared.objects, sum(sizes) + cleared.bytes)


def collect(store: Store, objects: Iterable[str]) -> Cleared:
    """Delete those of the objects that no recording names; see `Vault.collect`."""
    objects = set(objects)
    if not objects:
        return Cleared(0, 0, 0)
    with store.lock(OBJECTS_LOCK):
        return _delete_unreferenced(store, objects)


def references(data: bytes) -> set[str]:
    """Return every object that a file names, also a damaged file."""
    return {name.decode() for name in REFERENCES.findall(data)}


def remove(store: Store, names: Collection[str]) -> list[int]:
    """Delete files, and the folders that are empty then; return the files' sizes in bytes."""
    sizes = store.delete(names)
    prune = getattr(store, "prune", None)
    if prune is not None:  # a store without folders has nothing to prune
        prune({name.rpartition("/")[0] for name in names})
    return sizes


def _delete_unreferenced(store: Store, objects: set[str]) -> Cleared:
    """Delete the objects that no file names. The caller holds the lock."""
    for folder in FOLDERS if objects else ():
        for name in store.names(folder):
            data = store.read(name)
            if data is not None and name.endswith(".json") and not is_readable(data):
                return Cleared(0, 0, 0)  # a damaged recording may have named any object
            objects = objects - references(data or b"")
    sizes = remove(store, objects)
    return Cleared(0, len(sizes), sum(sizes))
