"""The project's files as they are now: their fingerprints, compared with those in a list, and what their code reaches."""

from __future__ import annotations

import ast
import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from functools import cache, partial
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

_DIGITS = 8
# A larger file is no text, and is read in pieces of this size.
_LARGE = 1 << 26
_LEFT_OUT = pattern(r"(?:^|/)(?:(?:site|dist)-packages|__pycache__|\.[^/]*)/")


class ProjectSources:
    """The files of a project, for one run. Each is looked at once."""

    def __init__(self, places: Places, rootdir: Path, vault: Path) -> None:
        self._places, self._rootdir = places, rootdir
        self._vault = f"{relative_path(vault, start=rootdir)}/"
        self._digest, self._file = cache(_digest), cache(SourceFile)
        self.source_of = cache(self._source_of)
        self.reached = cache(partial(_reached, self))

    def name_of_file(self, path: str) -> str | None:
        """Return the name of a file under the rootdir that is noted when it is read, `data/rates.csv`."""
        place = self._places.place_of(path)
        is_out = place is None or place.token != ROOTDIR or place.rest.startswith(self._vault)
        return None if place is None or is_out or _LEFT_OUT.search(place.rest) else place.rest

    def _source_of(self, module: str) -> str | None:
        """Return the name of a module's source file, `shop/tax.py`; None for one outside of the project."""
        file = getattr(sys.modules.get(module), "__file__", None) or file_of_module(module)
        if file is None or not file.endswith(".py") or not is_in_project(file, self._rootdir):
            return None
        return path_when_installed(file) or relative_path(Path(file), start=self._rootdir)

    def digest(self, name: str, module: str = "") -> str | None:
        """Return the fingerprint of the bytes of a file; None if there is no such file. Ends of lines do not count."""
        return self._digest(self._place(name, module))

    def file(self, name: str, module: str) -> SourceFile:
        return self._file(self._place(name, module), module)

    def _place(self, name: str, module: str) -> Path:
        """Return the path of a file. A source may be elsewhere than where it was recorded: installed, for example."""
        path = self._rootdir / name
        return Path(file_of_module(module) or path) if module and not path.is_file() else path

    def changed(self, text: str | bytes) -> list[str]:
        """Return what has changed since a list was made: `shop.tax:rate (shop/tax.py)`, `data/rates.csv`."""
        facts, found = json.loads(text), []
        for source, names in facts["functions"].items():
            module = next((name.partition(":")[0] for name in names if name), "")
            if names.get("") != self.digest(source, module):  # equal bytes settle all functions
                now = self.file(source, module).functions
                changed = [name for name in names if name and names[name] != now.get(name.partition(":")[2])]
                found += [f"{name} ({source})" for name in changed]
        return [*found, *(name for name, digits in facts["files"].items() if self.digest(name) != digits)]


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


