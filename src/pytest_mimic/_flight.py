"""The same call in flight runs once: among threads and tasks, and among processes."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from filelock import FileLock

#: How long a call waits for the same call elsewhere before it runs itself, in seconds.
PATIENCE = 30.0
#: How long one look takes at most, in seconds.
_INTERVAL = 0.02


class Flight:
    """One call that runs for real; others that are the same wait until it has landed."""

    __slots__ = ("_flights", "_lock", "_name", "landed")

    def __init__(self, flights: Flights, name: str, lock: FileLock) -> None:
        self._flights = flights
        self._name = name
        self._lock = lock
        self.landed = threading.Event()

    def land(self) -> None:
        """Lets those who wait look again."""
        self._flights.forget(self._name)
        self._lock.release()
        self.landed.set()


class Wait:
    """The same call is in flight elsewhere: look again after a pause."""

    __slots__ = ("_landed",)
    mode: Literal["wait"] = "wait"
    #: In seconds.
    interval = _INTERVAL

    def __init__(self, landed: threading.Event | None) -> None:
        self._landed = landed

    def block(self) -> None:
        """Pauses this thread."""
        if self._landed is None:
            time.sleep(_INTERVAL)
        else:
            self._landed.wait(_INTERVAL)


class Flights:
    """The calls of one session that run for real just now.

    Locks between processes lie in `folder`, outside the vault, one of 4096 files for each call.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._flying: dict[str, Flight] = {}

    def board(self, name: str) -> Flight | Wait:
        """Starts the call named so, or tells to wait for it."""
        from filelock import FileLock, Timeout

        with self._guard:
            flying = self._flying.get(name)
            if flying is not None:
                return Wait(flying.landed)
            self._folder.mkdir(parents=True, exist_ok=True)
            stripe = name.rpartition("/")[2][:3]
            lock = FileLock(self._folder / f"{stripe}.lock", thread_local=False)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                return Wait(None)
            self._flying[name] = flight = Flight(self, name, lock)
            return flight

    def forget(self, name: str) -> None:
        """The call named so flies no more."""
        with self._guard:
            self._flying.pop(name, None)


def lock_folder(vault: Path) -> Path:
    """Where the locks of a vault lie: outside it, the same for every process of this user."""
    import tempfile

    from xxhash import xxh3_64_hexdigest

    user = str(os.getuid()) if hasattr(os, "getuid") else "user"
    where = os.path.normcase(os.path.realpath(vault))
    return Path(tempfile.gettempdir(), f"pytest-mimic-{user}", xxh3_64_hexdigest(where.encode()))
