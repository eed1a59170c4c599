"""The files in which pytest would look for tests, found by walking folders as pytest does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

# What marks a virtual environment, which pytest does not enter.
_ENVIRONMENT = ("pyvenv.cfg", "conda-meta/history")


class TestFiles:
    """The files of tests by the ini options `python_files` and `norecursedirs`, and by `collect_ignore` of each conftest.py."""

    __test__ = False

    def __init__(self, config: pytest.Config) -> None:
        option = config.option
        self._patterns = [
            *config.getini("python_files"),
            *(getattr(option, "doctestglob", None) or ["test*.txt"]),
        ]
        self._patterns += ["*.py"] if getattr(option, "doctestmodules", False) else []
        self._skipped: list[str] = config.getini("norecursedirs")
        self._enters_environments = bool(getattr(option, "collect_in_virtualenv", False))
        self._ignored: set[str] = set()
        self._ignored_patterns: list[str] = []
        for plugin in config.pluginmanager.get_plugins():
            file = getattr(plugin, "__file__", None)
            if file is not None and os.path.basename(file) == "conftest.py":  # noqa: PTH119
                folder = Path(file).parent
                for name in getattr(plugin, "collect_ignore", None) or ():
                    self._ignored.add(str(folder / name))
                for name in getattr(plugin, "collect_ignore_glob", None) or ():
                    self._ignored_patterns.append(str(folder / name))

    def below(self, place: Path) -> Iterator[Path]:
        """Yield the files of tests in a folder; or the file itself, which is one by being named."""
        if place.is_file():
            yield place
        for folder, folders, files in os.walk(place):
            folders[:] = [name for name in folders if self._enters(folder, name)]
            for name in files:
                path = Path(folder, name)
                if any(_fits(path, pattern) for pattern in self._patterns) and not self._is_ignored(path):
                    yield path

    def _enters(self, folder: str, name: str) -> bool:
        path = Path(folder, name)
        if name == "__pycache__" or any(_fits(path, pattern) for pattern in self._skipped):
            return False
        is_environment = any((path / mark).is_file() for mark in _ENVIRONMENT)
        return not self._is_ignored(path) and (self._enters_environments or not is_environment)

    def _is_ignored(self, path: Path) -> bool:
        text = str(path)
        return text in self._ignored or any(fnmatch(text, pattern) for pattern in self._ignored_patterns)


def _fits(path: Path, pattern: str) -> bool:
    """Check a path against a pattern as pytest does: one with a folder is for the whole path, any other for the name."""
    if sys.platform == "win32":
        pattern = pattern.replace("/", os.sep)
    if os.sep not in pattern:
        return fnmatch(path.name, pattern)
    whole = pattern if os.path.isabs(pattern) else f"*{os.sep}{pattern}"  # noqa: PTH117
    return fnmatch(str(path), whole)
