"""Paths below the folders of a run: their place, the same in each run, and content."""

from __future__ import annotations

import os
import pathlib
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePath
from typing import NamedTuple

from xxhash import xxh3_128

from pytest_mimic.values.tree import Refused, Tree

WORKER = "popen-gw"
"""How the folder of a worker of xdist begins."""
MOST_FILES = 10_000
MOST_ITEMS = 10_000
"""So many items of an argument are looked at: a list may have millions."""
MOST_SIGNS = 4096
"""A longer text is no path."""
CHUNK = 1 << 20
_NUMBER = re.compile(r"\d+$")


class _Spot(NamedTuple):
    """Where a path stands: below the rootdir, or below a temporary folder.

    Attributes:
        root: "root" or "tmp".
        folder: The folder that a fixture gave; "" for what stands beside these.
        rest: The path below the folder.
    """

    root: str
    folder: str
    rest: str


class Places:
    """The rootdir and the temporary folder of a run.

    A place is `["root", "data/in.csv"]` or `["tmp", "in.csv"]`, below the folder that
    `tmp_path` or `tmp_path_factory` gave. Behind it stands what tells the folder:

    - nothing, for the first folder that the arguments of the call name;
    - a number, for another one that they name;
    - in an outcome its name, for one that they do not name: `tmp_path` or `shared`;
    - `""`, for what is in no such folder.
    """

    def __init__(
        self, rootdir: str | os.PathLike[str] = "", *, roots: Roots | None = None
    ) -> None:
        self._roots = roots or Roots(_spellings(rootdir) if rootdir else ())

    @property
    def starts(self) -> tuple[str, ...]:
        """How a text starts that may be a path below the temporary folder."""
        return self._roots.temporary

    def set_temporary(self, base: str | os.PathLike[str]) -> None:
        """Take the base temporary folder of pytest, as soon as it is made."""
        folder = Path(base)
        self._roots.base = folder
        is_of_worker = folder.name.startswith(WORKER)
        self._roots.temporary = _spellings(folder.parent if is_of_worker else folder)

    def set_tmp_path(self, folder: str | os.PathLike[str]) -> None:
        """Take the folder that `tmp_path` has given to the running test."""
        self._roots.tmp_path = _real(folder)

    def of_call(self) -> CallPlaces:
        """Give the places of one call, which know the folders of its arguments."""
        return CallPlaces(roots=self._roots)

    def path_of(self, place: list[Tree]) -> str:
        """Give the path of a place in this run."""
        root, rest, *more = place
        below = _as_text(rest)
        if root == "root":
            folder = self._roots.rootdir[0] if self._roots.rootdir else "<root>"
        else:
            folder = self._folder_of(more[0] if more else 0)
        is_inside = below and not below.startswith("/")
        return f"{folder}/{below}" if is_inside else f"{folder}{below}"

    def value_of(self, node: dict[str, Tree]) -> PurePath | str:
        """Make the path or text of a node in this run."""
        place = node.get("$path", node.get("$text"))
        text = self.path_of(place) if isinstance(place, list) else _as_text(place)
        if "$text" in node:
            return text
        path: PurePath = getattr(pathlib, str(node.get("class", "Path")))(text)
        return path

    def node_of_path(self, path: PurePath, *, with_content: bool) -> Tree:
        """Give what stands for a path of the standard library.

        Returns:
            `{"$path": place or text}`, with a `class` where it is a pure path, and a
            `content` where it is temporary and that is asked for; `Refused` where it
            has none.
        """
        spot = self._roots.spot_of(str(path))
        node = self._node("$path", str(path), spot, with_content=with_content)
        if isinstance(node, dict) and not isinstance(path, Path):
            node["class"] = type(path).__name__
        return node

    def node_of_text(self, text: str, *, with_content: bool) -> Tree:
        """Give what stands for a text: itself, or `{"$text": place}` for a path."""
        if not text.startswith(self.starts) or "\n" in text or os.pathsep in text:
            return text
        spot = self._roots.spot_of(text)
        if spot is None or spot.root == "root":
            return text
        node = self._node("$text", text, spot, with_content=with_content)
        if isinstance(node, dict) and not isinstance(node["$text"], list):
            return text
        return node

    def content_of(self, path: str | os.PathLike[str]) -> Tree:
        """Give what a path names: `file 9f31…`, `folder 77ab…`, `missing`.

        A folder counts by the names and contents of its files. A device, a pipe, and a
        folder with one of them, with a link that leads back or with very many files
        are `Refused`.
        """
        return _content_of(os.fspath(path))

    def changed_files(
        self, before: Mapping[str, Stamp], after: Mapping[str, Stamp]
    ) -> list[str]:
        """Say which files were made, changed or removed, a line each.

        A text that names no place of this run is seldom a path: that a file of its name
        was made is chance.
        """
        lines = []
        for name, (path, is_text, facts) in before.items():
            now = after[name].facts if name in after else ()
            spot = self._roots.spot_of(path)
            if now == facts or (is_text and not facts and spot is None):
                continue
            verb = "changed" if facts and now else "made" if now else "removed"
            root = {"root": "<rootdir>", "tmp": "<tmp>"}[spot.root] if spot else ""
            shown = f"{root}/{spot.rest}" if spot else path
            lines.append(f"{name}: {shown}: {verb} by the call")
        return lines

    def _node(
        self, tag: str, text: str, spot: _Spot | None, *, with_content: bool
    ) -> Tree:
        if spot is None or not (with_content or self._roots.is_spelled(text, spot)):
            return {tag: _as_json(text)}
        if not with_content or spot.root == "root":
            return {tag: self._outcome_at(spot)}
        content = self.content_of(text)
        if isinstance(content, Refused):
            return content
        return {tag: self._argument_at(spot), "content": content}

    def _argument_at(self, spot: _Spot) -> list[Tree]:
        rest = _as_json(spot.rest)
        return [spot.root, rest] if spot.folder else [spot.root, rest, ""]

    def _outcome_at(self, spot: _Spot) -> list[Tree]:
        rest = _as_json(spot.rest)
        if spot.root == "root":
            return [spot.root, rest]
        return [spot.root, rest, self._roots.name_of(spot.folder)]

    def _folder_of(self, name: Tree) -> str:
        return self._roots.folder_named(name) if isinstance(name, str) else "<tmp>"


