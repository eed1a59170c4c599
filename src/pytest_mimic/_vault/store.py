"""The store protocol: bytes by name, written whole or not at all; and a store in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

Data = bytes | Iterable["bytes | bytearray | memoryview"]


class Store(Protocol):
    """Files by name, such as `calls/shop.api/fetch/ab12.json`. Any number of threads and processes may share one."""

    def read(self, name: str) -> bytes | None:
        """Return the content, or None if there is no such file."""
        ...

    def map(self, name: str) -> memoryview | None:
        """Return the content, or None. The caller owns the memory: changing it does not change the file."""
        ...

    def write(self, name: str, data: Data, *, durable: bool = True) -> None:
        """Put the content there, whole or not at all.

        Args:
            name: The file.
            data: Bytes, or pieces of them, taken one at a time.
            durable: Whether it must survive a loss of power from now on.
        """
        ...

    def delete(self, names: Iterable[str]) -> list[int]:
        """Delete files; return the sizes in bytes of those that existed."""
        ...

    def size(self, name: str) -> int | None:
        """Return the size in bytes, or None."""
        ...

    def names(self, prefix: str = "", *, deep: bool = True) -> Iterable[str]:
        """Return all names under the folder `prefix`; with `deep=False`, without those in its folders."""
        ...

    def lock(self, name: str, *, timeout: float | None = None) -> AbstractContextManager[None]:
        """Keep every other thread and process out of `name` for the length of a block.

        Raises:
            TimeoutError: It was not free within `timeout` seconds.
        """
        ...


class MemoryStore:
    """A store that lasts as long as its object."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self._locks: dict[str, threading.RLock] = {}

    def read(self, name: str) -> bytes | None:
        return self._files.get(name)

    def map(self, name: str) -> memoryview | None:
        data = self._files.get(name)
        return None if data is None else memoryview(bytearray(data))

    def write(self, name: str, data: Data, *, durable: bool = True) -> None:  # noqa: ARG002
        self._files[name] = data if isinstance(data, bytes) else b"".join(data)

    def delete(self, names: Iterable[str]) -> list[int]:
        return [len(data) for name in names if (data := self._files.pop(name, None)) is not None]

    def size(self, name: str) -> int | None:
        data = self._files.get(name)
        return None if data is None else len(data)

    def names(self, prefix: str = "", *, deep: bool = True) -> Iterator[str]:
        folder = f"{prefix}/" if prefix else ""
        for name in list(self._files):
            if name.startswith(folder) and (deep or "/" not in name[len(folder) :]):
                yield name

    @contextmanager
    def lock(self, name: str, *, timeout: float | None = None) -> Iterator[None]:
        lock = self._locks.setdefault(name, threading.RLock())
        if not lock.acquire(timeout=-1 if timeout is None else timeout):
            raise TimeoutError(name)
        try:
            yield
        finally:
            lock.release()
