"""Knows which texts stand in the files of the tests, so that they are no news."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

_KINDS = (".py", ".json", ".yaml", ".yml", ".toml", ".txt", ".csv", ".md", ".rst")
_LARGEST = 1_000_000
_MOST = 2000


class FilesOfTests:
    """The files of the folders in which tests were collected.

    Args:
        files: The files of the tests, relative to the rootdir.
        rootdir: The rootdir of the project.
        vault: The folder of the recordings, which is none of them.
    """

    def __init__(self, files: Iterable[str], rootdir: Path, vault: Path) -> None:
        self._folders = {(rootdir / file).parent for file in files}
        self._vault = vault

    def __contains__(self, text: str) -> bool:
        return any(text in content for content in self._contents)

    @cached_property
    def _contents(self) -> list[str]:
        contents: dict[Path, str] = {}
        for folder in self._folders:
            for path in self._files_below(folder):
                if len(contents) == _MOST:
                    break
                if path not in contents:
                    contents[path] = path.read_text("utf-8", "replace")
        return list(contents.values())

    def _is_read(self, parent: str, folder: str) -> bool:
        is_hidden = folder.startswith((".", "__"))
        return not is_hidden and Path(parent, folder) != self._vault

    def _files_below(self, folder: Path) -> Iterable[Path]:
        for parent, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if self._is_read(parent, name)]
            for name in names:
                path = Path(parent, name)
                if name.endswith(_KINDS) and path.stat().st_size <= _LARGEST:
                    yield path
