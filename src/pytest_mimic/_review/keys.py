"""Reads one key from a terminal, or one line from anything else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

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
    except ImportError:  # Windows, where `_pressed` does so
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
    if os.name == "nt":
        from msvcrt import getwch  # type: ignore[attr-defined, unused-ignore]

        return str(getwch())
    return os.read(stream.fileno(), 1).decode("ascii", "replace")
