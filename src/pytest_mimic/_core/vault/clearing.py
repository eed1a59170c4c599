"""Deletes recordings, and the objects to which no recording points any longer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._core.vault.file_names import FOLDERS
from pytest_mimic._core.vault.parsing import is_object, parse_recording, references
from pytest_mimic.errors import CorruptRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.vault.store import Store


class Cleared(NamedTuple):
    """The numbers of deleted recordings, of deleted objects, and of the objects' bytes.

    Attributes:
        is_held: Whether all objects stay, because a run of another process may need them.
    """

    recordings: int
    objects: int
    bytes: int
    is_held: bool = False


def delete(store: Store, names: Collection[str], objects: Iterable[str] | None = None) -> Cleared:
    """Delete recordings and cassettes, and those of the objects, or of all, that no other one names.

    A crash may have left objects that no recording ever named. Temporary files of killed writers go, too.
    """
    with store.alone() as is_alone:
        deleted = remove(store, names)
        if not is_alone:
            return Cleared(deleted, 0, 0, is_held=True)
        if objects is None:
            store.delete(store.leftovers())
        left = dict.fromkeys(filter(is_object, store.names("objects")) if objects is None else objects)
        for name in chain.from_iterable(map(store.names, FOLDERS)) if left else ():
            data = store.read(name) or b""
            if name.endswith(".json") and not _is_whole(data):
                return Cleared(deleted, 0, 0)  # a damaged recording may have named any object
            for named in references(data):
                left.pop(named, None)
            if not left:
                break
        freed = sum(store.size(name) or 0 for name in left)
        return Cleared(deleted, remove(store, left), freed)


def remove(store: Store, names: Collection[str]) -> int:
    """Delete files, and the folders that are empty then; return how many of the files existed."""
    deleted = store.delete(names)
    store.prune({name.rpartition("/")[0] for name in names})
    return deleted


def _is_whole(data: bytes) -> bool:
    """Return whether a file is a whole recording or cassette, of an older format too."""
    try:
        parse_recording(data, "", "")
    except CorruptRecordingError as error:
        return "outdated" in error.data
    return True
