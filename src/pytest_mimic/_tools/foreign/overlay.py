"""A store over that of a vault, which takes all writing and leaves the vault alone."""

from __future__ import annotations

from collections.abc import Iterable, Set

from pytest_mimic._core.vault import FolderStore
from pytest_mimic._core.vault.format import FOLDERS
from pytest_mimic._core.vault.store import Data, Store


class OverlayStore(Store):
    """The files of a vault, and over them those of a folder.

    Nothing of the vault can be deleted through it.
    """

    def __init__(self, folder: FolderStore, vault: Store) -> None:
        self._folder = folder
        self._vault = vault

    def read(self, name: str) -> bytes | None:
        data = self._folder.read(name)
        if data is None:
            data = self._vault.read(name)
        return data

    def write(self, name: str, data: Data) -> None:
        self._folder.write(name, data)

    def delete(self, names: Iterable[str]) -> int:
        return self._folder.delete(names)

    def names(self, prefix: str = "", *, without: Set[str] = frozenset()) -> list[str]:
        names = list(self._folder.names(prefix, without=without))
        names += self._vault.names(prefix, without=without | set(names))
        return names

    def changed_recordings(self) -> list[str]:
        """Return the recordings and cassettes that differ from those of the vault.

        Their names are sorted.
        """
        changed = []
        for folder in FOLDERS:
            for name in self._folder.names(folder):
                if self._folder.read(name) != self._vault.read(name):
                    changed.append(name)
        return sorted(changed)
