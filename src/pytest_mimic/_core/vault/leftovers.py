"""The removal of temporary files that crashed writers have left."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from functools import cache
from os import scandir, unlink
from time import time

_LEFTOVER = r"\.mimic-([0-9a-f]{8})-([0-9]+)-[0-9]+\.tmp"
_LEFTOVER_AGE = 24 * 3600.0


def sweep(folder: str) -> None:
    """Remove the temporary files of writers that no longer run."""
    for name in abandoned(folder):
        with suppress(OSError):  # another process was faster
            unlink(f"{folder}/{name}")  # noqa: PTH108 - joining a Path costs more


def abandoned(folder: str) -> list[str]:
    """Return the names of the temporary files of writers that no longer run."""
    with scandir(folder) as entries:
        found = [(entry, match) for entry in entries if (match := re.fullmatch(_LEFTOVER, entry.name))]
    names = []
    for entry, match in found:
        with suppress(OSError):
            if _is_abandoned(entry, host=match[1], process=int(match[2])):
                names.append(entry.name)
    return names


def _is_abandoned(entry: os.DirEntry[str], *, host: str, process: int) -> bool:
    """Return whether a file's writer is dead or, on another host, the file a day old."""
    if host == this_host() and os.name == "posix":
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        except OSError:
            pass
    return time() - entry.stat().st_mtime > _LEFTOVER_AGE


@cache
def this_host() -> str:
    """Return eight hex digits for this machine or container."""
    from _socket import gethostname  # a test may have replaced the one in `socket`
    from hashlib import blake2b

    return blake2b(gethostname().encode(), digest_size=4).hexdigest()
