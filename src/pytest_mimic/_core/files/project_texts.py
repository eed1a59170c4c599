"""The texts of a project's files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# Larger files are not read.
_LARGEST_FILE = 2_000_000
# After so many files, no other is read.
_MOST_FILES = 20_000
_FOREIGN = frozenset({"node_modules", "site-packages", "__pycache__"})


def texts_of(root: Path, vault: Path, *, before: float) -> Iterator[str]:
    """Yield the texts of a project's files that were written before a moment."""
    left = _MOST_FILES
    for folder, folders, names in os.walk(root):
        folders[:] = [
            name for name in folders if _is_searched(Path(folder, name), vault)
        ]
        for name in names:
            left -= 1
            if left < 0:
                return
            file = Path(folder, name)
            with suppress(OSError):
                facts = file.stat()
                if facts.st_mtime < before and facts.st_size <= _LARGEST_FILE:
                    yield file.read_bytes().decode("latin-1")


def _is_searched(folder: Path, vault: Path) -> bool:
    if folder.name.startswith(".") or folder.name in _FOREIGN or folder == vault:
        return False
    return not folder.joinpath("pyvenv.cfg").exists()
