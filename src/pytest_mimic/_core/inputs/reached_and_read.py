"""What recorded calls reach and read in the project: the code that their own names, and the files that they open, noted and compared."""

from __future__ import annotations

import ast
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakSet

from xxhash import xxh3_64, xxh3_64_hexdigest

from pytest_mimic._core.commands import relative_path
from pytest_mimic._core.files.places import ROOTDIR, Places
from pytest_mimic._core.identity.source import normalised, parsed
from pytest_mimic._core.modules import (
    file_of_module,
    is_in_project,
    path_when_installed,
)
from pytest_mimic._core.words import pattern

Place = tuple[str, str]
"""A module and a name in it, or without a name, the module itself. Without a module, an attribute of something."""

_DIGITS = 8
_LEFT_OUT = pattern(r"(?:^|/)(?:(?:site|dist)-packages|__pycache__|\.[^/]*)/")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Trace:
    """Notes what one call reads, and what its target and the classes of its arguments reach."""

    def __init__(
        self, sources: ProjectSources, target: str, values: Iterable[object]
    ) -> None:
        self._sources, self._target = sources, target
        kinds = set(map(type, values))
        for value in values:
            if isinstance(value, (dict, list, tuple, set, frozenset)):
                kinds.update(
                    map(type, value.values() if isinstance(value, dict) else value)
                )
        self._classes = frozenset(
            kind for kind in kinds if kind.__module__ != "builtins"
        )
        self.paths: set[str] = (
            set()
        )  # that were opened, in whatever mode: what the call has written is new
        _WATCHING.add(sources)
        _watch_files(_audit)

    def noted(self) -> Trace:
        """Take the fingerprints of now, once for each file, and return this trace, which gives the list."""
        files = frozenset(filter(None, map(self._sources.file_at, tuple(self.paths))))
        self._text = self._sources.listed(self._target, self._classes, files)
        return self

    def over(self, before: bytes | None, *, is_same: bool) -> str:
        """Return the list that stands in the vault from now on, empty if it names nothing. `is_same`: the outcome stays.

        The list before stays as long as nothing in it has changed: which files a call
        reads may depend on other tests.
        """
        with suppress(LookupError, TypeError, ValueError):  # a damaged one is replaced
            if before and is_same and not self._sources.changed(before):
                return before.decode()
        return self._text


# All runs of this process share one audit hook, because none can be removed. It asks
# each of them for the call that opens a file.
_watch_files = cache(sys.addaudithook)
_WATCHING: WeakSet[ProjectSources] = WeakSet()


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event != "open":
        return
    with suppress(Exception):
        for sources in tuple(_WATCHING):
            trace = sources.running_trace()
            if trace is None:
                continue
            path = os.fsdecode(args[0])
            if not path.endswith(".py"):  # Those are imported.
                trace.paths.add(os.path.abspath(path))  # noqa: PTH100 - may be called with any path


