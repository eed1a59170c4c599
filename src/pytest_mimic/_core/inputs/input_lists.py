"""The list of what a call reaches and reads: as text in the vault, and compared with the project as it is now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pytest_mimic._core.inputs.project_sources import ProjectSources

Functions = dict[str, dict[str, str]]
"""Fingerprints by source file and name: under the empty name that of the file's bytes, under the module's that of what
stands outside of functions, under `module:function` that of a function."""


class Input(NamedTuple):
    """A file that a call read, or a function or module that its code reaches, in its source file.

    Attributes:
        name: `shop.tax:rate`, the module `shop.tax`, or the file `data/rates.csv`.
        source: The source file; empty for a file that was read.
    """

    name: str
    source: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.source})" if self.source else self.name


class NotedInputs:
    """The list of a call that was just recorded, or verified."""

    def __init__(self, sources: ProjectSources, files: dict[str, str], functions: Functions) -> None:
        self._sources = sources
        facts = {"files": files, "functions": functions}
        self._text = json.dumps(facts, indent=1, sort_keys=True) + "\n" if files or functions else ""

    def over(self, before: bytes | None, *, is_same: bool) -> str:
        """Return the list that stands in the vault from now on, empty if it names nothing. `is_same`: the outcome stays.

        The list before stays as long as nothing in it has changed: which files a call reads may depend on other tests.
        """
        try:
            if before and is_same and not changed_inputs(before, self._sources):
                return before.decode()
        except (LookupError, TypeError, ValueError):  # a damaged one is replaced
            pass
        return self._text


def inputs_in(text: str | bytes) -> list[Input]:
    """Return what a list names, functions first."""
    facts = json.loads(text)
    reached = [Input(name, source) for source, names in facts["functions"].items() for name in names if name]
    return [*reached, *map(Input, facts["files"])]


def changed_inputs(text: str | bytes, sources: ProjectSources) -> list[Input]:
    """Return what has changed since a list was made."""
    facts = json.loads(text)
    found = [
        Input(name, source)
        for source, names in facts["functions"].items()
        for name in _changed_in(source, names, sources)
    ]
    return [
        *found,
        *(Input(name) for name, digits in facts["files"].items() if sources.digest(name) != digits),
    ]


def _changed_in(source: str, names: dict[str, str], sources: ProjectSources) -> list[str]:
    module = next((name.partition(":")[0] for name in names if name), "")
    if names.get("") == sources.digest(source, module):  # equal bytes settle all functions
        return []
    now = sources.file(source, module).functions
    return [name for name, digits in names.items() if name and now.get(name.partition(":")[2]) != digits]
