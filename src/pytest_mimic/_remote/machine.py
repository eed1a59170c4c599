"""Names this machine and this process, so that others can tell who holds a claim."""

# All functions of `os` are bound here, because a test may have replaced them.
from __future__ import annotations

import os
from contextlib import suppress
from os import close, getpid, read, urandom, write
from os import open as open_file

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

# The id of this process, by its number: a forked child is another process. It is state of the process.
_process_ids: dict[int, str] = {}
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
_OLD = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)
_LENGTH = 16
# On Linux, the file with the id of the time since the system's start.
_BOOT = "/proc/sys/kernel/random/boot_id"


def random_id() -> str:
    """Return an id that nobody else gets. The random numbers of the test are left alone."""
    return urandom(_LENGTH // 2).hex()


def holder(lock_file: str) -> dict[str, str]:
    """Return who this process is: its `machine`, which is empty if it is not known, its `process` and its `host`.

    Processes are on one machine if they share a file of locks. Its folder holds the machine's id, with which those of
    the host and of its start are combined: an image may give many machines the same file.
    """
    from platform import node

    own, boot = _id_beside(lock_file), b""
    with suppress(OSError):
        boot = _content(_BOOT)
    machine = f"{own} {node()} {boot.decode('ascii', 'replace').strip()}" if own else ""
    process = _process_ids.setdefault(getpid(), random_id())
    return {"machine": machine, "process": process, "host": node()}


def _id_beside(lock_file: str) -> str:
    """Return the id in the folder of the locks, which the first process makes. Empty if it is just being made."""
    path = f"{lock_file}-machine"
    try:
        file = open_file(path, _NEW, 0o600)
    except FileExistsError:
        found = _content(path).decode("ascii", "replace")
        return found if len(found) == _LENGTH else ""
    except OSError:
        return ""
    made = random_id()
    try:
        write(file, made.encode())
    finally:
        close(file)
    return made


def _content(path: str) -> bytes:
    file = open_file(path, _OLD)
    try:
        return read(file, 200)
    finally:
        close(file)