class SourceFile(ast.NodeTransformer):
    """A source file of the project. Of one that has gone, or is of a newer Python, nothing is known.

    Attributes:
        functions: The fingerprints of the functions by qualified name; under the empty name, that of what stands outside
            of functions. Layout, comments and docstrings do not count.
        uses: By each name that is bound, the names and attributes that this uses: a function, a class with its methods
            of special names, the statements of a value. An import uses `module:name`, or `module:`, and may bind `*`.
    """

    def __init__(self, path: Path, module: str) -> None:
        self.uses: defaultdict[str, set[str]] = defaultdict(set)
        self._package = module if path.stem == "__init__" else module.rpartition(".")[0]
        self._prefix = ""
        self._parts: defaultdict[str, list[ast.AST]] = defaultdict(list)  # some are defined several times
        try:
            tree = parsed(path.read_bytes())
        except (OSError, TypeError):  # a test may replace `open`
            tree = None
        if tree is not None:
            self._parts[""] = [self.visit(tree)]
        for statement in [] if tree is None else tree.body:
            for one in ast.walk(statement):
                if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                    self._enter(one.id, statement)
        texts = {name: " ".join(map(normalised, nodes)) for name, nodes in self._parts.items()}
        self.functions = {one: xxh3_64_hexdigest(text.encode())[:_DIGITS] for one, text in texts.items()}

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Take a function out of the tree."""
        name = f"{self._prefix}{node.name}"
        self._parts[name].append(node)
        self._enter(name, node)
        if self._prefix and node.name[:2] == node.name[-2:] == "__":
            self.uses[self._prefix[:-1]].add(name)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - as ast calls it

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        outer, name = self._prefix, f"{self._prefix}{node.name}"
        self._prefix = f"{name}."
        self.generic_visit(node)
        self._prefix = outer
        self._enter(name, node)
        return node

    def _enter(self, name: str, node: ast.AST) -> None:
        used = self.uses[name]
        for one in ast.walk(node):
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load):
                used.add(one.id)
            elif isinstance(one, ast.Attribute):
                used.add(one.attr)
            elif isinstance(one, ast.Import | ast.ImportFrom):
                self.visit_Import(one)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> ast.AST:
        for alias in node.names:
            origin, name = alias.name, ""  # `import a.b` binds `a`
            if isinstance(node, ast.ImportFrom):
                outer = self._package.split(".")[: 1 - node.level or None] if node.level else []
                origin, name = ".".join([*outer, *filter(None, [node.module])]), alias.name
            self.uses[alias.asname or name or origin.partition(".")[0]].add(f"{origin}:{name}")
        return node

    visit_ImportFrom = visit_Import  # noqa: N815 - as ast calls it


def _reached(sources: ProjectSources, target: str, classes: Iterable[type]) -> Functions:
    """Return the fingerprints of what the code of a target reaches, `shop.api:Client.get`, and of classes of its arguments.

    A name counts wherever it leads: to a function, a class with its bases, a value, an import. Of a class, and of a
    module that is named, those members count whose names are used somewhere; and methods with a special name.
    """
    own = module, path = target.partition(":")[::2]
    steps = path.split(".")
    todo = {(module, ".".join(steps[:count])) for count in range(1, len(steps) + 1)}
    todo |= {(kind.__module__, kind.__qualname__) for kind in classes}
    found: Functions = {}
    seen: set[tuple[str, str]] = set()
    holders: set[tuple[str, str]] = set()  # modules, and what may be a class in one: `Order.`
    used = {"*"}  # anywhere
    while todo := todo or _members(sources, holders, used) - seen:
        module, name = place = todo.pop()
        source = None if place in seen else sources.source_of(module)
        seen.add(place)
        if name in ("", "*") or f"{module}.{name}" in sys.modules:
            holders.add((f"{module}.{name}".rstrip(".*"), ""))
        uses = {} if source is None else sources.file(source, module).uses
        names = uses.get(name, uses.get("*"))
        if source is None or names is None:
            continue
        used |= names
        origins = [one.partition(":") for one in names]
        todo |= {(one, name) if colon else (module, one) for one, colon, name in origins}
        if names and all(colon for _, colon, _ in origins):  # only imports bind it
            continue
        holders.add((module, f"{name}."))
        functions = sources.file(source, module).functions
        # What stands beside the target counts only if its code names some of it. Its own code is compared apart.
        if place != own or names & (uses.keys() - functions.keys()):
            noted = found.setdefault(source, {"": sources.digest(source, module) or ""})
            noted[module] = functions[""]
            if name in functions and place != own:
                noted[f"{module}:{name}"] = functions[name]
    return found


def _members(
    sources: ProjectSources, holders: Iterable[tuple[str, str]], used: set[str]
) -> set[tuple[str, str]]:
    """Return the members of modules and classes whose names are used."""
    return {
        (module, one)
        for module, prefix in holders
        if (source := sources.source_of(module)) is not None
        for one in sources.file(source, module).uses
        if one.startswith(prefix) and one[len(prefix) :] in used
    }
