"""Writes recorded files below a root: all or none of them, through no link, with no more than a permission to execute."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from typing import NamedTuple

from pytest_mimic._core.event_loop import outside_event_loop
from pytest_mimic._core.whole_files import patient

_numbers = count()
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
        return FileTarget(self.root, self.names[:-1])


class FileToWrite(NamedTuple):
    """A file to write, its content, and whether its owner may execute it."""

    at: FileTarget
    pieces: Callable[[], Iterable[bytes]]
    is_executable: bool


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
    _folder(at.parent, makes=False)


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
    files, folders = list(files), list(folders)
    removed = sorted(removed, key=lambda at: len(at.names), reverse=True)
    for at in (*(file.at for file in files), *folders, *removed):
        check_names(at.names)
    gone = [_path(at, makes=False) for at in removed]
    written: list[tuple[str, str]] = []
    try:
        for file in files:
            path = _path(file.at)
            written.append((_whole_beside(path), path))
            _write(file, written[-1][0])
        for at in folders:
            _folder(at)
        for _, path in written:
            if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        while written:
            patient(os.replace)(*written[0])
            del written[0]
        for path in gone:
            _remove(path)
    finally:
        for whole, _ in written:
            with suppress(OSError):
                os.unlink(whole)  # noqa: PTH108


def _whole_beside(path: str) -> str:
    name = f".mimic-{os.getpid()}-{next(_numbers)}.tmp"
    return os.path.join(os.path.dirname(path), name)  # noqa: PTH118, PTH120


def _write(file: FileToWrite, path: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags, 0o777 if file.is_executable else 0o666), "wb") as out:  # noqa: PTH123
        out.writelines(file.pieces())


def _remove(path: str) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        if not os.path.isdir(path) or os.path.islink(path):  # noqa: PTH112, PTH114
            os.unlink(path)  # noqa: PTH108
            return
        with suppress(OSError):  # it holds files that the call did not know
            os.rmdir(path)  # noqa: PTH106


def _path(at: FileTarget, *, makes: bool = True) -> str:
    return os.path.join(_folder(at.parent, makes=makes), at.names[-1])  # noqa: PTH118


def _folder(at: FileTarget, *, makes: bool = True) -> str:
    """Return the path of a folder below its root, to which no link leads; make it if it is missing."""
    path, real = at.root, os.path.realpath(at.root)
    for name in at.names:
        path, real = os.path.join(path, name), os.path.join(real, name)  # noqa: PTH118
        # A junction of Windows is no symbolic link, but leads elsewhere all the same.
        if os.path.normcase(os.path.realpath(path)) != os.path.normcase(real):
            raise UnsafePathError(f"{path} is a link")
        if makes:
            os.makedirs(path, exist_ok=True)  # noqa: PTH103
    return path
