"""A store for trying an import: it takes all writing, and leaves the vault alone.

The command `import` then asks it which recordings differ from those of the vault. It
copies these into the vault, unless the vault has other ones in their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Set

from pytest_mimic._core.vault import FolderStore
from pytest_mimic._core.vault.format import FOLDERS
from pytest_mimic._core.vault.store import Data, Store


class ImportOverlay(Store):
    """The files of a vault, and over them those that are being imported.

    A file is read from the folder of the imported files, or from the vault if that
    folder does not have it. Writing and deleting reach that folder alone.

    Args:
        imported_files: The store of a temporary folder, empty at first.
        vault_files: The store of the project's vault.
    """

    def __init__(self, imported_files: FolderStore, vault_files: Store) -> None:
        self._imported_files = imported_files
        self._vault_files = vault_files

    def read(self, name: str) -> bytes | None:
        content = self._imported_files.read(name)
        if content is None:
            content = self._vault_files.read(name)
        return content

    def write(self, name: str, content: Data) -> None:
        self._imported_files.write(name, content)

    def delete(self, names: Iterable[str]) -> int:
        # Of the vault nothing is deleted.
        return self._imported_files.delete(names)

    def names(self, prefix: str = "", *, without: Set[str] = frozenset()) -> list[str]:
        imported_names = list(self._imported_files.names(prefix, without=without))
        # A name that both stores have is listed once.
        listed_names = without | set(imported_names)
        vault_names = self._vault_files.names(prefix, without=listed_names)
        return [*imported_names, *vault_names]

    def changed_recordings(self) -> list[str]:
        """Return the names of the imported files that differ from those of the vault.

        The names are those of recordings and cassettes, sorted. The vault has another
        file of each name, or none.
        """
        changed_names = []
        for folder in FOLDERS:
            for name in self._imported_files.names(folder):
                imported_content = self._imported_files.read(name)
                if imported_content != self._vault_files.read(name):
                    changed_names.append(name)
        return sorted(changed_names)
