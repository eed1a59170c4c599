"""What a call reaches and reads of the project, and what of it has changed since."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from json import dumps, loads  # A test may replace those of the module.
from pathlib import Path

from xxhash import xxh3_64_hexdigest

from pytest_mimic.engine.code import Code, Piece, Place, Project
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.values.outcome import Objects
from pytest_mimic.values.tree import Tree, text_of
from pytest_mimic.vault.recording import MALFORMED

_CODE = (".py", ".pyc", ".pyi", ".so", ".pyd")
# In JSON, where a text has its quotes escaped.
_TAG_OF_CLASS = r'(?<!\\)"\$([^"\\]*:[^"\\]*)":'


class Reached:
    """What the code of one target reaches by name, with the classes of its arguments.

    Attributes:
        pieces: The pieces of the project's code, by place.
        listed: The digests of those that stand in a list, by name.
    """

    def __init__(self, pieces: dict[Place, Piece], listed: dict[str, str]) -> None:
        self.pieces = pieces
        self.listed = listed

    @cached_property
    def names(self) -> dict[str, frozenset[str]]:
        """The names at the top of modules that functions use, by module."""
        names: dict[str, set[str]] = {}
        for (module, path), piece in self.pieces.items():
            if path:
                used = names.setdefault(module, set())
                used.update(chain[0] for chain in piece.chains)
        return {module: frozenset(used) for module, used in names.items()}


class Inputs:
    """What calls of one run reach and read; each file is looked at once.

    Attributes:
        rootdir: The rootdir of the project.
        project: Which files are the project's own.

    A list, as it is stored, is JSON: `{"functions": {"shop.tax:rate": "9f31…"},
    "files": {"data.csv": "77ab…"}}`.
    """

    def __init__(self, rootdir: Path, vault: Path, project: Project) -> None:
        self.rootdir = rootdir
        self._vault = vault
        self.project = project
        self._started = time.time_ns()
        self._code = Code(project)
        self._reached: dict[tuple[str, frozenset[Place]], Reached] = {}
        self._digests: dict[str, str] = {}
        self._changed: dict[str, list[str]] = {}
        self._stored: dict[tuple[int, frozenset[str]], str] = {}

    def reached_by(self, target: str, arguments: Tree) -> Reached:
        """Give what a target's code and the classes of its arguments reach."""
        classes = frozenset(_classes_in(arguments))
        if (target, classes) not in self._reached:
            pieces = self._code.reached_from({_place_of(target), *classes})
            # Its own source is not in the list.
            listed = {}
            for place in sorted(pieces):
                name, digest = _name_of(place), self._code.digest_of(place)
                if digest and name != target:
                    listed[name] = digest
            self._reached[target, classes] = Reached(pieces, listed)
        return self._reached[target, classes]

    def imports_of(self, module: str, name: str) -> Sequence[Place]:
        """Give what a module of the project or its functions import under a name."""
        code = self._code.module(module)
        return code.imports.get(name, ()) if code is not None else ()

    def listed(self, target: str, arguments: Tree, opened: set[str]) -> bytes:
        """Give the list of what a call reaches and has read; empty if that is nothing.

        Args:
            target: The target.
            arguments: The tree of the arguments, as it is stored.
            opened: The files that were opened for reading.
        """
        functions = self.reached_by(target, arguments).listed
        files = {name: self._digest_of_file(name) for name in self._own(opened)}
        if not functions and not files:
            return b""
        return dumps({"functions": functions, "files": files}, indent=1).encode()

    def store(
        self, target: str, arguments: Tree, opened: set[str], objects: Objects
    ) -> str:
        """Write the list of a call, and give its name; empty: it has none."""
        # Most calls of a target have the same list.
        key = id(self.reached_by(target, arguments)), frozenset(opened)
        if key not in self._stored:
            listed = self.listed(target, arguments, opened)
            self._stored[key] = objects.write_object("json", [listed]) if listed else ""
        return self._stored[key]

    def changed(self, name: str, objects: Objects) -> list[str]:
        """Give what of a list is another now: `shop.tax:rate (shop/tax.py)`, a file.

        Args:
            name: The name of the object that holds the list.
            objects: Where it is.

        Raises:
            CorruptRecordingError: The list is gone or damaged.
        """
        if name not in self._changed:
            listed = objects.read_object(name)[:]
            try:
                self._changed[name] = [*self._changes(listed)]
            except MALFORMED as error:
                what = f"{name} is no list of what a call has reached"
                raise CorruptRecordingError(what, file=name) from error
        return self._changed[name]

    def renewed(
        self, name: str, objects: Objects, target: str, arguments: Tree
    ) -> bytes:
        """Give a list as a call that reads the same files would make it today.

        Args:
            name: The name of the object that holds the list.
            objects: Where it is.
            target: The target of the call.
            arguments: The tree of its arguments, as it is stored.

        Raises:
            CorruptRecordingError: The list is gone or damaged.
        """
        files = loads(objects.read_object(name)[:])["files"]
        return self.listed(
            target, arguments, {str(self.rootdir / one) for one in files}
        )

    def _changes(self, listed: bytes) -> Iterator[str]:
        content = loads(listed)
        for name, digest in content["functions"].items():
            place = _place_of(name)
            if digest != self._code.digest_of(place):
                file = self._code.file_of(place[0])
                where = os.path.relpath(file, self.rootdir) if file else "gone"
                yield f"{name} ({where})"
        for name, digest in content["files"].items():
            if self._digest_of_file(name) != digest:
                yield name

    def _own(self, opened: set[str]) -> Iterator[str]:
        """Yield the files of the project that were there before the run, by name."""
        for file in sorted(opened):
            path = Path(file)
            if path.suffix in _CODE or not path.is_relative_to(self.rootdir):
                continue
            below = path.relative_to(self.rootdir)
            is_hidden = any(part.startswith(".") for part in below.parts)
            if is_hidden or path.is_relative_to(self._vault):
                continue
            is_own = path.resolve().is_relative_to(self.rootdir.resolve())
            if is_own and self.project.has(file) and self._is_older(path):
                yield below.as_posix()

    def _is_older(self, path: Path) -> bool:
        try:
            return path.is_file() and path.stat().st_mtime_ns < self._started
        except OSError:
            return False

    def _digest_of_file(self, name: str) -> str:
        if name not in self._digests:
            try:
                path = (self.rootdir / name).resolve()
                is_own = path.is_relative_to(self.rootdir.resolve())
                data = path.read_bytes() if is_own and path.is_file() else b""
            except OSError:
                data = b""
            if b"\0" not in data:  # A text may be checked out with other ends of lines.
                data = data.replace(b"\r\n", b"\n")
            self._digests[name] = xxh3_64_hexdigest(data)
        return self._digests[name]


def _place_of(target: str) -> Place:
    module, _, name = target.partition(":")
    return module, name


def _name_of(place: Place) -> str:
    module, name = place
    return f"{module}:{name}" if name else module


def _classes_in(tree: Tree) -> Iterable[Place]:
    """Give the places of the classes whose objects stand in a tree."""
    return map(_place_of, re.findall(_TAG_OF_CLASS, text_of(tree)))
