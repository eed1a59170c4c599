"""Digests of the content of files and folders that arguments name.

They count in identities: another digest of the same files makes recorded calls miss. A
file that did not change is read once in a run. The fingerprints of files that a call
has read by itself are those of `_core/inputs/`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from marshal import dumps
from time import time_ns
from typing import Literal, NamedTuple, NoReturn

from xxhash import xxh3_128

from pytest_mimic._core.types.reductions import Unstable

CHUNK = 1 << 20
MOST_FILES = 10_000
_GIGABYTE = 1_000_000_000
MOST_BYTES = 2 * _GIGABYTE

# Two changes of a file within one tick of the file system's clock have the same time. A
# tick takes up to 16 ms, and up to 2 s where times are whole seconds.
_FINE_TICK_NS = 20_000_000
_COARSE_TICK_NS = 2_000_000_000
_SECOND_NS = 1_000_000_000

MISSING: Literal["missing"] = "missing"
Kind = Literal["file", "folder", "missing", "socket"]
# Size, time of the last change of the content and of the facts about the file, inode
# and device. The second time counts as well, because `os.utime` can restore the first.
_State = tuple[int, int, int, int, int]


class Content(NamedTuple):
    """The content that a path names at one moment, as it counts in an identity.

    Attributes:
        kind: What the path names.
        digest: 16 bytes: of a file, the digest of its content; of a folder, that of the
            names and contents of its files. Empty for the other kinds.
    """

    kind: Kind
    digest: bytes = b""

    @property
    def short(self) -> str:
        """The digest for descriptions: 8 hex digits, or the kind of what has none."""
        return self.digest.hex()[:8] or self.kind


# The module counts in identities, which do not change when this file moves.
Content.__module__ = "pytest_mimic"


class FileDigests:
    """The digests of the files of one run, each kept while its file stays the same.

    Args:
        now: Returns the time, as files have it, in nanoseconds. The digest of a file
            that has just changed is not kept, because it may change again unnoticed.
    """

    def __init__(self, now: Callable[[], int] = time_ns) -> None:
        # By the path of a file: the state in which it was read, and its digest.
        self._states_and_digests: dict[str, tuple[_State, bytes]] = {}
        self._now = now

    def content_of(self, path: str) -> Content:
        """Return the kind and digest of the file or folder that a path names.

        Links are followed.

        Raises:
            Unstable: The path cannot be read, is a pipe or a device, or is a folder
                with too many files.
        """
        try:
            facts = os.stat(path)  # noqa: PTH116 - a string, at each call
        except PermissionError as error:
            raise Unstable("a file in a folder that may not be read", str) from error
        except (OSError, ValueError):
            # A path with a null character is a ValueError.
            return Content(MISSING)
        if stat.S_ISREG(facts.st_mode):
            return Content("file", self._digest_of_file(path, facts))
        if stat.S_ISDIR(facts.st_mode):
            return Content("folder", self._digest_of_folder(path, facts))
        return Content(_kind_without_content(facts.st_mode))

    def _digest_of_file(self, path: str, facts: os.stat_result) -> bytes:
        """Return the digest of a file.

        A file that is as it was when it was last read is not read again.
        """
        state = _state_of(facts)
        state_and_digest = self._states_and_digests.get(path)
        if state_and_digest is not None and state_and_digest[0] == state:
            return state_and_digest[1]
        read_at = self._now()
        hasher = xxh3_128()
        try:
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123
                while chunk := file.read(CHUNK):
                    hasher.update(chunk)
                # Another process may have written to the file meanwhile. Then the
                # digest is of a mixture, which is used for this call, and not kept.
                state_when_read = _state_of(os.fstat(file.fileno()))
        except OSError as error:
            raise Unstable(
                f"a file that cannot be read ({error.strerror})", str
            ) from error
        digest = hasher.digest()
        # Git's rule for its index ("racy git"): a file that changed at the moment of
        # reading may change again in the same tick of the clock, and look the same. The
        # digest of such a file is not kept, so that the next call reads it again.
        changed_at = max(facts.st_mtime_ns, facts.st_ctime_ns)
        # A fine clock seldom gives a whole second. If it does, the file is only read
        # once more.
        has_fine_times = changed_at % _SECOND_NS != 0
        tick = _FINE_TICK_NS if has_fine_times else _COARSE_TICK_NS
        has_settled = changed_at + tick < read_at
        if state_when_read == state and has_settled:
            self._states_and_digests[path] = state, digest
        return digest

    def _digest_of_folder(self, path: str, facts: os.stat_result) -> bytes:
        """Return the digest of a folder.

        The digest covers the relative names of the folder's files, and their contents,
        in the order of the names.

        A link to a folder is entered. A link that leads back to a folder around it is
        refused.
        """
        listing = _Listing()
        pending_folders = [_Folder(path, "", frozenset({(facts.st_dev, facts.st_ino)}))]
        while pending_folders:
            pending_folders += listing.enter(pending_folders.pop())
        names_with_digests = [*listing.without_content]
        for name, file, file_facts in listing.files:
            digest_of_file = self._digest_of_file(file, file_facts)
            names_with_digests.append((name, "file", digest_of_file))
        hasher = xxh3_128()
        # The order in which a system lists files does not count.
        for name_with_digest in sorted(names_with_digests):
            hasher.update(dumps(name_with_digest, 2))
        return hasher.digest()


class _Folder(NamedTuple):
    """A folder that is to be listed.

    Attributes:
        path: The path of the folder.
        prefix: The beginning of the names in the folder, relative to the outermost one.
        ids_around: The devices and inodes of the folder and of those around it, so
            that a link back to one of them is seen.
    """

    path: str
    prefix: str
    ids_around: frozenset[tuple[int, int]]


class _Listing:
    """The listing of a folder and of the folders in it, of which its digest is made.

    Attributes:
        files: The relative name, the path and the `os.stat_result` of each file.
        without_content: The relative name, the kind and an empty digest of what has no
            content: links that lead nowhere, and sockets.
    """

    def __init__(self) -> None:
        self.files: list[tuple[str, str, os.stat_result]] = []
        self.without_content: list[tuple[str, str, bytes]] = []
        self._total_size = 0

    def enter(self, folder: _Folder) -> list[_Folder]:
        """List a folder, and return the folders in it."""
        try:
            names = os.listdir(folder.path)  # noqa: PTH208
        except OSError as error:
            problem = f"a folder that cannot be read ({error.strerror})"
            raise Unstable(problem, str) from error
        inner_entries = []
        for name in names:
            path = f"{folder.path}/{name}"
            relative = f"{folder.prefix}{name}"
            facts = _stat(path, relative)
            if facts is None:
                self.without_content.append((relative, MISSING, b""))
            elif stat.S_ISREG(facts.st_mode):
                self.files.append((relative, path, facts))
                self._total_size += facts.st_size
            elif stat.S_ISDIR(facts.st_mode):
                identity = facts.st_dev, facts.st_ino
                if identity in folder.ids_around:
                    _refuse_folder(f"a folder with a link that leads back, {relative}")
                ids_around = folder.ids_around | {identity}
                inner_entries.append(_Folder(path, f"{relative}/", ids_around))
            else:
                self.without_content.append(
                    (relative, _kind_without_content(facts.st_mode, relative), b"")
                )
            self._check_size()
        return inner_entries

    def _check_size(self) -> None:
        """Refuse a folder whose digest would take long at each call.

        Raises:
            Unstable: The folder has too many files, or too large ones.
        """
        if len(self.files) > MOST_FILES:
            _refuse_folder(f"a folder with more than {MOST_FILES:,} files")
        if self._total_size > MOST_BYTES:
            _refuse_folder(
                f"a folder with more than {MOST_BYTES // _GIGABYTE} GB of files"
            )


def _stat(path: str, relative: str) -> os.stat_result | None:
    """Return the facts of a file in a folder; None for a link that leads nowhere.

    Raises:
        Unstable: The file may not be read.
    """
    try:
        return os.stat(path)  # noqa: PTH116
    except PermissionError as error:
        problem = f"a folder in which {relative} may not be read"
        raise Unstable(problem, str) from error
    except OSError:
        return None


def _refuse_folder(problem: str) -> NoReturn:
    """Refuse a folder, `a folder with more than 10,000 files`, and say what to pass."""
    raise Unstable(problem, str, remedy=_REMEDY_OF_LARGE_FOLDER)


_REMEDY_OF_LARGE_FOLDER = "or pass a narrower folder, or the files that the call reads"


def _kind_without_content(mode: int, name: str = "") -> Literal["socket"]:
    """Return the kind of a file without content.

    Args:
        mode: The mode of the file, from its `os.stat_result`.
        name: The name of the file in a folder; empty: the file itself is the argument.

    Raises:
        Unstable: The file is a pipe or a device, whose content can be read only once.
    """
    if stat.S_ISSOCK(mode):
        return "socket"
    words = "a named pipe" if stat.S_ISFIFO(mode) else "a device"
    if name:
        words = f"a folder with {words}, {name}"
    raise Unstable(words, str)


def _state_of(facts: os.stat_result) -> _State:
    """Return what differs as soon as a file was written or replaced.

    A file of the same state is not read again.
    """
    return (
        facts.st_size,
        facts.st_mtime_ns,
        facts.st_ctime_ns,
        facts.st_ino,
        facts.st_dev,
    )
