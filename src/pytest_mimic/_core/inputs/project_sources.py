"""Fingerprints of the project's files, and of the functions in its source files, as they are now."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable
from pathlib import Path

from xxhash import xxh3_64, xxh3_64_hexdigest

from pytest_mimic._core.identity.source import normalised, parsed
from pytest_mimic._core.modules import file_of_module
from pytest_mimic._core.origin import is_in_project, path_when_installed
from pytest_mimic._core.words import pattern

_DIGITS = 8
# A larger file is no text, and is read in pieces of this size.
_LARGE = 1 << 26
_INSTALLED = pattern(r"(?:^|/)(?:(?:site|dist)-packages|__pycache__)/")
_HIDDEN = pattern(r"(?:^|/)\.[^/]*/")


class ProjectSources:
    """The files of a project. Each is looked at once."""

    def __init__(self, rootdir: Path, vault: Path) -> None:
        self._rootdir = rootdir
        self._roots = [f"{root}{os.sep}" for root in {str(rootdir): 0, os.path.realpath(rootdir): 0}]
        self._vaults = tuple({f"{vault}{os.sep}": 0, f"{os.path.realpath(vault)}{os.sep}": 0})
        self._digests: dict[Path, str | None] = {}
        self._files: dict[Path, SourceFile] = {}

    # -- names

    def name_of_source(self, file: str) -> str | None:
        """Return the name of a source file of the project, `shop/tax.py`; None for any other file."""
        if not file.endswith(".py") or not is_in_project(file, self._rootdir):
            return None
        return path_when_installed(file) or Path(os.path.relpath(file, self._rootdir)).as_posix()

    def name_of_file(self, path: str) -> str | None:
        """Return the name of a file under the rootdir that is noted when it is read, `data/rates.csv`."""
        root = next((root for root in self._roots if path.startswith(root)), None)
        if root is None or path.startswith(self._vaults):
            return None
        name = path[len(root) :].replace(os.sep, "/")
        return None if _INSTALLED.search(name) or _HIDDEN.search(name) else name

    # -- fingerprints

    def digest(self, name: str, module: str = "") -> str | None:
        """Return the fingerprint of the bytes of a file; None if there is no such file. Ends of lines do not count."""
        place = self._place(name, module)
        if place not in self._digests:
            self._digests[place] = _digest(place)
        return self._digests[place]

    def file(self, name: str, module: str) -> SourceFile:
        place = self._place(name, module)
        if place not in self._files:
            self._files[place] = SourceFile(place)
        return self._files[place]

    def _place(self, name: str, module: str) -> Path:
        """Return the path of a file. A source may be elsewhere than where it was recorded: installed, for example."""
        path = self._rootdir / name
        if module and not path.is_file():
            return Path(file_of_module(module) or path)
        return path


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGE)
            if len(data) < _LARGE:
                text = data if b"\0" in data else data.replace(b"\r\n", b"\n")
                return xxh3_64_hexdigest(text)[:_DIGITS]
            whole = xxh3_64(data)
            while data := file.read(_LARGE):
                whole.update(data)
            return whole.hexdigest()[:_DIGITS]
    except (OSError, TypeError):  # a test may replace `open`
        return None


class SourceFile:
    """A source file of the project: its functions and classes, and the names that they use.

    Attributes:
        functions: The fingerprints of the functions by qualified name; under the empty name, that of what stands outside
            of functions. Layout, comments and docstrings do not count.
        uses: The names and attributes that each of them uses.
        classes: The names that the bases and decorators of each class use, by qualified name.
        values: By the names that statements outside of functions bind, the names that these statements use.
        imports: By the name that an import binds, the module and the name in it; `*` for all names.
    """

    def __init__(self, path: Path) -> None:
        self.functions: dict[str, str] = {}
        self.uses: dict[str, set[str]] = {}
        self.imports: dict[str, tuple[str, str]] = {}
        self.classes: dict[str, set[str]] = {}
        self.values: dict[str, set[str]] = {}
        try:
            tree = parsed(path.read_bytes())
        except (OSError, TypeError):  # it has gone, or a test has replaced `open`
            return
        if tree is None:  # it is of a newer Python
            return
        parts: dict[str, list[ast.AST]] = {"": [tree]}
        for node in ast.walk(tree):
            self._enter_imports(node)
        _take_out(tree, "", parts)
        self._enter_statements(tree.body, "")
        for name, nodes in parts.items():
            digests = " ".join(map(normalised, nodes))
            self.functions[name] = xxh3_64_hexdigest(digests.encode())[:_DIGITS]
            self.uses[name] = _names(*nodes)

    def _enter_imports(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.imports[alias.asname or alias.name.partition(".")[0]] = alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                self.imports[alias.asname or alias.name] = "." * node.level + (node.module or ""), alias.name

    def _enter_statements(self, body: Iterable[ast.AST], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                self.classes[f"{prefix}{node.name}"] = _names(node)
                self._enter_statements(node.body, f"{prefix}{node.name}.")
                continue
            bound = {
                one.id
                for one in ast.walk(node)
                if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store) and not prefix
            }
            for name in bound:
                self.values.setdefault(name, set()).update(_names(node))
            inner = (ast.stmt, ast.excepthandler, ast.match_case)
            self._enter_statements(
                (one for one in ast.iter_child_nodes(node) if isinstance(one, inner)), prefix
            )


def _take_out(node: ast.AST, prefix: str, found: dict[str, list[ast.AST]]) -> None:
    """Take the functions of a module and of its classes out of the tree. Some are defined several times."""
    for field, value in ast.iter_fields(node):
        if not isinstance(value, list):
            continue
        kept = []
        for child in value:
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                found.setdefault(f"{prefix}{child.name}", []).append(child)
                continue
            kept.append(child)
            if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
                inner = f"{prefix}{child.name}." if isinstance(child, ast.ClassDef) else prefix
                _take_out(child, inner, found)
        setattr(node, field, kept)


def _names(*nodes: ast.AST) -> set[str]:
    """Return the names and attributes that code uses."""
    found = set()
    for node in nodes:
        for one in ast.walk(node):
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load):
                found.add(one.id)
            elif isinstance(one, ast.Attribute):
                found.add(one.attr)
    return found
