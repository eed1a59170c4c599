"""The list of what a call ran and read: as text in the vault, and compared with the project as it is now."""

from __future__ import annotations

import json
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


def read_list(text: str | bytes) -> tuple[dict[str, str], Functions | str]:
    """Return the files and the functions of a list, whose shape was checked, or the reason why there is none."""
    if text[:1] not in ("{", b"{"):
        return {}, text if isinstance(text, str) else text.decode()
    facts = json.loads(text)
    return facts["files"], facts["functions"]


def inputs_in(text: str | bytes) -> list[Input]:
    """Return what a list names, functions first."""
    files, functions = read_list(text)
    named = functions.items() if isinstance(functions, dict) else ()
    ran = [Input(name, source) for source, names in named for name in names if name]
    return [*ran, *map(Input, files)]


def why_not_noted(text: str | bytes) -> str:
    """Return why a list has no functions, or nothing."""
    functions = read_list(text)[1]
    return functions if isinstance(functions, str) else ""


def changed_inputs(text: str | bytes, sources: ProjectSources) -> list[Input]:
    """Return what has changed since a list was made."""
    files, functions = read_list(text)
    found = [
        Input(name, source)
        for source, names in (functions.items() if isinstance(functions, dict) else ())
        for name in _changed_in(source, names, sources)
    ]
    return [*found, *(Input(name) for name, digits in files.items() if sources.digest(name) != digits)]


def _changed_in(source: str, names: dict[str, str], sources: ProjectSources) -> list[str]:
    module = module_of(names)
    if names.get("") == sources.digest(source, module):  # equal bytes settle all functions
        return []
    now = sources.file(source, module).functions
    return [name for name, digits in names.items() if name and now.get(name.partition(":")[2]) != digits]


def module_of(names: dict[str, str]) -> str:
    return next((name.partition(":")[0] for name in names if name), "")
