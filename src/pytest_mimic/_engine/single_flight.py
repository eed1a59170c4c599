"""The same call in flight runs once: among threads and tasks, and among processes."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pytest_mimic._vault.locks import FOLDER, file_lock

if TYPE_CHECKING:
    from filelock import FileLock

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

#: How long a call waits for the same call elsewhere before it runs itself, in seconds.
PATIENCE = 30.0
#: How long one look takes at most, in seconds.
_INTERVAL = 0.02
#: How many looks that is; counted, because a test may have stopped the clocks.
LOOKS = int(PATIENCE / _INTERVAL)


class Flight:
    """One call that runs for real; others that are the same wait until it has landed.

    Attributes:
        gives_coroutine: It is a plain function's, which has returned a coroutine.
    """

    __slots__ = ("_flights", "_name", "_task", "_thread", "gives_coroutine", "landed")

    def __init__(self, flights: Flights, name: str) -> None:
        self._flights = flights
        self._name = name
        self._thread = threading.get_ident()
        self._task = _current_task()
        self.gives_coroutine = False
        self.landed = threading.Event()

    def land(self) -> None:
        """Lets those who wait look again."""
        self._flights.forget(self._name)
        self.landed.set()

    def waits_for_caller(self, *, pausing: bool) -> bool:
        """Whether this thread or task is the one that must go on for it to land.

        Args:
            pausing: The caller lets other tasks of its thread run while it waits.
        """
        if self._thread != threading.get_ident():
            return False
        return not pausing or self._task is _current_task()


class Wait:
    """The same call is in flight elsewhere: look again after a pause.

    Attributes:
        flight: That call; None where another process makes it.
    """

    __slots__ = ("flight",)
    mode: Literal["wait"] = "wait"
    #: In seconds.
    interval = _INTERVAL

    def __init__(self, flight: Flight | None) -> None:
        self.flight = flight

    def block(self) -> None:
        """Pauses this thread."""
        if self.flight is None:
            time.sleep(_INTERVAL)
        else:
            self.flight.landed.wait(_INTERVAL)


class Flights:
    """The calls of one session that run for real just now.

    Locks between processes lie in `folder`, outside the vault, one of 4096 files for each call.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._flying: dict[str, Flight] = {}
        self._locks: dict[str, FileLock] = {}
        self._holding: Counter[str] = Counter()

    def board(self, name: str) -> Flight | Wait:
        """Starts the call named so, or tells to wait for it."""
        with self._guard:
            flying = self._flying.get(name)
            if flying is not None:
                return Wait(flying)
            if not self._hold(_stripe(name)):
                return Wait(None)
            self._flying[name] = flight = Flight(self, name)
            return flight

    def _hold(self, stripe: str) -> bool:
        """Takes a lock between processes, or takes part in it where another call of ours has it."""
        from filelock import Timeout

        if not self._holding[stripe]:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = file_lock(str(self._folder / f"{stripe}.lock"))
            try:
                lock.acquire(timeout=0)
            except Timeout:
                return False
            self._locks[stripe] = lock
        self._holding[stripe] += 1
        return True

    def forget(self, name: str) -> None:
        """The call named so flies no more."""
        with self._guard:
            if self._flying.pop(name, None) is None:
                return
            stripe = _stripe(name)
            self._holding[stripe] -= 1
            if not self._holding[stripe]:
                self._locks.pop(stripe).release()


def _stripe(name: str) -> str:
    return name.rpartition("/")[2][:3]


def _current_task() -> object | None:
    """The running task of asyncio or trio; None outside of both."""
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        task: object = trio.lowlevel.current_task()
        return task
    try:
        return asyncio.current_task() if asyncio is not None else None
    except RuntimeError:  # no loop runs in this thread
        return None


def lock_folder(vault: Path) -> Path:
    """Where the locks of a vault lie: outside it, the same for every process of this user."""
    import tempfile

    from xxhash import xxh3_64_hexdigest

    user = str(os.getuid()) if hasattr(os, "getuid") else "user"
    where = os.path.normcase(os.path.realpath(vault))
    return Path(tempfile.gettempdir(), f"{FOLDER}{user}", xxh3_64_hexdigest(where.encode()))
