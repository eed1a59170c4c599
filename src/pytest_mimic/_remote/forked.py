"""Makes the requests of a forked child in a fresh process: obstore's threads do not survive a fork.

The process ends when the child does, and is no child of it: code that waits for all of its children goes on.
"""

from __future__ import annotations

import os
import pickle
import sys
from contextlib import suppress
from os import close, getpid, pipe, read, waitpid, write
from threading import Lock
from typing import TYPE_CHECKING, Any

from pytest_mimic._vault.locks import file_identity
from pytest_mimic.errors import RemoteError

if TYPE_CHECKING:
    from pytest_mimic._remote.place import RemotePlace

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

# Bound here, because a test may have replaced it. Windows has neither this nor a fork.
_spawn: Any = getattr(os, "posix_spawn", None)
_dumps, _loads = pickle.dumps, pickle.loads
_CODE = "import sys; sys.path[:] = sys.argv[1:]; from pytest_mimic._remote.fresh_process import main; main()"
_CHUNK = 1 << 20


class FreshProcesses:
    """Processes that make requests for forked children, one for each child.

    Args:
        place: The place of the bucket.
        timeout: The timeout of the bucket.
    """

    def __init__(self, place: RemotePlace, *, timeout: float) -> None:
        self._place = place
        self._timeout = timeout
        self._environment = dict(os.environ)
        self._processes: dict[int, _Process] = {}

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the result of a method of the bucket."""
        own = self._processes.setdefault(getpid(), _Process())
        with own.lock:
            try:
                if not own.is_running:
                    own.stop()
                    own.start(self._environment)
                    send(own.to, (self._place, self._timeout))
                send(own.to, (name, args, kwargs))
                is_result, result = receive(own.back)
            except (OSError, EOFError):
                own.stop()
                raise RemoteError(
                    f"cannot use {self._place.shown}: the process that makes the requests of a forked child ended",
                    reason="failed",
                    url=self._place.shown,
                ) from None
            except BaseException:  # an interrupt: the rest of the answer must not be taken for the next one
                own.stop()
                raise
        if is_result:
            return result
        raise result


class _Process:
    """A process, and the pipes to it and back."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.to = self.back = -1
        self._identities: tuple[object, ...] = (None, None)

    @property
    def is_running(self) -> bool:
        """Whether the pipes are still open.

        Code under test that closes all files, as a daemon does, closes these, too. Then its next files have the same
        numbers.
        """
        return (file_identity(self.to), file_identity(self.back)) == self._identities != (None, None)

    def start(self, environment: dict[str, str]) -> None:
        """Start the process."""
        ours_in, self.to = pipe()
        self.back, ours_out = pipe()
        try:
            files = [(os.POSIX_SPAWN_DUP2, ours_in, 0), (os.POSIX_SPAWN_DUP2, ours_out, 1)]
            # -I: neither the current folder nor variables such as PYTHONPATH may change what is imported.
            command = [sys.executable, "-I", "-c", _CODE, *sys.path]
            started = _spawn(sys.executable, command, environment, file_actions=files)
        finally:
            close(ours_in)
            close(ours_out)
        with suppress(ChildProcessError):  # the code under test waits for its children itself
            waitpid(started, 0)  # it has left a child behind
        self._identities = file_identity(self.to), file_identity(self.back)

    def stop(self) -> None:
        """Close the pipes, which ends the process."""
        for file, identity in zip((self.to, self.back), self._identities, strict=True):
            if identity is not None and file_identity(file) == identity:
                close(file)
        self._identities = None, None


def send(file: int, message: object) -> None:
    """Write a message to a pipe."""
    data = _dumps(message)
    view = memoryview(len(data).to_bytes(8, "big") + data)
    while view:
        view = view[write(file, view) :]


def receive(file: int) -> Any:
    """Return the next message of a pipe; EOFError if there is none."""
    return _loads(_read(file, int.from_bytes(_read(file, 8), "big")))


def _read(file: int, size: int) -> bytes:
    parts = []
    while size:
        part = read(file, min(size, _CHUNK))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
