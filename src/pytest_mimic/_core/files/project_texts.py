"""The texts of a project's files, as they were before the run.

`next_run.py` of the engine searches them for a value of a new recording: what a file
had before was not made anew by this run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# Larger files are not read.
_LARGEST_FILE = 2_000_000
# After so many files, no other is read.
_MOST_FILES = 20_000
_FOLDERS_OF_OTHERS = frozenset({"node_modules", "site-packages", "__pycache__"})


def texts_of(root: Path, vault: Path, *, before: float) -> Iterator[str]:
    """Yield the texts of a project's files that were written before a moment."""
    files_left = _MOST_FILES
    for folder, inner_folders, file_names in os.walk(root):
        # `os.walk` enters the folders that stay in this list.
        inner_folders[:] = [
            name for name in inner_folders if _is_searched(Path(folder, name), vault)
        ]
        for name in file_names:
            files_left -= 1
            if files_left < 0:
                return
            file = Path(folder, name)
            with suppress(OSError):
                facts = file.stat()
                # What this run has written may hold a value that it has made.
                if facts.st_mtime < before and facts.st_size <= _LARGEST_FILE:
                    yield file.read_bytes().decode("latin-1")


def _is_searched(folder: Path, vault: Path) -> bool:
    """Check whether a folder has files of the project itself.

    The vault has the recorded values, and does not count.
    """
    if folder.name.startswith(".") or folder.name in _FOLDERS_OF_OTHERS:
        return False
    if folder == vault:
        return False
    # A folder with this file is a virtual environment.
    return not folder.joinpath("pyvenv.cfg").exists()
