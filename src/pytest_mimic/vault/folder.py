"""Files of the vault are whole or not there."""

# ruff: noqa: PTH106, PTH116, PTH118, PTH120, PTH204
from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from os import close, lstat, rmdir, scandir, urandom
from os import stat as stat_of
from os.path import dirname, getmtime, join
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, NoReturn, TypeVar

from pytest_mimic.errors import CorruptRecordingError, MimicError
from pytest_mimic.vault.system import (
    NEW,
    content_of,
    in_folder,
    map_of,
    open_file,
    replace,
    unlink,
    write_all,
)

if TYPE_CHECKING:
    from mmap import mmap

_Content = TypeVar("_Content")
_TEMPORARY = ".mimic-"
# In seconds. A younger temporary file may be that of a process on another machine.
_AGE_OF_LEFTOVERS = 3600


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

    def path(self, name: str) -> str:
        return f"{self._root}{os.sep}{name}"

    def read(self, name: str) -> bytes | None:
        """Return what a file holds; None: it does not exist.

        Raises:
            CorruptRecordingError: It is no regular file, nor a link to one.
        """
        return self._read(name, content_of)

    def map(self, name: str) -> bytes | mmap | None:
        """As `read`; a large file is mapped."""
        return self._read(name, map_of)

    def _read(self, name: str, read: Callable[[str, int], _Content]) -> _Content | None:
        path = self.path(name)
        is_link = False
        try:
            found = lstat(path)
            is_link = stat.S_ISLNK(found.st_mode)
            if is_link:
                found = stat_of(path)
            if not stat.S_ISREG(found.st_mode):
                raise self._irregular(name)
            return read(path, found.st_size)
        except FileNotFoundError:
            if is_link:
                raise self._irregular(name) from None
            return None
        except (OSError, ValueError) as reason:
            self.fail("read", name, reason)

    def write(self, name: str, chunks: Iterable[bytes | memoryview]) -> None:
        """Replace a file: it has its old content or all of the new one."""
        temporary = self.path(f"{_TEMPORARY}{urandom(8).hex()}.tmp")
        path = self.path(name)
        try:
            self._write_new(temporary, chunks)
            in_folder(path, lambda: replace(temporary, path))
        except BaseException as reason:
            with suppress(OSError):
                unlink(temporary)
            if isinstance(reason, OSError):
                self.fail("write", name, reason)
            raise

    def _write_new(self, path: str, chunks: Iterable[bytes | memoryview]) -> None:
        descriptor = in_folder(path, lambda: open_file(path, NEW, 0o666))
        try:
            for chunk in chunks:
                write_all(descriptor, chunk)
        finally:
            close(descriptor)

    def delete(self, name: str) -> bool:
        """Delete a file, with folders that it leaves empty; return if it was there."""
        try:
            unlink(self.path(name))
        except FileNotFoundError:
            return False
        except OSError as reason:
            self.fail("delete", name, reason)
        with suppress(OSError):
            while name:
                name = dirname(name)
                rmdir(join(self._root, name))
        return True

    def names(self, start: str = "") -> list[str]:
        """Return the files below a folder, sorted.

        Hidden files are left out. Who reads a link to a folder is told what it is.
        """
        try:
            with scandir(self.path(start)) as found:
                entries = [entry for entry in found if not entry.name.startswith(".")]
        except FileNotFoundError:
            return []
        except OSError as reason:
            self.fail("read", start, reason)
        names = []
        for entry in entries:
            name = f"{start}/{entry.name}" if start else entry.name
            if entry.is_dir(follow_symlinks=False):
                names += self.names(name)
            else:
                names.append(name)
        return sorted(names)

    def size(self, name: str) -> int:
        """Return the size of a file in bytes; 0: it does not exist."""
        try:
            return stat_of(self.path(name)).st_size
        except OSError:
            return 0

    def delete_leftovers(self) -> None:
        """Delete temporary files of writers that were killed."""
        with suppress(OSError), scandir(self._root) as entries:
            for entry in entries:
                is_ours = entry.name.startswith(_TEMPORARY)
                if is_ours and time() - getmtime(entry.path) > _AGE_OF_LEFTOVERS:
                    unlink(entry.path)

    def fail(self, verb: str, name: str, reason: OSError | ValueError) -> NoReturn:
        """Tell what the system has refused.

        Raises:
            MimicError: In any case.
        """
        cause = getattr(reason, "strerror", None) or str(reason)
        raise MimicError(
            f"cannot {verb} {self._label}/{name}: {cause}",
            ["nothing was changed"] if verb != "read" else [],
            [("to keep recordings in another folder", "mimic_vault_path = FOLDER")],
        ) from None

    def _irregular(self, name: str) -> CorruptRecordingError:
        file = f"{self._label}/{name}"
        return CorruptRecordingError(
            f"{file} is not a regular file, so it was not opened",
            file=file,
            damage="irregular",
        )
