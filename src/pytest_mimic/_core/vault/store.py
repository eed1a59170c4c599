"""The protocol of a store, which keeps bytes by name and writes them whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Set
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pytest_mimic._core.vault.locks import RunMark

Data = bytes | Iterable["bytes | bytearray | memoryview"]


class Store(Protocol):
    """Files by name, such as `calls/shop.api/fetch/ab12.json`. Any number of threads and processes may share one.

    Attributes:
        keeps_objects: Whether objects that no recording names any more stay: another store decides about them.
        run_mark: The mark of this process's run, or None for a store that no other process clears.
    """

    keeps_objects: bool = False
    run_mark: RunMark | None = None

    def read(self, name: str) -> bytes | None:
        """Return the content, or None if there is no such file."""
        ...

    def map(self, name: str) -> memoryview | None:
        """Return the content, or None. The caller owns the memory: changing it does not change the file."""
        ...

    def write(self, name: str, data: Data, *, durable: bool = True) -> None:
        """Put bytes, or pieces of them taken one at a time, there: whole or not at all.

        The end of the process loses nothing. If it is `durable`, it survives a loss of power as well from the next
        `flush` on.
        """
        ...

    def delete(self, names: Iterable[str]) -> int:
        """Delete files in this order; return how many of them existed."""
        ...

    def size(self, name: str) -> int | None: ...

    def names(self, prefix: str = "", *, deep: bool = True, without: Set[str] = frozenset()) -> Iterable[str]:
        """Return all names under the folder `prefix` but some; with `deep=False`, without those in its folders.

        They come in the order in which their files are read and deleted fastest.
        """
        ...

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Keep other threads and processes out of `name` for a block."""
        ...

    # A store in which nothing lasts beyond the process needs none of the rest.

    def flush(self) -> None:
        """Bring what was written as `durable` since the last time to the disk."""
        return

    def prune(self, folders: set[str]) -> None:  # noqa: ARG002
        """Remove these folders and the folders around them, as far as they are empty."""
        return

    def sweep(self) -> None:
        """Remove the temporary files of writers that no longer run."""
        return

    def leftovers(self) -> list[str]:
        """Return the names of these files."""
        return []
