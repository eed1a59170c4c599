"""What forked children of a run used: their accounts end with them, a file tells the parent."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import gettempdir


class Children:
    """The names that processes forked from this one have used."""

    def __init__(self) -> None:
        self._parent = os.getpid()
        self._file = Path(gettempdir(), f"pytest-mimic-{self._parent}-{id(self):x}.used")

    def note(self, name: str) -> None:
        """Tells the parent of a name, where this is a child."""
        if os.getpid() != self._parent:
            with self._file.open("a", encoding="utf-8") as file:  # one write: lines do not mix
                file.write(f"{name}\n")

    def gather(self) -> set[str]:
        """What the children have told so far."""
        try:
            names = set(self._file.read_text(encoding="utf-8").splitlines())
        except FileNotFoundError:
            return set()
        self._file.unlink()
        return names
