"""Finds what no recording needs: objects that none names, and the temporary files of writers that were killed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mimic._vault.clearing import references
from pytest_mimic._vault.parsing import is_object, is_readable

if TYPE_CHECKING:
    from pytest_mimic._vault import Vault


class Orphans:
    """The objects of a vault that no recording names.

    Attributes:
        names: Their names. Empty if a recording cannot be read: it may name any object.
        unreadable: The names of those recordings.
    """

    def __init__(self, vault: Vault) -> None:
        # The objects first: a run that records meanwhile writes them before the recording that names them.
        objects = set(filter(is_object, vault.store.names("objects")))
        self.unreadable: list[str] = []
        for name in vault.names():
            data = vault.store.read(name)
            if data is None:
                continue
            if not is_readable(data):
                self.unreadable.append(name)
            objects -= references(data)
        self.names = set() if self.unreadable else objects


def leftovers(store: Any) -> list[str]:
    """Return the names of the temporary files of writers that no longer run."""
    from pytest_mimic._vault.leftovers import abandoned

    path = getattr(store, "path", None)
    try:
        return [] if path is None else sorted(abandoned(path))
    except FileNotFoundError:  # there is no vault
        return []
