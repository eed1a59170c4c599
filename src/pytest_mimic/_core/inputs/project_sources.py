"""Fingerprints of the project's files, and of the functions in its source files, as they are now."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

from xxhash import xxh3_64, xxh3_64_hexdigest

from pytest_mimic._core.event_loop import outside_event_loop
from pytest_mimic._core.identity.source import normalised
from pytest_mimic._core.modules import file_of_module
from pytest_mimic._core.origin import is_in_project, path_when_installed

_DIGITS = 8
# A larger file is no text, and is read in pieces of this size.
_LARGE = 1 << 26
_INSTALLED = re.compile(r"(?:^|/)(?:(?:site|dist)-packages|__pycache__)/")
_HIDDEN = re.compile(r"(?:^|/)\.[^/]*/")


class ProjectSources:
    """The files of a project. Each is looked at once."""

    def __init__(self, rootdir: Path, vault: Path) -> None:
        self._rootdir = rootdir
        self._roots = [f"{root}{os.sep}" for root in {str(rootdir): 0, os.path.realpath(rootdir): 0}]
        self._vaults = tuple({f"{vault}{os.sep}": 0, f"{os.path.realpath(vault)}{os.sep}": 0})
        self._digests: dict[Path, str | None] = {}
        self._functions: dict[Path, dict[str, str]] = {}

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

    def functions(self, name: str, module: str) -> dict[str, str]:
        """Return the fingerprints of the functions of a source file by qualified name.

        That of what stands outside of functions is under the empty name. Layout, comments and docstrings do not count.
        """
        place = self._place(name, module)
        if place not in self._functions:
            self._functions[place] = _functions(place)
        return self._functions[place]

    def _place(self, name: str, module: str) -> Path:
        """Return the path of a file. A source may be elsewhere than where it was recorded: installed, for example."""
        path = self._rootdir / name
        if module and not path.is_file():
            return Path(file_of_module(module) or path)
        return path


@outside_event_loop
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
    except OSError:
        return None


@outside_event_loop
def _functions(path: Path) -> dict[str, str]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):  # it has gone, or is of a newer Python
        return {}
    found: dict[str, list[str]] = {}
    _take_out(tree, "", found)
    found[""] = [normalised(tree)]
    return {name: xxh3_64_hexdigest(" ".join(each).encode())[:_DIGITS] for name, each in found.items()}


def _take_out(node: ast.AST, prefix: str, found: dict[str, list[str]]) -> None:
    """Take the functions of a module and of its classes out of the tree. Some are defined several times."""
    for field, value in ast.iter_fields(node):
        if not isinstance(value, list):
            continue
        kept = []
        for child in value:
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                found.setdefault(f"{prefix}{child.name}", []).append(normalised(child))
                continue
            kept.append(child)
            if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
                inner = f"{prefix}{child.name}." if isinstance(child, ast.ClassDef) else prefix
                _take_out(child, inner, found)
        setattr(node, field, kept)
