"""Files of the vault are whole or not there; one process at a time replaces them."""

# What touches files is bound here: a test whose call is recorded may have replaced it.
# ruff: noqa: PTH103, PTH106, PTH108, PTH116, PTH118, PTH120, PTH204
from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property, wraps
from itertools import count
from os import (
    close,
    fstat,
    getpid,
    makedirs,
    read,
    replace,
    rmdir,
    scandir,
    unlink,
    urandom,
    write,
)
from os import open as open_descriptor
from os import stat as stat_of
from os.path import dirname, getmtime, join, realpath
from pathlib import Path
from time import sleep, time
from typing import NoReturn, ParamSpec, TypeVar

from xxhash import xxh3_64_hexdigest

from pytest_mimic.errors import CorruptRecordingError, MimicError

_P = ParamSpec("_P")
_T = TypeVar("_T")

_OPEN_LOCK = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
_OPEN_EXISTING = os.O_RDWR | getattr(os, "O_CLOEXEC", 0)
_OPEN_TO_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_OPEN_NEW = _OPEN_LOCK | os.O_EXCL | getattr(os, "O_BINARY", 0)
_TEMPORARY = ".mimic-"
PART = ".part"
# In seconds. A younger temporary file may be that of a process on another machine.
_AGE_OF_LEFTOVERS = 3600
# Windows refuses for a moment what another process has open: two seconds in all.
_PAUSES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, *[0.1] * 19)
_LONGEST_PAUSE = 0.01


