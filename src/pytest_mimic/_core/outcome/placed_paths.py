"""Paths in outcomes: stored by their place, and restored to that place in a replay."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from pytest_mimic._core.files.places import ROOTDIR, TEMPORARY, PathPlace, Places
from pytest_mimic._core.types.stdlib_types import PATHS, ROWS, TEXT_OF_PATH
from pytest_mimic._core.types.type_names import full_name
from pytest_mimic._core.words import lazy_attribute

StoredPath = str | tuple[str, str]
"""A stored path: a token and the rest, or the whole text of a path below no root.

| path | stored |
|---|---|
| `data/rates.csv` below the rootdir | `("rootdir", "data/rates.csv")` |
| `out.txt` in the test's `tmp_path` | `("tmp_path", "out.txt")` |
| the `tmp_path`, with a separator at its end | `("tmp_path", "/")` |
| `/etc/hosts` | `"/etc/hosts"` |
"""

#: The functions that make a string or path of its text, by a tag that is the same on
#: every system.
MAKERS: dict[Any, Callable[[str], object]] = {
    TEXT_OF_PATH: str,
    "path": Path,
    "pure_posix_path": PurePosixPath,
    "pure_windows_path": PureWindowsPath,
}
# Two tokens for a folder that `tmp_path` or `mktemp` gave. The first stands for the
# first folder that an argument names, and if there is none for the folder of the
# running test. The second stands for the folder of the running test if an argument
# names another one.
_GIVEN_FOLDER = "tmp_path"
_TEST_FOLDER = "tmp_path of the test"
_NUMBER = re.compile(r"\d+\Z")


class PathStore:
    """Stores and restores the paths of one call's outcome.

    An outcome that names a file of `tmp_path` is replayed with the folder of today.

    Below the base temporary folder, a path counts from the folder that `tmp_path` or
    `mktemp` gave. That folder is, in this order: a folder that the call's arguments
    name, the running test's `tmp_path`, the newest folder of the same name.

    Args:
        places: The folders of the run.
        find_folders: Returns the given folders that the call's arguments name, in their
            order.
    """

    def __init__(
        self, places: Places, find_folders: Callable[[], Sequence[str]] = tuple
    ) -> None:
        self.places = places
        self._find_folders = find_folders

    @lazy_attribute
    def _folders_of_arguments(self) -> list[str]:
        return list(dict.fromkeys(self._find_folders()))

    def are_mentioned_in_text(self, text: str) -> bool:
        """Return whether a text or JSON mentions the base temporary folder.

        The check is fast. Only if it is true, an outcome is searched for paths.
        """
        for spelling in self.places.temporary_folders:
            folder = spelling.decode("utf-8", "surrogatepass")
            # JSON doubles the backslashes of Windows.
            if folder in text or folder.replace("\\", "\\\\") in text:
                return True
        return False

    def are_mentioned_in_pickle(self, chunks: Iterable[bytes | memoryview]) -> bool:
        """Return whether a pickle mentions the base temporary folder.

        Args:
            chunks: The pickle in parts, as a pickler writes them. No part splits a
                text.
        """
        alternatives = b"|".join(map(re.escape, self.places.temporary_folders))
        if not alternatives:
            # An empty pattern is found everywhere.
            return False
        is_mentioned_in = re.compile(alternatives).search
        return any(map(is_mentioned_in, chunks))

    # Storing

    def stored_text(self, text: str) -> StoredPath | None:
        """Return the place of a string that is a path below the base temporary folder.

        None: the string is no such path, and is stored as it is.
        """
        place = self.places.place_of_text(text)
        if place is None:
            return None
        return self._stored_form(place)

    def stored_path(self, path: object) -> StoredPath:
        """Return the place of a path object, or its text if it is below no root."""
        text = str(path)
        place = self.places.place_of(text)
        if place is None:
            return text
        return self._stored_form(place)

    def _stored_form(self, place: PathPlace) -> StoredPath:
        """Return the stored form of a path below one of the run's folders."""
        if place.token == ROOTDIR:
            return ROOTDIR, place.rest
        if not place.given_folder:
            # The path is the base temporary folder itself, or a file directly in it.
            return TEMPORARY, place.rest
        folders_of_arguments = self._folders_of_arguments
        if place.given_folder in folders_of_arguments:
            token = _GIVEN_FOLDER
            index = folders_of_arguments.index(place.given_folder)
            if index:
                # The second folder that the arguments name is `tmp_path:2`.
                token = f"{_GIVEN_FOLDER}:{index + 1}"
            return token, place.rest
        if place.given_folder == self.places.folder_of_test:
            # If the arguments name no folder, a replay takes `tmp_path` for this one.
            token = _TEST_FOLDER if folders_of_arguments else _GIVEN_FOLDER
            return token, place.rest
        # What differs from run to run is left out: the folder of a worker of xdist, and
        # the number. Of `popen-gw1/cache0`, `cache` is stored. `_newest_folder` finds
        # the folder of a later run by that name.
        name_with_number = place.given_folder.rpartition("/")[2]
        name = _NUMBER.sub("", name_with_number)
        return TEMPORARY, "/".join(filter(None, (name, place.rest)))

    # Restoring

    def path_in_this_run(self, stored_path: StoredPath) -> str:
        """Return the text that a stored path has in this run.

        Raises:
            ValueError: There is no such token.
        """
        if isinstance(stored_path, str):
            return stored_path
        token, rest_of_path = stored_path
        if token == ROOTDIR:
            return _path_below(self._root(ROOTDIR), rest_of_path)
        if token != TEMPORARY:
            folder = self._folder_of(token)
            return _path_below(self._root(TEMPORARY, folder), rest_of_path)
        # Neither an argument nor the test has named the folder: `mktemp` of a wider
        # fixture made it, for example.
        name, slash, rest_in_folder = rest_of_path.partition("/")
        folder = self._newest_folder(name)
        return _path_below(self._root(TEMPORARY, folder), rest_in_folder or slash)

    def _folder_of(self, token: str) -> str:
        """Return the name of the folder of this run for `tmp_path`, `tmp_path:2`, ….

        Raises:
            ValueError: There is no such token.
        """
        test_folder = self.places.folder_of_test or "tmp_path"
        if token == _TEST_FOLDER:
            return test_folder
        word, _, number = token.partition(":")
        if word != _GIVEN_FOLDER or (number and not number.isdigit()):
            raise ValueError(f"there is no folder {token}")
        index = int(number or 1) - 1
        # If the arguments name no such folder, that of the test stands for it.
        if 0 <= index < len(self._folders_of_arguments):
            return self._folders_of_arguments[index]
        return test_folder

    def _newest_folder(self, name: str) -> str:
        """Return the newest folder that pytest made of a name, or else the name.

        pytest numbers them: of `cache0` and `cache1`, the newest is `cache1`.
        """
        try:
            folders = os.listdir(self._root(TEMPORARY))  # noqa: PTH208 - a string
        except OSError:
            folders = []
        by_number: dict[int, str] = {}
        for folder in folders:
            number = folder.removeprefix(name)
            if folder.startswith(name) and number.isdecimal():
                by_number[int(number)] = folder
        # A folder may have the name itself: `mktemp("cache", numbered=False)`.
        if name in folders or not by_number:
            return name
        return by_number[max(by_number)]

    def _root(self, token: str, folder: str = "") -> str:
        """Return the path of a root of this run, or of a folder right below it."""
        try:
            return self.places.path_of(PathPlace(token, folder, ""))
        except KeyError:
            # No fixture has made a temporary folder in this run.
            from tempfile import gettempdir

            return _path_below(gettempdir(), folder)

    def restored(self, kind: object, stored_path: StoredPath) -> object:
        """Return the string or path of this run for a stored one.

        Args:
            kind: The tag of the string or path, a key of `MAKERS`.
            stored_path: Its stored form.

        Raises:
            ValueError: There is no such kind or place.
        """
        if kind not in MAKERS:
            raise ValueError(f"there is no path of the kind {kind}")
        return MAKERS[kind](self.path_in_this_run(stored_path))


