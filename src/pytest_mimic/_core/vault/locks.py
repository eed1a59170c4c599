"""Locks between processes, which leave no line in the log of the code under test."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from errno import EACCES, EAGAIN
from functools import partial
from os import getpid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    import logging

    from filelock import FileLock

#: The start of the name of one user's folder of locks, in the temporary folder.
FOLDER = "pytest-mimic-"


def file_lock(path: str, *, poll_interval: float = 0.05) -> FileLock:
    """Return a lock on a file. Any thread may release it."""
    import logging

    from filelock import FileLock

    logging.getLogger("filelock").addFilter(_is_foreign)  # the same filter is added once
    return FileLock(path, poll_interval=poll_interval, thread_local=False)


def _is_foreign(record: logging.LogRecord) -> bool:
    """Return whether filelock logs another file than the plugin's: a test may check everything that is logged."""
    args = record.args
    if not isinstance(args, tuple) or len(args) < 2:
        return True
    return not Path(str(args[1])).parent.parent.name.startswith(FOLDER)


class _LockFile:
    """A file of locks that this process has open, for all objects that use it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.users = 0
        self._number = -1
        self._identity: tuple[int, int] | None = None
        # The objects that have a lock, by process and byte: a forked process has no locks.
        self.held = defaultdict[tuple[int, int], set[ByteLocks]](set)

    @property
    def is_open(self) -> bool:
        """Whether the descriptor is still that of the file.

        Code under test that closes all files closes this one, too. Then its next file has the same number.
        """
        return self._identity is not None and file_identity(self._number) == self._identity

    def acquire(self, one: tuple[int, int], user: ByteLocks) -> bool:
        try:
            if not self.is_open:  # all locks of this process are gone if it was closed
                self._number = _open(self.path, _FLAGS, 0o600)
                self._identity = file_identity(self._number)
                self.held.clear()
            if not self.held[one]:  # Windows refuses a lock that this process has
                _lock(self._number, one[1])
        except OSError as reason:
            if reason.errno in (EACCES, EAGAIN) and self.is_open:
                return False
            cause = reason.strerror or str(reason)
            raise MimicError(f"cannot lock {self.path}: {cause}", path=self.path, cause=cause) from None
        self.held[one].add(user)
        return True

    def release(self, one: tuple[int, int], user: ByteLocks) -> None:
        users = self.held.get(one, set())
        if users == {user}:
            del self.held[one]
            if one[0] == getpid() and self.is_open:  # closing has released it
                with suppress(OSError):
                    _unlock(self._number, one[1])
        users.discard(user)

    def close(self) -> None:
        if self.is_open:
            _close(self._number)


# The open files of locks by their paths. They are state of the process, as POSIX locks are: see `ByteLocks`.
_open_files: dict[str, _LockFile] = {}


class ByteLocks:
    """Locks on single bytes of one file. Taking or releasing one is one call of the system.

    They belong to the process and go when it ends, however it ends. So its threads must agree among themselves. POSIX
    systems release all of them as soon as the process closes any descriptor of the file. So several objects for one
    file, as those of a run inside a run, share a descriptor, and a byte is free when no object has it.

    Args:
        path_of: Returns the path of the file, whose folder exists. It is called when the first lock is taken.
    """

    def __init__(self, path_of: Callable[[], str]) -> None:
        self._path_of = path_of
        self._file: _LockFile | None = None

    def acquire(self, byte: int) -> bool:
        """Take the lock on a byte, by its offset below 2 ** 31. Return False if another process has it.

        Raises:
            MimicError: The system cannot lock the file.
        """
        if self._file is None:
            path = self._path_of()
            self._file = _open_files.setdefault(path, _LockFile(path))
            self._file.users += 1
        return self._file.acquire((getpid(), byte), self)

    def release(self, byte: int) -> None:
        """Release the lock on a byte, which this object has. Other objects for the same file keep theirs."""
        if self._file is not None:
            self._file.release((getpid(), byte), self)

    def close(self) -> None:
        """Release all locks of this object. The last one for a file closes it."""
        file, self._file = self._file, None
        if file is None:
            return
        for one in list(file.held):
            file.release(one, self)
        file.users -= 1
        if not file.users:
            del _open_files[file.path]
            file.close()


class RunMark:
    """The mark of a run that may put back recordings which it has replaced: other processes keep all objects meanwhile.

    Like the locks, it goes with its process. Whoever sets it or asks for it has the lock of the objects.

    Args:
        locks_of: Returns the locks, whose bytes from 2 ** 28 on are for marks.
    """

    def __init__(self, locks_of: Callable[[], ByteLocks]) -> None:
        self._locks_of = locks_of
        self._locks: ByteLocks | None = None
        self._byte = -1

    @property
    def is_set(self) -> bool:
        return self._byte >= 0

    def set(self) -> None:
        """Mark this run. MimicError: the system cannot lock."""
        locks = self._locks = self._locks or self._locks_of()
        self._byte = next(byte for byte in _MARKS if locks.acquire(byte))

    def is_set_elsewhere(self) -> bool:
        """Check whether another process has marked its run. MimicError: the system cannot lock."""
        locks = self._locks = self._locks or self._locks_of()
        for byte in _MARKS:
            if byte == self._byte:
                continue
            if not locks.acquire(byte):
                return True
            locks.release(byte)
        return False

    def close(self) -> None:
        if self._locks is not None:
            self._locks.close()
        self._locks, self._byte = None, -1


# Runs that record into one vault at the same time, at most.
_MARKS = range(1 << 28, (1 << 28) + 256)


_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
# Bound here, because the test whose call is recorded may have replaced them.
_open, _close, _fstat = os.open, os.close, os.fstat


def file_identity(number: int) -> tuple[int, int] | None:
    """Return what tells an open file from others that get its number later, None if it is closed."""
    try:
        found = _fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino


if os.name == "nt":  # pragma: no cover (Windows)
    from msvcrt import LK_NBLCK, LK_UNLCK, locking  # type: ignore[attr-defined, unused-ignore]
    from os import lseek
    from threading import Lock

    # The threads of the process share the position in the file.
    _positioned = Lock()

    def _lock(file: int, byte: int, how: int = LK_NBLCK) -> Any:
        with _positioned:
            lseek(file, byte, os.SEEK_SET)
            return locking(file, how, 1)

    _unlock = partial(_lock, how=LK_UNLCK)
else:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, lockf

    def _lock(file: int, byte: int, how: int = LOCK_EX | LOCK_NB) -> Any:
        return lockf(file, how, 1, byte)

    _unlock = partial(_lock, how=LOCK_UN)
