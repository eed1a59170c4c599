"""The code of the project, and what of it a function reaches by name."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.machinery import PathFinder
from pathlib import Path
from typing import NamedTuple

from pytest_mimic.engine.project import Project
from pytest_mimic.values.source import digest_of_syntax, parsed, text_of_file

_PACKAGES = frozenset({"site-packages", "dist-packages"})
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BLOCKS = (ast.If, ast.Try, ast.With)

Chain = tuple[str, ...]
"""A name and attributes of it, as code writes them: `("clock", "now")`."""


class Place(NamedTuple):
    """A function, class or method of a module; without a name its top-level values."""

    module: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.module}:{self.name}" if self.name else self.module


class Uses(NamedTuple):
    """What a piece of code names.

    Attributes:
        chains: Names of its module, each with the attributes of it.
        attributes: All attributes, of whatever object.
        imports: The names that it imports itself: module and name there.
    """

    chains: frozenset[Chain]
    attributes: frozenset[str]
    imports: dict[str, Place]


class Piece(NamedTuple):
    """A function, a class without its methods, or the top-level values of a module."""

    uses: Uses
    is_class: bool


class Sources:
    """The code of the project's modules."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._modules: dict[str, Module | None] = {}

    def module(self, name: str) -> Module | None:
        """Give the code of a module, without importing it; `None` if it is no own."""
        if name not in self._modules:
            file = self._file_of(name)
            is_own = file.endswith(".py") and self._project.has(file)
            self._modules[name] = Module(name, file) if is_own else None
        return self._modules[name]

    def _file_of(self, name: str) -> str:
        loaded = getattr(sys.modules.get(name), "__file__", None)
        if isinstance(loaded, str):
            return loaded
        package, _, last = name.rpartition(".")
        paths: list[str] | None = None
        if package:
            folder = Path(self._file_of(package))
            if folder.name != "__init__.py":
                return ""
            paths = [str(folder.parent)]
        spec = PathFinder.find_spec(name if not paths else last, paths)
        return (spec.origin or "") if spec is not None else ""


class Module:
    """A module of the project.

    Attributes:
        code: What it defines. It is read when somebody asks.
    """

    def __init__(self, name: str, file: str) -> None:
        self.name = name
        self.file = file
        self._digests: dict[str, str] = {}

    @cached_property
    def code(self) -> Code:
        is_package = Path(self.file).name == "__init__.py"
        return Code(self.name, _tree_of(self.file), is_package=is_package)

    def digests_of(self, names: Iterable[str]) -> dict[str, str]:
        """Give the digests of some pieces, at least; that of nothing is ""."""
        unknown = set(names) - self._digests.keys()
        if unknown:
            pieces = _pieces_of(_tree_of(self.file))
            for name in unknown:
                nodes = pieces.get(name, [])
                self._digests[name] = ",".join(map(digest_of_syntax, nodes))
        return self._digests


class Code:
    """What a module defines, and what each piece of it names.

    Attributes:
        pieces: Functions, classes and methods by qualified name; "" is what stands at
            the top level beside.
        assigned: The names that this binds.
        imports: The names that the module imports: module and name there.
        stars: The modules of which it imports all names.
    """

    def __init__(self, name: str, tree: ast.Module, *, is_package: bool) -> None:
        self._name = name
        self._is_package = is_package
        self.stars: list[str] = []
        self.imports = self._imports_in(_statements(tree.body))
        pieces = _pieces_of(tree)
        self.pieces = {name: self._piece(nodes) for name, nodes in pieces.items()}
        self.assigned = {one for node in pieces[""] for one in _stored_names(node)}

    def _piece(self, nodes: Sequence[ast.AST]) -> Piece:
        chains: set[Chain] = set()
        attributes: set[str] = set()
        imports: dict[str, Place] = {}
        for node in nodes:
            own = _local_names(node)
            parts = list(ast.walk(node))
            imports.update(self._imports_in(parts))
            for part in parts:
                if isinstance(part, ast.Attribute):
                    attributes.add(part.attr)
                chain = _chain_of(part)
                if chain and chain[0] not in own:
                    chains.add(chain)
        uses = Uses(frozenset(chains), frozenset(attributes), imports)
        return Piece(uses, any(isinstance(node, ast.ClassDef) for node in nodes))

    def _imports_in(self, nodes: Iterable[ast.AST]) -> dict[str, Place]:
        found: dict[str, Place] = {}
        for node in nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    whole = alias.name if alias.asname else alias.name.split(".")[0]
                    found[alias.asname or whole] = Place(whole)
            elif isinstance(node, ast.ImportFrom):
                module = self._absolute(node)
                for alias in node.names:
                    if alias.name == "*":
                        self.stars.append(module)
                    else:
                        found[alias.asname or alias.name] = Place(module, alias.name)
        return found

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self._name.split(".")
        steps = node.level - 1 if self._is_package else node.level
        above = package[: len(package) - steps]
        return ".".join([*above, node.module] if node.module else above)


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Give the statements of a body, and those in its blocks in their place."""
    for statement in body:
        if isinstance(statement, _BLOCKS):
            for name in ("body", "handlers", "orelse", "finalbody"):
                for inner in getattr(statement, name, ()):
                    if isinstance(inner, ast.ExceptHandler):
                        yield from _statements(inner.body)
                    else:
                        yield from _statements([inner])
        elif not _is_remark(statement):
            yield statement


def _is_remark(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _tree_of(file: str) -> ast.Module:
    return parsed(text_of_file(file)) or ast.Module([], [])


def _pieces_of(tree: ast.Module) -> dict[str, list[ast.AST]]:
    """Give the pieces of a module by name; "" is what stands at its top level.

    A name has several pieces as a property, or in the branches of an `if`. Methods are
    taken out of their class.
    """
    pieces: dict[str, list[ast.AST]] = {"": []}
    pending = [("", statement) for statement in _statements(tree.body)]
    while pending:
        prefix, node = pending.pop(0)
        if not isinstance(node, _DEFINITIONS):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                pieces[""].append(node)
            continue
        name = prefix + node.name
        pieces.setdefault(name, []).append(node)
        if isinstance(node, ast.ClassDef):
            members = [one for one in node.body if isinstance(one, _DEFINITIONS)]
            node.body = [one for one in node.body if one not in members]
            pending += [(f"{name}.", member) for member in members]
    return pieces


def _local_names(node: ast.AST) -> set[str]:
    """Give the names that a function binds itself; another piece of code has none."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return set()
    bound = _stored_names(node)
    for part in ast.walk(node):
        if isinstance(part, ast.arg):
            bound.add(part.arg)
    for part in ast.walk(node):
        if isinstance(part, ast.Global):
            bound.difference_update(part.names)
    return bound


