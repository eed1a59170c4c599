"""Identical calls in flight run once: among threads and tasks, and among processes."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pytest_mimic._event_loop import outside_event_loop
from pytest_mimic._vault.locks import FOLDER, file_lock

if TYPE_CHECKING:
    from filelock import FileLock

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

# How long a call waits for an identical call elsewhere before it runs itself, in seconds.
MAX_WAIT = 30.0
# How long one check takes at most, in seconds.
_INTERVAL = 0.02
# Waiting is counted in checks, because a test may have stopped the clocks.
MAX_CHECKS = int(MAX_WAIT / _INTERVAL)


class CallInFlight:
    """A call that runs for real now. As a step, it makes an identical call wait until it is done.

    At its end, `done` is called. With `is_here`, this thread makes the call; otherwise another process does.
    `returned_coroutine` says that a plain function returned a coroutine. Checks are `interval` seconds apart.
    """

    __slots__ = ("_done", "_finished", "_task", "_thread", "returned_coroutine")
    mode: Literal["wait"] = "wait"
    interval = _INTERVAL

    def __init__(self, done: Callable[[], object], *, is_here: bool = True) -> None:
        self._done = done
        self._finished = threading.Event()
        self._thread = threading.get_ident() if is_here else None
        self._task = _current_task() if is_here else None
        self.returned_coroutine = False

    def done(self) -> None:
        """Let the waiting calls check again."""
        self._done()
        self._finished.set()

    def block(self) -> None:
        """Pause this thread until the call is done, for `interval` seconds at most."""
        self._finished.wait(_INTERVAL)

    def needs_caller(self, *, is_async: bool) -> bool:
        """Check whether this thread or task must continue for the call to finish, so that waiting is a deadlock.

        Args:
            is_async: Whether the caller lets other tasks of its thread run while it waits.
        """
        if self._thread != threading.get_ident():
            return False
        return not is_async or self._task is _current_task()


class CallsInFlight:
    """The calls of one session that run for real now.

    Args:
        folder: Where locks between processes are kept, outside the vault. Calls share 4096 lock files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._calls: dict[str, CallInFlight] = {}
        self._locks: dict[str, FileLock] = {}
        self._lock_users: Counter[str] = Counter()

    def start(self, name: str) -> tuple[CallInFlight, bool]:
        """Start a call, by the name of its recording.

        Returns:
            The call, and True; or an identical one that runs already, here or in another process, and False.
        """
        with self._guard:
            current = self._calls.get(name)
            if current is not None:
                return current, False
            lock_name = name.rpartition("/")[2][:3]
            if not self._lock(lock_name):
                return CallInFlight(lambda: None, is_here=False), False

            def remove() -> None:
                with self._guard:
                    if self._calls.pop(name, None) is None:
                        return
                    self._lock_users[lock_name] -= 1
                    if not self._lock_users[lock_name]:
                        outside_event_loop(self._locks.pop(lock_name).release)()

            flight = self._calls[name] = CallInFlight(remove)
            return flight, True

    @outside_event_loop
    def _lock(self, lock_name: str) -> bool:
        """Take a lock between processes; calls of this process share it."""
        from filelock import Timeout

        if not self._lock_users[lock_name]:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = file_lock(str(self._folder / f"{lock_name}.lock"))
            try:
                lock.acquire(timeout=0)
            except Timeout:
                return False
            self._locks[lock_name] = lock
        self._lock_users[lock_name] += 1
        return True


def _current_task() -> object | None:
    """Return the running task of asyncio or trio, or None outside both."""
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        task: object = trio.lowlevel.current_task()
        return task
    try:
        return asyncio.current_task() if asyncio is not None else None
    except RuntimeError:  # no event loop runs in this thread
        return None


def lock_folder(vault: Path) -> Path:
    """Return the folder of a vault's locks: outside the vault, the same for all processes of this user."""
    import tempfile

    from xxhash import xxh3_64_hexdigest

    user = str(os.getuid()) if hasattr(os, "getuid") else "user"
    where = os.path.normcase(os.path.realpath(vault))
    return Path(tempfile.gettempdir(), f"{FOLDER}{user}", xxh3_64_hexdigest(where.encode()))
