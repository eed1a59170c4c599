"""A store in a folder, with its locks.

Each file is written under a temporary name and renamed when it is complete.
"""

# Joining a Path costs more than opening a small file. All functions of `os` are bound
# here, because the test whose call
# is recorded may have replaced `open` or a function of `os`.
# ruff: noqa: PTH113, PTH106, PTH112, PTH116, PTH118, PTH120
from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from os import (
    F_OK,
    access,
    close,
    fstat,
    getpid,
    mkdir,
    read,
    replace,
    rmdir,
    scandir,
    stat,
    unlink,
    write,
)
from os import open as open_file
from os.path import dirname, isdir, isfile, join, realpath
from time import time
from typing import TYPE_CHECKING, TypeVar

from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault.store import Data

_T = TypeVar("_T")
if os.name == "nt":
    from pytest_mimic._core.whole_files import patient

    open_file, replace, unlink, mkdir = (
        patient(open_file),
        patient(replace),
        patient(unlink),
        patient(mkdir),
    )
# Files from this size on, in bytes, are mapped instead of read.
_MAPPED_FROM = 1 << 20
_CHUNK = 1 << 20
# Most recordings are read by one call of this size.
_SMALL = 1 << 14
# A temporary file as old as this, in seconds, was left by a writer that was killed.
_LEFT = 3600.0
# The attempts to make a folder that other processes remove.
_TRIES = 8