def _path_below(folder: str, rest: str) -> str:
    """Return the path of a stored rest, whose separators are `/`, below a folder."""
    if not rest:
        return folder
    if rest == "/":
        return f"{folder}{os.sep}"
    return f"{folder}{os.sep}{rest.replace('/', os.sep)}"


class _Neutral(PathStore):
    """Restores paths to texts that are the same on every machine, for fingerprints."""

    def path_in_this_run(self, stored_path: StoredPath) -> str:
        if isinstance(stored_path, str):
            return stored_path
        token, rest = stored_path
        # No real path begins with a null character.
        return f"\0{token}/{rest}"


#: For the fingerprints of pickles.
NEUTRAL = _Neutral(Places())
#: For values of which no place in a run is known: paths are stored as they are.
NOWHERE = PathStore(Places())


def persistent_id(value: object, paths: PathStore) -> tuple[Any, StoredPath] | None:
    """Return the stored form of a path or string for a pickle, behind its tag.

    The pickle has it in place of the path, and `persistent_load` in `pickling` restores
    it. None: the value is pickled as usual.
    """
    if type(value) is str:
        stored_path = paths.stored_text(value)
        if stored_path is None:
            return None
        return TEXT_OF_PATH, stored_path
    # A user's subclass of `Path` is pickled as usual: its name is not in `PATHS`.
    name = full_name(type(value))
    if name not in PATHS:
        return None
    return ROWS[name].tag, paths.stored_path(value)
