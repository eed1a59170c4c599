"""The files below a path that an argument of a call names, as they are before and after the call."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from threading import Event
from typing import NamedTuple

from pytest_mimic._core.event_loop import outside_event_loop
from pytest_mimic._core.files.digests import MOST_FILES, FileDigests, NoDigest, facts_of, tick_after

TOO_MANY = f"a folder with more than {MOST_FILES:,} files or 2 GB"
# A larger file, and a file after so many bytes in one folder, is compared by its size and times only.
_MOST_DIGESTED = 64 << 20
# Folders that Python and tools fill by themselves.
_CACHES = frozenset({"__pycache__", ".git", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"})


class NotKeptError(Exception):
    """A file or folder cannot be kept. The text says what it is."""


class FileState(NamedTuple):
    """A file, folder or link at one moment.

    Attributes:
        facts: Size, times, inode and device; of a link, then those of what it leads to. Empty for a folder.
        digest: Its content, if that was read.
    """

    mode: int
    facts: tuple[int, ...] = ()
    digest: bytes | None = None

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)

    @property
    def is_executable(self) -> bool:
        return bool(self.mode & stat.S_IXUSR)

    def equals(self, other: FileState) -> bool:
        """Check whether a file has the same content, by its size and times where that was not read."""
        if self.is_folder or other.is_folder:
            return self.is_folder == other.is_folder
        if self.is_executable != other.is_executable or self.facts[0] != other.facts[0]:
            return False
        if self.digest is not None and other.digest is not None:
            return self.digest == other.digest
        return self.facts[1::2] == other.facts[1::2]


Snapshot = dict[str, FileState]
"""The state of each file, folder and link below a path by relative name, the path itself under an empty name.

Empty if there is nothing.
"""


@outside_event_loop
def snapshot_of(path: str, excluded: tuple[str, ...] = (), *, digests: FileDigests | None = None) -> Snapshot:
    """Return the states below an absolute path, without those of `excluded` absolute paths.

    With `digests`, files are read, a link counts as the file that it leads to, and no link to a folder is entered.

    Raises:
        NotKeptError: It is a folder that cannot be read, or contains too much.
    """
    left = _MOST_DIGESTED
    try:
        found: Snapshot = {"": _state_of(path, digests, left)}
        if not os.path.isdir(path):  # noqa: PTH112
            return found
    except (OSError, ValueError):  # a text that cannot be a name: too long, a lone surrogate
        return {}
    try:
        for name, entry in files_in(path, excluded, enters_links=digests is None):
            try:
                found[name] = one = _state_of(entry.path, digests, left)
            except FileNotFoundError:  # removed in this moment, or a link that leads nowhere
                continue
            left -= one.facts[0] if one.digest is not None else 0
            if len(found) > MOST_FILES:
                raise NotKeptError(TOO_MANY)
    except OSError as error:
        raise NotKeptError(
            f"a folder that cannot be read ({error.strerror or type(error).__name__})"
        ) from error
    return found


def _state_of(path: str, digests: FileDigests | None, most: int) -> FileState:
    found = os.lstat(path) if digests is None else os.stat(path)  # noqa: PTH116 - a string, at each call
    if stat.S_ISDIR(found.st_mode):
        return FileState(found.st_mode)
    facts: tuple[int, ...] = facts_of(found)
    if stat.S_ISLNK(found.st_mode):
        with suppress(OSError):  # it leads nowhere
            facts += facts_of(os.stat(path))  # noqa: PTH116
    digest = None
    if digests is not None and stat.S_ISREG(found.st_mode) and found.st_size <= most:
        with suppress(NoDigest):
            digest = digests.content_of(path).digest
    return FileState(found.st_mode, facts, digest)


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


def changes(before: Snapshot, after: Snapshot) -> Iterator[tuple[str, str]]:
    """Yield the relative name of each file and folder that differs between two snapshots, and how, in words."""
    old, new = (
        {name: one for name, one in side.items() if one.is_file or one.is_folder} for side in (before, after)
    )
    for name in sorted({**old, **new}):
        if name not in old:
            yield name, "made by the call"
        elif name not in new:
            yield name, "removed by the call"
        elif old[name].is_folder != new[name].is_folder:
            yield name, "replaced by the call"
        elif not old[name].equals(new[name]):
            was, now = old[name].facts[0], new[name].facts[0]
            yield name, f"{was:,} bytes before, {now:,} after" if was != now else "changed by the call"


@outside_event_loop
def wait_for_the_clock(snapshots: Iterable[Snapshot], now: Callable[[], int]) -> None:
    """Wait until a further change of the files has other times than in their snapshots: for some milliseconds at most.

    Only files that changed in this very moment need it.
    """
    # Linux sets the time of the last change of a file's facts itself. On Windows this is the time when it was made.
    place = 1 if os.name == "nt" else 2
    last = max((state.facts[place] for one in snapshots for state in one.values() if state.facts), default=0)
    tick = tick_after(last)
    if (left := last + tick - now()) > 0:
        Event().wait(min(left, tick) / 1e9)