class ProjectSources:
    """The files of a project, for one run. Each is looked at once.

    The run has `started` so many ns after the epoch. `running_trace` returns the trace
    of the real call that the current thread is part of, or None.
    """

    def __init__(
        self,
        places: Places,
        rootdir: Path,
        vault: Path,
        *,
        started: int,
        running_trace: Callable[[], Trace | None] = bool,  # type: ignore[assignment]
    ) -> None:
        self._places, self._rootdir, self._started = places, rootdir, started
        self.running_trace = running_trace
        self._vault = f"{relative_path(vault, start=rootdir)}/"
        self._digest, self.code_of = cache(_digest), cache(self._code_of)
        self._code = cache(
            lambda source, module: SourceCode(
                self._path(source, module), module, source
            )
        )
        self.reached = cache(self._reached)
        self.listed = lru_cache(maxsize=100)(
            self._listed
        )  # most calls of a target read the same files

    def file_at(self, path: str) -> tuple[str, str] | None:
        """Return name and fingerprint of a file under the rootdir, `data/rates.csv`; None for one that is not noted."""
        place = self._places.place_of(path)
        if (
            place is None
            or place.token != ROOTDIR
            or place.rest.startswith(self._vault)
        ):
            return None
        with suppress(OSError):
            facts = os.stat(path)  # noqa: PTH116
            is_old = max(facts.st_mtime_ns, facts.st_ctime_ns) < self._started
            digest = (
                self.digest(place.rest)
                if is_old and not _LEFT_OUT.search(place.rest)
                else None
            )
            return None if digest is None else (place.rest, digest)
        return None

    def digest(self, name: str, module: str = "") -> str | None:
        """Return the fingerprint of the bytes of a file; None if there is no such file.

        In a text, ends of lines do not count.
        """
        return self._digest(self._path(name, module))

    def _path(self, name: str, module: str) -> Path:
        """Return the path of a file.

        A source may be elsewhere than where it was recorded: installed, for example.
        """
        path = self._rootdir / name
        return (
            Path(file_of_module(module) or path)
            if module and not path.is_file()
            else path
        )

    def _listed(
        self, target: str, classes: frozenset[type], files: frozenset[tuple[str, str]]
    ) -> str:
        """Return the list of what calls of a target reach and of the files that they read, empty if it names nothing."""
        facts = {"files": dict(files), "functions": self.reached(target, classes)}
        return (
            json.dumps(facts, indent=1, sort_keys=True) + "\n"
            if any(facts.values())
            else ""
        )

    def changed(self, text: str | bytes) -> list[str]:
        """Return what has changed since a list was made: `shop.tax:rate (shop/tax.py)`, `data/rates.csv`."""
        facts, found = json.loads(text), []
        for source, names in facts["functions"].items():
            module = next((name.partition(":")[0] for name in names if name), "")
            if names.get("") != self.digest(
                source, module
            ):  # equal bytes settle all functions
                now = self._code(source, module).functions
                changed = [
                    name
                    for name in names
                    if name and names[name] != now.get(name.partition(":")[2])
                ]
                found += [f"{name} ({source})" for name in changed]
        return [
            *found,
            *(
                name
                for name, digits in facts["files"].items()
                if self.digest(name) != digits
            ),
        ]

    def _code_of(self, module: str) -> SourceCode | None:
        """Return the code of a module; None for one outside of the project."""
        file = getattr(sys.modules.get(module), "__file__", None) or file_of_module(
            module
        )
        if (
            file is None
            or not file.endswith(".py")
            or not is_in_project(file, self._rootdir)
        ):
            return None
        source = path_when_installed(file) or relative_path(
            Path(file), start=self._rootdir
        )
        return self._code(source, module)

    def _reached(
        self, target: str, classes: Iterable[type]
    ) -> dict[str, dict[str, str]]:
        """Return the fingerprints of what the code of a target reaches, `shop.api:Client.get`, and of classes of its arguments.

        They come by source file and name: under the empty one that of the file's bytes,
        under the module's that of its
        statements, under `module:name` that of a function, method or class. A name
        counts wherever it leads: to a
        function, a class with its bases, a value, an import. Of a class, and of a
        module that is named, those members
        count that are attributes anywhere; and methods with a special name.
        """
        own = module, path = target.partition(":")[::2]
        todo = {own, (module, path.rpartition(".")[0] or path)}
        todo |= {(kind.__module__, kind.__qualname__) for kind in classes}
        found: defaultdict[str, dict[str, str]] = defaultdict(dict)
        seen: set[Place] = set()
        while todo := todo or self._members(seen) - seen:
            module, name = place = todo.pop()
            seen.add(place)
            code = self.code_of(module) if module else None
            if code is None:
                continue
            # What is not bound is a module, or perhaps one of the names that `from
            # shop.base import *` binds.
            used = code.uses.get(
                name, {(origin, name) for origin, _ in code.uses.get("*", ())}
            )
            todo |= used - seen
            is_imported = used and all(holder not in ("", module) for holder, _ in used)
            # What stands beside the target counts only if its code names some of it.
            # Its own code is compared apart.
            is_noted = place != own or any(
                one in code.uses for holder, one in used if holder == module
            )
            if name in code.uses and is_noted and not is_imported:
                noted = found[code.source]
                noted |= {
                    "": self.digest(code.source, module) or "",
                    module: code.functions[""],
                }
                if name in code.functions and place != own:
                    noted[f"{module}:{name}"] = code.functions[name]
        return found

    def _members(self, seen: Iterable[Place]) -> set[Place]:
        """Return the members of the modules and classes seen that are attributes somewhere."""
        attributes = {name for module, name in seen if not module}
        return {
            (module, f"{name}.{member}".lstrip("."))
            for module, name in seen
            if module and (code := self.code_of(module)) is not None
            for member in code.members.get(name, set()) & attributes
        }


