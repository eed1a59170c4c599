"""Writes recorded files below a root: all or none of them, through no link, with no more than a permission to execute."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import NamedTuple

from pytest_mimic._event_loop import outside_event_loop
from pytest_mimic._files.patient import patient

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

_numbers = count()
_FOLDER = (
    os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)
_NEW = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
# Without it, as on Windows, links are looked for just before a folder is used.
_HAS_HANDLES = {os.open, os.mkdir, os.stat, os.unlink, os.rename, os.rmdir} <= os.supports_dir_fd
# Git runs what is in its folder. On Windows, `git~1` is its short name.
_FORBIDDEN = frozenset({".git", "git~1"})
# Windows takes no account of dots and blanks at the end of a name, and HFS+ of macOS none of these characters.
_END = ". "
_IGNORED = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])


class UnsafePathError(Exception):
    """A file would be written elsewhere than below its root. The text says why."""


class FileTarget(NamedTuple):
    """A file or folder below an absolute root, by the names that lead to it."""

    root: str
    names: tuple[str, ...]

    @property
    def parent(self) -> FileTarget:
        """The folder around it."""
        return FileTarget(self.root, self.names[:-1])


class FileToWrite(NamedTuple):
    """A file to write, its content, and whether its owner may execute it."""

    at: FileTarget
    pieces: Callable[[], Iterable[bytes]]
    is_executable: bool


class _Folder(NamedTuple):
    """An open folder: a handle, or its path where the system has no operations in an open folder."""

    handle: int | None
    path: str

    def at(self, name: str) -> str:
        return name if self.handle is not None else os.path.join(self.path, name)  # noqa: PTH118


def check_names(names: Iterable[str]) -> None:
    """Raise UnsafePathError if names lead out of their folder, or into git's."""
    for name in names:
        if (
            name in ("", ".", "..")
            or set(name) & {"/", "\0"}
            or (os.name == "nt" and _is_other_on_windows(name))
        ):
            raise UnsafePathError(f"{name!r} is no name of a file")
        if name.translate(_IGNORED).partition(":")[0].rstrip(_END).casefold() in _FORBIDDEN:
            raise UnsafePathError(f"{name} is git's")


def _is_other_on_windows(name: str) -> bool:
    """Return whether Windows takes a name for that of another file, or of a folder and a file."""
    return bool(set(name) & {"\\", ":"}) or name[-1] in _END


@outside_event_loop
def check_target(at: FileTarget) -> None:
    """Raise UnsafePathError if no file could be written there: a name leads out of the root, or a folder is a link."""
    check_names(at.names)
    with suppress(OSError), _opened(at.parent, makes=False):
        pass


@outside_event_loop
def write_files(
    files: Iterable[FileToWrite], *, folders: Iterable[FileTarget] = (), removed: Iterable[FileTarget] = ()
) -> None:
    """Write files, make folders, and remove files and empty folders, all below their roots.

    All files are written under temporary names first, then renamed.

    Raises:
        UnsafePathError: A name leads out of the root, or a folder is a link. Nothing was written.
        OSError: A file cannot be written. Nothing was written, unless a rename failed.
    """
    files, folders, removed = list(files), list(folders), list(removed)
    for at in (*(file.at for file in files), *folders, *removed):
        check_names(at.names)
    written: list[tuple[FileTarget, str]] = []
    try:
        for file in files:
            written.append((file.at, _write(file)))
        for at in folders:
            with _opened(at):
                pass
        for at, _ in written:
            _check_replaceable(at)
        while written:
            at, whole = written[0]
            with _opened(at.parent) as folder:
                _rename(folder, whole, at.names[-1])
            del written[0]
        for at in sorted(removed, key=lambda one: len(one.names), reverse=True):
            _remove(at)
    finally:
        for at, whole in written:
            with suppress(OSError, UnsafePathError), _opened(at.parent) as folder:
                os.unlink(folder.at(whole), dir_fd=folder.handle)


def _write(file: FileToWrite) -> str:
    """Write a file under a temporary name, and return that."""
    whole = f".mimic-{os.getpid()}-{next(_numbers)}.tmp"
    with _opened(file.at.parent) as folder:
        handle = os.open(folder.at(whole), _NEW, 0o777 if file.is_executable else 0o666, dir_fd=folder.handle)
        try:
            with open(handle, "wb", buffering=0) as out:  # noqa: PTH123
                for piece in file.pieces():
                    view = memoryview(piece)
                    while view:
                        view = view[out.write(view) :]
        except BaseException:
            with suppress(OSError):
                os.unlink(folder.at(whole), dir_fd=folder.handle)
            raise
    return whole


def _check_replaceable(at: FileTarget) -> None:
    with suppress(FileNotFoundError), _opened(at.parent) as folder:
        found = os.stat(folder.at(at.names[-1]), dir_fd=folder.handle, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.path.join(at.root, *at.names))  # noqa: PTH118


def _rename(folder: _Folder, whole: str, name: str) -> None:
    if folder.handle is None:
        patient(os.replace)(folder.at(whole), folder.at(name))
    else:
        os.rename(whole, name, src_dir_fd=folder.handle, dst_dir_fd=folder.handle)


def _remove(at: FileTarget) -> None:
    """Remove a file, a link or an empty folder."""
    name = at.names[-1]
    with suppress(FileNotFoundError, NotADirectoryError), _opened(at.parent, makes=False) as folder:
        found = os.stat(folder.at(name), dir_fd=folder.handle, follow_symlinks=False)
        if not stat.S_ISDIR(found.st_mode):
            os.unlink(folder.at(name), dir_fd=folder.handle)
            return
        with suppress(OSError):  # it holds files that the call did not know
            os.rmdir(folder.at(name), dir_fd=folder.handle)


@contextmanager
def _opened(at: FileTarget, *, makes: bool = True) -> Iterator[_Folder]:
    """Open a folder below its root, name by name, so that no link is followed; make it if it is missing."""
    root, names = at
    if not _HAS_HANDLES:
        yield _checked(root, names, makes=makes)
        return
    handle = os.open(root, _FOLDER & ~getattr(os, "O_NOFOLLOW", 0))
    try:
        for index, name in enumerate(names):
            if makes:
                with suppress(FileExistsError):
                    os.mkdir(name, dir_fd=handle)
            try:
                inner = os.open(name, _FOLDER, dir_fd=handle)
            except OSError as error:
                if os.path.islink(os.path.join(root, *names[: index + 1])):  # noqa: PTH114, PTH118
                    raise _is_link(root, names[: index + 1]) from error
                raise
            os.close(handle)
            handle = inner
        yield _Folder(handle, os.path.join(root, *names))  # noqa: PTH118
    finally:
        os.close(handle)


def _checked(root: str, names: tuple[str, ...], *, makes: bool) -> _Folder:
    path = root
    for index, name in enumerate(names):
        path = os.path.join(path, name)  # noqa: PTH118
        if makes:
            with suppress(FileExistsError):
                os.mkdir(path)  # noqa: PTH102
        # A junction of Windows is no symbolic link, but leads elsewhere all the same.
        real = os.path.join(os.path.realpath(os.path.dirname(path)), name)  # noqa: PTH118, PTH120
        if os.path.normcase(os.path.realpath(path)) != os.path.normcase(real):
            raise _is_link(root, names[: index + 1])
    return _Folder(None, path)


def _is_link(root: str, names: tuple[str, ...]) -> UnsafePathError:
    return UnsafePathError(f"{os.path.join(root, *names)} is a link")  # noqa: PTH118
