"""The code of the project: its files, its pieces, and what a piece reaches by name."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from functools import cache, cached_property
from importlib.util import resolve_name
from pathlib import Path
from typing import Any, NamedTuple

from pytest_mimic.patch.modules import spec_of
from pytest_mimic.values.source import DEFINITIONS, digest_of_syntax, syntax_of

_FOLDERS = r".*/(?:site-packages|dist-packages)/"
_OWN = f"{Path(__file__).parents[1]}{os.sep}"
STDLIB = f"{os.path.realpath(Path(os.__file__).parent)}{os.sep}"
# Python 3.10 has no reader of TOML.
_NAME = r"""(?ms)^\[(?:project|tool\.poetry)\]$(?:(?!^\[).)*?^name\s*=\s*["']([^"']+)"""

_IMPORTS = (ast.Import, ast.ImportFrom)
# What builds write beside a module `_version`.
_VERSIONS = frozenset("__version__ version version_tuple __commit_id__".split())
# What binds names for itself alone.
_SCOPES = (
    *(*DEFINITIONS, ast.Lambda),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)

Chain = tuple[str, ...]
"""A name and attributes of it, as code writes them: `("clock", "now")`."""


Definition = tuple[str, str]
"""A module, and the name of a function, class or method of it.

Without a name, it stands for the values at the top level of the module.
"""


class Piece(NamedTuple):
    """A function, a class without its methods, or the top-level values of a module.

    Attributes:
        chains: The names of its module that it uses, each with the attributes of it.
        attributes: The attributes that it uses, of whatever object.
        is_class: Whether it is a class.
    """

    chains: frozenset[Chain]
    attributes: frozenset[str]
    is_class: bool


class Module:
    """The code of one module, of which each piece is looked at once.

    Functions, classes and methods have their qualified names; "" names what stands at
    the top level beside them.

    Attributes:
        file: Its file; empty: it is none of the project, and has no pieces.
        piece: Gives a piece that the module has.
        digest: Gives the digest of a piece; empty: there is none.
    """

    def __init__(self, name: str, file: str) -> None:
        self.file = file
        is_package = Path(file).name == "__init__.py"
        self._package = name if is_package else name.rpartition(".")[0]
        self.piece = cache(self._piece)
        self.digest = cache(self._digest)

    @cached_property
    def _tree(self) -> ast.Module:
        return syntax_of(self.file) if self.file else ast.Module([], [])

    @cached_property
    def nodes(self) -> Mapping[str, Sequence[ast.stmt]]:
        """The pieces by name; "" is what stands at the top level.

        A name has several pieces as a property, or in the branches of an `if`. A class
        is one without its methods.
        """
        nodes: dict[str, list[ast.stmt]] = {}
        _note_pieces(self._tree.body, "", nodes)
        return nodes

    @cached_property
    def imports(self) -> Mapping[str, Sequence[Definition]]:
        """What the module and its functions import, by the name that it gets.

        Under `"*"` are modules of which it imports all.
        """
        found: dict[str, list[Definition]] = {}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    whole = alias.name if alias.asname else alias.name.split(".")[0]
                    found.setdefault(alias.asname or whole, []).append((whole, ""))
            elif isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                with suppress(ImportError):  # It leads out of the topmost package.
                    module = resolve_name(module, self._package)
                for alias in node.names:
                    definitions = found.setdefault(alias.asname or alias.name, [])
                    definitions.append((module, alias.name))
        return found

    def _piece(self, name: str) -> Piece:
        nodes = self.nodes[name]
        parts = [part for node in nodes for part in ast.walk(node)]
        return Piece(
            frozenset[Chain]().union(*map(_free_chains, nodes)),
            frozenset(part.attr for part in parts if isinstance(part, ast.Attribute)),
            any(isinstance(node, ast.ClassDef) for node in nodes),
        )

    def _digest(self, name: str) -> str:
        return ",".join(map(digest_of_syntax, self.nodes.get(name, [])))


class Code:
    """The code of a project: what is installed nowhere, or is what its rootdir builds.

    What is installed as editable lies where it is developed. No module is imported for
    it.

    Attributes:
        has: Returns whether a file, by its absolute path, is one of the project.
        module: Gives a module by name.
    """

    def __init__(self, rootdir: Path) -> None:
        self._rootdir = rootdir
        self.has = cache(self._has)
        self.module = cache(self._module)

    def _has(self, file: str) -> bool:
        path = file.replace(os.sep, "/")
        installed = re.sub(_FOLDERS, "", path)
        if installed != path:
            return installed in self._distributed
        is_foreign = os.path.realpath(file).startswith((STDLIB, _OWN))
        return Path(file).is_absolute() and not is_foreign

    @cached_property
    def _distributed(self) -> frozenset[str]:
        """The installed files of the distribution that the rootdir builds."""
        try:
            text = (self._rootdir / "pyproject.toml").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return frozenset()
        name = re.search(_NAME, text)
        if name is None:
            return frozenset()
        # To read what is installed takes milliseconds.
        from importlib.metadata import PackageNotFoundError, files

        try:
            return frozenset(map(str, files(name[1]) or ()))
        except PackageNotFoundError:
            return frozenset()

    def _module(self, name: str) -> Module:
        file = _file_of(name)
        is_own = file.endswith(".py") and self.has(file)
        return Module(name, file if is_own else "")

    def reached_from(self, roots: Iterable[Definition]) -> dict[Definition, Piece]:
        """Give the pieces that some definitions reach, and their own pieces."""
        reached: dict[Definition, Piece] = {}
        pending = list(roots)
        while pending:
            definition = pending.pop()
            module_name, name = definition
            module = self.module(module_name)
            if name not in module.nodes:
                # What is made at the top level: `rate = cached(_rate)`.
                pending += self._follow(definition, (), set())
            elif definition not in reached:
                reached[definition] = module.piece(name)
                pending += self._used_by(definition, reached[definition])
            if not pending:
                # Which members count is known when every class was seen.
                pending = [one for one in self._members(reached) if one not in reached]
        return reached

    def _used_by(self, definition: Definition, piece: Piece) -> Iterator[Definition]:
        """Yield the definitions that a piece uses, with what stands around it."""
        module, name = definition
        yield module, ""
        if "." in name:
            yield module, name.rpartition(".")[0]
        for first, *rest in piece.chains:
            yield from self._follow((module, first), rest, set())

    def _follow(
        self, definition: Definition, rest: Sequence[str], passed: set[Definition]
    ) -> Iterator[Definition]:
        """Follow a name of a module, and attributes of it, to where it is defined."""
        module_name, name = definition
        module = self.module(module_name)
        inner = f"{module_name}.{name}" if name else module_name
        if not name or (module.file and self.module(inner).file):
            # It is a module.
            if rest:
                yield from self._follow((inner, rest[0]), rest[1:], passed)
        elif not module.file or definition in passed:
            return  # Modules may import a name from each other.
        elif name in module.nodes:
            yield definition
        else:
            passed.add(definition)
            # Behind a name that nobody defines may be a value, or one of Python.
            yield module_name, ""
            for imported in module.imports.get(name, ()):
                yield from self._follow(imported, rest, passed)
            for starred, _ in module.imports.get("*", ()):
                yield from self._follow((starred, name), rest, passed)

    def _members(self, reached: Mapping[Definition, Piece]) -> Iterator[Definition]:
        """Yield the methods of reached classes that reached code may call."""
        attributes: set[str] = set()
        for piece in reached.values():
            attributes |= piece.attributes
        for (module_name, cls), piece in reached.items():
            if not piece.is_class:
                continue
            for name in self.module(module_name).nodes:
                outer, _, member = name.rpartition(".")
                may_be_called = member.startswith("__") or member in attributes
                if outer == cls and may_be_called:
                    yield module_name, name


def _file_of(module: str) -> str:
    loaded = getattr(sys.modules.get(module), "__file__", None)
    if isinstance(loaded, str):
        return loaded
    try:
        spec = spec_of(module)
    except LookupError:  # It is in a namespace package.
        return ""
    return getattr(spec, "origin", None) or ""


# -- the syntax of a module


def _note_pieces(
    body: Iterable[Any], prefix: str, pieces: dict[str, list[ast.stmt]]
) -> None:
    for node in body:
        if isinstance(node, DEFINITIONS):
            name = prefix + node.name
            if isinstance(node, ast.ClassDef):
                members = [one for one in node.body if isinstance(one, DEFINITIONS)]
                _note_pieces(members, f"{name}.", pieces)
                node = copy(node)
                node.body = [one for one in node.body if one not in members]
            pieces.setdefault(name, []).append(node)
        elif isinstance(node, (ast.If, ast.Try, ast.With, ast.ExceptHandler)):
            for name in ("body", "handlers", "orelse", "finalbody"):
                _note_pieces(getattr(node, name, ()), prefix, pieces)
        elif not (isinstance(node, _IMPORTS) or _is_remark(node) or _is_version(node)):
            pieces.setdefault("", []).append(node)


def _is_remark(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_version(statement: ast.stmt) -> bool:
    """Return whether a statement says a version, which a build may write."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    else:
        return False
    return all(isinstance(one, ast.Name) and one.id in _VERSIONS for one in targets)


def _free_chains(scope: ast.AST) -> set[Chain]:
    """Give what code uses of names that it does not bind itself.

    A name of a lambda, a comprehension or an inner function is another one around it.
    """
    used: set[Chain] = set()
    own: set[str] = set()
    outer: set[str] = set()
    pending = [*ast.iter_child_nodes(scope)]
    while pending:
        part = pending.pop()
        if isinstance(part, _SCOPES):
            used |= _free_chains(part)
        else:
            pending += ast.iter_child_nodes(part)
        if isinstance(part, ast.arg):
            own.add(part.arg)
        elif isinstance(part, ast.Global):
            outer.update(part.names)
            used.update((name,) for name in part.names)
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            own.add(part.id)
        else:
            used.add(_chain_of(part))
    if isinstance(scope, ast.ClassDef) or not isinstance(scope, _SCOPES):
        own.clear()
    return {one for one in used if one and one[0] not in own - outer}


def _chain_of(node: ast.AST) -> Chain:
    names: list[str] = []
    while True:
        match node:
            case ast.Attribute(value=inner, attr=name):
                pass
            case ast.Call(
                func=ast.Name(id="getattr"),
                args=[inner, ast.Constant(value=str(name)), *_],
            ):
                pass
            case ast.Name(id=name):
                return (name, *reversed(names))
            case _:
                return ()
        names.append(name)
        node = inner
