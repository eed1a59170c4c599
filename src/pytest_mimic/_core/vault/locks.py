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
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
# The first and the longest pause between two attempts to lock, in seconds.
_SHORTEST = 0.0002
_LONGEST = 0.01


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
        self._run: _RunFile | None = None

    @contextmanager
    def write(self) -> Iterator[None]:
        """Keep other threads and processes out for a block that replaces a file."""
        file = self._locked_for_writing()
        try:
            yield
        finally:
            # A forked process may have the file open, too: to close it is not enough.
            # A test may have closed the files of others.
            with suppress(OSError):
                _unlock_descriptor(file)
            with suppress(OSError):
                close(file)

    def _locked_for_writing(self) -> int:
        """Return the open file of the lock for writing, locked for this process."""
        try:
            file = _open_made(join(self._folder, "write"))
            try:
                _wait_for(file)
            except BaseException:
                with suppress(OSError):
                    close(file)
                raise
        except OSError as reason:
            raise self._cannot_lock(reason) from None
        return file

    def join(self) -> None:
        """Let nobody delete objects until this process leaves.

        A forked process joins on its own.
        """
        if self._run is not None and self._run.is_ours():
            return
        with self.write(), self._told():
            self._has_other_runs()
            inherited = self._run
            self._run = _RunFile(self._folder)
            if inherited is not None:
                inherited.abandon()

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Keep all others out for the block that deletes.

        It gets whether no other process has joined.
        """
        with self.write():
            with self._told():
                is_alone = not self._has_other_runs()
            yield is_alone

    def leave(self) -> None:
        """Let others delete objects."""
        if self._run is not None:
            self._run.end()
        self._run = None

    def __del__(self) -> None:
        self.leave()

    def _has_other_runs(self) -> bool:
        """Return whether another process has joined; delete files of those killed.

        The caller has the lock for writing: nobody makes such a file meanwhile.
        """
        own_path = None
        if self._run is not None:
            own_path = self._run.path
        has_others = False
        for path in self._run_files():
            # Each is looked at, as a file that was left is deleted by that.
            if path != own_path and not _delete_unlocked(path):
                has_others = True
        return has_others

    def _run_files(self) -> list[str]:
        """Return the paths of the files of runs, of this process and of others."""
        paths = []
        with scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.startswith("run."):
                    paths.append(join(self._folder, entry.name))
        return paths

    @lazy_attribute
    def _folder(self) -> str:
        """The folder of the files, the same for every path that leads to the vault.

        It lies outside of the vault.
        """
        from hashlib import blake2b
        from tempfile import gettempdir

        user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
        place = realpath(self._vault).encode("utf-8", "surrogateescape")
        digest = blake2b(place, digest_size=8).hexdigest()
        return join(gettempdir(), f"pytest-mimic-{user}", digest)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn a system's error into one line with the vault and the lock's file."""
        try:
            yield
        except OSError as reason:
            raise self._cannot_lock(reason) from None

    def _cannot_lock(self, reason: OSError) -> MimicError:
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

        OSError: The file cannot be made or locked.
        """
        self._file, self.path = _new_file(join(folder, f"run.{getpid()}"))
        facts = fstat(self._file)
        # A test may close the files of others, and the system gives the number of this
        # one to another file then.
        self._identity = facts.st_dev, facts.st_ino
        self._process = getpid()
        _wait_for(self._file)

    def is_ours(self) -> bool:
        """Return whether this process made the file, and has it open."""
        return self._process == getpid() and self._is_open()

    def end(self) -> None:
        """Unlock and delete the file, if this process made it."""
        if self._process != getpid():
            return
        if self._is_open():
            with suppress(OSError):
                _unlock_descriptor(self._file)
            with suppress(OSError):
                close(self._file)
        with suppress(OSError):
            unlink(self.path)

    def abandon(self) -> None:
        """Close the file, which stays locked where its own process has it open."""
        if self._is_open():
            with suppress(OSError):
                close(self._file)

    def _is_open(self) -> bool:
        """Return whether the number still stands for the file that was made."""
        try:
            facts = fstat(self._file)
        except OSError:
            return False
        return self._identity == (facts.st_dev, facts.st_ino)


def _open_made(path: str) -> int:
    """Open a file, which is made with its two folders where they are missing."""
    try:
        return _open_patiently(path, _FLAGS, 0o600)
    except FileNotFoundError:
        folder = dirname(path)
        for missing in (dirname(folder), folder):
            with suppress(FileExistsError):
                mkdir(missing, 0o700)
        return _open_patiently(path, _FLAGS, 0o600)


def _new_file(start: str) -> tuple[int, str]:
    """Open a file that is new, and return it with its path."""
    number = 0
    while True:
        path = f"{start}.{number}"
        try:
            return open_file(path, _FLAGS | os.O_EXCL, 0o600), path
        except FileExistsError:
            # Another thread has made it, or a process of this number that was killed.
            number += 1


def _wait_for(file: int) -> None:
    """Lock a file as soon as nobody else has it locked.

    filelock itself can wait, but longer between two attempts, and by `time.sleep`,
    which a test may have replaced.
    """
    pause = _SHORTEST
    while not _lock_descriptor(file, blocking=False):
        sleep(pause)
        pause = min(2 * pause, _LONGEST)


def _delete_unlocked(path: str) -> bool:
    """Delete the file of a run that has ended; return whether it is gone."""
    try:
        file = _open_patiently(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return True
    try:
        is_left = _lock_descriptor(file, blocking=False)
        if is_left:
            # Windows deletes no file that is open: the next one to look deletes it.
            with suppress(OSError):
                unlink(path)
        return is_left
    finally:
        close(file)
