"""The locks of a vault: who may replace a file, and who may delete objects.

One process and thread replaces a file at a time. Nobody deletes what a run may need.

A lock is a file outside of the vault that a process has open and locked. The system
drops the lock when the process ends, however it ends. Each vault has a folder of its
own for these files, so that a run looks at no file of another vault:

| file | locked by |
|---|---|
| `1a2b…/write` | a thread that replaces a file, joins the runs, or deletes objects |
| `1a2b…/run.<process>.<number>` | a process that records, until its run ends |

A file of a run that can be locked was left by a process that was killed.
"""

# All functions of `os`, and `sleep`, are bound here, because the test whose call is
# recorded may have replaced them.
# ruff: noqa: PTH102, PTH108, PTH118, PTH120
from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from os import close, fstat, getpid, mkdir, scandir, unlink
from os import open as open_file
from os.path import dirname, join, realpath
from time import sleep
from types import FunctionType
from typing import Any, TypeVar

import filelock

from pytest_mimic._core.whole_files import patient
from pytest_mimic._core.words import lazy_attribute
from pytest_mimic.errors import MimicError

_Function = TypeVar("_Function", bound=Callable[..., Any])
_FLAGS_OF_LOCK_FILE = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
# The first and the longest pause between two attempts to lock, in seconds.
_SHORTEST_PAUSE = 0.0002
_LONGEST_PAUSE = 0.01


def _with_modules_of_now(function: _Function) -> _Function:
    """Return a copy of a function of filelock that keeps the modules it uses now.

    pyfakefs puts fakes in place of the modules that filelock uses, and a lock taken
    through them would keep nobody out.
    """
    if not isinstance(function, FunctionType):
        return function
    names = dict(function.__globals__)
    for name in function.__code__.co_names:
        helper: Any = names.get(name)
        package = str(getattr(helper, "__module__", "")).partition(".")[0]
        # The functions of filelock that this one calls keep their modules, too.
        if helper is not function and package == "filelock":
            names[name] = _with_modules_of_now(helper)
    copy: Any = FunctionType(function.__code__, names, function.__name__)
    copy.__defaults__ = function.__defaults__
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy  # type: ignore[no-any-return]


_lock_descriptor = _with_modules_of_now(filelock.lock_descriptor)
_unlock_descriptor = _with_modules_of_now(filelock.unlock_descriptor)
_open_patiently = patient(open_file)


class Locks:
    """The locks of one vault, as one process takes them.

    Each method may raise MimicError: a lock cannot be made.
    """

    def __init__(self, vault: str) -> None:
        self._vault = vault
        self._run_file: _RunFile | None = None

    @contextmanager
    def write(self) -> Iterator[None]:
        """Keep other threads and processes out for a block."""
        descriptor = self.lock_for_writing()
        try:
            yield
        finally:
            self.unlock(descriptor)

    def lock_for_writing(self) -> int:
        """Keep other threads and processes out until `unlock`, as `write` does.

        Each file that is recorded is locked, and a context manager would take longer.

        Returns:
            The descriptor of the open file of the lock.
        """
        try:
            descriptor = _open_file_of_lock(self._write_file)
            try:
                _lock_when_free(descriptor)
            except BaseException:
                with suppress(OSError):
                    close(descriptor)
                raise
        except OSError as reason:
            raise self._cannot_lock(reason) from None
        return descriptor

    def unlock(self, descriptor: int) -> None:
        """Let others in, after `lock_for_writing` has returned this descriptor."""
        # A forked process may have the file open, too: to close it here, without an
        # unlock, would leave it locked. A test may have closed the file already, which
        # is an OSError.
        with suppress(OSError):
            _unlock_descriptor(descriptor)
        with suppress(OSError):
            close(descriptor)

    def join(self) -> None:
        """Join the runs: let nobody delete objects until this process leaves.

        A forked process joins on its own: the file that it inherits is its parent's.
        """
        if self._run_file is not None and self._run_file.is_of_this_process():
            return
        with self.write(), self._named_errors():
            # The answer does not matter: to ask deletes files of killed processes.
            self._has_other_runs()
            inherited = self._run_file
            self._run_file = _RunFile(self._folder)
            if inherited is not None:
                inherited.abandon()

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Keep all others out for the block that deletes.

        The block gets True if no other process has joined.
        """
        with self.write():
            with self._named_errors():
                is_alone = not self._has_other_runs()
            yield is_alone

    def leave(self) -> None:
        """Let others delete objects: this process needs none any more."""
        if self._run_file is not None:
            self._run_file.end()
        self._run_file = None

    def __del__(self) -> None:
        self.leave()

    def _has_other_runs(self) -> bool:
        """Return whether another process has joined; delete files of those killed.

        The caller has the lock for writing: nobody makes such a file meanwhile.
        """
        own_path = None
        if self._run_file is not None:
            own_path = self._run_file.path
        has_others = False
        for path in self._run_files():
            # No path is left out: to try the lock of a file that a killed process has
            # left deletes it.
            if path != own_path and not _delete_unlocked(path):
                # The process that made the file is alive, and has it locked.
                has_others = True
        return has_others

    def _run_files(self) -> list[str]:
        """Return the paths of the files of runs, of this process and of others."""
        paths = []
        with scandir(self._folder) as entries:
            for dir_entry in entries:
                if dir_entry.name.startswith("run."):
                    paths.append(join(self._folder, dir_entry.name))
        return paths

    @lazy_attribute
    def _folder(self) -> str:
        """The folder of the lock files, the same for every path to the vault.

        The folder lies outside of the vault: `/tmp/pytest-mimic-1000/1a2b…`.
        """
        from hashlib import blake2b
        from tempfile import gettempdir

        user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
        vault_path = realpath(self._vault).encode("utf-8", "surrogateescape")
        digest = blake2b(vault_path, digest_size=8).hexdigest()
        return join(gettempdir(), f"pytest-mimic-{user}", digest)

    @lazy_attribute
    def _write_file(self) -> str:
        """The file of the lock for writing."""
        return join(self._folder, "write")

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Raise a system's error as one line with the vault and the lock's file."""
        try:
            yield
        except OSError as reason:
            raise self._cannot_lock(reason) from None

    def _cannot_lock(self, reason: OSError) -> MimicError:
        """Return the error for a vault of which a lock cannot be made or taken."""
        cause = reason.strerror or str(reason)
        with_file = f" with {reason.filename}" if reason.filename else ""
        return MimicError(
            f"cannot lock {self._vault}{with_file}: {cause}",
            path=self._vault,
            cause=cause,
        )


