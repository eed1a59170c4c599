"""What a run collected, ran and used, in whichever of its processes."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Container, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_mimic.engine.events import CALLS, Event
from pytest_mimic.errors import MimicError

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
        unmade: The identities in a log that its owner did not ask for, by the file.
        vault: The files of the vault when the run ended, each with its digest.
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
        self.unmade: dict[str, set[str]] = {}
        self.vault: set[str] = set()

    def add_events(self, events: Iterable[Event]) -> None:
        """Take from the events of a run which recordings it used."""
        for event in events:
            name = event.text("name")
            if event.kind == "unmade":
                identities: Any = event.facts["identities"]
                self.unmade.setdefault(name, set()).update(identities)
            elif name:
                self.used.setdefault(name, set()).add(event.text("identity"))

    def add(self, other: Usage) -> None:
        """Count another process or run, and take its sets over, as a part of this."""
        for name, theirs in vars(other).items():
            mine = getattr(self, name)
            if name in ("used", "unmade"):
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
        told = [
            f"{test} {WORDS_OF_OUTCOMES[outcome]}"
            for test, outcome in self.outcomes.items()
            if outcome != "passed"
        ]
        skipped = sorted(self.skipped - self.collected)
        return told + [f"{module} was skipped" for module in skipped]


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


# -- the file of one run, to be judged with others

_VERSION = 7


class UsageFile:
    """The file that one run has left for the command `unused`.

    Args:
        path: Where it is.

    Attributes:
        commit: The commit of the checkout; empty: it is none.
        environment: `Python 3.11 on linux`.
        usage: What the run used.

    Raises:
        MimicError: It is no such file, or of another version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            plain = json.loads(path.read_text("utf-8"))
            if plain["pytest_mimic_usage"] != _VERSION:
                raise MimicError(f"{path} is of another version of pytest-mimic")
            self.usage = Usage.of_plain(plain["usage"])
            self.commit: str = plain["commit"]
            self.environment: str = plain["environment"]
        except OSError as error:
            raise MimicError(f"{path} cannot be read: {error.strerror}") from None
        except (KeyError, TypeError, ValueError, AttributeError):
            raise MimicError(f"{path} was not written by --mimic-usage") from None


def prepare_usage_file(path: Path) -> None:
    """Delete the file of an earlier run: if this run is killed, none is left.

    Raises:
        MimicError: It cannot be deleted.
    """
    try:
        if path.is_file():
            path.resolve().unlink()  # a link stays
    except OSError as error:
        raise MimicError(f"cannot delete {path}: {error.strerror}") from None


def write_usage_file(path: Path, usage: Usage, rootdir: Path) -> None:
    """Write what a run used.

    Raises:
        MimicError: The file cannot be written.
    """
    major, minor = sys.version_info[:2]
    plain = {
        "pytest_mimic_usage": _VERSION,
        "commit": commit_of(rootdir),
        "environment": f"Python {major}.{minor} on {sys.platform}",
        "usage": vars(usage),
    }
    try:
        path.write_text(json.dumps(plain, indent=1, default=sorted), "utf-8")
    except OSError as error:
        raise MimicError(f"cannot write {path}: {error.strerror}") from None


def commit_of(folder: Path) -> str:
    """Return the commit that is checked out in a folder; empty: there is none."""
    import subprocess  # few runs write a file

    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""  # git is not installed
    return done.stdout.strip() if done.returncode == 0 else ""


# -- tests that exist no more


class GoneTests:
    """The tests that exist no more: `"tests/test_a.py::test_x" in gone_tests`.

    ==========================================  ======================================
    the file of the test                        the test is gone
    ==========================================  ======================================
    is gone                                     yes
    was not collected                           no: it is not known
    was collected, and the function too         yes, with these parameters
    was collected, and its name does not stand  yes
    in it, nor that of a class that was not,
    or that has bases
    was collected, and one of these names does  no: it may have been left out
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

    @cached_property
    def _holders(self) -> set[str]:
        """The files and classes of which tests were collected."""
        return {function.rpartition("::")[0] for function in self._functions}

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
        # The code is not parsed: a name in a comment may be left out for a while. A
        # doctest is called like its function, behind its module.
        names = [name.rpartition(".")[2] for name in function.split("::")[1:]]
        *classes, name = map(re.escape, names)
        # What a class inherits, its own file does not name.
        inherits = re.search(rf"\bclass ({'|'.join(classes)})\b[^:\n]*\(", text)
        if function.rpartition("::")[0] in self._holders and not inherits:
            classes = []
        return not re.search(rf"\b({'|'.join([*classes, name])})\b", text)
