"""One process at a time replaces files of a vault, and who records is known."""

# ruff: noqa: PTH116, PTH118, PTH120, PTH208
from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from io import FileIO
from itertools import count
from os import close, fstat, getpid, listdir, lstat
from os import stat as stat_of
from os.path import dirname
from pathlib import Path
from time import sleep

from pytest_mimic.errors import MimicError
from pytest_mimic.vault.folder import Folder
from pytest_mimic.vault.system import (
    NEW,
    TO_CHECK,
    TO_LOCK,
    in_folder,
    keep_mode,
    make_folder,
    open_file,
    read_all,
    write_all,
)

LOCKS = ".locks"
"""The folder of the locks."""
_WRITE = f"{LOCKS}/write"
_IGNORE = f"{LOCKS}/.gitignore"
TOLD = f"{LOCKS}/told"
"""The file in which those who record tell each other something."""
# What a file system answers that has no locks.
_HAS_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.01


class HeldFile:
    """A new file that this process keeps locked until it ends, however it ends.

    Its name begins with `start`, and has the process and a number: `…/run.4711-0`.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, folder: Folder, start: str, suffix: str = "") -> None:
        self._folder = folder
        self._pid = getpid()
        folder.check_way(start)
        for number in count():
            self.name = f"{start}.{self._pid}-{number}{suffix}"
            path = folder.path(self.name)
            with suppress(FileExistsError):  # A killed process had the same number.
                make = partial(open_file, path, NEW, 0o666)
                self._descriptor = in_folder(path, make)
                # Without locks nobody takes it for that of a process that has ended.
                with suppress(OSError):
                    while not _try_lock(self._descriptor):
                        sleep(_SHORTEST_PAUSE)
                # Until it was locked, somebody may have deleted it as such a file.
                if _is_at(path, self._descriptor):
                    break
                _unlock(self._descriptor)
        self._file = _place_of(self._descriptor)
        self._length = 0

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
        if os.name == "nt":  # It deletes no file that is open.
            self._release()
        # Nobody is to find it unlocked.
        with suppress(MimicError):
            self._folder.delete(self.name)
        self._release()

    def _release(self) -> None:
        if self.is_own():
            _unlock(self._descriptor)


class Locks:
    """The locks of one vault. Their files are in the vault, where Git ignores them.

    Each method may raise MimicError: the system refuses a lock.

    Args:
        folder: The files of the vault.
        label: How errors name it.

    Attributes:
        run: The file of this process, while it records.
        has_killed: Whether a run was found that was killed: it may have left objects
            that nothing refers to.
    """

    def __init__(self, folder: Folder, label: str) -> None:
        self._folder = folder
        self._label = label
        self.run: HeldFile | None = None
        self.has_killed = False
        # How much of the file of what is told was read.
        self._heard = 0

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other threads and processes out for a block that replaces a file."""
        with self._writing_announcements():
            descriptor = self._lock()
        try:
            yield
        finally:
            _unlock(descriptor)

    def _lock(self) -> int:
        pause = _SHORTEST_PAUSE
        while True:
            descriptor = self._open()
            try:
                is_locked = _try_lock(descriptor)
            except OSError as reason:
                close(descriptor)
                if reason.errno not in _HAS_NO_LOCKS:
                    raise
                self._folder = _private_folder(self._folder.path(""))
                continue
            # The last one who leaves an empty vault deletes the file.
            if is_locked and _is_at(self._folder.path(_WRITE), descriptor):
                return descriptor
            _unlock(descriptor)
            # filelock itself would wait by `time.sleep`, which a test may replace.
            sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _open(self) -> int:
        self._folder.check_way(_WRITE)
        path = self._folder.path(_WRITE)
        try:
            descriptor = in_folder(path, lambda: open_file(path, TO_LOCK, 0o666))
        except PermissionError as reason:
            try:
                return open_file(path, TO_CHECK)  # That of another user.
            except FileNotFoundError:
                raise reason from None
        if self.run is not None:
            return descriptor
        # The last one who leaves may delete the folder again, and this file with it.
        with suppress(FileExistsError, FileNotFoundError):
            # Git ignores a new folder, and all use it who may write into the vault.
            with FileIO(open_file(self._folder.path(_IGNORE), NEW, 0o666)) as ignore:
                write_all(ignore.fileno(), b"*\n")
            self._share(LOCKS)
            self._share(_WRITE)
        return descriptor

    def _share(self, name: str) -> None:
        mode = stat_of(self._folder.path("")).st_mode
        keep_mode(self._folder.path(name), mode if name == LOCKS else mode & 0o666)

    def join(self) -> None:
        """Join the processes that record. A forked process joins on its own."""
        if self._is_in():
            return
        with self.alone():
            if self._is_in():  # Another thread was first.
                return
            with self._writing_announcements():
                self.run = HeldFile(self._folder, f"{LOCKS}/run")
                self._share(self.run.name)

    def _is_in(self) -> bool:
        return self.run is not None and self.run.is_own()

    def announce(self, line: str) -> None:
        """Tell a line to all processes that record, within `writing`."""
        path, mode = self._folder.path(TOLD), TO_LOCK | os.O_APPEND
        with self._writing_announcements():
            descriptor = open_file(path, mode, 0o666)
            try:
                if not fstat(descriptor).st_size:
                    self._share(TOLD)
                write_all(descriptor, f"{line}\n".encode())
            finally:
                close(descriptor)

    def forget(self) -> None:
        """Delete what earlier runs have told, if no process records.

        A worker does not: another worker of its run may have ended.
        """
        with self.alone() as is_alone:
            if is_alone:
                self._folder.delete(TOLD)

    def announcements(self) -> list[str]:
        """Return the lines that were told since this was asked last."""
        try:
            descriptor = open_file(self._folder.path(TOLD), TO_CHECK)
        except OSError:  # It does not exist, or is hidden from this user.
            return []
        try:
            # Another thread may read at the same moment: it hears the same lines.
            length = fstat(descriptor).st_size
            start = self._heard if self._heard <= length else 0  # another file
            os.lseek(descriptor, start, os.SEEK_SET)
            announcements = read_all(descriptor, length - start)
        except OSError:  # It is no file.
            return []
        finally:
            close(descriptor)
        # The last line may be one that is being written.
        whole = announcements[: announcements.rfind(b"\n") + 1]
        self._heard = start + len(whole)
        return whole.decode().splitlines()

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Keep others out for a block; it gets whether no other process records."""
        with self.writing():
            with self._writing_announcements():
                has_others = self._has_others()
            yield not has_others
            self._delete_last()

    @contextmanager
    def leaving(self) -> Iterator[bool]:
        """Leave the processes that record, within `alone`: exactly one is the last."""
        with self.alone() as is_alone:
            if self.run is not None:
                self.run.delete()
                self.run = None
            yield is_alone

    def _has_others(self) -> bool:
        """Check for other processes that record; delete files of killed processes."""
        own = self.run.name if self.run else ""
        has_others = False
        for file in listdir(self._folder.path(LOCKS)):
            name = f"{LOCKS}/{file}"
            if not file.startswith("run.") or name == own:
                continue
            with suppress(FileNotFoundError, MimicError):
                if is_held(self._folder, name):
                    has_others = True
                else:
                    self.has_killed |= self._folder.delete(name)
        return has_others

    def _delete_last(self) -> None:
        """Delete the files of the locks if nothing else is left in the vault."""
        with suppress(OSError, MimicError):
            lies_alone = listdir(self._folder.path("")) == [LOCKS]
            left = set(listdir(self._folder.path(LOCKS)))
            if lies_alone and left <= {"write", "told", ".gitignore"}:
                for name in (TOLD, _IGNORE, _WRITE):
                    self._folder.delete(name)

    @contextmanager
    def _writing_announcements(self) -> Iterator[None]:
        """Tell what the system refuses in a block.

        Raises:
            MimicError: It has refused something.
        """
        try:
            yield
        except OSError as reason:
            file = reason.filename or self._folder.path(LOCKS)
            raise MimicError(
                f"cannot lock {self._label} with {file}: {reason.strerror or reason}"
            ) from None


def is_held(folder: Folder, name: str, *, deletes: bool = False) -> bool:
    """Check whether the process that holds a file is alive.

    One that cannot be opened, or locked, is held: it may be that of another user.

    Args:
        folder: The files of the vault.
        name: The file.
        deletes: Whether to delete a file that nobody holds.

    Raises:
        FileNotFoundError: The file is gone.
        CorruptRecordingError: It lies behind a link to a folder.
    """
    folder.check_way(name)
    try:
        descriptor = open_file(folder.path(name), TO_CHECK)
    except FileNotFoundError:
        raise
    except OSError:
        return True
    try:
        is_free = _try_lock(descriptor)
        # Nobody is to lock it before it goes. Windows deletes no file that is open.
        if is_free and deletes and os.name != "nt":
            folder.delete(name)
    except OSError:
        return True
    finally:
        close(descriptor)
    if is_free and deletes and os.name == "nt":
        folder.delete(name)
    return not is_free


def _private_folder(vault: str) -> Folder:
    """Return a folder outside for the locks of a vault, which only this user may write.

    Raises:
        MimicError: Another user has made it, or may write there; or it is a link.
    """
    # Few vaults lie where there are no locks.
    from tempfile import gettempdir

    from xxhash import xxh3_64_hexdigest

    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    digest = xxh3_64_hexdigest(
        os.path.realpath(vault).encode("utf-8", "surrogateescape")
    )
    path = os.path.join(gettempdir(), f"pytest-mimic-{user}", digest)
    for folder in (dirname(path), path):
        make_folder(folder, 0o700)
        found = lstat(folder)
        is_private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o022
        if os.name != "nt" and (not is_private or found.st_uid != os.getuid()):
            raise MimicError(
                f"cannot lock {vault}: it lies where there are no locks, and"
                f" {folder} is not a private folder of this user"
            )
    return Folder(Path(path), path)


def _is_at(path: str, descriptor: int) -> bool:
    with suppress(FileNotFoundError):
        found = stat_of(path)
        return _place_of(descriptor) == (found.st_dev, found.st_ino)
    return False


def _place_of(descriptor: int) -> tuple[int, int]:
    facts = fstat(descriptor)
    return facts.st_dev, facts.st_ino


def _try_lock(descriptor: int) -> bool:
    # A replay takes no lock, and starts faster without it.
    import filelock

    return filelock.lock_descriptor(descriptor, blocking=False)


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
