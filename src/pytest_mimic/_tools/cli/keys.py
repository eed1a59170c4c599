"""Reads one key from a terminal, or one line from anything else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# How long the rest of a key that sends several characters may take, in seconds.
_REST = 0.05
_END = ("\x03", "\x04", "\x1a")  # Ctrl-C, Ctrl-D, and the end of a file on Windows


def read_key(prompt: str, show: Callable[[str], None]) -> str:
    """Return the key that the user presses, in lower case; empty at the end of the input or after Ctrl-C.

    `show` prints a text at once. If the input is no terminal, it is the first character of a line; an empty line is `?`.
    """
    stream: Any = sys.stdin
    try:
        if stream is not None and stream.isatty():
            with _single_keys(stream):
                show(prompt)
                key = _pressed(stream)
        else:
            show(prompt)
            line = stream.readline() if stream is not None else ""
            key = line.strip()[:1] or "?" if line else ""
    except KeyboardInterrupt:
        key = ""
    show(f"{key if key.isprintable() else ''}\n")
    return "" if key in _END else key.lower()


@contextmanager
def _single_keys(stream: Any) -> Iterator[None]:
    """Let a terminal give each key at once, and show none."""
    try:
        import termios
        import tty
    except ImportError:  # pragma: no cover (Windows, where `_pressed` does so)
        yield
        return
    file = stream.fileno()
    before = termios.tcgetattr(file)
    tty.setcbreak(file, termios.TCSANOW)  # keys that were pressed before count as well
    try:
        yield
    finally:
        termios.tcsetattr(file, termios.TCSADRAIN, before)


def _pressed(stream: Any) -> str:
    if os.name == "nt":  # pragma: no cover (Windows)
        from msvcrt import getwch, kbhit  # type: ignore[attr-defined, unused-ignore]

        key = str(getwch())
        if key in "\0\xe0" and kbhit():  # an arrow, for example, whose second part could be a letter
            getwch()
            return "?"
        return key
    return _key_of(stream.fileno())


def _key_of(file: int) -> str:
    """Return the next key. One that sends several characters, such as an arrow, is `?`: the last could be a letter."""
    from select import select

    def byte() -> bytes:
        return os.read(file, 1) if select([file], [], [], _REST)[0] else b""

    key = os.read(file, 1)
    if key != b"\x1b" or not (introducer := byte()):
        return key.decode("ascii", "replace")
    if introducer in (b"[", b"O"):  # ECMA-48: parameters, then a final byte from @ to ~
        while (part := byte()) and not b"@" <= part <= b"~":
            pass
    return "?"
