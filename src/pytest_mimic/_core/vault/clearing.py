"""Deletes recordings, and the objects to which no recording points any longer."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._core.vault.file_names import FOLDERS, OBJECTS_LOCK
from pytest_mimic._core.vault.parsing import REFERENCE, is_object, is_whole

if TYPE_CHECKING:
    from pytest_mimic._core.vault.store import Store


class Cleared(NamedTuple):
    """The numbers of deleted recordings, of deleted objects, and of the objects' bytes.

    Attributes:
        is_held: Whether all objects stay, because a run of another process may put back recordings that name them.
    """

    recordings: int
    objects: int
    bytes: int
    is_held: bool = False


def delete(store: Store, names: Collection[str]) -> Cleared:
    """Delete recordings and cassettes, and all objects that no other one names; see `Vault.delete`."""
    if store.keeps_objects:
        return Cleared(remove(store, names), 0, 0)
    store.sweep()
    # A writer holds the lock until its recording names its objects.
    with store.lock(OBJECTS_LOCK):
        deleted = remove(store, names)
        if store.run_mark is not None and store.run_mark.is_set_elsewhere():
            return Cleared(deleted, 0, 0, is_held=True)
        # All objects are examined: a crash may have left some that no recording ever named.
        cleared = _delete_unreferenced(store, filter(is_object, store.names("objects")))
    return cleared._replace(recordings=deleted)


def collect(store: Store, objects: Iterable[str]) -> Cleared:
    """Delete those of the objects that no recording names; see `Vault.collect`."""
    objects = list(objects)
    if not objects or store.keeps_objects:
        return Cleared(0, 0, 0)
    with store.lock(OBJECTS_LOCK):
        return _delete_unreferenced(store, objects)


def references(data: bytes) -> set[str]:
    """Return every object that a file names, also a damaged file."""
    return {name.decode() for name in re.findall(REFERENCE.encode(), data)}


def remove(store: Store, names: Collection[str]) -> int:
    """Delete files, and the folders that are empty then; return how many of the files existed."""
    deleted = store.delete(names)
    store.prune({name.rpartition("/")[0] for name in names})
    return deleted


def _delete_unreferenced(store: Store, objects: Iterable[str]) -> Cleared:
    """Delete the objects that no file names. The caller holds the lock."""
    left = dict.fromkeys(objects)
    for name in chain.from_iterable(map(store.names, FOLDERS)) if left else ():
        data = store.read(name)
        if data is not None and name.endswith(".json") and not is_whole(data):
            return Cleared(0, 0, 0)  # a damaged recording may have named any object
        for named in references(data or b""):
            left.pop(named, None)
        if not left:
            break
    freed = sum(store.size(name) or 0 for name in left)
    return Cleared(0, remove(store, left), freed)