class _RunFile:
    """The file that a process has made and locked for its run."""

    def __init__(self, folder: str) -> None:
        """Make the file. The caller has the lock for writing.

        Raises:
            OSError: The file cannot be made or locked.
        """
        self._descriptor, self.path = _open_new_file(join(folder, f"run.{getpid()}"))
        facts_of_file = fstat(self._descriptor)
        # A test may close files that it did not open. The system then gives the
        # descriptor to the next file that is opened, which has another inode.
        self._device_and_inode = facts_of_file.st_dev, facts_of_file.st_ino
        self._process = getpid()
        _lock_when_free(self._descriptor)

    def is_of_this_process(self) -> bool:
        """Return whether this process made the file, and has it open."""
        return self._process == getpid() and self._is_open()

    def end(self) -> None:
        """Unlock and delete the file, if this process made it."""
        if self._process != getpid():
            return
        if self._is_open():
            with suppress(OSError):
                _unlock_descriptor(self._descriptor)
            with suppress(OSError):
                close(self._descriptor)
        with suppress(OSError):
            unlink(self.path)

    def abandon(self) -> None:
        """Close the file, which stays locked where its own process has it open."""
        if self._is_open():
            with suppress(OSError):
                close(self._descriptor)

    def _is_open(self) -> bool:
        """Return whether the descriptor is still that of the file that was made."""
        try:
            facts_of_open_file = fstat(self._descriptor)
        except OSError:
            return False
        device_and_inode = (facts_of_open_file.st_dev, facts_of_open_file.st_ino)
        return self._device_and_inode == device_and_inode


def _open_file_of_lock(path: str) -> int:
    """Open the file of a lock, `/tmp/pytest-mimic-1000/1a2b…/write`.

    The file is made, and so are the folders around it: that of the vault, and that of
    the user. The first lock after the machine has started finds neither.
    """
    try:
        return _open_patiently(path, _FLAGS_OF_LOCK_FILE, 0o600)
    except FileNotFoundError:
        folder_of_vault = dirname(path)
        folder_of_user = dirname(folder_of_vault)
        for folder in (folder_of_user, folder_of_vault):
            # Another process may make the folder at the same moment.
            with suppress(FileExistsError):
                mkdir(folder, 0o700)
        return _open_patiently(path, _FLAGS_OF_LOCK_FILE, 0o600)


def _open_new_file(start: str) -> tuple[int, str]:
    """Open a file that is new, and return its descriptor and its path.

    The path is `start` with the first number that no file has yet: `…/run.4711.0`.
    """
    number = 0
    while True:
        path = f"{start}.{number}"
        try:
            return open_file(path, _FLAGS_OF_LOCK_FILE | os.O_EXCL, 0o600), path
        except FileExistsError:
            # Another thread has made the file, or a process of this number that was
            # killed.
            number += 1


def _lock_when_free(descriptor: int) -> None:
    """Lock a file, however long another process has it locked.

    filelock itself can wait, but longer between two attempts, and by `time.sleep`,
    which a test may have replaced.
    """
    pause = _SHORTEST_PAUSE
    while not _lock_descriptor(descriptor, blocking=False):
        sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _delete_unlocked(path: str) -> bool:
    """Delete the file of a run that has ended; return whether it has.

    The process that made the file was killed, or it would have deleted it.
    """
    try:
        descriptor = _open_patiently(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return True
    try:
        # The file of a run that goes on is locked by its process.
        has_run_ended = _lock_descriptor(descriptor, blocking=False)
        if has_run_ended:
            # Windows deletes no file that is open: the next process to look deletes it.
            with suppress(OSError):
                unlink(path)
        return has_run_ended
    finally:
        close(descriptor)
