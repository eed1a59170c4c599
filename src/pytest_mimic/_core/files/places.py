"""Where a path is below the rootdir or pytest's temporary folder, and the way back.

Paths count in identities by this place, so that the folders of another machine or run
make no call miss. Outcomes store paths by it, and get those of this run in a replay.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable
from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pytest_mimic._core.files.digests import FileDigests

ROOTDIR = "rootdir"
TEMPORARY = "tmp"

# No operating system takes a path of more characters. Longer strings are not searched.
LONGEST_PATH = 1 << 16

# The folder of one xdist worker, inside the base temporary folder of the run, has this
# name and a number.
_START_OF_WORKER_FOLDER = "popen-gw"


class PathPlace(NamedTuple):
    """The place of a path below a folder of the run.

    Attributes:
        token: `rootdir` or `tmp`.
        given_folder: The folder that `tmp_path` or `mktemp` gave, below the base
            temporary folder: `test_a0`, or with xdist `popen-gw1/test_a0`. It does not
            count. It is empty below the rootdir.
        rest: The path below that folder, with `/` between names. It is empty for the
            folder itself.
    """

    token: str
    given_folder: str
    rest: str

    @property
    def text(self) -> str:
        """The path for people, the same in every run: `<tmp>/in.csv`."""
        return f"<{self.token}>/{self.rest}" if self.rest else f"<{self.token}>"


class Places:
    """The rootdir and the base temporary folder of a run, in all their spellings.

    Args:
        rootdir: The spellings of the rootdir.

    Attributes:
        temporary_folders: The spellings of the base temporary folder, in UTF-8 as
            pickles have it. The list stays the same object. Text without any of them
            contains no path below that folder.
        folder_of_test: The name of the folder that `tmp_path` gave to the running test;
            None if it uses none.
        folder_switches: How often a path of an identity was in another given folder
            than the path before it. `call_identity.py` compares the number before and
            after a call: if it is the same, the call names one folder at most.
    """

    # A test may set the wall clock (freezegun, time-machine). So it is read once,
    # before any test, and freezegun does not replace the attribute of a class.
    _clock = staticmethod(perf_counter_ns)
    _origin = time_ns() - perf_counter_ns()

    def __init__(self, *rootdir: str) -> None:
        self.folder_of_test: str | None = None
        # Made by `digests_of`.
        self.digests: FileDigests | None = None
        self.temporary_folders: list[bytes] = []
        self.folder_switches: int = 0
        # That of the last path that `note` was told of.
        self._last_given_folder = ""
        # Each folder in each spelling, with its token, the longest folder first.
        self._roots: list[tuple[str, str]] = []
        # By token: the spelling that paths of this run get (`path_of`).
        self._folder_of_token: dict[str, str] = {}
        # The spellings of the base temporary folder, the longest first.
        self._temporary_spellings: tuple[str, ...] = ()
        if rootdir:
            self.set_root(ROOTDIR, *rootdir)

    def now(self) -> int:
        """Return the time, as files have it, in nanoseconds."""
        return self._origin + self._clock()

    def set_root(self, token: str, *folders: str) -> None:
        """Set the absolute folder of a token, in all its spellings.

        The first one is used for paths of this run.
        """
        plain_folders = [folder.rstrip("/" + os.sep) for folder in folders]
        spellings = list(dict.fromkeys(plain_folders))
        self._folder_of_token[token] = spellings[0]
        roots = [root for root in self._roots if root[1] != token]
        roots += [(folder, token) for folder in spellings]
        # The temporary folder may be below the rootdir, so that the longest come first.
        self._roots[:] = sorted(roots, key=_folder_length, reverse=True)
        if token != TEMPORARY:
            return
        self._temporary_spellings = tuple(
            folder for folder, token in self._roots if token == TEMPORARY
        )
        self.temporary_folders.clear()
        for folder in spellings:
            if not _is_inside(folder, spellings):
                self.temporary_folders.append(folder.encode("utf-8", "surrogatepass"))

    def note(self, place: PathPlace) -> None:
        """Note in which given folder a path of an identity is.

        By `folder_switches`, `call_identity.py` sees whether a call names several.
        """
        given_folder = place.given_folder
        if given_folder and given_folder != self._last_given_folder:
            self._last_given_folder = given_folder
            self.folder_switches += 1

    def place_of(self, path: str) -> PathPlace | None:
        """Return the place of an absolute path, or None if it is below no root.

        A path below none counts as it is written. `path` may be of any spelling.
        """
        for folder, token in self._roots:
            if not path.startswith(folder):
                continue
            tail = path[len(folder) :]
            # `/shop2/a` is not below `/shop`.
            if tail and tail[0] not in ("/", os.sep):
                continue
            below = tail[1:].replace(os.sep, "/")
            if token != TEMPORARY:
                return PathPlace(token, "", below)
            return _temporary_place(folder, below)
        return None

    def place_of_text(self, text: str) -> PathPlace | None:
        """Return the place of a string that is a path below the base temporary folder.

        None: it is any other string.

        A text that continues after the path (a list of paths, a command with several,
        lines) is not a path.
        """
        if not text.startswith(self._temporary_spellings) or len(text) > LONGEST_PATH:
            return None
        spellings = [
            folder for folder in self._temporary_spellings if text.startswith(folder)
        ]
        # The last one is the shortest. A text that has it twice is a list of paths.
        if text.count(spellings[-1]) > 1 or "\n" in text:
            return None
        place = self.place_of(text)
        if place is None or place.token != TEMPORARY:
            return None
        return place

    def path_of(self, place: PathPlace) -> str:
        """Return the absolute path of a place in this run.

        A place in a given folder keeps that folder's name. An outcome whose paths are
        stored by their places gets those of this run so.
        """
        path = self._folder_of_token[place.token]
        for name in (place.given_folder, place.rest):
            if name:
                # A stored place has `/` between names on every system.
                path += f"/{name}".replace("/", os.sep)
        return path


def _folder_length(root: tuple[str, str]) -> int:
    """Return the length of a root's folder. The root has a folder and its token."""
    return len(root[0])


