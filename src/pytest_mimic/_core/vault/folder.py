"""A store in a folder.

Each file is written under a temporary name and renamed when it is complete.
"""

# Joining a Path costs more than opening a small file. All functions of `os` are bound
# here, because the test whose call is recorded may have replaced `open` or a function
# of `os`.
# ruff: noqa: PTH106, PTH112, PTH113, PTH114, PTH116, PTH118, PTH120
from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from functools import partial
from itertools import groupby
from os import (
    F_OK,
    access,
    close,
    getpid,
    lstat,
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
from os.path import dirname, isdir, isfile, islink, join
from stat import S_ISBLK, S_ISCHR, S_ISDIR, S_ISFIFO, S_ISLNK, S_ISREG, S_ISSOCK
from time import time
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_mimic._core.vault.format import FOLDERS
from pytest_mimic._core.words import lazy_attribute
from pytest_mimic.errors import CorruptRecordingError, Damage, MimicError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_mimic._core.vault.locks import Locks
    from pytest_mimic._core.vault.store import Data

_T = TypeVar("_T")
if os.name == "nt":
    from pytest_mimic._core.whole_files import patient

    open_file = patient(open_file)
    replace = patient(replace)
    unlink = patient(unlink)
    mkdir = patient(mkdir)
_FLAGS_OF_ALL = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_FLAGS_TO_READ = os.O_RDONLY | _FLAGS_OF_ALL
_O_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FLAGS_OF_FOLDER = _FLAGS_TO_READ | _O_NOFOLLOW | getattr(os, "O_DIRECTORY", 0)
# Another process may have put a link or a pipe in the place of a file that was listed.
_FLAGS_OF_LISTED = _FLAGS_TO_READ | _O_NOFOLLOW | getattr(os, "O_NONBLOCK", 0)
_FLAGS_TO_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS_OF_ALL
# Files from this size on, in bytes, are mapped instead of read.
_MAPPED_FROM = 1 << 20
# Most recordings are read by one call of this size, in bytes. The rest of a larger file
# is read, and each file is written, in pieces of the size below.
_FIRST_READ = 1 << 14
_PIECE = 1 << 20
_READS_RELATIVE_TO_FOLDERS = open_file in os.supports_dir_fd
# A temporary file as old as this, in seconds, was left by a writer that was killed.
_AGE_OF_LEFTOVER = 3600.0
# The attempts to make a folder that other processes remove.
_ATTEMPTS_IN_FOLDER = 8
# What may stand in a vault in place of a file, in words.
_KINDS_THAT_ARE_NO_FILE: tuple[tuple[Callable[[int], bool], str], ...] = (
    (S_ISDIR, "a folder"),
    (S_ISFIFO, "a pipe"),
    (S_ISSOCK, "a socket"),
    (S_ISCHR, "a device"),
    (S_ISBLK, "a device"),
)


class FolderStore:
    """Files in a folder, which the first write makes.

    The folder may be a link. In it, a link to a regular file is read as that file. A
    link to a folder or to nothing, a device, a pipe and a socket, at the end of a link,
    too, are errors where they are read, and are never opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._prefix = join(self.path, "")
        # Whether the folder was made, and leftovers of killed runs were deleted.
        self._is_ready_to_write = False
        # Whether files were written that the system may still have in its memory alone:
        # `end_writing` flushes them.
        self._has_unflushed_files = False
        # The folders of the vault that are known to be no links, so that not each file
        # in them asks again.
        self._real_folders = {""}
        # The names that `names` has listed and are links, pipes and the like. A search
        # of all files (`contents`) reads them with the checks of `read`.
        self._irregular_names: set[str] = set()

    # -- reading

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, None if there is none."""
        try:
            path = self._checked_path(name)
            file = open_file(path, _FLAGS_TO_READ)
            try:
                beginning = read(file, _FIRST_READ)
                if len(beginning) < _FIRST_READ:
                    return beginning
                pieces = [beginning]
                while piece := read(file, _PIECE):
                    pieces.append(piece)
                return b"".join(pieces)
            finally:
                close(file)
        except OSError as reason:
            self._check_absent(name, reason)
            return None

    def contents(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield the files of a search of all, folder by folder, each with its name.

        A folder is opened once, and its files are found faster from there.
        """
        for folder, names_in_folder in groupby(names, _folder_of):
            folder_file = None
            if _READS_RELATIVE_TO_FOLDERS:
                with suppress(OSError):
                    folder_file = open_file(self._prefix + folder, _FLAGS_OF_FOLDER)
            if folder_file is None:
                yield from self._contents_one_by_one(names_in_folder)
                continue
            try:
                yield from self._contents_in(folder_file, names_in_folder)
            finally:
                close(folder_file)

    def _contents_in(
        self, folder_file: int, names: Iterable[str]
    ) -> Iterator[tuple[str, bytes]]:
        """Yield names of a folder that is open, each with its content.

        No `stat` is called, as `names` has seen which files are regular ones. Each
        function call would cost a tenth of the time that a file takes.
        """
        irregular_names = self._irregular_names
        for name in names:
            content: bytes | None = None
            if name not in irregular_names:
                try:
                    file = open_file(
                        name.rpartition("/")[2], _FLAGS_OF_LISTED, dir_fd=folder_file
                    )
                    try:
                        content = read(file, _FIRST_READ)
                    finally:
                        close(file)
                except OSError:
                    # The file is read once more below, where errors are told apart.
                    content = None
            # A file that fills the first read may be longer.
            if content is None or len(content) == _FIRST_READ:
                content = self._content_or_none(name)
            if content is not None:
                yield name, content

    def _contents_one_by_one(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield names, each with its content, where their folder cannot be opened."""
        for name in names:
            content = self._content_or_none(name)
            if content is not None:
                yield name, content

    def _content_or_none(self, name: str) -> bytes | None:
        """Return the content of a file, None if it is missing or cannot be read.

        A search of all files leaves such a file out.
        """
        with suppress(MimicError):
            return self.read(name)
        return None

    def memory(self, name: str) -> memoryview | None:
        """Return the content of an object, which may be large, as memory.

        A large file is mapped: what of it nobody looks at is not read.
        """
        if os.name == "posix" and (self.size(name) or 0) >= _MAPPED_FROM:
            from mmap import ACCESS_COPY, mmap

            # A file that cannot be mapped is read below, and an error is raised there.
            with suppress(OSError):
                file = open_file(self._checked_path(name), _FLAGS_TO_READ)
                try:
                    return memoryview(mmap(file, 0, access=ACCESS_COPY))
                finally:
                    close(file)
        content = self.read(name)
        if content is None:
            return None
        return memoryview(bytearray(content))

    def size(self, name: str) -> int | None:
        try:
            return stat(self._prefix + name).st_size
        except OSError:
            return None

    def names(self, prefix: str = "", *, without: Set[str] = frozenset()) -> list[str]:
        """Return the names of the files in a folder, and in the folders in it."""
        start = ""
        if prefix:
            start = f"{prefix}/"
        names: list[str] = []
        folders: list[str] = []
        try:
            # A folder that is a link is not followed: to read it as a file is an error.
            if prefix and S_ISLNK(lstat(self._prefix + prefix).st_mode):
                return [prefix]
            with scandir(self._prefix + prefix) as entries:
                for dir_entry in entries:
                    file_name = dir_entry.name
                    name = start + file_name
                    if name in without or file_name[0] == ".":
                        continue
                    if dir_entry.is_file(follow_symlinks=False):
                        names.append(name)
                    elif dir_entry.is_dir(follow_symlinks=False):
                        folders.append(name)
                    else:
                        # A link to a folder is among these: it is not followed.
                        names.append(name)
                        self._irregular_names.add(name)
        except (FileNotFoundError, NotADirectoryError):
            # There is no vault, or it has no such folder.
            return []
        except OSError as reason:
            raise _error_of_system("read", self._prefix + prefix, reason) from None
        names.sort()
        for folder in folders:
            names += self.names(folder, without=without)
        return names

    def leftovers(self) -> list[str]:
        """Return the names of temporary files that nobody renames any more."""
        oldest = time() - _AGE_OF_LEFTOVER
        names_of_leftovers = []
        try:
            with scandir(self.path) as entries:
                for dir_entry in entries:
                    if _is_temporary(dir_entry.name) and _changed_before(
                        dir_entry, oldest
                    ):
                        names_of_leftovers.append(dir_entry.name)
        except OSError:
            # There is no vault.
            return []
        return sorted(names_of_leftovers)

    def _checked_path(self, name: str) -> str:
        """Return the path of a name that leads to a regular file in the vault.

        Raises:
            OSError: There is no such file.
            CorruptRecordingError: A folder, a pipe or the like has this name.
        """
        folder = name.rpartition("/")[0]
        if folder not in self._real_folders:
            self._check_folder(folder)
        path = self._prefix + name
        mode = stat(path).st_mode
        if not S_ISREG(mode):
            raise self._no_regular_file(name, _words_of_kind(mode))
        return path

    def _check_folder(self, folder: str) -> None:
        """Check that a folder of the vault is reached without a link.

        Raises:
            OSError: There is no such folder.
            CorruptRecordingError: A link is on the way.
        """
        if folder in self._real_folders:
            return
        folder_names = folder.split("/")
        # Of `calls/shop.api`, first `calls` is looked at.
        for count in range(1, len(folder_names) + 1):
            outer_folder = "/".join(folder_names[:count])
            if S_ISLNK(lstat(self._prefix + outer_folder).st_mode):
                raise self._no_regular_file(outer_folder, "a folder")
        self._real_folders.add(folder)

    def _no_regular_file(self, name: str, words_of_kind: str) -> CorruptRecordingError:
        """Return the error for a name under which no regular file stands.

        Args:
            name: The name.
            words_of_kind: What stands there, or at the end of a link: `a pipe`.
        """
        path = self._prefix + name
        if S_ISLNK(lstat(path).st_mode):
            words_of_kind = f"a link to {words_of_kind}"
        return CorruptRecordingError(
            remedies=["put a regular file there, or a link to one, or remove it"],
            file=path,
            damage=Damage.NOT_REGULAR,
            detail=words_of_kind,
        )

    def _check_absent(self, name: str, reason: OSError) -> None:
        """Raise an error, unless the vault is readable and just has no such file.

        A call without a file is a miss. Where the file may be there and cannot be read,
        a miss would have it recorded again.
        """
        if not isinstance(reason, (FileNotFoundError, NotADirectoryError)):
            raise _error_of_system("read", self._prefix + name, reason) from None
        if isinstance(reason, NotADirectoryError) and not isdir(self.path):
            raise _error_of_system("read", self.path, reason) from None
        if islink(self._prefix + name):
            raise self._no_regular_file(name, "nothing") from None

    # -- writing

    def write(self, name: str, content: Data) -> None:
        path = self._prefix + name
        folder = name.rpartition("/")[0]
        try:
            # The first write makes the vault, and removes what killed writers left.
            if not self._is_ready_to_write:
                _make_folders(self.path)
                self.delete(self.leftovers())
                self._is_ready_to_write = True
            # A folder that is not there is made below.
            with suppress(FileNotFoundError):
                self._check_folder(folder)
            self._has_unflushed_files = True
            file, temporary = self._open_temporary()
            _write_file(file, temporary, content)
            try:
                _in_folder(self._prefix + folder, partial(replace, temporary, path))
            except BaseException:
                with suppress(OSError):
                    unlink(temporary)
                raise
        except OSError as reason:
            if isfile(self.path):
                # A file stands in place of the vault.
                path = self.path
            raise _error_of_system("write", path, reason) from None

    def _open_temporary(self) -> tuple[int, str]:
        """Return the number of a new temporary file, and its path.

        The file stands in the vault's top folder, as one listing finds all leftovers
        there. Its name is used again for the next file: a folder in which files of one
        name come and go is several times as fast as one in which each has a new name.
        """
        number = 0
        while True:
            path = f"{self._prefix}.mimic-{getpid()}-{number}.tmp"
            open_new = partial(open_file, path, _FLAGS_TO_WRITE, 0o666)
            try:
                # A user may delete the vault during a run.
                return _in_folder(self.path, open_new), path
            except FileExistsError:
                # Another thread writes this file, or a killed process has left it.
                number += 1

    def delete(self, names: Iterable[str]) -> int:
        deleted = 0
        folders = set()
        for name in names:
            try:
                unlink(self._prefix + name)
                deleted += 1
            except FileNotFoundError:
                pass
            except OSError as reason:
                raise _error_of_system("delete", self._prefix + name, reason) from None
            folders.add(dirname(name))
        for folder in sorted(folders, key=len, reverse=True):
            self._remove_empty(folder)
        return deleted

    def _remove_empty(self, folder: str) -> None:
        """Remove a folder and those around it, up to the first that holds something."""
        # The system refuses to remove a folder that is not empty, which ends the loop.
        with suppress(OSError):
            while folder:
                rmdir(self._prefix + folder)
                # A link may stand there next time.
                self._real_folders.discard(folder)
                folder = dirname(folder)

    def replace(
        self, name: str, content_before: bytes | None, new_content: bytes | None
    ) -> bool:
        """Write a file, or delete it, if no other process has changed it since."""
        lock = self._locks.lock_for_writing()
        try:
            if content_before is None:
                is_as_before = not access(self._prefix + name, F_OK)
            else:
                is_as_before = self.read(name) == content_before
            # Another process has written the file since: who asked reads it again.
            if not is_as_before:
                return False
            if new_content is None:
                self.delete([name])
            else:
                self.write(name, new_content)
            return True
        finally:
            self._locks.unlock(lock)

    # -- other processes

    @lazy_attribute
    def _locks(self) -> Locks:
        # Only what writes or clears needs a lock.
        from pytest_mimic._core.vault.locks import Locks

        return Locks(self.path)

    def share(self) -> None:
        self._locks.join()

    @contextmanager
    def alone(self) -> Iterator[bool]:
        with self._locks.alone() as is_alone:
            yield is_alone

    def end_writing(self) -> None:
        """Bring what the run has written to the disk, and let others delete objects."""
        # All files are flushed at once: to flush each of thousands of small files takes
        # longer than to record them. Windows has no such call, and nothing is flushed.
        if self._has_unflushed_files and hasattr(os, "sync"):
            os.sync()
        self._has_unflushed_files = False
        if "_locks" in vars(self):
            self._locks.leave()


def _folder_of(name: str) -> str:
    """Return the folder of a name; faster than `dirname`."""
    return name.rpartition("/")[0]


def _words_of_kind(mode: int) -> str:
    """Return what stands in place of a file, in words, by its mode."""
    for is_kind, words in _KINDS_THAT_ARE_NO_FILE:
        if is_kind(mode):
            return words
    return "no regular file"


def _is_temporary(name: str) -> bool:
    """Check whether a name is that of a file of `_open_temporary`."""
    return name.startswith(".mimic-") and name.endswith(".tmp")


def _changed_before(dir_entry: os.DirEntry[str], moment: float) -> bool:
    """Check whether a temporary file is older than a moment, which is in seconds.

    A younger file may be that of a writer at work.
    """
    try:
        return dir_entry.stat(follow_symlinks=False).st_mtime < moment
    except OSError:
        # Another process has deleted it.
        return False


def _write_file(file: int, path: str, content: Data) -> None:
    """Write the content of a new file and close it. If that fails, delete the file."""
    pieces: Iterable[Any] = (content,) if isinstance(content, bytes) else content
    try:
        try:
            for piece in pieces:
                view = memoryview(piece).cast("B")
                # The system may write less than it was given.
                while view:
                    count = write(file, view[:_PIECE])
                    view = view[count:]
        finally:
            close(file)
    except BaseException:
        # A file of which only a part was written must not stay in the vault.
        with suppress(OSError):
            unlink(path)
        raise


def _make_folders(path: str) -> None:
    """Make a folder and its parents.

    `os.makedirs` calls functions that a test may have replaced.
    """
    parent = dirname(path)
    # Only the root, and an empty path, have themselves as parent.
    if path == parent:
        return
    try:
        _in_folder(parent, partial(mkdir, path))
    except FileExistsError:
        # A folder that stands there may have been removed by now.
        if isfile(path):
            raise
    except OSError:
        if not isdir(path):
            raise


def _in_folder(folder: str, act: Callable[[], _T]) -> _T:
    """Act in a folder, and make it if it is missing.

    A process that clears may remove it again while it is empty.
    """
    for _ in range(_ATTEMPTS_IN_FOLDER):
        try:
            return act()
        except FileNotFoundError:
            _make_folders(folder)
    return act()


def _error_of_system(verb: str, path: str, reason: OSError) -> MimicError:
    """Return the error for a path that the system cannot read, write or delete.

    The `verb` is one of these three, for the message.
    """
    cause = reason.strerror or str(reason)
    return MimicError(f"cannot {verb} {path}: {cause}", path=path, cause=cause)


def holds_recordings(vault: Path) -> bool:
    """Check whether a vault has any recordings.

    This looks at two folders instead of listing all files.
    """
    return any(vault.joinpath(folder).is_dir() for folder in FOLDERS)
