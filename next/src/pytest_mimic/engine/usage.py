"""What a run collected, ran and used, and the file of `--mimic-usage` with it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_mimic.engine.events import Event, Plain
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from typing_extensions import Self

Outcome = Literal["passed", "failed", "skipped", "uncalled"]
"""How a test ended. One that is uncalled has passed without a call of its function."""

WORDS_OF_OUTCOMES = {
    "failed": "failed",
    "skipped": "was skipped",
    "uncalled": "passed without a call of its function",
}


class Reason(NamedTuple):
    """Why not all tests of the project have run.

    Attributes:
        kind: `deselected`: they were collected. `hidden`: their files were not.
            `stopped`: the run did not come to its end, or not as usual.
        text: The reason in words.
    """

    kind: Literal["deselected", "hidden", "stopped"]
    text: str


@dataclass
class Usage:
    """What one run, or several together, collected, ran and used.

    Attributes:
        partial: Why not all tests of the project have run.
        mimicked: The targets that were mimicked, as their lines name them.
        foreign_lines: Why `mimic_functions` is not that of the project's ini file.
        collected: The files that were collected.
        skipped: The modules that skipped themselves.
        selected: The tests that were collected, the deselected ones included.
        outcomes: How each test ended that ran.
        used: The identities that were used, by the file of their recordings.
        unmade: The identities in a log that its owner did not ask for, by the file.
        vault: The files of the vault when the run ended, each with its digest.
    """

    partial: set[Reason] = field(default_factory=set)
    mimicked: set[str] = field(default_factory=set)
    foreign_lines: set[str] = field(default_factory=set)
    collected: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    selected: set[str] = field(default_factory=set)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    used: dict[str, set[str]] = field(default_factory=dict)
    unmade: dict[str, set[str]] = field(default_factory=dict)
    vault: set[str] = field(default_factory=set)

    def note(self, events: Iterable[Event]) -> None:
        """Take from the events of a run which recordings it used."""
        for event in events:
            name = str(event.facts.get("name", ""))
            if event.kind == "unmade":
                identities = _texts(event.facts.get("identities"))
                self.unmade.setdefault(name, set()).update(identities)
            elif name:
                identity = str(event.facts.get("identity", ""))
                self.used.setdefault(name, set()).add(identity)

    def add(self, other: Usage) -> None:
        """Count another process or another run as a part of this one."""
        for name in ("partial", *_SETS):
            getattr(self, name).update(getattr(other, name))
        self.outcomes.update(other.outcomes)
        for name in ("used", "unmade"):
            mine = getattr(self, name)
            for file, identities in getattr(other, name).items():
                mine.setdefault(file, set()).update(identities)

    def to_plain(self) -> dict[str, Plain]:
        """Return this as JSON has it."""
        plain: dict[str, Plain] = {"outcomes": dict(self.outcomes)}
        plain["partial"] = [list(reason) for reason in sorted(self.partial)]
        for name in _SETS:
            plain[name] = sorted(getattr(self, name))
        for name in ("used", "unmade"):
            files = getattr(self, name).items()
            plain[name] = {file: sorted(found) for file, found in sorted(files)}
        return plain

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Return what `to_plain` gave.

        Raises:
            KeyError, TypeError, ValueError: It is something else.
        """
        usage = cls(outcomes=dict(plain["outcomes"]))
        usage.partial = {Reason(*reason) for reason in plain["partial"]}
        for name in _SETS:
            setattr(usage, name, set(plain[name]))
        for name in ("used", "unmade"):
            setattr(usage, name, {file: set(ids) for file, ids in plain[name].items()})
        return usage

    def not_passed(self) -> list[str]:
        """Return the tests and modules that did not pass, in words."""
        told = []
        for test, outcome in self.outcomes.items():
            if outcome != "passed":
                told.append(f"{test} {WORDS_OF_OUTCOMES[outcome]}")
        for module in sorted(self.skipped - self.collected):
            told.append(f"{module} was skipped")
        return told


_SETS = ("mimicked", "foreign_lines", "collected", "skipped", "selected", "vault")


class UsageFile(NamedTuple):
    """The file that one run has left for the command `unused`.

    Attributes:
        path: Where it is.
        commit: The commit of the checkout; empty: it is none.
        environment: `Python 3.11 on linux`.
        usage: What the run used.
    """

    path: Path
    commit: str
    environment: str
    usage: Usage

    @classmethod
    def read(cls, path: Path) -> UsageFile:
        """Return the file of a run.

        Raises:
            MimicError: It is no such file, or of another version.
        """
        try:
            plain = json.loads(path.read_text("utf-8"))
            version = plain["pytest_mimic_usage"]
            if version == _VERSION:
                usage = Usage.of_plain(plain["usage"])
                return cls(path, plain["commit"], plain["environment"], usage)
        except OSError as error:
            raise MimicError(f"{path} cannot be read: {error.strerror}") from None
        except (KeyError, TypeError, ValueError):
            raise MimicError(f"{path} is no file of --mimic-usage") from None
        raise MimicError(f"{path} is of another version of pytest-mimic")

    @classmethod
    def prepare(cls, path: Path) -> None:
        """Delete the file of an earlier run: if this one is killed, none is left.

        Raises:
            MimicError: It cannot be deleted.
        """
        try:
            if path.is_file():
                path.resolve().unlink()  # a link stays
        except OSError as error:
            raise MimicError(f"cannot delete {path}: {error.strerror}") from None

    @classmethod
    def write(cls, path: Path, usage: Usage, rootdir: Path) -> None:
        """Write what a run used.

        Raises:
            MimicError: The file cannot be written.
        """
        plain = {
            "pytest_mimic_usage": _VERSION,
            "commit": commit_of(rootdir),
            "environment": _environment(),
            "usage": usage.to_plain(),
        }
        try:
            path.write_text(json.dumps(plain, indent=1), "utf-8")
        except OSError as error:
            raise MimicError(f"cannot write {path}: {error.strerror}") from None


_VERSION = 6


def commit_of(folder: Path) -> str:
    """Return the commit that is checked out in a folder; empty: there is none."""
    import subprocess  # few runs ask

    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""  # git is not installed
    return done.stdout.strip() if done.returncode == 0 else ""


def _environment() -> str:
    major, minor = sys.version_info[:2]
    return f"Python {major}.{minor} on {sys.platform}"


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
