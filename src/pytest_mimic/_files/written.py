"""The files that a call has written: found below the paths that `writes=` names, to be kept in the vault."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pytest_mimic._event_loop import outside_event_loop
from pytest_mimic._files.digests import MOST_BYTES, MOST_FILES
from pytest_mimic._files.states import State, files_in

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

#: A file is read and stored in pieces of this many bytes.
PIECE = 8 << 20


class NotKeptError(Exception):
    """A file or folder cannot be kept. The text says what it is."""


class WrittenFile(NamedTuple):
    """A file after the call: where it is, its size in bytes, and whether its owner may execute it."""

    path: str
    size: int
    is_executable: bool

    def pieces(self) -> Iterator[bytes]:
        """Yield the content; an empty file is one empty piece."""
        with open(self.path, "rb", buffering=0) as file:  # noqa: PTH123
            piece = _piece(file)
            yield piece
            while len(piece) == PIECE and (piece := _piece(file)):
                yield piece


class WrittenFolder(NamedTuple):
    """A folder after the call.

    Attributes:
        files: The files in it, by relative name with `/`.
        folders: The relative names of folders without files or folders.
        removed: The relative names of the files and folders that the call removed.
        is_gone: Whether the call removed the folder itself.
    """

    files: dict[str, WrittenFile]
    folders: list[str]
    removed: list[str]
    is_gone: bool = False


Written = WrittenFile | WrittenFolder | None
"""A file or folder after the call; None if there is neither."""


@outside_event_loop
def written_at(path: str, before: State | None, excluded: tuple[str, ...] = ()) -> Written:
    """Return the file or folder that an absolute path names, with the files that were there before.

    Raises:
        NotKeptError: It is or contains something else than files and folders, or too much.
    """
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        if before is None or "" not in before or before[""] is not None:
            return None
        return WrittenFolder({}, [], [name for name in before if name], is_gone=True)
    before = before or {}
    if stat.S_ISREG(found.st_mode):
        _check_kind(before, "", is_folder=False)
        return _file(path, found)
    if not stat.S_ISDIR(found.st_mode):
        raise NotKeptError(_kind(found.st_mode))
    _check_kind(before, "", is_folder=True)
    files: dict[str, WrittenFile] = {}
    folders: list[str] = []
    total = 0
    for name, entry in files_in(path, excluded):
        status = entry.stat(follow_symlinks=False)
        _check_kind(before, name, is_folder=stat.S_ISDIR(status.st_mode))
        if stat.S_ISDIR(status.st_mode):
            folders.append(name)
        elif stat.S_ISREG(status.st_mode):
            files[name] = _file(entry.path, status)
            total += status.st_size
        else:
            raise NotKeptError(f"a folder with {_kind(status.st_mode)}, {name}")
        if len(files) + len(folders) > MOST_FILES or total > MOST_BYTES:
            raise NotKeptError(f"a folder with more than {MOST_FILES:,} files or {MOST_BYTES // 10**9} GB")
    filled = {name.rpartition("/")[0] for name in (*files, *folders)}
    removed = [name for name in before if name and name not in files and name not in folders]
    for name in (*files, *folders, *removed):
        if name != name.encode(errors="replace").decode():
            raise NotKeptError(f"a folder with {name!r}, a name that is not in UTF-8")
    return WrittenFolder(files, [name for name in folders if name not in filled], removed)


def _check_kind(before: State, name: str, *, is_folder: bool) -> None:
    """Refuse a file that was a folder before the call, or the reverse: no replay can put one in place of the other."""
    if name in before and (before[name] is None) != is_folder:
        was, now = ("file", "folder") if is_folder else ("folder", "file")
        raise NotKeptError(f"{name or 'it'} was a {was} before the call and is a {now} now")


def _file(path: str, found: os.stat_result) -> WrittenFile:
    return WrittenFile(path, found.st_size, bool(found.st_mode & stat.S_IXUSR))


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    return "a named pipe" if stat.S_ISFIFO(mode) else "a socket or device"


def _piece(file: object) -> bytes:
    pieces, missing = [], PIECE
    while missing and (data := file.read(missing)):  # type: ignore[attr-defined]
        pieces.append(data)
        missing -= len(data)
    return b"".join(pieces)


def spooled(file: WrittenFile, folder: str, number: int) -> WrittenFile:
    """Return a copy of a file in another folder."""
    copy = Path(folder, str(number))
    with copy.open("wb") as target:
        for piece in file.pieces():
            target.write(piece)
    return file._replace(path=str(copy))
