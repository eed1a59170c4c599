"""The file in which a process and those forked from it tell what they did.

It has no name, so that it is gone with the last process that has it open. The bytes of
a row:

| bytes | what |
|---|---|
| 8 | the length of the rest, little-endian |
| that many | the row, by `marshal` |

A row counts when all of its bytes are there. A process that is killed while it writes
one leaves bytes behind that do not count, and the next row takes their place.
"""

from __future__ import annotations

import sys
from marshal import dumps, loads
from os import close, dup, fstat
from tempfile import TemporaryFile
from typing import Any
from weakref import finalize

from pytest_mimic.errors import MimicError

# All functions are bound here, because a test may replace them. Windows forks nothing,
# and has none of these.
if sys.platform != "win32":
    from fcntl import LOCK_EX, LOCK_UN, lockf
    from os import ftruncate, pread, pwrite

# How many bytes the length of a row takes.
_HEAD = 8
# The most bytes that are written at once.
_CHUNK = 1 << 20


class SharedLog:
    """The rows of a family of processes, from the first one that forked.

    Each process has its own end, up to which it has read. The lock is one that the
    system drops when its holder ends, however it ends. It keeps out other processes,
    but not the threads of this one.

    Raises:
        MimicError: There is no place for a temporary file.

    Attributes:
        descriptor: That of the file.
    """

    def __init__(self) -> None:
        try:
            with TemporaryFile(buffering=0) as file:
                self.descriptor = dup(file.fileno())
        except OSError as reason:
            cause = reason.strerror or str(reason)
            raise MimicError(
                "calls cannot be shared with forked processes, as no temporary file"
                f" can be made: {cause}"
            ) from None
        # The system closes it at the end of the process.
        finalize(self, close, self.descriptor).atexit = False
        self._identity = _identity_of(self.descriptor)
        self._end = 0

    def lock(self) -> None:
        """Keep other processes out until `unlock`.

        Raises:
            MimicError: The code under test has closed the file.
        """
        if _identity_of(self.descriptor) != self._identity:
            raise MimicError(
                "a forked process has closed all files, also the one by which it takes"
                " part in this run",
                remedies=["make its calls before that, or in the process of the test"],
            )
        lockf(self.descriptor, LOCK_EX)

    def unlock(self) -> None:
        """Let other processes in."""
        lockf(self.descriptor, LOCK_UN)

    def read(self) -> list[Any]:
        """Return the rows that were written since the last call, with the lock held."""
        size = fstat(self.descriptor).st_size
        if size == self._end:
            return []
        unread_bytes = self._bytes(self._end, size)
        rows = []
        start = 0
        while start + _HEAD <= len(unread_bytes):
            length = int.from_bytes(unread_bytes[start : start + _HEAD], "little")
            stop = start + _HEAD + length
            if stop > len(unread_bytes):
                # A process was killed while it wrote this row.
                break
            rows.append(loads(unread_bytes[start + _HEAD : stop]))
            start = stop
        self._end += start
        return rows

    def write(self, row: Any) -> None:
        """Write a row, with the lock held and all other rows read."""
        row_bytes = dumps(row)
        data = len(row_bytes).to_bytes(_HEAD, "little") + row_bytes
        # What a killed process has left would be taken for rows behind a shorter one.
        if fstat(self.descriptor).st_size > self._end:
            ftruncate(self.descriptor, self._end)
        view = memoryview(data)
        written = 0
        while written < len(data):
            piece = view[written : written + _CHUNK]
            written += pwrite(self.descriptor, piece, self._end + written)
        self._end += written

    def _bytes(self, start: int, stop: int) -> bytes:
        """Return the bytes between two places; one `pread` may give fewer of them."""
        pieces = []
        while start < stop:
            piece = pread(self.descriptor, stop - start, start)
            if not piece:
                break
            pieces.append(piece)
            start += len(piece)
        return b"".join(pieces)


def _identity_of(descriptor: int) -> tuple[int, int] | None:
    """Return which file a descriptor is of; None if it is closed."""
    try:
        status = fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino
