"""The project's files as they are now: their fingerprints, compared with those in a list, and what their code reaches."""

from __future__ import annotations

import ast
import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

from xxhash import xxh3_64, xxh3_64_hexdigest

from pytest_mimic._core.ambient import relative_path
from pytest_mimic._core.files.places import ROOTDIR, Places
from pytest_mimic._core.identity.source import normalised, parsed
from pytest_mimic._core.modules import file_of_module, is_in_project, path_when_installed
from pytest_mimic._core.words import pattern

Functions = dict[str, dict[str, str]]
"""Fingerprints by source file and name: under the empty name that of the file's bytes, under the module's that of what
stands outside of functions, under `module:function` that of a function."""
Place = tuple[str, str]
"""A module and a name in it, or without a name, the module itself. Without a module, an attribute of something."""

_DIGITS = 8
# A larger file is no text, and is read in pieces of this size.
_LARGE = 1 << 26
_LEFT_OUT = pattern(r"(?:^|/)(?:(?:site|dist)-packages|__pycache__|\.[^/]*)/")


class ProjectSources:
    """The files of a project, for one run. Each is looked at once."""

    def __init__(self, places: Places, rootdir: Path, vault: Path) -> None:
        self._places, self._rootdir = places, rootdir
        self._vault = f"{relative_path(vault, start=rootdir)}/"
        self._digest, self.code_of = cache(_digest), cache(self._code_of)
        self._code = cache(lambda source, module: SourceCode(self._path(source, module), module, source))
        self.reached = cache(self._reached)
        self.listed = lru_cache(maxsize=100)(self._listed)  # most calls of a target read the same files

    def name_of_file(self, path: str) -> str | None:
        """Return the name of a file under the rootdir that is noted when it is read, `data/rates.csv`."""
        place = self._places.place_of(path)
        if place is None or place.token != ROOTDIR or place.rest.startswith(self._vault):
            return None
        return None if _LEFT_OUT.search(place.rest) else place.rest

    def digest(self, name: str, module: str = "") -> str | None:
        """Return the fingerprint of the bytes of a file; None if there is no such file. Ends of lines do not count."""
        return self._digest(self._path(name, module))

    def _path(self, name: str, module: str) -> Path:
        """Return the path of a file. A source may be elsewhere than where it was recorded: installed, for example."""
        path = self._rootdir / name
        return Path(file_of_module(module) or path) if module and not path.is_file() else path

    def _listed(self, target: str, classes: frozenset[type], files: frozenset[tuple[str, str]]) -> str:
        """Return the list of what calls of a target reach and of the files that they read, empty if it names nothing."""
        facts = {"files": dict(files), "functions": self.reached(target, classes)}
        return json.dumps(facts, indent=1, sort_keys=True) + "\n" if any(facts.values()) else ""

    def changed(self, text: str | bytes) -> list[str]:
        """Return what has changed since a list was made: `shop.tax:rate (shop/tax.py)`, `data/rates.csv`."""
        facts, found = json.loads(text), []
        for source, names in facts["functions"].items():
            module = next((name.partition(":")[0] for name in names if name), "")
            if names.get("") != self.digest(source, module):  # equal bytes settle all functions
                now = self._code(source, module).functions
                changed = [name for name in names if name and names[name] != now.get(name.partition(":")[2])]
                found += [f"{name} ({source})" for name in changed]
        return [*found, *(name for name, digits in facts["files"].items() if self.digest(name) != digits)]

    def _code_of(self, module: str) -> SourceCode | None:
        """Return the code of a module; None for one outside of the project."""
        file = getattr(sys.modules.get(module), "__file__", None) or file_of_module(module)
        if file is None or not file.endswith(".py") or not is_in_project(file, self._rootdir):
            return None
        return self._code(path_when_installed(file) or relative_path(Path(file), start=self._rootdir), module)

    def _reached(self, target: str, classes: Iterable[type]) -> Functions:
        """Return the fingerprints of what the code of a target reaches, `shop.api:Client.get`, and of classes of its arguments.

        A name counts wherever it leads: to a function, a class with its bases, a value, an import. Of a class, and of a
        module that is named, those members count that are attributes anywhere; and methods with a special name.
        """
        own = module, path = target.partition(":")[::2]
        steps = path.split(".")
        todo = {(module, ".".join(steps[:count])) for count in range(1, len(steps) + 1)}
        todo |= {(kind.__module__, kind.__qualname__) for kind in classes}
        found: Functions = {}
        seen: set[Place] = set()
        holders: set[Place] = set()  # modules, and what may be a class in one
        attributes: set[str] = set()
        while todo := todo or self._members(holders, attributes) - seen:
            module, name = place = todo.pop()
            code = None if place in seen else self.code_of(module)
            seen.add(place)
            if name and f"{module}.{name}" in sys.modules:
                todo.add((f"{module}.{name}", ""))
            if code is None:
                continue
            used = code.uses.get(name)
            if used is None:  # a module, or perhaps one of the names that `from shop.base import *` binds
                holders.add(place)
                todo |= {(origin, name) for origin, _ in code.uses.get("*", ())}
                continue
            attributes |= {one for holder, one in used if not holder}
            todo |= {one for one in used if one[0]}
            if used and all(holder not in ("", module) for holder, _ in used):  # only imports bind it
                continue
            holders.add(place)
            # What stands beside the target counts only if its code names some of it. Its own code is compared apart.
            if place != own or any(one in code.uses for holder, one in used if holder == module):
                noted = found.setdefault(code.source, {"": self.digest(code.source, module) or ""})
                noted[module] = code.functions[""]
                if name in code.functions and place != own:
                    noted[f"{module}:{name}"] = code.functions[name]
        return found

    def _members(self, holders: Iterable[Place], attributes: set[str]) -> set[Place]:
        """Return the members of modules and classes that are attributes somewhere."""
        return {
            (module, f"{name}.{member}".lstrip("."))
            for module, name in holders
            if (code := self.code_of(module)) is not None
            for member in code.members.get(name, set()) & attributes
        }


