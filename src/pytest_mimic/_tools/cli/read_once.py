"""A store whose recordings are read once, however often they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Set

from pytest_mimic._core.vault.format import names_of_objects_in
from pytest_mimic._core.vault.store import Data, Store


class ReadOnceStore(Store):
    """The files of another store, which cannot be changed.

    Args:
        store: The other store.

    Attributes:
        references: By the name of each recording that was read, the objects that this
            recording names. An entry stays when the content is forgotten.
    """

    def __init__(self, store: Store) -> None:
        self._other_store = store
        # None stands for a recording that the other store does not have.
        self._contents_by_name: dict[str, bytes | None] = {}
        self.references: dict[str, set[str]] = {}

    def read(self, name: str) -> bytes | None:
        if name in self._contents_by_name:
            return self._contents_by_name[name]
        content = self._other_store.read(name)
        self._contents_by_name[name] = content
        self.references[name] = names_of_objects_in(content or b"")
        return content

    def forget(self, name: str) -> None:
        """Drop the content of a recording that is not read again, to save memory."""
        self._contents_by_name.pop(name, None)

    def memory(self, name: str) -> memoryview | None:
        # Only objects are mapped. They may be large, and are not kept.
        return self._other_store.memory(name)

    def size(self, name: str) -> int | None:
        return self._other_store.size(name)

    def names(
        self, prefix: str = "", *, without: Set[str] = frozenset()
    ) -> Iterable[str]:
        return self._other_store.names(prefix, without=without)

    def write(self, name: str, content: Data) -> None:
        raise NotImplementedError("its files are only read")

    def delete(self, names: Iterable[str]) -> int:
        raise NotImplementedError("its files are only read")
