"""Reads one key from a terminal, or one line from anything else."""

from __future__ import annotations

import os
import sys
from typing import Any

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

_END = ("\x03", "\x04", "\x1a")  # Ctrl-C, Ctrl-D, and the end of a file on Windows


def read_key(prompt: str) -> str:
    """Return the key that the user presses, in lower case; empty at the end of the input or after Ctrl-C.

    If the input is no terminal, it is the first character of a line; an empty line is `?`.
    """
    stream = sys.stdin
    sys.stdout.write(prompt)
    sys.stdout.flush()
    try:
        if stream is not None and stream.isatty():
            key = _pressed(stream)
            sys.stdout.write(f"{key if key.isprintable() else ''}\n")
        else:
            line = stream.readline() if stream is not None else ""
            key = line.strip()[:1] or "?" if line else ""
            sys.stdout.write(f"{key}\n")
    except KeyboardInterrupt:
        key = ""
        sys.stdout.write("\n")
    sys.stdout.flush()
    return "" if key in _END else key.lower()


def _pressed(stream: Any) -> str:
    try:
        import termios
        import tty
    except ImportError:
        from msvcrt import getwch  # type: ignore[attr-defined, unused-ignore]

        return str(getwch())
    file = stream.fileno()
    before = termios.tcgetattr(file)
    try:
        tty.setcbreak(file)
        return os.read(file, 1).decode("ascii", "replace")
    finally:
        termios.tcsetattr(file, termios.TCSADRAIN, before)
