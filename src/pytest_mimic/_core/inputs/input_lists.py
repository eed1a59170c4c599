"""The list of what a call ran and read: as text in the vault, and compared with the project as it is now."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pytest_mimic._core.inputs.project_sources import ProjectSources

Functions = dict[str, dict[str, str]]
"""Fingerprints by source file and name: under the empty name that of the file's bytes, under the module's that of what
stands outside of functions, under `module:function` that of a function."""


class Input(NamedTuple):
    """A file that a call read, or a function or module that it ran, in its source file.

    Attributes:
        name: `shop.tax:rate`, the module `shop.tax`, or the file `data/rates.csv`.
        source: The source file; empty for a file that was read.
    """

    name: str
    source: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.source})" if self.source else self.name


def text_of_inputs(files: dict[str, str], functions: Functions | str) -> str:
    """Return the list as the vault has it. `functions` is a text if none could be noted, which says why."""
    return json.dumps({"files": files, "functions": functions}, indent=1, sort_keys=True) + "\n"


def _read(text: str | bytes) -> tuple[dict[str, str], Functions | str]:
    """Return the files and the functions of a list, whose shape was checked, or the reason why there is none."""
    if text[:1] not in ("{", b"{"):
        return {}, text if isinstance(text, str) else text.decode()
    facts = json.loads(text)
    return facts["files"], facts["functions"]


def inputs_in(text: str | bytes) -> list[Input]:
    """Return what a list names, functions first."""
    files, functions = _read(text)
    named = functions.items() if isinstance(functions, dict) else ()
    ran = [Input(name, source) for source, names in named for name in names if name]
    return [*ran, *map(Input, files)]


def why_not_noted(text: str | bytes) -> str:
    """Return why a list has no functions, or nothing."""
    functions = _read(text)[1]
    return functions if isinstance(functions, str) else ""


def changed_inputs(text: str | bytes, sources: ProjectSources) -> list[Input]:
    """Return what has changed since a list was made."""
    files, functions = _read(text)
    found = [
        Input(name, source)
        for source, names in (functions.items() if isinstance(functions, dict) else ())
        for name in _changed_in(source, names, sources)
    ]
    return [*found, *(Input(name) for name, digits in files.items() if sources.digest(name) != digits)]


def _changed_in(source: str, names: dict[str, str], sources: ProjectSources) -> list[str]:
    module = _module_of(names)
    if names.get("") == sources.digest(source, module):  # equal bytes settle all functions
        return []
    now = sources.file(source, module).functions
    return [name for name, digits in names.items() if name and now.get(name.partition(":")[2]) != digits]


def _module_of(names: dict[str, str]) -> str:
    return next((name.partition(":")[0] for name in names if name), "")


class NotedInputs:
    """The list of a call that was just recorded, or verified."""

    def __init__(self, sources: ProjectSources, files: dict[str, str], functions: Functions | str) -> None:
        self._sources = sources
        self._files, self._functions = files, functions

    def over(self, before: bytes | None, *, is_same: bool) -> str:
        """Return the list that stands in the vault from now on, empty if it names nothing. `is_same`: the outcome stays.

        The list before stays as long as nothing in it has changed. Where no functions could be noted, those of the list
        before stay, with the fingerprints of now; without files or functions, only the reason stands in the recording.
        """
        functions = self._functions
        if before is None and isinstance(functions, dict):
            return self._text
        try:
            old = None if before is None else _read(before)
        except (LookupError, TypeError, ValueError):  # a damaged one is replaced
            old = None
        if old is not None:
            is_noted, was_noted = isinstance(functions, dict), isinstance(old[1], dict)
            if is_same and (was_noted or not is_noted) and not changed_inputs(before or b"", self._sources):
                return (before or b"").decode()
            if was_noted and not is_noted:
                functions = {source: self._now(source, names) for source, names in old[1].items()}  # type: ignore[union-attr]
        if not self._files and not isinstance(functions, dict):
            return "" if is_same and before is None else functions
        return text_of_inputs(self._files, functions) if self._files or functions else ""

    @cached_property
    def _text(self) -> str:
        return text_of_inputs(self._files, self._functions) if self._files or self._functions else ""

    def _now(self, source: str, names: dict[str, str]) -> dict[str, str]:
        module = _module_of(names)
        now = {"": self._sources.digest(source, module) or ""}
        found = self._sources.file(source, module).functions
        return now | {
            name: found[name.partition(":")[2]] for name in names if name and name.partition(":")[2] in found
        }
