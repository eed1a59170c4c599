"""Paths below the folders of a run: as they stand in each run, and their content."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any, TypeAlias

from xxhash import xxh3_128

from pytest_mimic.errors import StaleRecordingError
from pytest_mimic.values.tree import Node, Refused, Tree, escaped, unescaped

WORKER = "popen-gw"
"""How the folder of a worker of xdist begins."""
MOST_FILES = 10_000
MOST_ITEMS = 10_000
"""So many items of an argument are looked at: a list may have millions."""
MOST_SIGNS = 4096
"""A longer text is no path."""
CHUNK = 1 << 20
_WAY = "pass the files that count, or what they hold"
_NUMBER = r"\d+$"
_AROUND = r"\s\"'=(\[,;"
"""Behind one of these a path begins inside of a text; before one, or `/`, it ends."""
_BEGINS = rf"(?:(?<![^{_AROUND}])|(?<=file://))"
_ENDS = rf"(?![^/{_AROUND}])"
# Only where a word begins: else a long word is looked through again from each letter.
_URL = r"(?<![\w+.-])(?!file:)[A-Za-z][\w+.-]*://[^\s\"'<]*"
_MARK = r"<+(?:root|tmp(?: [^<>]*)?)>"
_FOLDER = rf"(?:/{WORKER}\d+)?(?:/[\w-]+(?:\.[\w-]+)*)?"


# So many signs around a path that is not moved are shown.
_BEFORE, _BEHIND = 10, 30

AnyPath: TypeAlias = "str | os.PathLike[str]"
_PATHS = {kind.__name__: kind for kind in (Path, PurePosixPath, PureWindowsPath)}


class Folders:
    """The folders of a run, or of one call, to which paths are relative.

    Such a path stands as `<root>/data/in.csv` or `<tmp 0>/in.csv`: below which of the
    folders that `tmp_path` or `tmp_path_factory` gave. The folders that the arguments
    of a call name have a number, in the order in which they are met; another one that
    its outcome names has its name: `tmp_path` or `shared`. What stands beside these
    folders has none: `<tmp >/x`. What stands so in a path itself gets one more `<`.

    Attributes:
        named: The folders that the arguments name.
        unmoved: Parts of texts of the outcome that hold a path where it is not moved.
        left_out: The paths of what exceptions of the outcome are kept without.
        has_graph: Whether a tensor of the outcome leads back to what it was made of.
        versions: Of which versions the pickles of the outcome are: `sklearn 1.7.2`.
        part_names: The names of parts of arguments that keep their place, by their ids.
        named_parts: The parts of `part_names`, by name.
        starts: What a text holds that may hold a path below the rootdir or below the
            temporary folder, which is that of all workers: the spellings of both.
    """

    def __init__(self, rootdir: AnyPath = "") -> None:
        self.named: list[str] = []
        self.unmoved: dict[str, None] = {}
        self.left_out: dict[str, None] = {}
        self.has_graph = False
        self.versions: set[str] = set()
        self.part_names: Mapping[int, str] = {}
        self.named_parts: Mapping[str, object] = {}
        self._rootdir = _spellings(rootdir) if rootdir else ()
        self._temporary: tuple[str, ...] = ()
        self._base: Path | None = None
        self._tmp_path = ""
        self._look_for()

    def set_temporary(self, base: AnyPath) -> None:
        """Take the base temporary folder of pytest, as soon as it is made."""
        folder = Path(base)
        self._base = folder
        is_of_worker = folder.name.startswith(WORKER)
        self._temporary = _spellings(folder.parent if is_of_worker else folder)
        self._look_for()

    def _look_for(self) -> None:
        """Make the pattern of what stands for other folders in another run."""
        roots = [one for one in self._rootdir if one.startswith("/") and one != "/"]
        # Also a route may begin with a name of one level: `/app/items`.
        deep = [root for root in roots if root.count("/") > 1]
        self._shallow = tuple(root for root in roots if root not in deep)
        self.starts = (*self._temporary, *roots)
        temporary, root = map(_one_of, (self._temporary, deep))
        # Compiled when a text is first looked at.
        self._pattern = (
            rf"{_URL}|(?P<mark>{_MARK})|{_BEGINS}"
            rf"(?:{temporary}{_ENDS}(?P<tmp>{_FOLDER})|(?P<root>{root}){_ENDS})"
            rf"|(?<![\w./-])(?P<unmoved>{temporary}|{root})(?!\.?[\w-])"
        )

    def set_tmp_path(self, folder: AnyPath) -> None:
        """Take the folder that `tmp_path` has given to the running test."""
        self._tmp_path = os.path.realpath(folder)

    def has_temporary_file(self, path: str) -> bool:
        """Tell whether a file with this path is below the temporary folder."""
        folders = tuple(f"{folder}/" for folder in self._temporary)
        return path.startswith(folders) and os.path.isfile(path)  # noqa: PTH113

    def of_call(self) -> Folders:
        """Give the folders of a call, with names and findings of its own."""
        return self.sharing(named=[], unmoved={}, left_out={}, versions=set())

    def sharing(self, **values: object) -> Folders:
        """Give folders with some values of their own, which share all others.

        So the names and findings of a call are one: its outcome names a folder by the
        number that it has among the arguments.
        """
        # Each recorded call makes two, and `copy` takes several times as long.
        folders = object.__new__(Folders)
        vars(folders).update(vars(self), **values)
        return folders

    def node_of(self, value: PurePath | str, *, is_argument: bool) -> Tree:
        """Give what stands for a path, or for a text that may be one.

        Returns:
            `{"$path": path}`, with a `class` where it is a pure path, or
            `{"$relative": text}`, both with a `content` where it is a temporary path
            and an argument; `Refused` where that has none; a text that holds no path
            as it is.
        """
        text = str(value)
        node: Node = {}
        if isinstance(value, PurePath):
            moved = self._moved(text, is_argument=is_argument, is_path=True)
            node["$path"] = escaped(moved)
            if not isinstance(value, Path):
                node["class"] = type(value).__name__
        else:
            relative = self.relative(text, is_argument=is_argument)
            if relative is None:
                return escaped(text)
            is_path = "\n" not in text and os.pathsep not in text
            moved = relative if is_path else ""
            node["$relative"] = escaped(relative)
        if is_argument and moved.startswith("<tmp"):
            content = tree_of_path(text)
            if isinstance(content, Refused):
                return content
            node["content"] = content
        return node

    def relative(self, text: str, *, is_argument: bool) -> str | None:
        """Give a text with `<root>` and `<tmp NAME>` in place of the run's folders.

        Of a list of whole paths, as `PATH` is one, each is moved.

        Returns:
            `None`: the text holds no path below these folders.
        """
        items = text.split(os.pathsep)
        if not all(item.startswith("/") for item in items):
            items = [text]
        moved = [self._moved(item, is_argument=is_argument) for item in items]
        marked = os.pathsep.join(moved)
        return None if marked == _escaped_marks(text) else marked

    def _moved(self, text: str, *, is_argument: bool, is_path: bool = False) -> str:
        for root in self._shallow:
            below = text.removeprefix(root)
            is_below = below != text and below[:1] in ("", "/")
            if is_below and (is_path or os.path.exists(text)):  # noqa: PTH110
                return f"<root>{_escaped_marks(below)}"
        mark = partial(self._mark, is_argument=is_argument)
        return re.sub(self._pattern, mark, text)

    def _mark(self, found: re.Match[str], *, is_argument: bool) -> str:
        if found["mark"]:
            return f"<{found['mark']}"
        if found["root"]:
            return "<root>"
        if found["tmp"] is None:
            if found["unmoved"] and not is_argument:
                self._note_unmoved(found)
            return found[0]  # Of a URL no part is looked at.
        folder = self._given_folder(found["tmp"][1:])
        if not folder:
            return f"<tmp >{found['tmp']}"
        name = self._name_of(folder, is_argument=is_argument)
        if isinstance(name, str):
            named = os.path.realpath(self._folder_named(name))
            # Its name may be digits alone, or begin that of another folder.
            if named != os.path.realpath(folder):
                self._note_unmoved(found)
                return found[0]
        return f"<tmp {name}>"

    def _note_unmoved(self, found: re.Match[str]) -> None:
        start = max(found.start() - _BEFORE, 0)
        self.unmoved[found.string[start : found.end() + _BEHIND]] = None

    def absolute(self, text: str) -> str:
        """Give a text with this run's folders in the place of what stands for them."""
        return re.sub(_MARK, self._folder_of_mark, text)

    def _folder_of_mark(self, found: re.Match[str]) -> str:
        mark = found[0][1:]
        if mark.startswith("<"):
            return mark
        if mark == "root>":
            return self._rootdir[0] if self._rootdir else "<root>"
        name = mark[4:-1]
        if not name.isdigit():
            return self._folder_named(name)
        return self.named[int(name)] if int(name) < len(self.named) else "<tmp>"

    def value_of(self, node: Mapping[str, Any]) -> object:
        """Make the path or text of a node in this run, or give the part it names.

        Raises:
            StaleRecordingError: There is no such part any more.
        """
        if "$after" in node:
            name = str(node["$after"])
            if name not in self.named_parts:
                raise StaleRecordingError(f"the arguments have no {name} any more")
            return self.named_parts[name]
        if "$relative" in node:
            return self.absolute(unescaped(node["$relative"]))
        path = self.absolute(unescaped(node["$path"]))
        return _PATHS[node.get("class", "Path")](path)

    def changed_files(self, before: Mapping[str, Stamp]) -> list[str]:
        """Say which files were made, changed or removed since, a line each."""
        lines: list[str] = []
        for name, (path, facts) in before.items():
            now = _facts_of(path) or ()
            if now == facts:
                continue
            verb = "made"
            if facts:
                verb = "changed" if now else "removed"
            moved = self._moved(path, is_argument=False, is_path=True)
            lines.append(f"{name}: {moved}: {verb} by the call")
        return lines

    def _given_folder(self, below: str) -> str:
        """Give the folder that a path below the temporary folder names; "": none."""
        is_whole = "/" in below or not below.startswith(WORKER)
        folder = Path(self._temporary[0], below)
        return str(folder) if below and is_whole and folder.is_dir() else ""

    def _name_of(self, folder: str, *, is_argument: bool) -> Tree:
        """Give the number or name under which another run finds a given folder."""
        if folder in self.named:
            return self.named.index(folder)
        if is_argument:
            self.named.append(folder)
            return len(self.named) - 1
        if os.path.realpath(folder) == self._tmp_path:
            return "tmp_path"
        return re.sub(_NUMBER, "", Path(folder).name)

    def _folder_named(self, name: str) -> str:
        """Give the folder of a name: of several with a number, the folder made last."""
        if name == "tmp_path" and self._tmp_path:
            return self._tmp_path
        # No folder that pytest gives has a name with a slash.
        if self._base is None or "/" in name:
            return "<tmp>"
        shared = Path(self._temporary[0])
        if not name:
            return str(shared)
        for folder in (self._base / name, shared / name):
            if folder.is_dir():
                return str(folder)
        numbers = [0]
        for folder in self._base.iterdir():
            number = folder.name.removeprefix(name)
            if folder.name.startswith(name) and number.isdigit():
                numbers.append(int(number))
        return str(self._base / f"{name}{max(numbers)}")


