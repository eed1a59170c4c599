"""Paths in outcomes: stored by their place in the run that records, restored to that place in the run that replays."""

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

# : The place of a path as it is stored: a token and the rest, or the whole text of a
# path that is below no root. The rest : `/` is the folder with a separator at its end.
Where = str | tuple[str, str]

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
        """Return whether a text, which may be JSON, mentions the base temporary folder."""
        marks = [mark.decode("utf-8", "surrogatepass") for mark in self.places.marks]
        return any(mark in text or mark.replace("\\", "\\\\") in text for mark in marks)

    def may_be_in(self, chunks: Iterable[bytes | memoryview]) -> bool:
        """Return whether pickles mention the base temporary folder."""
        marks = [re.compile(re.escape(mark)) for mark in self.places.marks]
        return any(mark.search(chunk) for mark in marks for chunk in chunks)

    # Storing

    def stored_text(self, text: str) -> Where | None:
        """Return the place of a string that is a path below the base temporary folder, or None for any other one."""
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
            number = self._named.index(place.given)
            return (f"{_GIVEN}:{number + 1}" if number else _GIVEN), place.rest
        if place.given == self.places.own:
            return (_OWN if self._named else _GIVEN), place.rest
        # Without the number, which differs from run to run.
        name = _NUMBER.sub("", place.given.rpartition("/")[2])
        return TEMPORARY, "/".join(filter(None, (name, place.rest)))

    # Restoring

    def text(self, where: Where) -> str:
        """Return the text of a stored path in this run.

        ValueError: there is no such token.
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
        found = [
            one
            for one in inside
            if one.startswith(name) and one[len(name) :].isdecimal()
        ]
        if name in inside or not found:
            return name
        return max(found, key=lambda one: int(one[len(name) :]))

    def _root(self, token: str, given: str = "") -> str:
        try:
            return self.places.path_of(PathPlace(token, given, ""))
        except KeyError:  # no fixture has made a temporary folder in this run
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
    return f"{folder}{os.sep}" + ("" if rest == "/" else rest.replace("/", os.sep))


class _Neutral(PathStore):
    """Restores paths to texts that are the same in every run, for fingerprints."""

    def text(self, where: Where) -> str:
        # No text of a real path begins like this.
        return where if isinstance(where, str) else f"\0{where[0]}/{where[1]}"


NEUTRAL = _Neutral(Places())
NOWHERE = PathStore(Places())


def persistent_id(value: object, paths: PathStore) -> tuple[Any, Where] | None:
    """Return the representation of a path or string in a pickle, or None for a value that is pickled as usual."""
    if type(value) is str:
        where = paths.stored_text(value)
        return None if where is None else (TEXT, where)
    name = full_name(type(value))  # a user's class of paths has another one
    return (ROWS[name].tag, paths.stored_path(value)) if name in PATHS else None