class FolderStore:
    """Files in a folder, which the first write makes."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._prefix = join(self.path, "")
        self._has_written = self._is_unflushed = False
        self._lock = _RunLock(self.path)

    def read(self, name: str) -> bytes | None:
        try:
            file = open_file(self._prefix + name, _READ)
            try:
                data = read(file, _SMALL)
                return (
                    data
                    if len(data) < _SMALL
                    else data + b"".join(iter(partial(read, file, _CHUNK), b""))
                )
            finally:
                close(file)
        except OSError as reason:
            self._check_absent(name, reason)
            return None

    def map(self, name: str) -> memoryview | None:
        if os.name == "posix" and (self.size(name) or 0) >= _MAPPED_FROM:
            from mmap import ACCESS_COPY, mmap

            with suppress(OSError):  # which reading finds, too
                file = open_file(self._prefix + name, _READ)
                try:
                    return memoryview(mmap(file, 0, access=ACCESS_COPY))
                finally:
                    close(file)
        data = self.read(name)
        return None if data is None else memoryview(bytearray(data))

    def write(self, name: str, data: Data) -> None:
        path = self._prefix + name
        try:
            if not self._has_written:
                _make_folders(self.path)
                self.delete(self.leftovers())
                self._has_written = True
            self._is_unflushed = True
            file, temporary = self._open_temporary()
            _write_file(file, temporary, data)
            try:
                _in_folder(dirname(path), partial(replace, temporary, path))
            except BaseException:
                with suppress(OSError):
                    unlink(temporary)
                raise
        except OSError as reason:
            at_fault = self.path if isfile(self.path) else path
            raise _cannot("write", at_fault, reason) from None

    def _open_temporary(self) -> tuple[int, str]:
        """Return a new temporary file and its path: in the vault's top folder, as one listing finds all leftovers there.

        A folder in which files of one name come and go is several times as fast as one
        in which each has another name.
        """
        number = 0
        while True:
            path = f"{self._prefix}.mimic-{getpid()}-{number}.tmp"
            try:
                # A user may delete the vault during a run.
                return _in_folder(
                    self.path, partial(open_file, path, _WRITE, 0o666)
                ), path
            except (
                FileExistsError
            ):  # another thread writes it, or a killed process has left it
                number += 1

    def delete(self, names: Iterable[str]) -> int:
        deleted, folders = 0, set()
        for name in names:
            try:
                unlink(self._prefix + name)
                deleted += 1
            except FileNotFoundError:
                pass
            except OSError as reason:
                raise _cannot("delete", self._prefix + name, reason) from None
            folders.add(dirname(name))
        for folder in sorted(folders, key=len, reverse=True):
            with suppress(OSError):  # it is not empty
                while folder:
                    rmdir(self._prefix + folder)
                    folder = dirname(folder)
        return deleted

    def size(self, name: str) -> int | None:
        try:
            return stat(self._prefix + name).st_size
        except OSError:
            return None

    def names(self, prefix: str = "", *, without: Set[str] = frozenset()) -> list[str]:
        start = f"{prefix}/" if prefix else ""
        names: list[str] = []
        folders = []
        try:
            with scandir(self._prefix + prefix) as entries:
                for entry in entries:
                    if (name := start + entry.name) in without or entry.name[0] == ".":
                        continue
                    if entry.is_dir():
                        folders.append(name)
                    else:
                        names.append(name)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as reason:
            raise _cannot("read", self._prefix + prefix, reason) from None
        names.sort()
        for folder in folders:
            names += self.names(folder, without=without)
        return names

    def leftovers(self) -> list[str]:
        left = []
        try:
            with scandir(self.path) as entries:
                for entry in entries:
                    if entry.name.startswith(".mimic-") and entry.name.endswith(".tmp"):
                        with suppress(OSError):
                            left += (
                                [entry.name]
                                if time() - entry.stat().st_mtime > _LEFT
                                else []
                            )
        except OSError:  # there is no vault
            return []
        return sorted(left)

    def share(self) -> None:
        try:
            self._lock.share()
        except OSError as reason:
            raise _cannot("lock", self.path, reason) from None

    @contextmanager
    def alone(self) -> Iterator[bool]:
        try:
            with self._lock.alone() as is_alone:
                yield is_alone
        except OSError as reason:
            raise _cannot("lock", self.path, reason) from None

    def replace(self, name: str, before: bytes | None, now: bytes | None) -> bool:
        try:
            file = open_file(self._write_lock, _LOCK, 0o600)
            try:
                flock(file, LOCK_EX)
                try:
                    is_there = before is None and access(self._prefix + name, F_OK)
                    if is_there or (before is not None and self.read(name) != before):
                        return False
                    if now is None:
                        self.delete([name])
                    else:
                        self.write(name, now)
                    return True
                finally:
                    flock(file, LOCK_UN)  # a forked process may have the file, too
            finally:
                with suppress(OSError):
                    close(file)
        except OSError as reason:
            raise _cannot("lock", self.path, reason) from None

    @cached_property
    def _write_lock(self) -> str:
        return f"{_lock_path(self.path)}.write"

    def end_run(self) -> None:
        # To flush each of thousands of small files takes longer than to record them.
        # Windows has no other way.
        if self._is_unflushed and hasattr(os, "sync"):
            os.sync()
        self._is_unflushed = False
        self._lock.end()

    def _check_absent(self, name: str, reason: OSError) -> None:
        """Raise an error, unless the vault is readable and just has no such file."""
        if not isinstance(reason, (FileNotFoundError, NotADirectoryError)):
            raise _cannot("read", self._prefix + name, reason) from None
        if isinstance(reason, NotADirectoryError) and not isdir(self.path):
            raise _cannot("read", self.path, reason) from None


_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_WRITE = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_LOCK = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)


def _lock_path(vault: str) -> str:
    """Return the file of a vault's lock: outside the vault, and the same for every path that leads to the vault."""
    from hashlib import blake2b
    from tempfile import gettempdir

    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    digits = blake2b(
        realpath(vault).encode("utf-8", "surrogateescape"), digest_size=8
    ).hexdigest()
    folder = join(gettempdir(), f"pytest-mimic-{user}")
    _make_folders(folder, mode=0o700)
    return join(folder, f"{digits}.lock")