def _patient(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Repeat an operation while Windows refuses it, because the file is in use."""
    if os.name != "nt":
        return function

    @wraps(function)
    def repeating(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        for pause in _PAUSES:
            try:
                return function(*args, **kwargs)
            except PermissionError:
                sleep(pause)
        return function(*args, **kwargs)

    return repeating


_open_descriptor = _patient(open_descriptor)
_replace = _patient(replace)
_unlink = _patient(unlink)


def _content_of(path: str, size: int) -> bytes:
    """Return what a file holds, in the fewest calls of the system."""
    descriptor = _open_descriptor(path, _OPEN_TO_READ)
    try:
        content = read(descriptor, size + 1)
        while len(content) != size:
            piece = read(descriptor, size + 1)
            if not piece:
                break
            content += piece
        return content
    finally:
        close(descriptor)


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
        self._run: HeldFile | None = None

    # -- files

    def read(self, name: str) -> bytes | None:
        """Return what a file holds; None: it does not exist.

        Raises:
            CorruptRecordingError: It is no regular file, nor a link to one.
        """
        path = join(self._root, name)
        try:
            found = stat_of(path)
            if not stat.S_ISREG(found.st_mode):
                raise self._irregular(name, found.st_mode)
            return _content_of(path, found.st_size)
        except FileNotFoundError:
            if _is_link(path):
                raise self._irregular(name, 0) from None
            return None
        except (OSError, ValueError) as reason:
            self._fail("read", name, reason)

    def write(self, name: str, chunks: Iterable[bytes | memoryview]) -> None:
        """Replace a file: it has its old content or all of the new one."""
        temporary = join(self._root, f"{_TEMPORARY}{urandom(8).hex()}.tmp")
        try:
            self._write_temporary(temporary, chunks)
            self._put(temporary, join(self._root, name))
        except BaseException as reason:
            with suppress(OSError):
                _unlink(temporary)
            if isinstance(reason, OSError):
                self._fail("write", name, reason)
            raise

    def _write_temporary(
        self, temporary: str, chunks: Iterable[bytes | memoryview]
    ) -> None:
        makedirs(self._root, exist_ok=True)
        descriptor = open_descriptor(temporary, _OPEN_NEW, 0o666)
        try:
            for chunk in chunks:
                _write_all(descriptor, chunk)
        finally:
            close(descriptor)

    def _put(self, temporary: str, path: str) -> None:
        try:
            _replace(temporary, path)
        except FileNotFoundError:
            # Another process may delete the folder again, since it is empty.
            for _ in range(9):
                makedirs(dirname(path), exist_ok=True)
                with suppress(FileNotFoundError):
                    return _replace(temporary, path)
            raise

    def delete(self, name: str) -> bool:
        """Delete a file, with folders that it leaves empty; return if it was there."""
        try:
            _unlink(join(self._root, name))
        except FileNotFoundError:
            return False
        except OSError as reason:
            self._fail("delete", name, reason)
        folder = dirname(name)
        with suppress(OSError):
            while folder:
                rmdir(join(self._root, folder))
                folder = dirname(folder)
            rmdir(self._root)
        return True

    def names(self, start: str = "") -> list[str]:
        """Return the files below a folder, sorted.

        Hidden files are left out, and what is behind a link to a folder.
        """
        found = []
        pending = [start]
        while pending:
            folder = pending.pop()
            for entry in self._entries(folder):
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append(name)
                elif not entry.is_dir():
                    found.append(name)
        return sorted(found)

    def beside(self, name: str) -> list[str]:
        """Return the files whose names begin with that of a file, but for itself."""
        folder = dirname(name)
        names = [f"{folder}/{entry.name}" for entry in self._entries(folder)]
        return sorted(other for other in names if other.startswith(f"{name}."))

    def size(self, name: str) -> int:
        """Return the size of a file in bytes; 0: it does not exist."""
        try:
            return stat_of(join(self._root, name)).st_size
        except OSError:
            return 0

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with scandir(join(self._root, folder)) as entries:
                return [entry for entry in entries if not entry.name.startswith(".")]
        except FileNotFoundError:
            return []
        except OSError as reason:
            self._fail("read", folder, reason)

    def delete_leftovers(self) -> None:
        """Delete temporary files of writers that were killed."""
        with suppress(OSError), scandir(self._root) as entries:
            for entry in entries:
                is_ours = entry.name.startswith(_TEMPORARY)
                if is_ours and time() - getmtime(entry.path) > _AGE_OF_LEFTOVERS:
                    _unlink(entry.path)

    # -- part files

    def new_part(self, name: str) -> HeldFile:
        """Make a part file beside a log. It is locked while this process lives."""
        path = join(self._root, name)
        try:
            makedirs(dirname(path), exist_ok=True)
            return HeldFile(path, PART)
        except OSError as reason:
            self._fail("write", name, reason)

    def append(self, part: HeldFile, content: bytes) -> None:
        """Write at the end of a part file."""
        try:
            part.append(content)
        except OSError as reason:
            self._fail("write", part.path.removeprefix(self._root + os.sep), reason)

    def is_abandoned(self, name: str) -> bool:
        """Check whether the process that made a part file has ended."""
        try:
            with _unlocked(join(self._root, name)) as is_free:
                return is_free
        except FileNotFoundError:
            return False
        except OSError as reason:
            self._fail("read", name, reason)

    # -- locks, whose files are outside of the vault

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other threads and processes out for a block that replaces a file."""
        try:
            descriptor = self._open_lock()
            _lock_when_free(descriptor)
        except OSError as reason:
            self._fail_to_lock(reason)
        try:
            yield
        finally:
            _unlock(descriptor)

    def join(self) -> None:
        """Join those who record. A forked process joins on its own."""
        if self._run is not None and self._run.is_own():
            return
        with self.writing():
            try:
                self._has_others()
                self._run = HeldFile(join(self._locks, "run"))
            except OSError as reason:
                self._fail_to_lock(reason)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Keep others out for a block; it gets whether no other process records."""
        with self.writing():
            try:
                is_alone = not self._has_others()
            except OSError as reason:
                self._fail_to_lock(reason)
            yield is_alone

    def leave(self) -> None:
        """Leave those who record."""
        if self._run is not None:
            self._run.delete()
            self._run = None

    def _has_others(self) -> bool:
        """Check for other processes that record; delete the files of killed ones."""
        own = self._run.path if self._run else ""
        has_others = False
        with scandir(self._locks) as entries:
            runs = [entry.path for entry in entries if entry.name.startswith("run.")]
        for path in runs:
            if path == own:
                continue
            with suppress(FileNotFoundError), _unlocked(path) as is_free:
                has_others |= not is_free
                if is_free:
                    # Windows deletes no file that is open: the next who looks does.
                    with suppress(OSError):
                        unlink(path)
        return has_others

    @cached_property
    def _locks(self) -> str:
        """The folder of the lock files, one for every path to the vault."""
        from tempfile import gettempdir  # a replay does not need it

        user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
        vault = realpath(self._root).encode("utf-8", "surrogateescape")
        return join(gettempdir(), f"pytest-mimic-{user}", xxh3_64_hexdigest(vault))

    def _open_lock(self) -> int:
        path = join(self._locks, "write")
        try:
            return _open_descriptor(path, _OPEN_LOCK, 0o600)
        except FileNotFoundError:
            makedirs(self._locks, 0o700, exist_ok=True)
            return _open_descriptor(path, _OPEN_LOCK, 0o600)

    # -- errors

    def _fail(self, verb: str, name: str, reason: OSError | ValueError) -> NoReturn:
        cause = getattr(reason, "strerror", None) or str(reason)
        raise MimicError(
            f"cannot {verb} {self._label}/{name}: {cause}",
            ["nothing was changed"] if verb != "read" else [],
            [("to keep recordings in another folder", "mimic_vault_path = FOLDER")],
        ) from None

    def _fail_to_lock(self, reason: OSError) -> NoReturn:
        cause = reason.strerror or str(reason)
        raise MimicError(
            f"cannot lock {self._label} with {reason.filename or self._locks}: {cause}"
        ) from None

    def _irregular(self, name: str, mode: int) -> CorruptRecordingError:
        kind = _KINDS.get(stat.S_IFMT(mode), "nothing" if not mode else "a device")
        what = f"a link to {kind}" if _is_link(join(self._root, name)) else kind
        file = f"{self._label}/{name}"
        return CorruptRecordingError(
            f"{file} is {what}, which is not opened", file=file, damage="irregular"
        )


_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


class HeldFile:
    """A new file that this process keeps locked until it ends, however it ends.

    Its name begins with `start`, and has the process and a number: `…/run.4711-0`.
    """

    def __init__(self, start: str, suffix: str = "") -> None:
        self._pid = getpid()
        for number in count():
            self.path = f"{start}.{self._pid}-{number}{suffix}"
            try:
                self._descriptor = open_descriptor(self.path, _OPEN_NEW, 0o666)
                break
            except FileExistsError:
                continue  # a killed process had the same number
        facts = fstat(self._descriptor)
        self._file = (facts.st_dev, facts.st_ino)
        _try_lock(self._descriptor)

    def is_own(self) -> bool:
        """Check that this process made the file, and that no test has closed it.

        The system gives a closed descriptor to the next file that is opened.
        """
        try:
            facts = fstat(self._descriptor)
        except OSError:
            return False
        return self._pid == getpid() and self._file == (facts.st_dev, facts.st_ino)

    def append(self, content: bytes) -> None:
        if self.is_own():
            _write_all(self._descriptor, content)

    def delete(self) -> None:
        """Delete the file, if this process made it."""
        if self._pid != getpid():
            return
        with suppress(OSError):
            unlink(self.path)
        if self.is_own():
            _unlock(self._descriptor)
        # Windows deletes it only now.
        with suppress(OSError):
            _unlink(self.path)


def _write_all(descriptor: int, content: bytes | memoryview) -> None:
    rest = memoryview(content).cast("B")
    while rest:
        rest = rest[write(descriptor, rest) :]


def _try_lock(descriptor: int) -> bool:
    # A replay takes no lock, and starts faster without it.
    from filelock import lock_descriptor

    return lock_descriptor(descriptor, blocking=False)


def _lock_when_free(descriptor: int) -> None:
    """Lock a file, however long another one has it locked.

    filelock itself would wait by `time.sleep`, which a test may have replaced.
    """
    pause = 0.0002
    try:
        while not _try_lock(descriptor):
            sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
    except BaseException:
        close(descriptor)
        raise


def _unlock(descriptor: int) -> None:
    """Unlock a file and close it; a test may have closed it already.

    A forked process may have the file open, too: to close it alone would leave it
    locked.
    """
    from filelock import unlock_descriptor  # see `_try_lock`

    with suppress(OSError):
        unlock_descriptor(descriptor)
    with suppress(OSError):
        close(descriptor)


@contextmanager
def _unlocked(path: str) -> Iterator[bool]:
    """Give whether no process has a file locked; it is locked for the block then."""
    descriptor = _open_descriptor(path, _OPEN_EXISTING)
    try:
        yield _try_lock(descriptor)
    finally:
        close(descriptor)


def _is_link(path: str) -> bool:
    try:
        return stat.S_ISLNK(stat_of(path, follow_symlinks=False).st_mode)
    except (OSError, ValueError):
        return False