def reached_and_read(text: str | bytes) -> tuple[list[str], list[str]]:
    """Return what a list names: functions and modules that the code reaches, and files that it reads."""
    facts = json.loads(text)
    functions = facts["functions"].items()
    return [f"{name} ({source})" for source, names in functions for name in names if name], [*facts["files"]]


def _digest(path: Path) -> str | None:
    whole = xxh3_64()
    try:
        with path.open("rb") as file:
            while data := file.read(_LARGE):
                is_text = len(data) < _LARGE and b"\0" not in data
                whole.update(data.replace(b"\r\n", b"\n") if is_text else data)
    except (OSError, TypeError):  # a test may replace `open`
        return None
    return whole.hexdigest()[:_DIGITS]


class SourceCode(ast.NodeTransformer):
    """The code of a source file of the project. Of one that has gone, or is of a newer Python, nothing is known.

    Attributes:
        functions: The fingerprints of the functions by qualified name; under the empty name, that of what stands outside
            of functions. Layout, comments and docstrings do not count.
        uses: By each name that is bound, what this uses: a function, a class with its methods of special names, the
            statements of a value, an import, which may bind `*`.
        members: The names that a class binds, by its own, or the module, by the empty one.
    """

    def __init__(self, path: Path, module: str, source: str) -> None:
        self.source, self.uses = source, defaultdict[str, set[Place]](set)
        self.members = defaultdict[str, set[str]](set)
        self._module, self._prefix = module, ""
        self._parts = defaultdict[str, list[str]](list)  # digests: thousands of trees would take long
        try:
            tree = parsed(path.read_bytes()) or ast.Module([], [])
        except (OSError, TypeError):  # a test may replace `open`
            tree = ast.Module([], [])
        self._enter_imports(tree, module if path.stem == "__init__" else module.rpartition(".")[0])
        self._parts[""] = [normalised(self.visit(tree))]
        for statement in tree.body:
            used = self._used(statement)
            for one in ast.walk(statement):
                if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                    self.uses[one.id] |= used
        for name in self.uses:
            self.members[name.rpartition(".")[0]].add(name.rpartition(".")[2])
        texts = {name: " ".join(digests).encode() for name, digests in self._parts.items()}
        self.functions = {name: xxh3_64_hexdigest(text)[:_DIGITS] for name, text in texts.items()}

    def _enter_imports(self, tree: ast.Module, package: str) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):  # of `import a.b`, the name is `a`
                for one in node.names:
                    self.uses[one.asname or one.name.partition(".")[0]].add((one.name, ""))
            elif isinstance(node, ast.ImportFrom):
                outer = package.split(".")[: 1 - node.level or None] if node.level else []
                origin = ".".join([*outer, *filter(None, [node.module])])
                for one in node.names:
                    self.uses[one.asname or one.name].add((origin, one.name))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Take a function out of the tree."""
        name = f"{self._prefix}{node.name}"
        self._parts[name].append(normalised(node))
        self.uses[name] |= self._used(node)
        if self._prefix and node.name[:2] == node.name[-2:] == "__":
            self.uses[self._prefix[:-1]].add((self._module, name))

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - as ast calls it

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        outer, name = self._prefix, f"{self._prefix}{node.name}"
        self._prefix = f"{name}."
        self.generic_visit(node)
        self._prefix = outer
        self.uses[name] |= self._used(node)
        return node

    def _used(self, node: ast.AST) -> set[Place]:
        nodes = [*ast.walk(node)]
        names = [one.id for one in nodes if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)]
        return {(self._module, one) for one in names} | {
            ("", one.attr) for one in nodes if isinstance(one, ast.Attribute)
        }
