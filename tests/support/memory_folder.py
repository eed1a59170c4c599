"""Temporary folders of the tests are in memory where it has room for them.

The tests make and delete a few hundred thousand small files. On a disk, that takes ten
times as long as in memory.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
# A run of all tests needs a tenth of it.
ROOM = 4 * 2**30


def use_memory() -> None:
    """Let this process and those that it starts make temporary files in memory.

    A TMPDIR that is set already stays.
    """
    if "TMPDIR" not in os.environ and _has_room():
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def _has_room() -> bool:
    """Return whether files in memory may be many, and may be programs."""
    if not os.access(MEMORY, os.W_OK):
        return False
    system = os.statvfs(MEMORY)
    if system.f_flag & os.ST_NOEXEC:
        return False
    return system.f_bavail * system.f_frsize >= ROOM
