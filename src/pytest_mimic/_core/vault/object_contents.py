"""The bytes of the objects that outcomes name. Those of a detached one are checked before they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mimic._core.vault.parsing import check_pulled, corrupt

if TYPE_CHECKING:
    from pytest_mimic._core.vault.recording_facts import Entry, Origin
    from pytest_mimic._core.vault.store import Store


class Contents:
    """Reads the objects of a vault. Messages show the path `label`."""

    def __init__(self, store: Store, *, label: str) -> None:
        self._store = store
        self._label = label
        # The hashes of detached objects that were right: each content is checked once.
        self._sound: set[str] = set()

    def map(self, entry: Entry, name: str, origin: Origin) -> memoryview:
        """Return the bytes of an object of an outcome. The caller owns them.

        Raises:
            CorruptRecordingError: The file is missing, was not pulled, or is not the one that the recording names.
        """
        data = self._detached(entry, name, origin)
        if data is None:
            data = self._store.map(name)
            if data is None:
                raise self._missing(name, origin)
            check_pulled(data, f"{self._label}/{name}")
        return data

    def read(self, entry: Entry, name: str, origin: Origin) -> bytes:
        data = self._detached(entry, name, origin)
        if data is not None:
            return bytes(data)
        found = self._store.read(name)
        if found is None:
            raise self._missing(name, origin)
        return found

    def size(self, entry: Entry, name: str) -> int | None:
        """Return the size of an object in bytes, None if it is missing. That of a detached one is known without it."""
        detached = entry.get("detached", {}).get(name)
        return self._store.size(name) if detached is None else detached["size"]

    def _detached(self, entry: Entry, name: str, origin: Origin) -> memoryview | None:
        """Return the checked bytes of a detached object, None if this object is not detached."""
        if name not in entry.get("detached", ()):
            return None
        from pytest_mimic._core.vault.detached import checked, detached_in

        return checked(self._store, detached_in(entry)[name], self._label, name, origin, known=self._sound)

    def _missing(self, name: str, origin: Origin) -> Exception:
        how = f"is missing, {self._label}/{origin.name} names it"
        return corrupt(f"{self._label}/{name}", how, test=origin.test)
