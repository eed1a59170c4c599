"""A store over a vault: reads what it does not have from the vault, and writes nothing there."""

from __future__ import annotations

from collections.abc import Iterable, Set

from xxhash import xxh3_64_hexdigest

from pytest_mimic._core.vault.file_names import FOLDERS
from pytest_mimic._core.vault.folder import FolderStore
from pytest_mimic._core.vault.store import Data, Store

#: The folder of the marks of what was in the vault when a recording over it was first written.
BEFORE = "before"
# The content of a recording that is deleted over the vault.
_DELETED = b""


class OverlayStore(Store):
    """A store of the files that differ from those of a vault: `over` holds these, the vault is only read."""

    def __init__(self, over: FolderStore, vault: Store) -> None:
        self.over = over
        self.vault = vault

    def read(self, name: str) -> bytes | None:
        data = self.over.read(name)
        if data is None:
            return self.vault.read(name)
        return data if data != _DELETED else None

    def map(self, name: str) -> memoryview | None:
        found = self.over.map(name)
        if found is None:
            return self.vault.map(name)
        return found if len(found) else None

    def write(self, name: str, data: Data) -> None:
        if _is_recording(name) and self.over.size(f"{BEFORE}/{name}") is None:
            self.over.write(f"{BEFORE}/{name}", mark_of_content(self.vault.read(name)).encode())
        self.over.write(name, data)

    def delete(self, names: Iterable[str]) -> int:
        deleted = 0
        for name in names:
            if not _is_recording(name):
                deleted += self.over.delete([name])
            elif self.vault.size(name) is None:
                deleted += self.over.delete([name])
                self.over.delete([f"{BEFORE}/{name}"])
            else:
                deleted += self.size(name) is not None
                self.write(name, _DELETED)
        return deleted

    def size(self, name: str) -> int | None:
        size = self.over.size(name)
        if size is None:
            return self.vault.size(name)
        return size or None

    def names(self, prefix: str = "", *, without: Set[str] = frozenset()) -> list[str]:
        over = dict.fromkeys(self.over.names(prefix, without=without))
        found = [*self.vault.names(prefix, without=without | over.keys())]
        return found + [name for name in over if self.over.size(name) and not name.startswith(f"{BEFORE}/")]

    # -- what waits

    def waiting(self) -> list[str]:
        """Return the names of the recordings and cassettes that differ from those of the vault, sorted."""
        return sorted(name for folder in FOLDERS for name in self.over.names(folder))

    def is_current(self, name: str) -> bool:
        """Check whether the vault's file is as it was when another one was written over it."""
        return self.over.read(f"{BEFORE}/{name}") == mark_of_content(self.vault.read(name)).encode()

    def discard(self, name: str) -> None:
        """Forget what was written over a recording. Its objects stay."""
        self.over.delete([name, f"{BEFORE}/{name}"])
        self.prune({name.rpartition("/")[0]})

    def prune(self, folders: set[str]) -> None:
        self.over.prune({*folders, *(f"{BEFORE}/{folder}" for folder in folders)})


def mark_of_content(data: bytes | None) -> str:
    """Return a mark of a file's content, `absent` if there is no file."""
    return "absent" if data is None else xxh3_64_hexdigest(data)


def _is_recording(name: str) -> bool:
    return name.startswith(tuple(f"{folder}/" for folder in FOLDERS))
