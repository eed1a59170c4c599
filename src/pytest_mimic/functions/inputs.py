"""What a call reaches and reads of the project, and what of it has changed since."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, cached_property, partial
from json import dumps, loads  # A test may replace those of the module.
from pathlib import Path

from xxhash import xxh3_64_hexdigest

from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.functions.clocks import asks_for_time
from pytest_mimic.functions.code import Code, Definition
from pytest_mimic.values.tree import Tree, text_of
from pytest_mimic.vault.recording import MALFORMED
from pytest_mimic.vault.vault import Vault

_CODE = (".py", ".pyc", ".pyi", ".so", ".pyd")
# In JSON, where a text has its quotes escaped.
_TAG_OF_CLASS = r'(?<!\\)"\$([^"\\]*:[^"\\]*)":'


class Reached:
    """What the code of one target reaches by name, with the classes of its arguments.

    Args:
        code: The code of the project.
        target: The target.
        classes: The definitions of the classes.
        counts: Whether a definition counts.

    Attributes:
        pieces: The pieces of the project's code, by definition.
    """

    def __init__(
        self,
        code: Code,
        counts: Callable[[str], bool],
        target: str,
        classes: Iterable[Definition],
    ) -> None:
        self._code = code
        self._counts = counts
        self._target = target
        self.pieces = code.reached_from({_definition_of(target), *classes})

    @cached_property
    def listed(self) -> Mapping[str, str]:
        """The digests of the pieces that stand in a list, by name."""
        listed = {}
        for module, path in sorted(self.pieces):
            name = f"{module}:{path}" if path else module
            digest = self._code.module(module).digest(path)
            # Its own source is not in the list.
            if digest and name != self._target and self._counts(name):
                listed[name] = digest
        return listed

    @cached_property
    def asks_for_time(self) -> bool:
        """Whether the code asks for the time."""
        for (module, _), piece in self.pieces.items():
            for chain in piece.chains:
                imported = self._code.module(module).imports.get(chain[0], [])
                if not imported and len(chain) > 1:
                    imported = [("", chain[0])]
                if any(asks_for_time(chain, one) for one in imported):
                    return True
        return False


class Inputs:
    """What calls of one run reach and read; each file is looked at once.

    Args:
        rootdir: The rootdir of the project.
        vault: Where lists are.
        not_counted: The modules of the project that do not count.

    Attributes:
        rootdir: The rootdir of the project.
        code: The code of the project.
        imported: The modules that real calls have imported, each with the one that the
            call has named: to import a package imports parts of it.
        store: Writes the list of what a call reaches, and of the files that were opened
            for reading, and gives its name; empty: there is nothing to list.
        changed: Gives what of a list is another now, `shop.tax:rate (shop/tax.py)` or a
            file, by the name of the object that holds the list. It raises a
            CorruptRecordingError if the list is gone or damaged.

    A list, as it is stored, is JSON: `{"functions": {"shop.tax:rate": "9f31…"},
    "files": {"data.csv": "77ab…"}}`.
    """

    def __init__(
        self, rootdir: Path, vault: Vault, not_counted: Iterable[str] = ()
    ) -> None:
        self.rootdir = rootdir
        self._vault = vault
        self._started = time.time_ns()
        self.code = Code(rootdir)
        self.imported: dict[str, str] = {}
        self._not_counted = frozenset(not_counted)
        self._reached = cache(partial(Reached, self.code, self._counts))
        self._digest_of_file = cache(self._digest_of)
        self.changed = cache(self._changed)
        # Most calls of a target have the same list.
        self.store = cache(self._store)

    def _counts(self, definition: str) -> bool:
        """Return whether a definition counts: `shop._version:number` does not."""
        module, _ = _definition_of(definition)
        is_version = module.rpartition(".")[2] == "_version"
        return not is_version and module not in self._not_counted

    def is_as_today(self, name: str, reached: Reached) -> bool:
        """Return whether a stored list is the one that today's code gives.

        Raises:
            CorruptRecordingError: The list is gone or damaged.
        """
        stored = self._vault.read_object(name)[:] if name else b""
        return bytes(stored) == self.renewed(name, reached)

    def reached_by(self, target: str, arguments: Tree) -> Reached:
        """Give what a target's code and the classes of its arguments reach."""
        named = re.findall(_TAG_OF_CLASS, text_of(arguments)) if arguments else ()
        return self._reached(target, frozenset(map(_definition_of, named)))

    def _store(self, reached: Reached, opened: frozenset[str]) -> str:
        listed = self._list_of(reached, opened)
        return self._vault.write_object("json", [listed]) if listed else ""

    def _list_of(self, reached: Reached, opened: Iterable[str]) -> bytes:
        functions = reached.listed
        files = {name: self._digest_of_file(name) for name in self._own(opened)}
        if not functions and not files:
            return b""
        return dumps({"functions": functions, "files": files}, indent=1).encode()

    def _changed(self, name: str) -> list[str]:
        listed = self._vault.read_object(name)[:]
        changed: list[str] = []
        try:
            content = loads(listed)
            for own, digest in content["functions"].items():
                module_name, path = _definition_of(own)
                module = self.code.module(module_name)
                if self._counts(own) and digest != module.digest(path):
                    changed.append(self._with_file(own))
            for own, digest in content["files"].items():
                if self._digest_of_file(own) != digest:
                    changed.append(own)
        except MALFORMED as error:
            what = f"{name} is no list of what a call has reached"
            raise CorruptRecordingError(what, file=name) from error
        return changed

    def named(self, reached: Reached) -> list[str]:
        """Give what a call reaches of the project, as `changed` names it."""
        return [self._with_file(own) for own in reached.listed]

    def _with_file(self, own: str) -> str:
        file = self.code.module(_definition_of(own)[0]).file
        where = os.path.relpath(file, self.rootdir) if file else "gone"
        return f"{own} ({where})"

    def renewed(self, name: str, reached: Reached) -> bytes:
        """Give a list as a call that reads the same files would make it today.

        Args:
            name: The name of the object that holds the list; empty: there is none.
            reached: What the call reaches.

        Raises:
            CorruptRecordingError: The list is gone or damaged.
        """
        opened: list[str] = []
        if name:
            try:
                files = loads(self._vault.read_object(name)[:])["files"]
                opened = [str(self.rootdir / one) for one in files]
            except MALFORMED as error:
                what = f"{name} is no list of what a call has reached"
                raise CorruptRecordingError(what, file=name) from error
        return self._list_of(reached, opened)

    def _own(self, opened: Iterable[str]) -> Iterator[str]:
        """Yield the files of the project that were there before the run, by name."""
        for file in sorted(opened):
            path = Path(file)
            if path.suffix in _CODE or not path.is_relative_to(self.rootdir):
                continue
            below = path.relative_to(self.rootdir)
            is_hidden = any(part.startswith(".") for part in below.parts)
            if is_hidden or path.is_relative_to(self._vault.path):
                continue
            is_own = path.resolve().is_relative_to(self.rootdir.resolve())
            if is_own and self.code.has(file) and self._is_older(path):
                yield below.as_posix()

    def _is_older(self, path: Path) -> bool:
        try:
            return path.is_file() and path.stat().st_mtime_ns < self._started
        except OSError:
            return False

    def _digest_of(self, name: str) -> str:
        try:
            path = (self.rootdir / name).resolve()
            is_own = path.is_relative_to(self.rootdir.resolve())
            data = path.read_bytes() if is_own and path.is_file() else b""
        except OSError:
            data = b""
        if b"\0" not in data:  # A text may be checked out with other ends of lines.
            data = data.replace(b"\r\n", b"\n")
        return xxh3_64_hexdigest(data)


def _definition_of(target: str) -> Definition:
    module, _, name = target.partition(":")
    return module, name
