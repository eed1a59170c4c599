"""Finds the files to import: those that are named, and the cassettes in folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic.errors import MimicError

_SUFFIXES = (".yaml", ".yml", ".json", ".har")
# Folders that hold no cassettes of a project's own.
_FOREIGN = frozenset({"node_modules", "__pycache__", "site-packages"})
# The words that vcrpy and cassetter have in each cassette.
_MARKS = (b"interactions", b"!!python/object")


class Found(NamedTuple):
    """A file to read."""

    path: Path  # the file, absolute
    shown: str  # its name in messages
    # The name of the cassette that it may become: its place in the folder that was given, without suffix.
    name: str

    @property
    def is_har(self) -> bool:
        return self.path.suffix == ".har"


def find_files(paths: Sequence[Path], here: Path) -> tuple[list[Found], list[str]]:
    """Return the files to import, and those in folders that are left alone.

    MimicError: a path does not exist, or a folder is a vault of pytest-mimic 0.x or holds nothing to import.
    """
    files: dict[Path, Found] = {}
    ignored: list[str] = []
    for given in paths:
        path = Path(os.path.abspath(here / given))  # noqa: PTH100 - links stay as they are
        shown = _shown(path, here)
        if path.is_dir():
            before = len(files) + len(ignored)
            for file in _files_in(path):
                if file in files or _is_recording(file):
                    name = file.relative_to(path).with_suffix("").as_posix()
                    files.setdefault(file, Found(file, _shown(file, here), name))
                else:
                    ignored.append(_shown(file, here))
            if len(files) + len(ignored) == before and not files:
                Vault(FolderStore(path), label=shown).refuse_old()
                raise MimicError(f"{shown} has no files of {', '.join(_SUFFIXES)}")
        elif path.exists():
            files.setdefault(path, Found(path, shown, path.stem))
        else:
            raise MimicError(f"no such file or folder: {shown}")
    return list(files.values()), ignored


def _files_in(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder that may be cassettes, in order."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in _FOREIGN)
        for name in sorted(names):
            if name.lower().endswith(_SUFFIXES):
                yield Path(place, name)


def _is_recording(file: Path) -> bool:
    """Check whether a file in a folder looks like a cassette or a HAR file, also a damaged one."""
    with suppress(OSError):
        return file.suffix == ".har" or any(mark in file.read_bytes() for mark in _MARKS)
    return True  # reading it reports why


def _shown(path: Path, here: Path) -> str:
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)
