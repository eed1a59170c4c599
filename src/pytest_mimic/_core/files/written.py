"""The files that a call has written below the paths that `writes=` names, found by their states before and after it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pytest_mimic._core.files.digests import MOST_BYTES
from pytest_mimic._core.files.states import TOO_MANY, FileState, NotKeptError, Snapshot

#: A file is read and stored in pieces of this many bytes.
PIECE = 8 << 20


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
    """A folder after the call."""

    files: dict[str, WrittenFile]  # the files in it, by relative name with `/`
    folders: list[str]  # the relative names of folders without files or folders
    removed: list[str]  # the relative names of the files and folders that the call removed
    is_gone: bool = False  # whether the call removed the folder itself


class AfterCall(NamedTuple):
    """The files at a path after a call.

    Attributes:
        written: The file or folder to keep; None if there is nothing to keep.
    """

    written: WrittenFile | WrittenFolder | None
    is_removed: bool  # whether the call removed the file
    untouched: dict[str, WrittenFile | None]  # what the call left alone, by relative name; None for a folder


def written_at(path: str, before: Snapshot, after: Snapshot, *, only_touched: bool) -> AfterCall:
    """Return what a call left at an absolute path, from the states before and after it.

    Args:
        path: The path.
        before: The states before the call.
        after: The states after it.
        only_touched: Leave out the files that the call left alone.

    Raises:
        NotKeptError: It is or contains something else than files and folders, or too much.
    """
    removed = [name for name in before if name not in after]
    kept = [name for name in after if not only_touched or before.get(name) != after[name]]
    alone = {name: _file(path, name, after[name]) for name in after.keys() - kept}
    if not kept and not removed:
        return AfterCall(None, False, alone)
    if "" not in after:
        if not before[""].is_folder:
            return AfterCall(None, True, alone)
        return AfterCall(WrittenFolder({}, [], _removable(before, after), is_gone=True), False, alone)
    _check_kinds(before, after, kept, removed)
    if after[""].is_file:
        return AfterCall(_file(path, "", after[""]), False, alone)
    files: dict[str, WrittenFile] = {}
    folders: list[str] = []
    alone[""] = None
    for name in filter(None, kept):
        file = _file(path, name, after[name])
        if file is None:
            folders.append(name)
        else:
            files[name] = file
    if sum(file.size for file in files.values()) > MOST_BYTES:
        raise NotKeptError(TOO_MANY)
    filled = {name.rpartition("/")[0] for name in after}
    removed = _removable(before, after)
    for name in (*files, *folders, *removed):
        if name != name.encode(errors="replace").decode():
            raise NotKeptError(f"a folder with {name!r}, a name that is not in UTF-8")
    return AfterCall(
        WrittenFolder(files, [name for name in folders if name not in filled], removed), False, alone
    )


def _removable(before: Snapshot, after: Snapshot) -> list[str]:
    """Return the names that the call removed, without what was behind a link."""
    return [name for name in before if name and name not in after and not _link_around(before, name)]


def _check_kinds(before: Snapshot, after: Snapshot, kept: list[str], removed: list[str]) -> None:
    """Refuse what no replay can write: links and special files, and a file that was a folder, or the reverse."""
    for name in kept:
        state = after[name]
        if name in before and before[name].is_folder != state.is_folder:
            was, now = ("file", "folder") if state.is_folder else ("folder", "file")
            raise NotKeptError(f"{name or 'it'} was a {was} before the call and is a {now} now")
        if not state.is_folder and not state.is_file:
            raise _not_kept(name, _kind(state.mode))
    for name in (*kept, *removed):
        link = _link_around(after, name)
        if link is not None:
            raise _not_kept(link, "a symbolic link")


def _link_around(snapshot: Snapshot, name: str) -> str | None:
    """Return the outermost link that leads to a name below it, or None."""
    steps = name.split("/") if name else []
    around = ("/".join(steps[:count]) for count in range(len(steps)))
    return next((one for one in around if one in snapshot and stat.S_ISLNK(snapshot[one].mode)), None)


def _not_kept(name: str, what: str) -> NotKeptError:
    return NotKeptError(f"a folder with {what}, {name}" if name else what)


def _file(path: str, name: str, state: FileState) -> WrittenFile | None:
    """Return a file after the call; None for a folder."""
    if state.is_folder:
        return None
    return WrittenFile(f"{path}/{name}" if name else path, state.facts[0], state.is_executable)


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
    copy = Path(folder, str(number))
    with copy.open("wb") as target:
        for piece in file.pieces():
            target.write(piece)
    return file._replace(path=str(copy))