def _is_inside(folder: str, other_folders: Iterable[str]) -> bool:
    """Return whether a folder is in one of the others.

    A worker's folder is in the one of the run, whose mark is enough.
    """
    return any(
        folder.startswith(other_folder + os.sep) for other_folder in other_folders
    )


def _temporary_place(folder: str, below: str) -> PathPlace | None:
    """Return the place of what has this path below the base temporary folder.

    | below | given folder | rest |
    |---|---|---|
    | `test_a0/in.csv` | `test_a0` | `in.csv` |
    | `popen-gw1/test_a0/in.csv` | `popen-gw1/test_a0` | `in.csv` |
    | `test_a0`, a folder | `test_a0` | |
    | `in.csv`, a file | | `in.csv` |

    None: the path leads out of the folder.
    """
    # Few paths need this. `normpath` drops a slash at the end, which counts.
    if ".." in below or "//" in below or below[:1] == "/":
        ends_with_slash = below.endswith("/")
        below = posixpath.normpath(below.lstrip("/"))
        if below.partition("/")[0] == "..":
            return None
        if below == ".":
            below = ""
        elif ends_with_slash:
            below += "/"
    given_folder, slash, rest = below.partition("/")
    if (
        slash
        and given_folder.startswith(_START_OF_WORKER_FOLDER)
        and given_folder.removeprefix(_START_OF_WORKER_FOLDER).isdecimal()
    ):
        folder_of_worker, slash, rest = rest.partition("/")
        given_folder = f"{given_folder}/{folder_of_worker}"
    # A file directly in the base temporary folder is in no given folder, and counts by
    # its name.
    if slash or os.path.isdir(f"{folder}/{given_folder}"):  # noqa: PTH112 - a string, at each call
        # `os.path.join(folder, "")` ends with a slash, which counts.
        return PathPlace(TEMPORARY, given_folder, rest or slash)
    worker, _, name = given_folder.rpartition("/")
    return PathPlace(TEMPORARY, worker, name)
