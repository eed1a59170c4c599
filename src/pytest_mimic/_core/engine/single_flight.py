"""Identical calls in flight run once: among threads and tasks, and among processes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import partial
from os import getpid
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pytest_mimic._core.vault.locks import ByteLocks

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

    __slots__ = ("_end", "_ended", "_task", "_thread", "returned_coroutine")
    mode: Literal["wait"] = "wait"
    interval = _INTERVAL

    def __init__(self, end: Callable[[], object] | None, *, is_here: bool = True) -> None:
        self._end = end
        # Made when a call waits: most have no identical one.
        self._ended: threading.Event | None = None
        self._thread = threading.get_ident() if is_here else None
        self._task = _current_task() if is_here else None
        self.returned_coroutine = False

    def done(self) -> None:
        """Let the waiting calls check again. Whoever started the call does it, in this process."""
        assert self._end is not None
        self._end()
        if self._ended is not None:
            self._ended.set()

    def block(self) -> None:
        """Pause this thread until the call is done, for `interval` seconds at most: also if it has just ended."""
        if self._ended is None:
            self._ended = threading.Event()
        self._ended.wait(_INTERVAL)

    def needs_caller(self, *, is_async: bool) -> bool:
        """Check whether this thread or task must continue for the call to finish, so that waiting is a deadlock."""
        if self._thread != threading.get_ident():
            return False
        return not is_async or self._task is _current_task()


class CallsInFlight:
    """The calls of one session that run for real now. They share 2 ** 28 locks between processes."""

    def __init__(self, locks: ByteLocks) -> None:
        self._locks = locks
        self._forget()

    def _forget(self) -> None:
        self._process = getpid()
        self._guard = threading.Lock()
        self._calls: dict[str, CallInFlight] = {}

    def start(self, name: str) -> tuple[CallInFlight, bool]:
        """Start a call, by the name of its recording, and return it with True; with False, one that runs already."""
        if self._process != getpid():  # a forked child, in which the calls of its parent do not run
            self._forget()
        with self._guard:
            current = self._calls.get(name)
            if current is not None:
                return current, False
            byte = int(name.rpartition("/")[2][:7], 16)
            if not self._locks.acquire(byte):
                return CallInFlight(None, is_here=False), False
            flight = self._calls[name] = CallInFlight(partial(self._remove, name, byte))
            return flight, True

    def close(self) -> None:
        self._locks.close()

    def _remove(self, name: str, byte: int) -> None:
        if self._process != getpid():  # a forked child, in which no thread would release the guard
            return
        with self._guard:
            if self._calls.pop(name, None) is not None:
                self._locks.release(byte)


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
