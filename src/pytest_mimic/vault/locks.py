"""One process at a time replaces files of a vault, and who records is known."""

# ruff: noqa: PTH108, PTH118
from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import count
from os import close, fstat, getpid, scandir
from os import unlink as os_unlink
from os.path import join, realpath
from time import sleep

from xxhash import xxh3_64_hexdigest

from pytest_mimic.errors import MimicError
from pytest_mimic.vault.system import (
    NEW,
    TO_LOCK,
    in_folder,
    open_file,
    unlink,
    write_all,
)

_MAKE_LOCK = TO_LOCK | os.O_CREAT
_LONGEST_PAUSE = 0.01


class HeldFile:
    """A new file that this process keeps locked until it ends, however it ends.

    Its name begins with `start`, and has the process and a number: `…/run.4711-0`.
    """

    def __init__(self, start: str, suffix: str = "") -> None:
        self._pid = getpid()
        for number in count():
            self.path = f"{start}.{self._pid}-{number}{suffix}"
            if in_folder(self.path, self._has_made):
                break
        self._file = _place_of(self._descriptor)
        self._length = 0
        _try_lock(self._descriptor)

    def _has_made(self) -> bool:
        try:
            self._descriptor = open_file(self.path, NEW, 0o666)
        except FileExistsError:
            return False  # a killed process had the same number
        return True

    def is_own(self) -> bool:
        """Check that this process made the file, and that no test has closed it.

        The system gives a closed descriptor to the next file that is opened.
        """
        with suppress(OSError):
            return self._pid == getpid() and self._file == _place_of(self._descriptor)
        return False

    def append(self, content: bytes) -> None:
        """Write bytes at the end, all of them or none."""
        if not self.is_own():
            return
        try:
            write_all(self._descriptor, content)
            self._length += len(content)
        except OSError:
            os.lseek(self._descriptor, self._length, os.SEEK_SET)
            os.ftruncate(self._descriptor, self._length)
            raise

    def delete(self) -> None:
        """Delete the file, if this process made it."""
        if self._pid != getpid():
            return
        # Nobody is to find it unlocked; Windows deletes no file that is open.
        with suppress(OSError):
            os_unlink(self.path)
        if self.is_own():
            _unlock(self._descriptor)
        with suppress(OSError):
            unlink(self.path)


class Locks:
    """The locks of one vault, whose files are outside of it.

    Each method may raise MimicError: the system refuses a lock.

    Args:
        path: The folder of the vault.
        label: How errors name it.
    """

    def __init__(self, path: str, label: str) -> None:
        self._path = path
        self._label = label
        self._run: HeldFile | None = None
        # How much of the file of what is told was read.
        self._heard = 0

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other threads and processes out for a block that replaces a file."""
        path = join(self._folder, "write")
        try:
            descriptor = in_folder(
                path, lambda: open_file(path, _MAKE_LOCK, 0o600), mode=0o700
            )
            _lock_when_free(descriptor)
            try:
                yield
            finally:
                _unlock(descriptor)
        except OSError as reason:
            file, cause = reason.filename or self._folder, reason.strerror or reason
            what = f"cannot lock {self._label} with {file}: {cause}"
            raise MimicError(what) from None

    def join(self) -> None:
        """Join those who record. A forked process joins on its own."""
        if self._run is not None and self._run.is_own():
            return
        with self.alone() as is_alone:
            if is_alone:
                with suppress(FileNotFoundError):
                    unlink(self._told)
            self._run = HeldFile(join(self._folder, "run"))

    def tell(self, line: str) -> None:
        """Tell a line to all processes that record, within `writing`."""
        descriptor = open_file(self._told, _MAKE_LOCK | os.O_APPEND, 0o600)
        try:
            write_all(descriptor, f"{line}\n".encode())
        finally:
            close(descriptor)

    def told(self) -> list[str]:
        """Return the lines that were told since this was asked last."""
        try:
            descriptor = open_file(self._told, TO_LOCK)
        except FileNotFoundError:
            return []
        try:
            length = fstat(descriptor).st_size
            os.lseek(descriptor, self._heard, os.SEEK_SET)
            text = os.read(descriptor, length - self._heard).decode()
        finally:
            close(descriptor)
        self._heard = length
        return text.splitlines()

    @cached_property
    def _told(self) -> str:
        return join(self._folder, "told")

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Keep others out for a block; it gets whether no other process records."""
        with self.writing():
            yield not self._has_others()

    def leave(self) -> None:
        """Leave those who record."""
        if self._run is not None:
            self._run.delete()
            self._run = None

    def _has_others(self) -> bool:
        """Check for other processes that record; delete the files of killed ones."""
        own = self._run.path if self._run else ""
        has_others = False
        with scandir(self._folder) as entries:
            runs = [entry.path for entry in entries if entry.name.startswith("run.")]
        for path in runs:
            if path == own:
                continue
            with suppress(FileNotFoundError):
                if is_held(path):
                    has_others = True
                else:
                    unlink(path)
        return has_others

    @cached_property
    def _folder(self) -> str:
        """The folder of the lock files, one for every path to the vault."""
        from tempfile import gettempdir  # a replay does not need it

        user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
        vault = realpath(self._path).encode("utf-8", "surrogateescape")
        return join(gettempdir(), f"pytest-mimic-{user}", xxh3_64_hexdigest(vault))


def is_held(path: str) -> bool:
    """Check whether the process that holds a file is alive.

    Raises:
        OSError: The file is gone, or cannot be opened.
    """
    descriptor = open_file(path, TO_LOCK)
    try:
        return not _try_lock(descriptor)
    finally:
        close(descriptor)


def _place_of(descriptor: int) -> tuple[int, int]:
    facts = fstat(descriptor)
    return facts.st_dev, facts.st_ino


def _try_lock(descriptor: int) -> bool:
    # A replay takes no lock, and starts faster without it.
    import filelock

    return filelock.lock_descriptor(descriptor, blocking=False)


def _lock_when_free(descriptor: int) -> None:
    """Lock a file, however long another one has it locked.

    filelock itself would wait by `time.sleep`, which a test may have replaced.
    """
    pause = 0.0002
    try:
        while not _try_lock(descriptor):
            sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
    except BaseException:
        close(descriptor)
        raise


def _unlock(descriptor: int) -> None:
    """Unlock a file and close it; a test may have closed it already.

    A forked process may have the file open, too: to close it alone would leave it
    locked.
    """
    import filelock  # see `_try_lock`

    with suppress(OSError):
        filelock.unlock_descriptor(descriptor)
    with suppress(OSError):
        close(descriptor)