def _digest(path: Path) -> str | None:
    whole = xxh3_64()
    try:
        with path.open("rb") as file:
            while data := file.read(1 << 26):
                whole.update(data if b"\0" in data else data.replace(b"\r\n", b"\n"))
    except (OSError, TypeError):  # a test may replace `open`
        return None
    return whole.hexdigest()[:_DIGITS]


class SourceCode:
    """The code of a source file of the project.

    Of one that has gone, or is of a newer Python, nothing is known.

    Attributes:
        functions: The fingerprints of functions, methods, and classes without their
            methods, by qualified name; under the
            empty name, that of all other statements. Layout, comments and docstrings do
            not count.
        uses: What each name uses that is bound: a function, a class with its methods of
            special names, the statements of
            a value, an import, which may bind `*`.
        members: The names that a class binds, by its own, or the module, by the empty
            one.
    """

    def __init__(self, path: Path, module: str, source: str) -> None:
        self.source, self.uses = source, defaultdict[str, set[Place]](set)
        self.members = defaultdict[str, set[str]](set)
        tree = ast.Module([], [])
        with suppress(OSError, TypeError):  # a test may replace `open`
            tree = parsed(path.read_bytes()) or tree
        self._enter_imports(
            tree, module if path.stem == "__init__" else module.rpartition(".")[0]
        )
        digests = defaultdict[str, list[str]](
            list, {"": []}
        )  # some are defined several times
        todo = [("", node) for node in tree.body]
        for holder, node in todo:  # which grows
            name = (
                f"{holder}.{node.name}".lstrip(".")
                if isinstance(node, _DEFINITIONS)
                else ""
            )
            if isinstance(node, ast.ClassDef):
                todo += [
                    (name, one) for one in node.body if isinstance(one, _DEFINITIONS)
                ]
                node.body = [
                    one for one in node.body if not isinstance(one, _DEFINITIONS)
                ]
            elif holder and name.endswith("__"):
                self.uses[holder].add((module, name))
            digests[name].append(normalised(node))
            nodes = [*ast.walk(node)]
            names = [one for one in nodes if isinstance(one, ast.Name)]
            used = {(module, one.id) for one in names if isinstance(one.ctx, ast.Load)}
            used |= {("", one.attr) for one in nodes if isinstance(one, ast.Attribute)}
            bound = [one.id for one in names if isinstance(one.ctx, ast.Store)]
            bound += [one.name for one in nodes if isinstance(one, _DEFINITIONS)]
            for one in [name] if name else bound:
                self.uses[one] |= used
        for name in self.uses:
            self.members[name.rpartition(".")[0]].add(name.rpartition(".")[2])
        texts = {name: " ".join(parts).encode() for name, parts in digests.items()}
        self.functions = {
            name: xxh3_64_hexdigest(text)[:_DIGITS] for name, text in texts.items()
        }

    def _enter_imports(self, tree: ast.Module, package: str) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):  # of `import a.b`, the name is `a`
                for one in node.names:
                    self.uses[one.asname or one.name.partition(".")[0]].add(
                        (one.name, "")
                    )
            elif isinstance(node, ast.ImportFrom):
                outer = (
                    package.split(".")[: 1 - node.level or None] if node.level else []
                )
                origin = ".".join([*outer, *filter(None, [node.module])])
                for one in node.names:  # of a package, it may be a module
                    self.uses[one.asname or one.name] |= {
                        (origin, one.name),
                        (f"{origin}.{one.name}", ""),
                    }
