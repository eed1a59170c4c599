"""Calls of the system, bound before a test can replace them; Windows gets patience."""

# ruff: noqa: PTH101, PTH102, PTH120
from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from os import chmod, close, mkdir, read, urandom, write
from os.path import dirname
from time import sleep
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from mmap import mmap

_P = ParamSpec("_P")
_T = TypeVar("_T")

_PLAIN = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
TO_READ = os.O_RDONLY | _PLAIN
# What lies at the end of a link is not ours, and a pipe would have nobody who writes.
_AT_ITS_PLACE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
TO_CHECK = TO_READ | _AT_ITS_PLACE
TO_LOCK = os.O_RDWR | os.O_CREAT | _PLAIN | _AT_ITS_PLACE
TO_APPEND = TO_LOCK | os.O_APPEND
NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | _PLAIN
# Windows refuses for a moment what another process has open: two seconds in all.
_PAUSES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, *[0.1] * 19)

_MOST_TRIES = 9
_LARGE = 1 << 20


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


open_file = _patient(os.open)
replace = _patient(os.replace)
unlink = _patient(os.unlink)


def random_number() -> int:
    """Give a number that no other process gives, whatever tests have seeded."""
    return int.from_bytes(urandom(4), "big")


def keep_mode(path: str, mode: int) -> None:
    """Give a file or folder of this user the rights of another file or folder."""
    with suppress(OSError):
        chmod(path, mode & 0o2777)  # A group is inherited by the folder's own bit.


def in_folder(path: str, work: Callable[[], _T]) -> _T:
    """Give what `work` gives, which makes the file at a path, and the folder for it.

    Another process may delete the folder again, since it is empty.
    """
    for _ in range(_MOST_TRIES):
        try:
            return work()
        except FileNotFoundError:
            make_folder(dirname(path))
    return work()


def make_folder(path: str, mode: int = 0o777) -> None:
    """Make a folder, and its parents. `os.makedirs` can be reached by tests.

    Another process may delete those again, since they are empty. Where one is a link
    that leads nowhere, nothing can be made.
    """
    for _ in range(_MOST_TRIES):
        try:
            return mkdir(path, mode)
        except FileExistsError:
            return None
        except FileNotFoundError:
            around = dirname(path)
            if around == path:
                raise
            make_folder(around)
    return mkdir(path, mode)


def read_file(path: str, size: int, *, may_map: bool = False) -> bytes | mmap:
    """Return what a file of about that size holds, in the fewest calls.

    A large one is mapped, where it may be. The map is private: what is changed in it
    changes no file. Windows could not replace a file that is mapped.
    """
    descriptor = open_file(path, TO_READ)
    try:
        if may_map and os.name != "nt" and size > _LARGE:
            from mmap import ACCESS_COPY, mmap  # few outcomes are large

            return mmap(descriptor, 0, access=ACCESS_COPY)
        return read_all(descriptor, size)
    finally:
        close(descriptor)


def read_all(descriptor: int, size: int) -> bytes:
    """Read to the end, which is about so many bytes away."""
    content = piece = read(descriptor, size + 1)
    while piece and len(content) != size:
        piece = read(descriptor, size + 1)
        content += piece
    return content


def write_all(descriptor: int, content: bytes | memoryview) -> None:
    """Write bytes, in as many calls as it takes."""
    rest = memoryview(content).cast("B")
    while rest:
        rest = rest[write(descriptor, rest) :]
