"""Which texts name a file, found with few calls of the system: most strings among arguments name nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from itertools import islice

from pytest_mimic._files.digests import facts_of, settled_at

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

# Looking for so few names costs less than looking whether the folder has changed.
_FEW = 3
# The most names in a folder that is listed.
_MOST = 500
# Elsewhere, a file may have a name that differs from the one in its folder's list.
_LISTS = sys.platform == "linux"
_DOTS = frozenset({".", ".."})


class Presence:
    """Finds out which texts name files. The current folder is listed once, and again after it has changed.

    Args:
        now: Returns the time, as files have it, in nanoseconds.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._facts: object = None
        self._names: frozenset[str] | None = None

    def existing(self, texts: Iterable[str]) -> set[str]:
        """Return the texts that name a file or folder now."""
        found = set(texts)
        names = self._names_here() if _LISTS and len(found) > _FEW else None
        if names is not None:
            found = {text for text in found if "/" in text or text in _DOTS or text.casefold() in names}
        return {text for text in found if _exists(text)}

    def absent_at(self, texts: set[str]) -> object | None:
        """Return the state of the current folder if it shows that no text names a file; else None. See `is_at`."""
        if not _LISTS or len(texts) <= _FEW or "/" in "\n".join(texts) or not _DOTS.isdisjoint(texts):
            return None
        names = self._names_here()
        is_clear = names is not None and names.isdisjoint(map(str.casefold, texts))
        return self._facts if is_clear else None

    def is_at(self, state: object) -> bool:
        """Return whether the current folder is the one that had this state, and has not changed since."""
        try:
            return facts_of(os.stat(".")) == state  # noqa: PTH116
        except OSError:  # the folder is gone
            return False

    def _names_here(self) -> frozenset[str] | None:
        """Return the names in the current folder, without their case; None if they may change unnoticed."""
        try:
            found = os.stat(".")  # noqa: PTH116 - at each call
            if facts_of(found) == self._facts:
                return self._names
            self._facts, self._names = None, None
            # As for digests: a folder that has just changed may change again and look the same.
            if settled_at(found) >= self._now():
                return None
            with os.scandir(".") as entries:
                names = [entry.name.casefold() for entry in islice(entries, _MOST + 1)]
            if facts_of(os.stat(".")) == facts_of(found):  # noqa: PTH116
                self._facts = facts_of(found)
                self._names = frozenset(names) if len(names) <= _MOST else None
        except OSError:  # the folder is gone, or may not be read
            return None
        return self._names


def _exists(path: str) -> bool:
    try:
        return os.access(path, os.F_OK)  # one call of the system, and no exception where there is nothing
    except ValueError:  # a lone surrogate
        return False
