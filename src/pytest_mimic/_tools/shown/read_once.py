"""A store whose recordings are read once, however often they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Set

from pytest_mimic._core.vault.format import references
from pytest_mimic._core.vault.store import Data, Store


class ReadOnceStore(Store):
    """The files of another store, which cannot be changed.

    Args:
        store: The other store.

    Attributes:
        references: The objects that each file names which was read, by its name. They
            stay when its content is forgotten.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._contents: dict[str, bytes | None] = {}
        self.references: dict[str, set[str]] = {}

    def read(self, name: str) -> bytes | None:
        if name in self._contents:
            return self._contents[name]
        content = self._store.read(name)
        self._contents[name] = content
        self.references[name] = references(content or b"")
        return content

    def forget(self, name: str) -> None:
        """Give the memory of a file free that is not needed again."""
        self._contents.pop(name, None)

    def map(self, name: str) -> memoryview | None:
        # Objects may be large: they are not kept.
        return self._store.map(name)

    def size(self, name: str) -> int | None:
        return self._store.size(name)

    def names(
        self, prefix: str = "", *, without: Set[str] = frozenset()
    ) -> Iterable[str]:
        return self._store.names(prefix, without=without)

    def write(self, name: str, data: Data) -> None:
        raise NotImplementedError("its files are only read")

    def delete(self, names: Iterable[str]) -> int:
        raise NotImplementedError("its files are only read")
