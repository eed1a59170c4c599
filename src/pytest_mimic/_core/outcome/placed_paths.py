"""Paths in outcomes: stored by their place, and restored to that place in a replay."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from pytest_mimic._core.files.places import ROOTDIR, TEMPORARY, PathPlace, Places
from pytest_mimic._core.types.kinds import full_name
from pytest_mimic._core.types.table import PATHS, ROWS
from pytest_mimic._core.words import lazy_attribute

Where = str | tuple[str, str]
"""A stored path: a token and the rest, or the whole text of a path below no root.

With `/` as the rest, it is the folder with a separator at its end.
"""

TEXT = "str"
#: Makes a string or path of its text, by its tag, which is the same on every system.
MAKERS: dict[Any, Callable[[str], object]] = {
    TEXT: str,
    "path": Path,
    "pure_posix_path": PurePosixPath,
    "pure_windows_path": PureWindowsPath,
}
# The folder that `tmp_path` or `mktemp` gave: the first one that an argument names, or
# else the running test's.
_GIVEN, _OWN = "tmp_path", "tmp_path of the test"
_NUMBER = re.compile(r"\d+\Z")


class PathStore:
    """Stores and restores the paths of one call's outcome.

    Below the base temporary folder, a path counts from the folder that `tmp_path` or
    `mktemp` gave. That folder is, in
    this order: one that the call's arguments name, the running test's `tmp_path`, the
    newest one of the same name.

    Args:
        places: The folders of the run.
        folders: Returns the given folders that the call's arguments name, in their
            order.
    """

    def __init__(
        self, places: Places, folders: Callable[[], Sequence[str]] = tuple
    ) -> None:
        self.places = places
        self._folders = folders

    @lazy_attribute
    def _named(self) -> list[str]:
        return list(dict.fromkeys(self._folders()))

    def may_hold(self, text: str) -> bool:
        """Return whether a text or JSON mentions the base temporary folder."""
        for mark in self.places.marks:
            folder = mark.decode("utf-8", "surrogatepass")
            if folder in text or folder.replace("\\", "\\\\") in text:
                return True
        return False

    def may_be_in(self, chunks: Iterable[bytes | memoryview]) -> bool:
        """Return whether pickles mention the base temporary folder."""
        marks = [re.escape(mark) for mark in self.places.marks]
        if not marks:
            return False
        mark = re.compile(b"|".join(marks))
        return any(mark.search(chunk) for chunk in chunks)

    # Storing

    def stored_text(self, text: str) -> Where | None:
        """Return the place of a string that is a path below the base temporary folder.

        None: it is any other string.
        """
        place = self.places.place_of_text(text)
        return None if place is None else self._where(place)

    def stored_path(self, path: object) -> Where:
        """Return the place of a path object, or its text if it is below no root."""
        text = str(path)
        place = self.places.place_of(text)
        return text if place is None else self._where(place)

    def _where(self, place: PathPlace) -> Where:
        if place.token == ROOTDIR:
            return ROOTDIR, place.rest
        if not place.given:
            return TEMPORARY, place.rest
        if place.given in self._named:
            index = self._named.index(place.given)
            token = f"{_GIVEN}:{index + 1}" if index else _GIVEN
            return token, place.rest
        if place.given == self.places.own:
            token = _OWN if self._named else _GIVEN
            return token, place.rest
        # The number of the folder is left out, since it differs from run to run.
        name = _NUMBER.sub("", place.given.rpartition("/")[2])
        parts = [part for part in (name, place.rest) if part]
        return TEMPORARY, "/".join(parts)

    # Restoring

    def text(self, where: Where) -> str:
        """Return the text of a stored path in this run.

        Raises:
            ValueError: There is no such token.
        """
        if isinstance(where, str):
            return where
        token, rest = where
        if token == ROOTDIR:
            return _joined(self._root(ROOTDIR), rest)
        if token == TEMPORARY:
            name, slash, rest = rest.partition("/")
            return _joined(self._root(TEMPORARY, self._newest(name)), rest or slash)
        return _joined(self._root(TEMPORARY, self._given(token)), rest)

    def _given(self, token: str) -> str:
        own = self.places.own or "tmp_path"
        given, _, number = token.partition(":")
        if token == _OWN:
            return own
        if given != _GIVEN or (number and not number.isdigit()):
            raise ValueError(f"there is no folder {token}")
        index = int(number or 1) - 1
        return self._named[index] if 0 <= index < len(self._named) else own

    def _newest(self, name: str) -> str:
        """Return the newest given folder of a name, or else the name."""
        try:
            inside = os.listdir(self._root(TEMPORARY))  # noqa: PTH208 - a string
        except OSError:
            inside = []
        # The folders `name0`, `name1`, …, by their numbers.
        by_number: dict[int, str] = {}
        for folder in inside:
            number = folder.removeprefix(name)
            if folder.startswith(name) and number.isdecimal():
                by_number[int(number)] = folder
        if name in inside or not by_number:
            return name
        return by_number[max(by_number)]

    def _root(self, token: str, given: str = "") -> str:
        try:
            return self.places.path_of(PathPlace(token, given, ""))
        except KeyError:
            # No fixture has made a temporary folder in this run.
            from tempfile import gettempdir

            return _joined(gettempdir(), given)

    def restored(self, kind: object, where: Where) -> object:
        """Return the string or path of a stored one. `kind` is a key of `MAKERS`.

        Raises:
            ValueError: There is no such kind or place.
        """
        if kind not in MAKERS:
            raise ValueError(f"there is no path of the kind {kind}")
        return MAKERS[kind](self.text(where))


def _joined(folder: str, rest: str) -> str:
    if not rest:
        return folder
    if rest == "/":
        return f"{folder}{os.sep}"
    return f"{folder}{os.sep}{rest.replace('/', os.sep)}"


class _Neutral(PathStore):
    """Restores paths to texts that are the same in every run, for fingerprints."""

    def text(self, where: Where) -> str:
        if isinstance(where, str):
            return where
        token, rest = where
        # No text of a real path begins like this.
        return f"\0{token}/{rest}"


NEUTRAL = _Neutral(Places())
NOWHERE = PathStore(Places())


def persistent_id(value: object, paths: PathStore) -> tuple[Any, Where] | None:
    """Return what stands for a path or string in a pickle.

    None: the value is pickled as usual.
    """
    if type(value) is str:
        where = paths.stored_text(value)
        return None if where is None else (TEXT, where)
    # A user's class of paths has another name.
    name = full_name(type(value))
    if name not in PATHS:
        return None
    return ROWS[name].tag, paths.stored_path(value)