class CallPlaces(Places):
    """The places of one call.

    Attributes:
        folders: The folders that its arguments name.
    """

    def __init__(self, *, roots: Roots) -> None:
        super().__init__(roots=roots)
        self.folders: list[str] = []
        self._noted: dict[int, tuple[list[Tree], str]] = {}

    def number(self, arguments: Mapping[str, Tree]) -> None:
        """Number the folders that the arguments name, by their order in the tree.

        The names of the folders do not count, but which paths are in one folder does.
        """
        if not self._noted:
            return
        for place in _lists_of(dict(arguments)):
            folder = self._noted.get(id(place), (place, ""))[1]
            if folder and folder not in self.folders:
                self.folders.append(folder)
        for place, folder in self._noted.values():
            if folder in self.folders[1:]:
                place.append(self.folders.index(folder))
        self._noted.clear()

    def _argument_at(self, spot: _Spot) -> list[Tree]:
        place = super()._argument_at(spot)
        if spot.folder:
            self._noted[id(place)] = place, spot.folder
        return place

    def _outcome_at(self, spot: _Spot) -> list[Tree]:
        if spot.folder not in self.folders:
            return super()._outcome_at(spot)
        number = self.folders.index(spot.folder)
        rest = _as_json(spot.rest)
        return [spot.root, rest, number] if number else [spot.root, rest]

    def _folder_of(self, name: Tree) -> str:
        if isinstance(name, int) and name < len(self.folders):
            return self.folders[name]
        return super()._folder_of(name)


@dataclass
class Roots:
    """The folders below which paths have a place.

    Attributes:
        rootdir: Its spellings: as it is named, and without links.
        temporary: The spellings of the base temporary folder, that of all workers.
        base: The base temporary folder of this process.
        tmp_path: The folder of the running test, without links.
    """

    rootdir: tuple[str, ...]
    temporary: tuple[str, ...] = ()
    base: Path | None = None
    tmp_path: str = ""

    def spot_of(self, text: str) -> _Spot | None:
        """Say where a path stands; `None` if it is in neither root."""
        if not text.startswith("/") or "\0" in text:
            return None
        path = os.path.normpath(text)
        slash = "/" if text.endswith("/") else ""
        below = _below(path, self.temporary)
        if below is not None:
            folder, rest = self._split(below)
            return _Spot("tmp", folder, rest + slash)
        below = _below(path, self.rootdir)
        return None if below is None else _Spot("root", "", below + slash)

    def is_spelled(self, text: str, spot: _Spot) -> bool:
        """Tell whether a path is spelled as it would be made again."""
        roots = self.rootdir if spot.root == "root" else self.temporary
        inside = spot.folder.removeprefix(roots[0])
        rest = f"/{spot.rest}" if spot.rest.strip("/") else spot.rest
        return any(text == f"{root}{inside}{rest}" for root in roots)

    def name_of(self, folder: str) -> str:
        """Give the name under which another run finds a given folder."""
        if folder and _real(folder) == self.tmp_path:
            return "tmp_path"
        return _NUMBER.sub("", Path(folder).name)

    def folder_named(self, name: str) -> str:
        """Give the folder of a name: of several with a number, the last one made."""
        if name == "tmp_path" and self.tmp_path:
            return self.tmp_path
        if self.base is None:
            return "<tmp>"
        if not name or (self.base / name).is_dir():
            return str(Path(self.temporary[0]) / name)
        numbers = [0]
        for folder in self.base.glob(f"{name}*"):
            number = folder.name.removeprefix(name)
            if number.isdigit():
                numbers.append(int(number))
        return str(self.base / f"{name}{max(numbers)}")

    def _split(self, below: str) -> tuple[str, str]:
        """Split a path below the temporary folder into a given folder and the rest."""
        names = below.split("/")
        count = 2 if names[0].startswith(WORKER) else 1
        folder = Path(self.temporary[0], *names[:count])
        if len(names) < count or not below or not folder.is_dir():
            return "", below
        return str(folder), "/".join(names[count:])


