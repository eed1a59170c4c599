"""Locks between processes, which leave no line in the log of the code under test."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from errno import EACCES, EAGAIN
from functools import partial
from os import getpid
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from pytest_mimic._core.event_loop import outside_event_loop
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


def faked(do: str, path: str) -> MimicError:
    """Return the error within a fake file system of pyfakefs, which replaces `os` in this module."""
    return MimicError(
        f"cannot {do} {path}: the test's file system is a fake one",
        remedies=[
            "with pyfakefs, make the call in a `with Pause(fs):` block, or where it only replays, call "
            "fs.add_real_directory(mimic_vault_dir) before it"
        ],
        path=path,
        cause="the file system is a fake one",
    )


class _LockFile:
    """A file of locks that this process has open, for all objects that use it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.users = 0
        self.number = -1
        self.identity: tuple[int, int] | None = None
        # How often a lock is held, by process and byte: a forked process has no locks.
        self.held = Counter[tuple[int, int]]()

    def is_open(self) -> bool:
        """Return whether the descriptor is still that of the file.

        Code under test that closes all files closes this one, too. Then its next file has the same number.
        """
        try:
            found = _fstat(self.number)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self.identity

    def open(self) -> None:
        self.number = _open(self.path, _FLAGS, 0o600)
        found = _fstat(self.number)
        self.identity = found.st_dev, found.st_ino
        self.held.clear()  # all locks of this process are gone if it was closed


# The open files of locks by their paths. They are state of the process, as POSIX locks are: see `ByteLocks`.
_open_files: dict[str, _LockFile] = {}


class ByteLocks:
    """Locks on single bytes of one file. Taking or releasing one is one call of the system.

    They belong to the process and go when it ends, however it ends. So its threads must agree among themselves. POSIX
    systems release all of them as soon as the process closes any descriptor of the file. So several objects for one
    file, as those of a run inside a run, share a descriptor. A lock that is taken several times is free when it was
    released as often.

    Args:
        path_of: Returns the path of the file, whose folder exists. It is called when the first lock is taken.
    """

    def __init__(self, path_of: Callable[[], str]) -> None:
        self._path_of = path_of
        self._file: _LockFile | None = None
        self._held = Counter[tuple[int, int]]()  # by this object

    @outside_event_loop
    def acquire(self, byte: int) -> bool:
        """Take the lock on a byte, by its offset below 2 ** 31. Return False if another process has it.

        Raises:
            MimicError: The system cannot lock the file.
        """
        file = self._file
        if file is None:
            path = self._path_of()
            file = self._file = _open_files.setdefault(path, _LockFile(path))
            file.users += 1
        one = getpid(), byte
        try:
            if not file.is_open():
                file.open()
            if not file.held[one]:  # Windows refuses a lock that this process has
                _lock(file.number, byte)
        except OSError as reason:
            if reason.errno in (EACCES, EAGAIN) and file.is_open():
                return False
            if not isinstance(os, ModuleType):
                raise faked("lock", file.path) from None
            cause = reason.strerror or str(reason)
            raise MimicError(f"cannot lock {file.path}: {cause}", path=file.path, cause=cause) from None
        file.held[one] += 1
        self._held[one] += 1
        return True

    def release(self, byte: int) -> None:
        """Release the lock on a byte, if this object has it."""
        file, one = self._file, (getpid(), byte)
        if file is None or not self._held[one]:
            return
        self._held[one] -= 1
        file.held[one] -= 1
        if file.held[one] <= 0:
            del file.held[one]
            if file.is_open():  # closing has released it
                with suppress(OSError):
                    _unlock(file.number, byte)

    def close(self) -> None:
        """Release all locks of this object. The last one for a file closes it."""
        file = self._file
        if file is None:
            return
        for byte in [byte for _, byte in self._held.elements()]:
            self.release(byte)
        self._held.clear()
        self._file = None
        file.users -= 1
        if not file.users:
            del _open_files[file.path]
            if file.is_open():
                _close(file.number)


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


if os.name == "nt":  # pragma: no cover (Windows)
    from msvcrt import LK_NBLCK, LK_UNLCK, locking  # type: ignore[attr-defined, unused-ignore]
    from os import lseek
    from threading import Lock

    # The threads of the process share the position in the file.
    _positioned = Lock()

    def _lock(file: int, byte: int, how: int = LK_NBLCK) -> object:
        with _positioned:
            lseek(file, byte, os.SEEK_SET)
            return locking(file, how, 1)

    _unlock = partial(_lock, how=LK_UNLCK)
else:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, lockf

    def _lock(file: int, byte: int, how: int = LOCK_EX | LOCK_NB) -> object:
        return lockf(file, how, 1, byte)

    _unlock = partial(_lock, how=LOCK_UN)
