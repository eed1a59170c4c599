"""Knows which texts stand in the files of the tests, so that they are no news."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

_KINDS = (".py", ".json", ".yaml", ".yml", ".toml", ".txt", ".csv", ".md", ".rst")
_LARGEST = 1_000_000
_MOST = 2000


def texts_of_files(folders: Iterable[Path], vault: Path) -> list[str]:
    """Return what stands in the files below some folders, but for the vault."""
    contents: dict[Path, str] = {}
    paths = chain.from_iterable(_files_below(folder, vault) for folder in folders)
    for path in paths:
        if len(contents) == _MOST:
            break
        if path not in contents and path.stat().st_size <= _LARGEST:
            contents[path] = path.read_text("utf-8", "replace")
    return list(contents.values())


def _files_below(top: Path, vault: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(top):
        plain = [name for name in folders if not name.startswith((".", "__"))]
        folders[:] = [name for name in plain if Path(parent, name) != vault]
        yield from (Path(parent, name) for name in names if name.endswith(_KINDS))