# -- the content of files


def tree_of_path(path: AnyPath) -> Tree:
    """Give what a path names: `file 9f31…`, `folder 77ab…`, `missing`.

    A folder counts by the names and contents of its files. A device, a pipe, and a
    folder with one of them, with a link to a folder or with very many files are
    `Refused`.
    """
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return "missing"
    if stat.S_ISDIR(mode):
        return _content_of_folder(os.fspath(path))
    if stat.S_ISSOCK(mode):
        return "socket"  # Its file is made by who listens, and holds nothing.
    if not stat.S_ISREG(mode):
        what = "a named pipe" if stat.S_ISFIFO(mode) else "a device"
        return Refused(what, is_handle=True)
    try:
        return f"file {_digest_of_file(path)}"
    except OSError as error:
        return Refused(f"a file that cannot be read ({error.strerror})", _WAY)


def _content_of_folder(folder: str) -> Tree:
    # No link to a folder is followed: it may lead to one above.
    paths = list(islice(Path(folder).rglob("*"), MOST_FILES + 1))
    if len(paths) > MOST_FILES:
        return Refused(f"a folder with more than {MOST_FILES:,} files", _WAY)
    digest = xxh3_128()
    for path in sorted(paths):
        if path.is_dir() and not path.is_symlink():
            continue
        content = Refused("a link to a folder") if path.is_dir() else tree_of_path(path)
        name = path.relative_to(folder)
        if isinstance(content, Refused):
            return Refused(f"a folder with {content.what}, {name}", _WAY)
        digest.update(os.fsencode(f"{name}\0{content}\0"))
    return f"folder {digest.hexdigest()}"


