"""Reads all recordings and cassettes of a vault and the sizes of their objects."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from pytest_mimic._core.tree.recorded_calls import CatalogFile
from pytest_mimic._core.vault.parsing import damaged, parse_recording
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault import Vault

_MISSHAPED = (AttributeError, LookupError, TypeError, ValueError)


class Catalog:
    """The recordings and cassettes of a vault."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        # The errors of the files that could not be read, by name, once they were looked at.
        self.damaged: dict[str, MimicError] = {}
        self._sizes: dict[str, int] = {}

    def files(self) -> list[CatalogFile]:
        """Return the recordings and cassettes. Those that are damaged are left out."""
        files = []
        for name in self.vault.names():
            try:
                found = self.read(name)
            except MimicError as error:
                self.damaged[name] = error
                continue
            if found is not None:
                files.append(found)
        return files

    def read(self, name: str) -> CatalogFile | None:
        """Return a recording or cassette, or None if there is none.

        CorruptRecordingError: the file is damaged, or of a newer format. MimicError: it cannot be read.
        """
        data = self.vault.store.read(name)
        if data is None:
            return None
        facts = parse_recording(data, self.vault.label, name)
        try:
            return CatalogFile.of(name, facts, len(data))
        except _MISSHAPED:
            self.vault.calls(name)  # the vault says what is wrong
            raise damaged(f"{self.vault.label}/{name}", "an unknown shape") from None

    def object_size(self, name: str) -> int:
        """Return the bytes of an object, 0 if it is missing."""
        size = self._sizes.get(name)
        if size is None:
            size = self._sizes[name] = self.vault.store.size(name) or 0
        return size

    def size(self, file: CatalogFile) -> int:
        """Return the bytes of a recording or cassette with its objects, also of those that others share."""
        objects = file.objects
        return file.size + sum(map(self.object_size, objects)) if objects else file.size

    def total(self, files: Collection[CatalogFile]) -> int:
        """Return the bytes of recordings and cassettes with their objects, each of which counts once."""
        objects = frozenset().union(*(file.objects for file in files))
        return sum(file.size for file in files) + sum(map(self.object_size, objects))


def hide_arguments(files: Iterable[CatalogFile], redactor: Redactor) -> None:
    """Hide secret names in the arguments. Those of `mimic_redact` may be younger than a recording."""
    from pytest_mimic._core.tree.stored import without_secrets

    for file in files:
        for call in file.calls:
            if call.arguments:
                call.arguments = without_secrets(call.arguments, redactor)
