"""Locks between processes, which leave no line in the log of the code under test."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from os import getpid
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    import logging

    from filelock import FileLock

#: The start of the name of one user's folder of locks, in the temporary folder.
FOLDER = "pytest-mimic-"
_MARK = "run-"


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


class RunMark:
    """The mark of a run that may put back recordings which it has replaced: other processes keep all objects meanwhile.

    It is a locked file, so it goes with its process. Whoever sets it or asks for it has the lock of the objects.

    Args:
        folder: Returns the folder of the locks.
    """

    def __init__(self, folder: Callable[[], str]) -> None:
        self._folder = folder
        self._lock: FileLock | None = None
        self._process = 0

    @property
    def is_set(self) -> bool:
        return self._lock is not None

    def set(self) -> None:
        """Mark this run. MimicError: the system cannot lock."""
        path = f"{self._folder()}/{_MARK}{getpid()}-{id(self):x}"
        lock = file_lock(path)
        try:
            lock.acquire()
        except OSError as reason:
            cause = reason.strerror or str(reason)
            raise MimicError(f"cannot lock {path}: {cause}", path=path, cause=cause) from None
        self._lock, self._process = lock, getpid()

    def is_set_elsewhere(self) -> bool:
        """Check whether another run has its mark. Marks of runs that were killed are removed."""
        try:
            marks = list(Path(self._folder()).glob(f"{_MARK}*"))
        except OSError:  # nobody knows
            return True
        for path in marks:
            if self._lock is not None and str(path) == self._lock.lock_file:
                continue
            lock = file_lock(str(path))
            try:
                lock.acquire(blocking=False)
            except (TimeoutError, OSError):
                return True
            lock.release()
            with suppress(OSError):
                path.unlink()
        return False

    def close(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None and self._process == getpid():  # a forked process shares the lock
            lock.release()
            with suppress(OSError):
                Path(lock.lock_file).unlink()
