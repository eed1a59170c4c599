"""Digests of the content of files and folders.

A file that did not change is read once in a run.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from marshal import dumps
from time import time_ns
from typing import Literal, NamedTuple

from xxhash import xxh3_128

from pytest_mimic._core.types.kinds import Unstable

CHUNK = 1 << 20
MOST_FILES = 10_000
MOST_BYTES = 2_000_000_000

# Two changes of a file within one tick of the file system's clock have the same time. A
# tick takes up to 16 ms, and up to 2 s where times are whole seconds.
_FINE_TICK = 20_000_000
_COARSE_TICK = 2_000_000_000
_SECOND = 1_000_000_000

MISSING: Literal["missing"] = "missing"
Kind = Literal["file", "folder", "missing", "socket"]
# Size, time of the last change of the content and of the facts about the file, inode
# and device. The second time counts as well, because `os.utime` can restore the first.
_Facts = tuple[int, int, int, int, int]


class Content(NamedTuple):
    """The content that a path names at one moment."""

    kind: Kind  # what the path names
    # of a file, its content; of a folder, the names and contents of its files: 16
    # bytes, or none
    digest: bytes = b""

    @property
    def short(self) -> str:
        """The digest for descriptions: 8 hex digits, or the kind of what has none."""
        return self.digest.hex()[:8] or self.kind


# The module counts in identities, which do not change when this file moves.
Content.__module__ = "pytest_mimic"


class FileDigests:
    """The digests of one run.

    Args:
        now: Returns the time, as files have it, in nanoseconds.
    """

    def __init__(self, now: Callable[[], int] = time_ns) -> None:
        self._known: dict[str, tuple[_Facts, bytes]] = {}
        self._now = now

    def content_of(self, path: str) -> Content:
        """Return the content of the file or folder that a path names.

        Links are followed.

        Raises:
            Unstable: It cannot be read, is a pipe or a device, or is a folder with too
                many files.
        """
        try:
            found = os.stat(path)  # noqa: PTH116 - a string, at each call
        except PermissionError as error:
            raise Unstable("a file in a folder that may not be read", str) from error
        except (OSError, ValueError):  # ValueError: a null character
            return Content(MISSING)
        if stat.S_ISREG(found.st_mode):
            return Content("file", self._file(path, found))
        if stat.S_ISDIR(found.st_mode):
            return Content("folder", self._folder(path, found))
        return Content(_special(found.st_mode))

    def _file(self, path: str, found: os.stat_result) -> bytes:
        facts = _facts_of(found)
        known = self._known.get(path)
        if known is not None and known[0] == facts:
            return known[1]
        begun = self._now()
        hasher = xxh3_128()
        try:
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123
                while chunk := file.read(CHUNK):
                    hasher.update(chunk)
                is_same = _facts_of(os.fstat(file.fileno())) == facts
        except OSError as error:
            raise Unstable(
                f"a file that cannot be read ({error.strerror})", str
            ) from error
        digest = hasher.digest()
        # Git's rule for its index ("racy git"): a file that changed at the moment of
        # reading may change again in the same tick of the clock, and look the same. It
        # is read again.
        last = max(found.st_mtime_ns, found.st_ctime_ns)
        if is_same and last + (_FINE_TICK if last % _SECOND else _COARSE_TICK) < begun:
            self._known[path] = facts, digest
        return digest

    def _folder(self, path: str, found: os.stat_result) -> bytes:
        """Return the digest of a folder: the relative names of its files, and their contents, in the names' order.

        A link to a folder is entered. One that leads back to a folder around it is
        refused.
        """
        files: list[tuple[str, str, os.stat_result]] = []
        others: list[tuple[str, str, bytes]] = []
        total = 0
        # Each with the devices and inodes of the folders around it.
        todo: list[tuple[str, str, set[tuple[int, int]]]] = [
            (path, "", {(found.st_dev, found.st_ino)})
        ]
        while todo:
            folder, prefix, around = todo.pop()
            try:
                names = os.listdir(folder)  # noqa: PTH208
            except OSError as error:
                raise Unstable(
                    f"a folder that cannot be read ({error.strerror})", str
                ) from error
            for name in names:
                inner, relative = f"{folder}/{name}", f"{prefix}{name}"
                try:
                    one = os.stat(inner)  # noqa: PTH116
                except PermissionError as error:
                    raise Unstable(
                        f"a folder in which {relative} may not be read", str
                    ) from error
                except OSError:  # a link that leads nowhere
                    others.append((relative, MISSING, b""))
                    continue
                identity = one.st_dev, one.st_ino
                if stat.S_ISREG(one.st_mode):
                    files.append((relative, inner, one))
                    total += one.st_size
                elif not stat.S_ISDIR(one.st_mode):
                    others.append((relative, _special(one.st_mode, relative), b""))
                elif identity in around:
                    raise Unstable(
                        f"a folder with a link that leads back, {relative}",
                        str,
                        remedy=_NARROWER,
                    )
                else:
                    todo.append((inner, f"{relative}/", around | {identity}))
                if len(files) > MOST_FILES:
                    raise Unstable(
                        f"a folder with more than {MOST_FILES:,} files",
                        str,
                        remedy=_NARROWER,
                    )
                if total > MOST_BYTES:
                    raise Unstable(
                        f"a folder with more than {MOST_BYTES // _SECOND} GB of files",
                        str,
                        remedy=_NARROWER,
                    )
        parts = [
            (relative, "file", self._file(inner, one)) for relative, inner, one in files
        ]
        hasher = xxh3_128()
        for part in sorted([*parts, *others]):
            hasher.update(dumps(part, 2))
        return hasher.digest()


_NARROWER = "or pass a narrower folder, or the files that the call reads"


def _special(mode: int, name: str = "") -> Literal["socket"]:
    """Return the kind of a file without content, or raise Unstable for one whose content is read only once."""
    if stat.S_ISSOCK(mode):
        return "socket"
    what = "a named pipe" if stat.S_ISFIFO(mode) else "a device"
    raise Unstable(f"a folder with {what}, {name}" if name else what, str)


def _facts_of(found: os.stat_result) -> _Facts:
    return (
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
        found.st_ino,
        found.st_dev,
    )
