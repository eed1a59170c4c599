"""One process at a time replaces files of a vault, and who records is known."""

# ruff: noqa: PTH116, PTH208
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import close, fstat, getpid, listdir
from os import stat as stat_of
from time import sleep

from pytest_mimic.errors import MimicError
from pytest_mimic.vault.folder import Folder
from pytest_mimic.vault.system import (
    NEW,
    TO_CHECK,
    TO_LOCK,
    in_folder,
    keep_mode,
    open_file,
    random_number,
)

LOCKS = ".locks"
"""The folder of the locks."""
_WRITE = f"{LOCKS}/write"
_RUN = f"{LOCKS}/run."
_IGNORE = f"{LOCKS}/.gitignore"
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.01


class RunFile:
    """A new file that this process keeps locked until it ends, however it ends.

    Attributes:
        mark: What no other process that records has in its names: `4711-83520817`.
        name: The file, `.locks/run.4711-83520817`.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._pid = getpid()
        # In a container, many processes have the same number.
        self.mark = f"{self._pid}-{random_number()}"
        self.name = f"{_RUN}{self.mark}"
        self._descriptor = open_file(folder.path(self.name), NEW, 0o666)
        _try_lock(self._descriptor)
        self._file = _place_of(self._descriptor)

    def is_own(self) -> bool:
        """Check that this process made the file, and that no test has closed it."""
        return self._pid == getpid() and self._is_open()

    def _is_open(self) -> bool:
        # The system gives a closed descriptor to the next file that is opened.
        with suppress(OSError):
            return self._file == _place_of(self._descriptor)
        return False

    def close(self) -> None:
        """Delete the file, within `alone`; a forked process leaves it to its parent."""
        if self._pid != getpid():
            if self._is_open():
                close(self._descriptor)
            return
        if self._is_open():
            _unlock(self._descriptor)
        with suppress(MimicError):
            self._folder.delete(self.name)


class Locks:
    """The locks of one vault. Their files are in the vault, where Git ignores them.

    Each method may raise MimicError: the system refuses a lock.

    Args:
        folder: The files of the vault.
        label: How errors name it.

    Attributes:
        run: The file of this process, while it records.
    """

    def __init__(self, folder: Folder, label: str) -> None:
        self._folder = folder
        self._label = label
        self.run: RunFile | None = None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other threads and processes out for a block that replaces a file."""
        with self._naming_refusals():
            descriptor = self._lock()
        try:
            yield
        finally:
            _unlock(descriptor)

    def _lock(self) -> int:
        pause = _SHORTEST_PAUSE
        while True:
            descriptor = self._open()
            try:
                is_locked = _try_lock(descriptor)
                # The last one who leaves an empty vault deletes the file.
                if is_locked and _is_at(self._folder.path(_WRITE), descriptor):
                    return descriptor
            except OSError:
                _unlock(descriptor)
                raise
            _unlock(descriptor)
            # filelock itself would wait by `time.sleep`, which a test may replace.
            sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _open(self) -> int:
        self._folder.check_way(_WRITE)
        path = self._folder.path(_WRITE)
        try:
            descriptor = in_folder(path, lambda: open_file(path, TO_LOCK, 0o666))
        except PermissionError as reason:
            try:
                return open_file(path, TO_CHECK)  # That of another user.
            except FileNotFoundError:
                raise reason from None
        if self.run is None and not self._folder.size(_IGNORE):
            # Git ignores a new folder, and all use it who may write into the vault.
            self._folder.append(_IGNORE, b"*\n")
            # The last one who leaves may delete the folder again, and this file too.
            with suppress(FileNotFoundError):
                self._share(LOCKS)
                self._share(_WRITE)
        return descriptor

    def _share(self, name: str) -> None:
        mode = stat_of(self._folder.path("")).st_mode
        keep_mode(self._folder.path(name), mode if name == LOCKS else mode & 0o666)

    def join(self) -> str:
        """Join the processes that record, and return the mark of this process.

        A forked process joins on its own.
        """
        if self.run is None or not self.run.is_own():
            with self.alone(), self._naming_refusals():
                # Another thread may have been first.
                if self.run is None or not self.run.is_own():
                    self.run = RunFile(self._folder)
                    self._share(self.run.name)
        return self.run.mark

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Keep others out for a block; it gets whether no other process records."""
        with self.writing():
            with self._naming_refusals():
                has_others = self._has_others()
            yield not has_others
            self._delete_last()

    def leave(self) -> None:
        """Leave the processes that record, within `alone`: exactly one is the last.

        What a process has forked leaves too, since it may live longer.
        """
        if self.run is not None:
            self.run.close()
            self.run = None

    def _has_others(self) -> bool:
        """Check for other processes that record; delete files of killed processes."""
        own = self.run.name if self.run else ""
        has_others = False
        for file in listdir(self._folder.path(LOCKS)):
            name = f"{LOCKS}/{file}"
            if not name.startswith(_RUN) or name == own:
                continue
            with suppress(FileNotFoundError, MimicError):
                if _is_held(self._folder, name):
                    has_others = True
                else:
                    self._folder.delete(name)
        return has_others

    def _delete_last(self) -> None:
        """Delete the files of the locks if nothing else is left in the vault."""
        with suppress(OSError, MimicError):
            lies_alone = listdir(self._folder.path("")) == [LOCKS]
            left = set(listdir(self._folder.path(LOCKS)))
            if lies_alone and left <= {"write", ".gitignore"}:
                for name in (_IGNORE, _WRITE):
                    self._folder.delete(name)

    @contextmanager
    def _naming_refusals(self) -> Iterator[None]:
        """Tell what the system refuses in a block.

        Raises:
            MimicError: It has refused something.
        """
        try:
            yield
        except OSError as reason:
            file = reason.filename or self._folder.path(LOCKS)
            raise MimicError(
                f"cannot lock {self._label} with {file}: {reason.strerror or reason}",
                remedies=[
                    (
                        "to keep recordings in another folder",
                        "mimic_vault_path = FOLDER",
                    )
                ],
            ) from None


def _is_held(folder: Folder, name: str) -> bool:
    """Check whether the process that holds a file is alive.

    One that cannot be opened, or locked, is held: it may be that of another user.

    Raises:
        FileNotFoundError: The file is gone.
        CorruptRecordingError: It lies behind a link to a folder.
    """
    folder.check_way(name)
    try:
        descriptor = open_file(folder.path(name), TO_CHECK)
    except FileNotFoundError:
        raise
    except OSError:
        return True
    try:
        return not _try_lock(descriptor)
    except OSError:
        return True
    finally:
        close(descriptor)


def _is_at(path: str, descriptor: int) -> bool:
    with suppress(FileNotFoundError):
        found = stat_of(path)
        return _place_of(descriptor) == (found.st_dev, found.st_ino)
    return False


def _place_of(descriptor: int) -> tuple[int, int]:
    facts = fstat(descriptor)
    return facts.st_dev, facts.st_ino


def _try_lock(descriptor: int) -> bool:
    # A replay takes no lock, and starts faster without it.
    import filelock

    return filelock.lock_descriptor(descriptor, blocking=False)


def _unlock(descriptor: int) -> None:
    """Unlock a file and close it; a test may have closed it already.

    A forked process may have the file open, too: to close it alone would leave it
    locked.
    """
    import filelock  # see `_try_lock`

    with suppress(OSError):
        filelock.unlock_descriptor(descriptor)
    with suppress(OSError):
        close(descriptor)