def _stored_names(node: ast.AST) -> set[str]:
    return {
        part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }


def _chain_of(node: ast.AST) -> Chain:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else ()


# -- what code reaches


@dataclass
class Reached:
    """What the code of a target reaches by name.

    Attributes:
        uses: Of each function, class, method and module's top-level values, what it
            names.
        attributes: The attributes that they use, of whatever object.
    """

    uses: dict[Place, Uses] = field(default_factory=dict)
    attributes: set[str] = field(default_factory=set)

    @property
    def places(self) -> Collection[Place]:
        """Functions, classes, methods and top-level values of the project."""
        return self.uses.keys()


class Reach:
    """Follows the names in the code of the project."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def of(self, roots: Iterable[Place]) -> Reached:
        """Give what is reached from some places, these included."""
        reached = Reached()
        pending = list(roots)
        while pending:
            place = pending.pop()
            if place not in reached.places:
                pending += self._from(place, reached)
            if not pending:
                # Which members count is known when every class was seen.
                pending += set(self._members(reached)) - set(reached.places)
        return reached

    def piece(self, place: Place) -> Piece | None:
        """Give what stands at a place of the project."""
        module = self._sources.module(place.module)
        return module.code.pieces.get(place.name) if module is not None else None

    def places_of(self, module: Module, uses: Uses, chain: Chain) -> list[Place]:
        """Give the places of the project to which a name and its attributes lead."""
        first, *rest = chain
        imported = uses.imports.get(first) or module.code.imports.get(first)
        if imported is not None:
            return self._follow(imported, rest)
        return self._follow(Place(module.name, first), rest)

    def _from(self, place: Place, reached: Reached) -> list[Place]:
        piece = self.piece(place)
        module = self._sources.module(place.module)
        if piece is None or module is None:
            return []
        reached.uses[place] = piece.uses
        reached.attributes |= piece.uses.attributes
        found = [Place(place.module)]
        if "." in place.name:
            found.append(Place(place.module, place.name.rpartition(".")[0]))
        for chain in piece.uses.chains:
            found += self.places_of(module, piece.uses, chain)
        for imported in piece.uses.imports.values():
            found += self._follow(imported, [])
        return found

    def _follow(
        self, place: Place, rest: Sequence[str], passed: frozenset[Place] = frozenset()
    ) -> list[Place]:
        """Follow a name of a module to where it is defined."""
        if place in passed:  # Modules that import a name from each other.
            return []
        passed |= {place}
        inner = self._submodule(place)
        if inner or not place.name:
            if not rest:
                return []
            next_place = Place(inner or place.module, rest[0])
            return self._follow(next_place, rest[1:], passed)
        module = self._sources.module(place.module)
        if module is None:
            return []
        code = module.code
        if place.name in code.pieces:
            return [place]
        if place.name in code.imports:
            return self._follow(code.imports[place.name], rest, passed)
        for star in code.stars:
            found = self._follow(Place(star, place.name), rest, passed)
            if found:
                return found
        return [Place(place.module)] if place.name in code.assigned else []

    def _submodule(self, place: Place) -> str:
        """Give the name of the module that stands at a place, or ""."""
        name = f"{place.module}.{place.name}"
        is_own = place.name and self._sources.module(place.module) is not None
        return name if is_own and self._sources.module(name) is not None else ""

    def _members(self, reached: Reached) -> Iterator[Place]:
        for place in list(reached.places):
            piece = self.piece(place)
            module = self._sources.module(place.module)
            if module is None or piece is None or not piece.is_class:
                continue
            for name in module.code.pieces:
                owner, _, member = name.rpartition(".")
                is_special = member.startswith("__")
                if owner == place.name and (is_special or member in reached.attributes):
                    yield Place(place.module, name)
