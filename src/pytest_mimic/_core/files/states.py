"""The state of the files that a call's arguments name, to be compared before and after the call."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from pytest_mimic._core.event_loop import outside_event_loop
from pytest_mimic._core.files.digests import MOST_FILES, FileDigests, NoDigest

# A larger file, and a file after so many bytes in one folder, is compared by its size and times only.
_MOST_DIGESTED = 64 << 20
# Folders that Python and tools fill by themselves.
_CACHES = frozenset({"__pycache__", ".git", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"})


class FileState(NamedTuple):
    """One file at one moment: its size in bytes, last change, inode, permission to execute, and digest if it was read."""

    size: int
    changed: int
    inode: int
    is_executable: bool
    digest: bytes | None

    def equals(self, other: FileState) -> bool:
        if self.is_executable != other.is_executable or self.size != other.size:
            return False
        if self.digest is not None and other.digest is not None:
            return self.digest == other.digest
        return (self.changed, self.inode) == (other.changed, other.inode)


State = dict[str, FileState | None]
"""The files of a folder by relative name, or one file under an empty name; None for a folder. Empty for what is absent."""


class StateReader:
    """Reads the states of files and folders.

    Args:
        digests: The digests of the run.
        excluded: Absolute folders that no state includes: the vault.
    """

    def __init__(self, digests: FileDigests, excluded: tuple[str, ...] = ()) -> None:
        self._digests = digests
        self._excluded = excluded

    @outside_event_loop
    def state_of(self, path: str) -> State | None:
        """Return the state of an absolute path; None if it is not compared: too many files, a pipe, no permission."""
        try:
            found = os.stat(path)  # noqa: PTH116 - a string, at each call
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError):
            return None
        if stat.S_ISREG(found.st_mode):
            return {"": self._file(path, found, _MOST_DIGESTED)}
        return self._folder(path) if stat.S_ISDIR(found.st_mode) else None

    def _file(self, path: str, found: os.stat_result, most: int) -> FileState:
        digest = None
        if found.st_size <= most:
            try:
                digest = self._digests.content_of(path).digest
            except NoDigest:
                digest = None
        is_executable = bool(found.st_mode & stat.S_IXUSR)
        return FileState(found.st_size, found.st_mtime_ns, found.st_ino, is_executable, digest)

    def _folder(self, path: str) -> State | None:
        state: State = {"": None}
        left = _MOST_DIGESTED
        try:
            for relative, entry in files_in(path, self._excluded):
                if entry.is_dir(follow_symlinks=False):
                    state[relative] = None
                else:
                    try:
                        found = entry.stat()
                    except FileNotFoundError:  # a link that leads nowhere
                        continue
                    if stat.S_ISREG(found.st_mode):
                        state[relative] = self._file(entry.path, found, left)
                        left = max(0, left - found.st_size)
                if len(state) > MOST_FILES:
                    return None
        except OSError:
            return None
        return state


def files_in(
    folder: str, excluded: tuple[str, ...] = (), *, enters_links: bool = False
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield the relative name, with `/`, and the entry of each file and folder in a folder.

    A link to a folder is entered only on request, and one to a folder that was entered already is not.
    """
    todo, entered = [("", folder)], set[tuple[int, int]]()
    while todo:
        prefix, path = todo.pop()
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                if entry.path in excluded:
                    continue
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_folder and entry.name in _CACHES:
                    continue
                yield f"{prefix}{entry.name}", entry
                if enters_links and not is_folder and entry.is_dir():
                    found = os.stat(entry.path)  # noqa: PTH116
                    is_folder = (found.st_dev, found.st_ino) not in entered
                    entered.add((found.st_dev, found.st_ino))
                if is_folder:
                    todo.append((f"{prefix}{entry.name}/", entry.path))


def changes(before: State, after: State) -> Iterator[tuple[str, str]]:
    """Yield the relative name of each file that differs between two states, and how, in words."""
    for name in sorted({**before, **after}):
        if name not in before:
            yield name, "made by the call"
        elif name not in after:
            yield name, "removed by the call"
        else:
            old, new = before[name], after[name]
            if old is None or new is None:
                if old is not new:
                    yield name, "replaced by the call"
            elif not old.equals(new):
                sizes = f"{old.size:,} bytes before, {new.size:,} after"
                yield name, sizes if old.size != new.size else "changed by the call"
