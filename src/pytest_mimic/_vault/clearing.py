"""Recordings deleted, and with them the objects that nothing points to any more."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from pytest_mimic._vault.names import FOLDERS
from pytest_mimic._vault.parsing import REFERENCES, is_object, is_readable
from pytest_mimic._vault.writing import OBJECTS_LOCK

if TYPE_CHECKING:
    from pytest_mimic._vault.store import Store

Counts = tuple[int, int, int]


def delete(store: Store, names: Iterable[str]) -> Counts:
    """See `Vault.delete`."""
    names = list(names)
    with store.lock(OBJECTS_LOCK):
        sizes = remove(store, names)
        # All objects are looked at: a crash may have left some that no recording ever named.
        _, freed, bytes_freed = _collect(store, set(filter(is_object, store.names("objects"))))
    return len(sizes), freed, sum(sizes) + bytes_freed


def collect(store: Store, objects: Iterable[str]) -> Counts:
    """See `Vault.collect`."""
    objects = set(objects)
    if not objects:
        return 0, 0, 0
    with store.lock(OBJECTS_LOCK):
        return _collect(store, objects)


def _collect(store: Store, objects: set[str]) -> Counts:
    """Delete those that no recording names; none where one cannot be read, which may name any. The lock is held."""
    if objects:
        rest = [name for folder in FOLDERS for name in store.names(folder)]
        found = _references(store, rest)
        objects = set() if found is None else objects - found
    sizes = remove(store, objects)
    return 0, len(sizes), sum(sizes)


def references(data: bytes) -> set[str]:
    """Every object that a file names; also one that is damaged."""
    return {name.decode() for name in REFERENCES.findall(data)}


def _references(store: Store, names: Iterable[str]) -> set[str] | None:
    """Every object that these files name; None where a recording among them does not say."""
    found: set[str] = set()
    for name in names:
        data = store.read(name)
        if data is not None and name.endswith(".json") and not is_readable(data):
            return None
        found |= references(data or b"")
    return found


def remove(store: Store, names: Collection[str]) -> list[int]:
    """Delete files, and the folders that are empty then, where the store has folders; the files' sizes in bytes."""
    sizes = store.delete(names)
    prune = getattr(store, "prune", None)
    if prune is not None:
        prune({name.rpartition("/")[0] for name in names})
    return sizes
