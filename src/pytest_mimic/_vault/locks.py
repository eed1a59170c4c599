"""Locks between processes, which leave no line in the log of the code under test."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import FileLock

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

#: What the folder of one user's locks begins with, in the temporary folder.
FOLDER = "pytest-mimic-"


def file_lock(path: str, *, timeout: float = -1, poll_interval: float = 0.05) -> FileLock:
    """A lock on a file of ours; any thread may release it."""
    from filelock import FileLock

    logging.getLogger("filelock").addFilter(_is_of_others)  # once, however often
    return FileLock(path, timeout=timeout, poll_interval=poll_interval, thread_local=False)


def _is_of_others(record: logging.LogRecord) -> bool:
    """Whether filelock tells of a file that is none of ours: a test may look at all that is logged."""
    args = record.args
    if not isinstance(args, tuple) or len(args) < 2:
        return True
    file = Path(str(args[1]))
    return not file.parent.parent.name.startswith(FOLDER)
