"""The functions and classes of the project that code reaches by name, found in its source files."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pytest_mimic._core.modules import file_of_module

if TYPE_CHECKING:
    from pytest_mimic._core.inputs.input_lists import Functions
    from pytest_mimic._core.inputs.project_sources import ProjectSources, SourceFile


def reached(target: str, classes: Iterable[type], sources: ProjectSources) -> Functions:
    """Return the fingerprints of what the code of a target reaches, `shop.api:Client.get`, and of classes of its arguments.

    A name counts wherever it leads: to a function, a class with its bases, a value, an import. Of a class, the methods
    count whose names are used somewhere, and those with a special name.
    """
    found = _Reach(sources)
    module, _, name = target.partition(":")
    found.add(module, name, is_own=True)
    for step in range(1, name.count(".") + 1):
        found.add(module, ".".join(name.split(".")[:step]))
    for kind in classes:
        found.add(kind.__module__, kind.__qualname__)
    found.finish()
    return found.functions


class _Reach:
    def __init__(self, sources: ProjectSources) -> None:
        self.functions: Functions = {}
        self._sources = sources
        self._seen: set[tuple[str, str]] = set()
        self._used: set[str] = set()
        self._classes: list[tuple[str, str, SourceFile]] = []

    def add(self, module: str, name: str, *, is_own: bool = False) -> None:
        """Add what a module binds to a name, and what that reaches. The function of the target itself is compared apart."""
        if (module, name) in self._seen:
            return
        self._seen.add((module, name))
        place = getattr(sys.modules.get(module), "__file__", None) or file_of_module(module)
        source = None if place is None else self._sources.name_of_source(place)
        if source is None:
            return
        file = self._sources.file(source, module)
        if name in file.functions:
            # What stands beside the target counts only if its code names some of it.
            beside = file.values.keys() | file.classes.keys() | file.imports.keys()
            if not is_own or file.uses[name] & beside:
                self._note(source, module, "")
            if not is_own:
                self._note(source, module, name)
            self._follow(module, file, file.uses[name])
        elif name in file.classes:
            self._note(source, module, "")
            self._classes.append((module, name, file))
            self._follow(module, file, file.classes[name])
        elif name in file.imports:
            self._import(module, file, name)
        elif name in file.values:
            self._note(source, module, "")
            self._follow(module, file, file.values[name])

    def finish(self) -> None:
        """Add the methods of the classes whose names are used, until there are no more."""
        count = -1
        while count != len(self._seen):
            count = len(self._seen)
            for module, name, file in tuple(self._classes):
                for method in file.functions:
                    inner = method[len(name) + 1 :] if method.startswith(f"{name}.") else ""
                    if inner and (inner in self._used or inner[:2] == inner[-2:] == "__"):
                        self.add(module, method)

    def _note(self, source: str, module: str, name: str) -> None:
        digest, now = self._sources.digest(source, module), self._sources.file(source, module).functions
        if digest is not None and name in now:
            noted = self.functions.setdefault(source, {"": digest})
            noted[f"{module}:{name}" if name else module] = now[name]

    def _follow(self, module: str, file: SourceFile, used: set[str]) -> None:
        self._used |= used
        known = file.functions.keys() | file.classes.keys() | file.values.keys() | file.imports.keys()
        for name in sorted(used & known):
            self.add(module, name)
            if name in file.imports:
                self._import(module, file, name, used)
        if "*" in file.imports:
            for name in sorted(used - known):
                self._import(module, file, "*", {name})

    def _import(self, module: str, file: SourceFile, bound: str, used: Iterable[str] = ()) -> None:
        """Add what an import binds: a name of another module, or the names that are used of a module."""
        origin, name = file.imports[bound]
        origin = _absolute(origin, module)
        inner = f"{origin}.{name}" if name and name != "*" else origin
        if name == "*" or not name or inner in sys.modules:
            for one in used:
                self.add(inner, one)
        else:
            self.add(origin, name)


def _absolute(module: str, importer: str) -> str:
    """Return the name of a module that another one imports, perhaps relative to its package."""
    level = len(module) - len(module.lstrip("."))
    if not level:
        return module
    package = str(getattr(sys.modules.get(importer), "__package__", None) or importer)
    steps = package.split(".")
    base = ".".join(steps[: len(steps) - level + 1])
    return f"{base}.{module[level:]}".strip(".")