def _write_file(file: int, path: str, data: Data) -> None:
    """Write the content of a new file and close it; after a failure there is no file."""
    try:
        try:
            for piece in (data,) if isinstance(data, bytes) else data:
                view = memoryview(piece).cast("B")
                while view:  # the system may write less than it was given
                    view = view[write(file, view[:_CHUNK]) :]
        finally:
            close(file)
    except BaseException:
        with suppress(OSError):
            unlink(path)
        raise


def _make_folders(path: str, *, mode: int = 0o777) -> None:
    """Make a folder and its parents.

    `os.makedirs` calls functions that a test may have replaced.
    """
    parent = dirname(path)
    if path == parent:  # the root, or the current folder
        return
    try:
        _in_folder(parent, lambda: mkdir(path, mode))
    except FileExistsError:  # a folder, which may have been removed since
        if isfile(path):
            raise
    except OSError:
        if not isdir(path):
            raise


def _in_folder(folder: str, act: Callable[[], _T]) -> _T:
    """Act in a folder, and make it if it is missing.

    A process that clears may remove it again while it is empty.
    """
    for _ in range(_TRIES):
        try:
            return act()
        except FileNotFoundError:
            _make_folders(folder)
    return act()


def _cannot(do: str, path: str, reason: OSError) -> MimicError:
    cause = reason.strerror or str(reason)
    return MimicError(f"cannot {do} {path}: {cause}", path=path, cause=cause)


class _RunLock:
    """Whether this process may still name, or put back, what another one would delete.

    The system drops the lock with its process. Windows has none that is shared: there,
    a byte of the file is locked for
    each process, and all of them by who is alone.
    """

    def __init__(self, vault: str) -> None:
        self._vault = vault
        self._file: int | None = None
        self._owner = (
            0,
            0,
            0,
        )  # the process, and what the file was: a test may close the files of others

    def share(self) -> None:
        """Take part, and wait for who is alone.

        A forked process takes part on its own. OSError: it cannot be locked.
        """
        if self._file is None or not self._is_ours():
            self._file = open_file(_lock_path(self._vault), _LOCK, 0o600)
            found = fstat(self._file)
            self._owner = getpid(), found.st_dev, found.st_ino
            _lock(self._file, alone=False)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Keep others out for the block, and say whether none of them takes part.

        OSError: it cannot be locked.
        """
        is_shared = self._file is not None and self._is_ours()
        file = (
            self._file
            if is_shared
            else open_file(_lock_path(self._vault), _LOCK, 0o600)
        )
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
            with suppress(OSError):
                close(self._file)
        self._file = None

    def __del__(self) -> None:
        self.end()

    def _is_ours(self) -> bool:
        assert self._file is not None
        try:
            found = fstat(self._file)
        except OSError:
            return False
        return self._owner == (getpid(), found.st_dev, found.st_ino)


if sys.platform == "win32":
    import msvcrt

    LOCK_EX, LOCK_UN = msvcrt.LK_LOCK, msvcrt.LK_UNLCK

    def flock(file: int, operation: int) -> None:
        msvcrt.locking(file, operation, 1)

    def _lock(file: int, *, alone: bool) -> bool:
        own, most = getpid() % (1 << 20), 1 << 20
        for start, size in ((own, 1), (0, most)):
            os.lseek(file, start, os.SEEK_SET)
            with suppress(OSError):  # it was not locked
                msvcrt.locking(file, msvcrt.LK_UNLCK, size)
        os.lseek(file, 0 if alone else own, os.SEEK_SET)
        try:
            msvcrt.locking(
                file, msvcrt.LK_NBLCK if alone else msvcrt.LK_LOCK, most if alone else 1
            )
        except OSError:
            return False
        return True

else:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, flock

    def _lock(file: int, *, alone: bool) -> bool:
        try:
            flock(file, LOCK_EX | LOCK_NB if alone else LOCK_SH)
        except BlockingIOError:
            return False
        return True
