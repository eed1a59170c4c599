"""The facts about the files below a path, before and after a call: what differs was touched, even with equal content."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from threading import Event

from pytest_mimic._core.event_loop import outside_event_loop
from pytest_mimic._core.files.digests import MOST_FILES, facts_of, tick_after
from pytest_mimic._core.files.states import files_in

TOO_MANY = f"a folder with more than {MOST_FILES:,} files or 2 GB"


class NotKeptError(Exception):
    """A file or folder cannot be kept. The text says what it is."""


Snapshot = dict[str, tuple[int, ...]]
"""The mode, size, times, inode and device of files by relative name, the path itself under an empty name.

A folder has only its mode. A link has also the facts of what it leads to. Empty if there is nothing.
"""


@outside_event_loop
def snapshot_of(path: str, excluded: tuple[str, ...] = ()) -> Snapshot:
    """Return the facts about the file or folder that an absolute path names.

    Raises:
        NotKeptError: It is a folder that cannot be read, or contains too much.
    """
    try:
        found: Snapshot = {"": _facts(path)}
        if not os.path.isdir(path):  # noqa: PTH112
            return found
    except (OSError, ValueError):  # a text that cannot be a name: too long, a lone surrogate
        return {}
    try:
        for name, entry in files_in(path, excluded, enters_links=True):
            try:
                found[name] = _facts(entry.path)
            except FileNotFoundError:  # removed in this moment
                continue
            if len(found) > MOST_FILES:
                raise NotKeptError(TOO_MANY)
    except OSError as error:
        raise NotKeptError(
            f"a folder that cannot be read ({error.strerror or type(error).__name__})"
        ) from error
    return found


def _facts(path: str) -> tuple[int, ...]:
    found = os.lstat(path)
    if stat.S_ISDIR(found.st_mode):
        return (found.st_mode,)
    facts: tuple[int, ...] = (found.st_mode, *facts_of(found))
    if stat.S_ISLNK(found.st_mode):
        try:
            facts += facts_of(os.stat(path))  # noqa: PTH116
        except OSError:  # it leads nowhere
            return facts
    return facts


@outside_event_loop
def wait_for_the_clock(snapshots: Iterable[Snapshot], now: Callable[[], int]) -> None:
    """Wait until a further change of the files has other times than in their snapshots: for some milliseconds at most.

    Only files that changed in this very moment need it.
    """
    # Linux sets the time of the last change of a file's facts itself. On Windows this is the time when it was made.
    place = 2 if os.name == "nt" else 3
    last = max((facts[place] for one in snapshots for facts in one.values() if len(facts) > place), default=0)
    tick = tick_after(last)
    if (left := last + tick - now()) > 0:
        Event().wait(min(left, tick) / 1e9)
