"""Files of the vault are whole or not there; nothing else is opened or deleted."""

# ruff: noqa: PTH106, PTH116, PTH118, PTH120
from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from os import close, fstat, ftruncate, listdir, lstat, rmdir, scandir, urandom, utime
from os import stat as stat_of
from os.path import dirname, join
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, NoReturn

from pytest_mimic.errors import CorruptRecordingError, MimicError
from pytest_mimic.vault.names import is_own
from pytest_mimic.vault.recording import damaged
from pytest_mimic.vault.system import (
    NEW,
    TO_APPEND,
    in_folder,
    keep_mode,
    open_file,
    read_file,
    replace,
    unlink,
    write_all,
)

if TYPE_CHECKING:
    from mmap import mmap

_TEMPORARY = ".mimic-"
# In seconds. A younger temporary file may be that of a process on another machine.
_AGE_OF_LEFTOVERS = 3600
_SIZE_OF_TRIAL = 4096
# Of Windows: `lstat` calls such a link a folder.
_JUNCTION = 0xA0000003


class Folder:
    """Files by name, `calls/shop.fetch/5f31….json`, below one folder.

    Each method may raise MimicError: what the system refused.

    Args:
        path: The folder. It need not exist.
        label: How errors name it.
    """

    def __init__(self, path: Path, label: str) -> None:
        self._root = str(path)
        self._label = label
        # Those that are folders of the vault itself; its own may be a link.
        self._sound = {""}

    def path(self, name: str) -> str:
        return f"{self._root}{os.sep}{name}"

    def read(self, name: str) -> bytes | None:
        """Return what a file holds; None: it does not exist.

        Raises:
            CorruptRecordingError: It is no regular file, nor a link to one; it lies
                behind a link to a folder; or the system refuses it.
        """
        content = self.map(name, may_map=False)
        return None if content is None else content[:]

    def map(self, name: str, *, may_map: bool = True) -> bytes | mmap | None:
        """As `read`; a large file is mapped."""
        path, is_link = self.path(name), False
        try:
            self.check_way(name)
            found = lstat(path)
            is_link = stat.S_ISLNK(found.st_mode)
            if is_link:
                found = stat_of(path)
            if stat.S_ISREG(found.st_mode):
                return read_file(path, found.st_size, may_map=may_map)
            if stat.S_ISDIR(found.st_mode):
                scandir(path).close()  # The error of a folder that cannot be listed.
        except FileNotFoundError:
            if not is_link:
                return None
        except (OSError, ValueError) as reason:
            raise CorruptRecordingError(
                f"cannot read {self._label}/{name}: {_cause(reason)}",
                file=f"{self._label}/{name}",
                damage="unreadable",
            ) from None
        what = "is not a regular file, so it was not opened"
        raise damaged(f"{self._label}/{name}", "irregular", what)

    def check_way(self, name: str) -> None:
        """Refuse a file that lies behind a link to a folder.

        Raises:
            CorruptRecordingError: It does.
            OSError: The system does not tell.
        """
        folder = name.rpartition("/")[0]
        if folder in self._sound:
            return
        self.check_way(folder)
        try:
            found = lstat(self.path(folder))
        except FileNotFoundError:
            return
        is_junction = getattr(found, "st_reparse_tag", 0) == _JUNCTION
        if is_junction or not stat.S_ISDIR(found.st_mode):
            raise damaged(
                f"{self._label}/{folder}",
                "linked",
                "is a link or no folder, so nothing below it was touched",
                ["of the folders of a vault only its own may be a link"],
            )
        self._sound.add(folder)

    def _kind(self, name: str) -> int:
        """Return the mode of a file or of a link itself; 0: there is none."""
        try:
            return lstat(self.path(name)).st_mode
        except FileNotFoundError:
            return 0

    def write(self, name: str, chunks: Iterable[bytes | memoryview]) -> None:
        """Replace a file: it has its old content or all of the new. Its mode stays."""
        path, temporary = self.path(name), self.path(_temporary_name())
        try:
            self.check_way(name)
            self._write_new(temporary, chunks, self._kind(name))
            in_folder(path, lambda: replace(temporary, path))
        except BaseException as reason:
            with suppress(OSError):
                unlink(temporary)
            if isinstance(reason, OSError):
                self.fail("write", name, reason)
            raise

    def _write_new(
        self, path: str, chunks: Iterable[bytes | memoryview], mode: int
    ) -> None:
        descriptor = in_folder(path, lambda: open_file(path, NEW, 0o666))
        try:
            if stat.S_ISREG(mode):
                keep_mode(path, mode)
            for chunk in chunks:
                write_all(descriptor, chunk)
        finally:
            close(descriptor)

    def append(self, name: str, content: bytes) -> int:
        """Write bytes at the end of a file, all or none; return its size before."""
        path = self.path(name)
        try:
            self.check_way(name)
            descriptor = in_folder(path, lambda: open_file(path, TO_APPEND, 0o666))
            size = fstat(descriptor).st_size
            try:
                write_all(descriptor, content)
            except OSError:
                ftruncate(descriptor, size)
                raise
            finally:
                close(descriptor)
        except OSError as reason:
            self.fail("write", name, reason)
        return size

    def try_out(self, folder: str) -> int:
        """Show that files of a folder can be written: make one there, and delete it.

        Returns:
            The time, as files of the folder tell it: nanoseconds since 1970.

        Raises:
            MimicError: None can, or a folder of a top folder is a link.
        """
        trial = f"{folder}/{_temporary_name()}"
        self.write(trial, [bytes(_SIZE_OF_TRIAL)])
        now = self.stamp(trial)[1]
        try:
            # Before the trial goes, since an empty folder goes with it.
            below = list(scandir(self.path(folder))) if "/" not in folder else []
        except OSError as reason:
            self.fail("list", folder, reason)
        self.delete(trial)
        for entry in below:
            if entry.is_symlink() and entry.is_dir():
                self.check_way(f"{folder}/{entry.name}/")
        return now

    def may_replace(self, name: str) -> bool:
        """Return whether this user may replace or delete a file that may be there.

        In a sticky folder only who owns the file or the folder may. Of a folder, a name
        that ends with `/`, a trial says whether it can be written: it may have gone.
        """
        path = self.path(name)
        try:
            owner, folder = lstat(path).st_uid, stat_of(dirname(path))
        except OSError:
            return True
        is_free = not folder.st_mode & stat.S_ISVTX or not hasattr(os, "geteuid")
        may_write = name.endswith("/") or os.access(dirname(path), os.W_OK)
        return may_write and (is_free or os.geteuid() in (0, owner, folder.st_uid))

    def delete(self, name: str) -> bool:
        """Delete a file, with folders that it leaves empty; return if it has gone.

        It has a name that we give, is a regular file or a link, which goes itself, and
        lies behind no link to a folder: everything else stays.
        """
        try:
            self.check_way(name)
            mode = self._kind(name)
            is_file = stat.S_ISREG(mode) or stat.S_ISLNK(mode)
            if not is_file or not is_own(name):
                return False
            unlink(self.path(name))
        except (FileNotFoundError, CorruptRecordingError):
            return False
        except OSError as reason:
            self.fail("delete", name, reason)
        with suppress(OSError):
            while name:
                name = dirname(name)
                rmdir(join(self._root, name))
        return True

    def names(self, start: str = "") -> Iterator[str]:
        """Yield the files below a folder, in order.

        Hidden ones are left out. A folder that is a link or cannot be listed is not
        walked: it is a name that ends with `/`, and to read it raises the reason.
        """
        below = f"{start}/" if start else ""
        try:
            self.check_way(below)
            with scandir(self.path(start)) as found:
                names = sorted(map(_with_slash, found))
        except FileNotFoundError:
            return
        except (OSError, CorruptRecordingError):
            yield below
            return
        for name in names:
            if name.startswith("."):
                continue
            if name.endswith("/"):
                yield from self.names(below + name[:-1])
            else:
                yield below + name

    def listed(self, start: str) -> list[str]:
        """Return the names in a folder, in no order, whatever they name."""
        try:
            self.check_way(f"{start}/")
            return listdir(self.path(start))  # noqa: PTH208
        except (OSError, CorruptRecordingError):
            return []

    def size(self, name: str) -> int:
        """Return the size of a file in bytes; 0: it does not exist."""
        try:
            return stat_of(self.path(name)).st_size
        except OSError:
            return 0

    def stamp(self, name: str) -> tuple[int, int]:
        """Return what differs after each write of a file; zeros: it is not there.

        The second number is when it was written, in nanoseconds since 1970.
        """
        try:
            found = lstat(self.path(name))
        except OSError:
            return 0, 0
        return found.st_ino, found.st_mtime_ns

    def date_back(self, name: str, written_ns: int) -> None:
        """Let a file be as old as before it was replaced."""
        with suppress(OSError):
            utime(self.path(name), ns=(written_ns, written_ns))

    def leftovers(self) -> list[str]:
        """Return the temporary files of writers that were killed."""
        old = []
        with suppress(OSError), scandir(self._root) as entries:
            for entry in entries:
                is_temporary = entry.name.startswith(_TEMPORARY)
                if is_temporary and time() - entry.stat().st_mtime > _AGE_OF_LEFTOVERS:
                    old.append(entry.name)
        return old

    def fail(self, verb: str, name: str, reason: OSError | ValueError) -> NoReturn:
        """Tell what the system has refused.

        Raises:
            MimicError: In any case.
        """
        raise MimicError(
            f"cannot {verb} {self._label}/{name}: {_cause(reason)}",
            remedies=[
                ("to keep recordings in another folder", "mimic_vault_path = FOLDER")
            ],
        ) from None


def _temporary_name() -> str:
    return f"{_TEMPORARY}{urandom(8).hex()}.tmp"


def _with_slash(entry: os.DirEntry[str]) -> str:
    """Return the name of a file; a slash marks a folder, or a link to a folder."""
    try:
        return f"{entry.name}/" if entry.is_dir() else entry.name
    except OSError:  # A link to itself.
        return entry.name


def _cause(reason: OSError | ValueError) -> str:
    return getattr(reason, "strerror", None) or str(reason)
