"""The protocol of a store, which keeps bytes by name, whole or not at all.

`FolderStore` of `folder` implements all of it. Other stores inherit bodies that stand
here: a commit, the overlay of an import, a store that reads each file once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from pytest_mimic.errors import MimicError

Data = bytes | Iterable["bytes | bytearray | memoryview"]


class Store(Protocol):
    """Files by name, such as `calls/shop.api/fetch/ab12.json`.

    Any number of threads and processes may share one.
    """

    def read(self, name: str) -> bytes | None:
        """Return the content, or None if there is no such file."""
        ...

    def contents(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield the name and content of each file that is there and can be read.

        A file that cannot be read is left out, so that it does not end a search of all.
        Who needs the file itself calls `read`, which says why.

        The names are such as `names` has returned.
        """
        for name in names:
            try:
                content = self.read(name)
            except MimicError:
                continue
            if content is not None:
                yield name, content

    def memory(self, name: str) -> memoryview | None:
        """Return the content as memory, or None if there is no such file.

        The caller owns the memory: changing it does not change the file.
        """
        content = self.read(name)
        return None if content is None else memoryview(bytearray(content))

    def write(self, name: str, content: Data) -> None:
        """Put bytes, or pieces of them taken one at a time, there: whole or not at all.

        The end of the process loses nothing. A loss of power may, until `end_writing`.
        """
        ...

    def delete(self, names: Iterable[str]) -> int:
        """Delete files in this order; return how many of them existed.

        Folders that are empty then go, too.
        """
        ...

    def size(self, name: str) -> int | None:
        """Return the length of the content, or None if there is no such file."""
        content = self.read(name)
        return None if content is None else len(content)

    def names(
        self, prefix: str = "", *, without: Set[str] = frozenset()
    ) -> Iterable[str]:
        """Return all names under the folder `prefix` but some."""
        ...

    def replace(
        self, name: str, content_before: bytes | None, new_content: bytes | None
    ) -> bool:
        """Write a file, or delete it without a content, if it still is as before.

        Return whether it was; else nothing is done. So two processes that record into
        one file lose nothing: who comes second reads the file again.

        One process and thread does this at a time.
        """
        if self.read(name) != content_before:
            return False
        if new_content is None:
            self.delete([name])
        else:
            self.write(name, new_content)
        return True

    # A store in which nothing lasts beyond the process needs none of the rest.

    def share(self) -> None:
        """Keep all objects until `end_writing`.

        This process may name, or put back, what another one would delete.
        """
        return

    def alone(self) -> AbstractContextManager[bool]:
        """Return a context manager in which objects may be deleted if it gives True.

        Then no other process needs any.
        """
        return nullcontext(False)

    def end_writing(self) -> None:
        """Bring what was written to the disk, and let others delete objects."""
        return

    def leftovers(self) -> list[str]:
        """Return the names of the temporary files of writers that were killed."""
        return []
