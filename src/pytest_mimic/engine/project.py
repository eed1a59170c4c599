"""Says which files are the project's own, and which are of Python and of libraries."""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path

_FOLDERS = r".*/(?:site-packages|dist-packages)/"
_OWN = f"{Path(__file__).parents[1]}{os.sep}"
_STDLIB = f"{os.path.realpath(Path(os.__file__).parent)}{os.sep}"
# Python 3.10 has no reader of TOML.
_NAME = r"""(?ms)^\[(?:project|tool\.poetry)\]$(?:(?!^\[).)*?^name\s*=\s*["']([^"']+)"""


class Project:
    """The files of a project: what is installed nowhere, or is what its rootdir builds.

    What is installed as editable lies where it is developed.
    """

    def __init__(self, rootdir: Path) -> None:
        self._rootdir = rootdir
        self._known: dict[str, bool] = {}

    def has(self, file: str) -> bool:
        """Return whether a file, by its absolute path, is one of the project."""
        known = self._known.get(file)
        if known is None:
            known = self._known[file] = self._judge(file)
        return known

    def _judge(self, file: str) -> bool:
        path = file.replace(os.sep, "/")
        installed = re.sub(_FOLDERS, "", path)
        if installed != path:
            return installed in self._distributed
        is_foreign = os.path.realpath(file).startswith((_STDLIB, _OWN))
        return Path(file).is_absolute() and not is_foreign

    @cached_property
    def _distributed(self) -> frozenset[str]:
        """The installed files of the distribution that the rootdir builds."""
        try:
            text = (self._rootdir / "pyproject.toml").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return frozenset()
        name = re.search(_NAME, text)
        if name is None:
            return frozenset()
        # To read what is installed takes milliseconds.
        from importlib.metadata import PackageNotFoundError, files

        try:
            return frozenset(map(str, files(name[1]) or ()))
        except PackageNotFoundError:
            return frozenset()
