"""What a run collected, ran and used, in whichever of its processes."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_mimic.engine.events import CALLS, Event

WORDS_OF_OUTCOMES = {
    "failed": "failed",
    "skipped": "was skipped",
    "left out": "was left out",
    "uncalled": "may have passed without a call of its function",
}

# Why not all tests have run, where a process has ended without a word.
CRASHED = "a worker crashed"


class Usage:
    """What one run, or several together, collected, ran and used.

    Attributes:
        partial: Why not all tests of the project have run, each reason with its kind.
            `deselected`: they were collected. `hidden`: their files were not.
            `stopped`: the run did not come to its end, or not as usual.
        mimicked: The targets that were mimicked, as their lines name them.
        foreign_lines: Why `mimic_functions` is not that of the project's ini file.
        collected: The files that were collected.
        skipped: The modules that skipped themselves.
        selected: The tests that were collected, the deselected ones included.
        outcomes: How each test ended that ran: `passed`, `failed`, `skipped`; or
            `left out`: it has passed, and nothing was mimicked for it; or `uncalled`:
            it may have passed without a call of its function.
        used: The identities that were used, by the file of their recordings.
        threads: The threads that tests have left, and that run at the end.
    """

    def __init__(self) -> None:
        self.partial: dict[str, str] = {}
        self.mimicked: set[str] = set()
        self.foreign_lines: set[str] = set()
        self.collected: set[str] = set()
        self.skipped: set[str] = set()
        self.selected: set[str] = set()
        self.outcomes: dict[str, str] = {}
        self.used: dict[str, set[str]] = {}
        self.threads: set[str] = set()

    def add_events(self, events: Iterable[Event]) -> None:
        """Take from the events of a run which recordings it used."""
        for event in events:
            name = event.text("name")
            if name:
                self.used.setdefault(name, set()).add(event.text("identity"))

    def add(self, other: Usage) -> None:
        """Count another process or run, and take its sets over, as a part of this."""
        for name, theirs in vars(other).items():
            mine = getattr(self, name)
            if name == "used":
                for file, identities in theirs.items():
                    mine[file] = mine[file] | identities if file in mine else identities
            else:
                mine.update(theirs)

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Usage:
        """Return what `vars` gave of a usage, with lists for its sets in JSON.

        Raises:
            KeyError: It is something else.
        """
        usage = cls()
        for name in vars(usage):
            setattr(usage, name, _with_sets(plain[name]))
        return usage

    def not_passed(self) -> list[str]:
        """Return the tests and modules that did not pass, in words."""
        words = [
            f"{test} {WORDS_OF_OUTCOMES[outcome]}"
            for test, outcome in self.outcomes.items()
            if outcome != "passed"
        ]
        skipped = sorted(self.skipped - self.collected)
        return words + [f"{module} was skipped" for module in skipped]


def _with_sets(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_sets(part) for key, part in value.items()}
    return set(value) if isinstance(value, list) else value


# -- the order in which tests asked, which pytest keeps from run to run

ASKED = "mimic/asked"
"""Under which name the cache of pytest has it."""


def asked_of_plain(plain: Any) -> dict[str, list[str]]:
    """Return the files of requests that all share, as each test asked for them last."""
    asked = plain if isinstance(plain, dict) else {}
    return {test: names for test, names in asked.items() if isinstance(names, list)}


def asked_now(
    before: Any, events: Iterable[Event], outcomes: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return the same after a run.

    Args:
        before: What the run before has left.
        events: What happened in this run.
        outcomes: How its tests ended: only one that has passed has asked for all.
    """
    passed = {test for test, outcome in outcomes.items() if outcome == "passed"}
    asked = asked_of_plain(before)
    asked.update({test: [] for test in passed & asked.keys()})
    for event in events:
        if event.kind not in CALLS or event.test not in passed:
            continue
        name = event.text("name")
        # The folder of a function has a dot: it has one outcome a call.
        if re.match(r"calls/[^./]+/", name):
            asked.setdefault(event.test, []).append(name)
    return asked


IMPORTED = "mimic/imported"
"""Where the cache of pytest has the imported calls that tests send otherwise."""


def imported_now(
    before: Any, events: Iterable[Event], outcomes: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return the files of imported calls that each test sends otherwise by now.

    Args:
        before: What the run before has left.
        events: What happened in this run.
        outcomes: The tests that have run.
    """
    imported = asked_of_plain(before)
    for test in outcomes:
        imported.pop(test, None)
    for event in events:
        if event.kind == "imported":
            imported.setdefault(event.test, []).append(event.text("cause"))
    return imported


# -- tests that exist no more


class GoneTests:
    """The tests that exist no more: `"tests/test_a.py::test_x" in gone_tests`.

    ==========================================  ======================================
    the file of the test                        the test is gone
    ==========================================  ======================================
    is gone                                     yes
    was not collected                           no: it is not known
    was collected, and the function too         yes, with these parameters
    was collected, and defines it no more       yes
    was collected, and defines it, or may       no: it may have been left out
    inherit it
    ==========================================  ======================================

    Args:
        usage: What the run collected.
        rootdir: The rootdir of the project.
        partly_collected: The files of which only some tests were.
    """

    def __init__(
        self, usage: Usage, rootdir: Path, partly_collected: Container[str] = ()
    ) -> None:
        self.usage = usage
        self.rootdir = rootdir
        self.partly_collected = partly_collected

    @cached_property
    def _functions(self) -> set[str]:
        """The functions that were collected: all of their parameters are known."""
        return {test.partition("[")[0] for test in self.usage.selected}

    def __contains__(self, test: object) -> bool:
        usage = self.usage
        if not isinstance(test, str):
            return False
        if test in usage.selected or test in usage.outcomes:
            return False
        file = test.partition("::")[0]
        path = self.rootdir / file
        try:
            text = path.read_text("utf-8", "replace")
        except (OSError, ValueError):
            # Path.exists raises for a forged id that is no name of a file.
            return not os.path.exists(path)  # noqa: PTH110
        if file not in usage.collected or file in self.partly_collected:
            return False
        if file == test:
            return False
        function = test.partition("[")[0]
        if function in self._functions:
            return True
        # A doctest is called like its function, behind its module.
        names = [name.rpartition(".")[2] for name in function.split("::")[1:]]
        try:
            return not _may_define(ast.parse(text), names)
        except (SyntaxError, ValueError, RecursionError):
            return False


def _may_define(block: ast.AST, names: Sequence[str]) -> bool:
    """Whether a module or class defines a test, by the names that lead to it."""
    name, *inner = names
    for node in ast.iter_child_nodes(block):
        if isinstance(node, ast.ClassDef):
            # What a class inherits, its own file may not name.
            may_inherit = bool(node.bases) and inner != []
            if node.name == name and (not inner or _may_define(node, inner)):
                return True
            if node.name == name and may_inherit:
                return True
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if node.name == name and not inner:
                return True
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            if {one.asname or one.name for one in node.names} & {name, "*"}:
                return True
        elif isinstance(node, ast.Name):
            if node.id == name and isinstance(node.ctx, ast.Store):
                return True
        # Behind a condition, say.
        elif _may_define(node, names):
            return True
    return False
