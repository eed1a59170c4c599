"""Finds what no recording needs: objects that none names, and the temporary files of writers that were killed."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.vault.clearing import references
from pytest_mimic._core.vault.parsing import is_object, is_readable

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Vault


class Orphans:
    """The objects of a vault that no recording names.

    Args:
        vault: The vault.
        without: Recordings that are to be deleted, so that what they name does not count.

    Attributes:
        names: Their names. Empty if a recording cannot be read: it may name any object.
        unreadable: The names of those recordings.
        detached: The files of detached objects that no recording names. Another branch may.
    """

    def __init__(self, vault: Vault, *, without: Collection[str] = ()) -> None:
        # The objects first: a run that records meanwhile writes them before the recording that names them.
        objects = set(filter(is_object, vault.store.names("objects")))
        detached = {
            found[1]: name
            for name in vault.store.names("detached")
            if (found := re.fullmatch(r"detached/[0-9a-f]{2}/([0-9a-f]{64})", name))
        }
        self.unreadable: list[str] = []
        for name in vault.names():
            data = vault.store.read(name)
            if data is None or name in without:
                continue
            if not is_readable(data):
                self.unreadable.append(name)
            objects -= references(data)
            if detached and b'"detached"' in data:
                for digits in re.findall(rb'"([0-9a-f]{64})"', data):
                    detached.pop(digits.decode(), None)
        self.names = set() if self.unreadable else objects
        self.detached = [] if self.unreadable else sorted(detached.values())


def leftovers(store: Any) -> list[str]:
    """Return the names of the temporary files of writers that no longer run."""
    from pytest_mimic._core.vault.leftovers import abandoned

    path = getattr(store, "path", None)
    try:
        return [] if path is None else sorted(abandoned(path))
    except FileNotFoundError:  # there is no vault
        return []
