"""The lock of a vault: shared by the runs that record, alone by who deletes objects."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from os import close, fstat, getpid
from os import open as open_file

_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)


class RunLock:
    """Whether this process may still name, or put back, what another one would delete.

    The system drops the lock with its process. Windows has none that is shared: there, a byte of the file is locked for
    each process, and all of them by who is alone.
    """

    def __init__(self, path: Callable[[], str]) -> None:
        self._path = path
        self._file: int | None = None
        self._owner = (0, 0, 0)  # the process, and what the file was: a test may close the files of others

    def share(self) -> None:
        """Take part, and wait for who is alone. A forked process takes part on its own. OSError: it cannot be locked."""
        if self._file is None or not self._is_ours():
            self._file = open_file(self._path(), _FLAGS, 0o600)
            self._owner = getpid(), *_identity(self._file)
            _lock(self._file, alone=False)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Keep others out for the block, and say whether none of them takes part. OSError: it cannot be locked."""
        is_shared = self._file is not None and self._is_ours()
        file = self._file if is_shared else open_file(self._path(), _FLAGS, 0o600)
        assert file is not None
        try:
            yield _lock(file, alone=True)
        finally:
            if is_shared:
                _lock(file, alone=False)
            else:
                close(file)

    def end(self) -> None:
        if self._file is not None and self._is_ours():
            close(self._file)
        self._file = None

    def __del__(self) -> None:
        self.end()

    def _is_ours(self) -> bool:
        assert self._file is not None
        return self._owner == (getpid(), *_identity(self._file))


def _identity(file: int) -> tuple[int, int]:
    try:
        found = fstat(file)
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


@contextmanager
def held(path: str) -> Iterator[None]:
    """Wait for a lock that one process and thread at a time has, for the block. OSError: it cannot be locked."""
    file = open_file(path, _FLAGS, 0o600)
    try:
        _wait(file)
        yield
    finally:
        with suppress(OSError):  # it was not locked
            _unlock(file)  # a forked process may have the file, too
        close(file)


if sys.platform == "win32":
    import msvcrt

    def _wait(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_LOCK, 1)

    def _unlock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

    def _lock(file: int, *, alone: bool) -> bool:
        own, most = getpid() % (1 << 20), 1 << 20
        for start, size in ((own, 1), (0, most)):
            os.lseek(file, start, os.SEEK_SET)
            with suppress(OSError):  # it was not locked
                msvcrt.locking(file, msvcrt.LK_UNLCK, size)
        os.lseek(file, 0 if alone else own, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK if alone else msvcrt.LK_LOCK, most if alone else 1)
        except OSError:
            return False
        return True

else:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, flock

    def _wait(file: int) -> None:
        flock(file, LOCK_EX)

    def _unlock(file: int) -> None:
        flock(file, LOCK_UN)

    def _lock(file: int, *, alone: bool) -> bool:
        try:
            flock(file, LOCK_EX | LOCK_NB if alone else LOCK_SH)
        except BlockingIOError:
            return False
        return True
