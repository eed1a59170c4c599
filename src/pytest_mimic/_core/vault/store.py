"""The protocol of a store, which keeps bytes by name and writes them whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pytest_mimic._core.vault.locks import RunMark

Data = bytes | Iterable["bytes | bytearray | memoryview"]


class Store(Protocol):
    """Files by name, such as `calls/shop.api/fetch/ab12.json`. Any number of threads and processes may share one."""

    @property
    def keeps_objects(self) -> bool:
        """Whether objects that no recording names any more stay: another store decides about them."""
        ...

    @property
    def run_mark(self) -> RunMark | None:
        """The mark of this process's run, or None for a store that no other process clears."""
        ...

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

    def flush(self) -> None:
        """Bring what was written as `durable` since the last time to the disk."""
        ...

    def delete(self, names: Iterable[str]) -> int:
        """Delete files in this order; return how many of them existed."""
        ...

    def size(self, name: str) -> int | None: ...

    def names(self, prefix: str = "", *, deep: bool = True) -> Iterable[str]:
        """Return all names under the folder `prefix`; with `deep=False`, without those in its folders.

        They come in the order in which their files are read and deleted fastest.
        """
        ...

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Keep other threads and processes out of `name` for a block."""
        ...

    def prune(self, folders: set[str]) -> None:
        """Remove these folders and the folders around them, as far as they are empty."""
        ...

    def sweep(self) -> None:
        """Remove the temporary files of writers that no longer run."""
        ...
