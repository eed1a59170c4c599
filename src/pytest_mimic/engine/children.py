"""Lets child processes tell their parent what happened to their calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO


class Children:
    """The child processes of a run, down to the last grandchild.

    They append rows to one file, which the parent opens before the first one starts and
    reads when a phase ends: a child may be killed, and has no end of its own.

    Args:
        begin: Is called in a child, with what tells its parent an object.
    """

    def __init__(self, begin: Callable[[Callable[[object], None]], None]) -> None:
        # None: the run has ended. What is registered stays so, and must not hold it.
        self._begin: Callable[..., None] | None = begin
        self._file: IO[bytes] | None = None
        self._read = 0
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._open, after_in_child=self._begin_child)

    def path(self) -> str:
        """Return the file in which another process can tell, while this run lasts."""
        self._open()
        return "" if self._file is None else self._file.name

    def hear(self) -> Iterator[object]:
        """Give what children have told since the last time."""
        if self._file is None:
            return
        import pickle  # few runs fork

        self._file.seek(self._read)
        for line in self._file.read().split(b"\n")[:-1]:
            self._read += len(line) + 1
            yield pickle.loads(bytes.fromhex(line.decode()))

    def close(self) -> None:
        """Delete the file: what forks from now on has nothing to tell."""
        self._begin = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> None:
        if self._file is None and self._begin is not None:
            from tempfile import NamedTemporaryFile  # few runs fork

            # Each row is written at the end, whoever else writes.
            self._file = NamedTemporaryFile("a+b", buffering=0, prefix="pytest-mimic-")  # noqa: SIM115

    def _begin_child(self) -> None:
        if self._begin is not None:
            self._begin(self._send)

    def _send(self, row: object) -> None:
        if self._file is not None:
            self._file.write(_line_of(row))


def tell(path: str, row: object) -> None:
    """Tell the run that has made a file; it may have ended, and nobody hears it."""
    with suppress(OSError), Path(path).open("ab", buffering=0) as file:
        file.write(_line_of(row))


def _line_of(row: object) -> bytes:
    import pickle  # few runs fork

    return pickle.dumps(row).hex().encode() + b"\n"
