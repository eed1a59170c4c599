"""Reads and writes the local side of an upload or a download."""

# All functions of `os` are bound here, because a test may have replaced them.
from __future__ import annotations

import os
from collections.abc import Iterator
from os import close, fstat, read, unlink, write
from os import open as open_file
from typing import Any

from pytest_mimic.errors import MimicError

__all__ = ["READ", "WRITE", "close", "file_size", "open_local", "pieces", "unlink", "write_all"]
__tracebackhide__ = True  # pytest leaves this module out of tracebacks

_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
READ = os.O_RDONLY | _BINARY
WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY
CHUNK = 1 << 20


def open_local(path: str, flags: int) -> int:
    """Return an open file: one to READ, or a new one to WRITE."""
    try:
        return open_file(path, flags, 0o666)
    except OSError as reason:
        raise _cannot("read" if flags == READ else "write", path, reason) from None


def file_size(file: int) -> int:
    """Return the size of an open file in bytes."""
    return fstat(file).st_size


def pieces(file: int) -> Iterator[bytes]:
    """Return the content of an open file in pieces."""
    return iter(lambda: read(file, CHUNK), b"")


def write_all(file: int, path: str, data: Any) -> None:
    """Write all bytes of a buffer to an open file, whose path is for the error."""
    view = memoryview(data)
    try:
        while view:  # the system may write less than it was given
            view = view[write(file, view) :]
    except OSError as reason:
        raise _cannot("write", path, reason) from None


def _cannot(do: str, path: str, reason: OSError) -> MimicError:
    cause = reason.strerror or str(reason)
    return MimicError(f"cannot {do} {path}: {cause}", path=path, cause=cause)
