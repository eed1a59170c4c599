"""Finds the files to import: those that are named, and the cassettes in folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_mimic.errors import MimicError

_SUFFIXES = (".yaml", ".yml", ".json")
# The word that vcrpy has in each cassette.
_MARK = b"interactions"


class Found(NamedTuple):
    """A file to read."""

    path: Path  # the file, absolute
    shown: str  # its name in messages
    # The name of the cassette that it may become: its place in the folder that was given, without suffix.
    name: str


def find_files(paths: Sequence[Path], here: Path) -> tuple[list[Found], list[str]]:
    """Return the files to import, and those in folders that are no cassettes.

    MimicError: a path does not exist, or a folder holds nothing to import.
    """
    files: dict[Path, Found] = {}
    ignored: list[str] = []
    for given in paths:
        path = Path(os.path.abspath(here / given))  # noqa: PTH100 - links stay as they are
        if not path.exists():
            raise MimicError(f"no such file or folder: {_shown(path, here)}")
        below = [one for one in sorted(path.rglob("*")) if one.suffix.lower() in _SUFFIXES and one.is_file()]
        if path.is_dir() and not below:
            raise MimicError(f"{_shown(path, here)} has no files of {', '.join(_SUFFIXES)}")
        for file in below if path.is_dir() else [path]:
            name = (file.relative_to(path) if path.is_dir() else Path(path.name)).with_suffix("").as_posix()
            if path.is_dir() and _MARK not in file.read_bytes():
                ignored.append(_shown(file, here))
            else:
                files.setdefault(file, Found(file, _shown(file, here), name))
    return list(files.values()), ignored


def _shown(path: Path, here: Path) -> str:
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)