def _digest_of_file(path: AnyPath) -> str:
    digest = xxh3_128()
    with Path(path).open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


# -- files that a call may change


Stamp: TypeAlias = "tuple[str, tuple[int, ...]]"
"""The absolute path of a file that an argument, or an item of one, may name; and its
size, time and number. They are empty where there is no such file."""


def stamps_of(arguments: Mapping[str, object]) -> dict[str, Stamp]:
    """Give the files that arguments name, by `name`, `name[0]` or `name['a']`."""
    stamps: dict[str, Stamp] = {}
    for name, value in arguments.items():
        items: Iterable[tuple[object, object]] = ()
        # Only the builtins themselves: to look into another container may do anything.
        if type(value) is dict:
            items = value.items()
        elif type(value) in (list, tuple, set):
            items = enumerate(value)  # type: ignore[arg-type]
        for key, part in [(None, value), *islice(items, MOST_ITEMS)]:
            is_text = type(part) is str or isinstance(part, PurePath)
            text = str(part) if is_text else ""
            if not 0 < len(text) < MOST_SIGNS:
                continue
            path = os.path.abspath(text)  # noqa: PTH100
            facts = _facts_of(path)
            if facts is not None:
                named = name if part is value else f"{name}[{key!r}]"
                stamps[named] = path, facts
    return stamps


def _facts_of(path: str) -> tuple[int, ...] | None:
    """Give what changes with a file; `()` if there is none, `None` for a folder."""
    try:
        # Each text of a recorded call is looked at, and `Path` takes longer than this.
        found = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return ()
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _spellings(folder: AnyPath) -> tuple[str, ...]:
    """Give a folder as it is named, and without links."""
    named = str(Path(folder).absolute())
    return tuple(dict.fromkeys((named, os.path.realpath(named))))


def _escaped_marks(text: str) -> str:
    return re.sub(_MARK, r"<\g<0>", text)


def _one_of(folders: Iterable[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, folders)) or '(?!)'})"


NOWHERE = Folders()
"""The folders of what has none: paths count as they are."""
