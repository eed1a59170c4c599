"""Locks between processes, which leave no line in the log of the code under test."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import FileLock

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

#: The start of the name of one user's folder of locks, in the temporary folder.
FOLDER = "pytest-mimic-"


def file_lock(path: str, *, timeout: float = -1, poll_interval: float = 0.05) -> FileLock:
    """Return a lock on a file. Any thread may release it."""
    from filelock import FileLock

    logging.getLogger("filelock").addFilter(_is_foreign)  # the same filter is added once
    return FileLock(path, timeout=timeout, poll_interval=poll_interval, thread_local=False)


def _is_foreign(record: logging.LogRecord) -> bool:
    """Return whether filelock logs another file than the plugin's: a test may check everything that is logged."""
    args = record.args
    if not isinstance(args, tuple) or len(args) < 2:
        return True
    return not Path(str(args[1])).parent.parent.name.startswith(FOLDER)