def _content_of(path: str) -> Tree:
    """Give what a path names; see `Places.content_of`."""
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return "missing"
    if stat.S_ISDIR(mode):
        return _content_of_folder(path)
    if not stat.S_ISREG(mode):
        return _IRREGULAR.get(stat.S_IFMT(mode), Refused("a device"))
    try:
        return f"file {_digest_of_file(path)}"
    except OSError as error:
        return Refused(f"a file that cannot be read ({error.strerror})")


_IRREGULAR: dict[int, Tree] = {
    stat.S_IFIFO: Refused("a named pipe"),
    # Its file is made by who listens, and holds nothing.
    stat.S_IFSOCK: "socket",
}


def _content_of_folder(folder: str) -> Tree:
    digest = xxh3_128()
    for count, name in enumerate(_files_below(folder)):
        if isinstance(name, Refused):
            return name
        if count == MOST_FILES:
            return Refused(f"a folder with more than {MOST_FILES:,} files")
        content = _content_of(f"{folder}/{name}")
        if isinstance(content, Refused):
            return Refused(f"a folder with {content.what}, {name}")
        digest.update(os.fsencode(f"{name}\0{content}\0"))
    return f"folder {digest.hexdigest()}"


class Stamp(NamedTuple):
    """A file that an argument, or an item of one, may name.

    Attributes:
        path: Its absolute path.
        is_text: Whether the argument is a text, which may be no path.
        facts: Its size and time; empty: there is no such file.
    """

    path: str
    is_text: bool
    facts: tuple[int, ...]


def stamps_of(arguments: Mapping[str, object]) -> dict[str, Stamp]:
    """Give the files that arguments name, by `name`, `name[0]` or `name['a']`."""
    stamps: dict[str, Stamp] = {}
    for name, value in arguments.items():
        for step, item in _items_of(value):
            is_path = isinstance(item, PurePath)
            if not is_path and not (type(item) is str and len(item) < MOST_SIGNS):
                continue
            path = os.path.abspath(str(item))  # noqa: PTH100
            facts = _facts_of(path)
            if facts is not None:
                stamps[f"{name}{step}"] = Stamp(path, not is_path, facts)
    return stamps


def _facts_of(path: str) -> tuple[int, ...] | None:
    """Give size and time of a file; `()` if there is none, `None` for a folder."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return ()
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _items_of(value: object) -> Iterator[tuple[str, object]]:
    yield "", value
    # Only the builtins themselves: to look into another container may do anything.
    if type(value) is dict:
        for key, item in islice(value.items(), MOST_ITEMS):
            yield f"[{key!r}]", item
    elif type(value) is list or type(value) is tuple or type(value) is set:
        for number, item in enumerate(islice(value, MOST_ITEMS)):
            yield f"[{number}]", item


def _as_json(text: str) -> Tree:
    """Give a path as JSON keeps it: the name of a file may be no text."""
    if text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text):
        return text
    return {"$escaped": text.encode("unicode_escape").decode("ascii")}


def _as_text(part: Tree) -> str:
    if isinstance(part, dict):
        return str(part["$escaped"]).encode("ascii").decode("unicode_escape")
    return str(part)


def _spellings(folder: str | os.PathLike[str]) -> tuple[str, ...]:
    """Give a folder as it is named, and without links."""
    named = str(Path(folder).absolute())
    return tuple(dict.fromkeys((named, _real(named))))


def _real(path: str | os.PathLike[str]) -> str:
    return os.path.realpath(path)


def _below(path: str, folders: tuple[str, ...]) -> str | None:
    for folder in folders:
        if path == folder:
            return ""
        if path.startswith(f"{folder}/"):
            return path[len(folder) + 1 :]
    return None


def _lists_of(tree: Tree) -> Iterator[list[Tree]]:
    """Give each list of a tree, in an order that does not depend on that of keys."""
    pending = [tree]
    while pending:
        part = pending.pop()
        if isinstance(part, list):
            yield part
            pending.extend(reversed(part))
        elif isinstance(part, dict):
            pending.extend(part[key] for key in sorted(part, reverse=True))


def _digest_of_file(path: str) -> str:
    digest = xxh3_128()
    with Path(path).open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _files_below(folder: str) -> Iterator[str | Refused]:
    """Give the files below a folder in the order of their names, links followed."""
    folder = folder.rstrip("/")
    for place, folders, files in os.walk(folder, followlinks=True):
        folders.sort()
        below = "" if place == folder else place[len(folder) + 1 :] + "/"
        for name in folders:
            if _leads_back(Path(place, name)):
                what = f"a folder with a link that leads back, {below}{name}"
                yield Refused(what)
        for name in sorted(files):
            yield below + name


def _leads_back(path: Path) -> bool:
    above = f"{_real(path.parent)}/"
    return path.is_symlink() and above.startswith(f"{_real(path)}/")
