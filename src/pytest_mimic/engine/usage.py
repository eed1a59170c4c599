"""What a run collected, ran and used, and the file of `--mimic-usage` with it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic.engine.events import Event
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from typing_extensions import Self

WORDS_OF_OUTCOMES = {
    "failed": "failed",
    "skipped": "was skipped",
    "uncalled": "may have passed without a call of its function",
}


@dataclass
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
            `uncalled`: it has passed without a call of its function.
        used: The identities that were used, by the file of their recordings.
        unmade: The identities in a log that its owner did not ask for, by the file.
        vault: The files of the vault when the run ended, each with its digest.
    """

    partial: dict[str, str] = field(default_factory=dict)
    mimicked: set[str] = field(default_factory=set)
    foreign_lines: set[str] = field(default_factory=set)
    collected: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    selected: set[str] = field(default_factory=set)
    outcomes: dict[str, str] = field(default_factory=dict)
    used: dict[str, set[str]] = field(default_factory=dict)
    unmade: dict[str, set[str]] = field(default_factory=dict)
    vault: set[str] = field(default_factory=set)

    def note(self, events: Iterable[Event]) -> None:
        """Take from the events of a run which recordings it used."""
        for event in events:
            name = str(event.facts.get("name", ""))
            if event.kind == "unmade":
                identities = event.facts["identities"]
                assert isinstance(identities, list)
                self.unmade.setdefault(name, set()).update(map(str, identities))
            elif name:
                identity = str(event.facts.get("identity", ""))
                self.used.setdefault(name, set()).add(identity)

    def add(self, other: Usage) -> None:
        """Count another process or another run as a part of this one."""
        for name, theirs in vars(other).items():
            mine = getattr(self, name)
            if name in ("used", "unmade"):
                for file, identities in theirs.items():
                    mine.setdefault(file, set()).update(identities)
            else:
                mine.update(theirs)

    def to_plain(self) -> dict[str, Any]:
        """Return this as JSON has it, a set as a list."""
        return {name: _sorted(value) for name, value in vars(self).items()}

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Return what `to_plain` gave.

        Raises:
            TypeError: It is something else.
        """
        return cls(**{name: _unsorted(value) for name, value in plain.items()})

    def not_passed(self) -> list[str]:
        """Return the tests and modules that did not pass, in words."""
        told = [
            f"{test} {WORDS_OF_OUTCOMES[outcome]}"
            for test, outcome in self.outcomes.items()
            if outcome != "passed"
        ]
        skipped = sorted(self.skipped - self.collected)
        return told + [f"{module} was skipped" for module in skipped]


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(part) for key, part in sorted(value.items())}
    return sorted(value) if isinstance(value, set) else value


def _unsorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unsorted(part) for key, part in value.items()}
    return set(value) if isinstance(value, list) else value


# -- the file

_VERSION = 7


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
            if plain["pytest_mimic_usage"] != _VERSION:
                raise MimicError(f"{path} is of another version of pytest-mimic")
            usage = Usage.of_plain(plain["usage"])
            return cls(path, plain["commit"], plain["environment"], usage)
        except OSError as error:
            raise MimicError(f"{path} cannot be read: {error.strerror}") from None
        except (KeyError, TypeError, ValueError, AttributeError):
            raise MimicError(f"{path} is no file of --mimic-usage") from None

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
        major, minor = sys.version_info[:2]
        plain = {
            "pytest_mimic_usage": _VERSION,
            "commit": commit_of(rootdir),
            "environment": f"Python {major}.{minor} on {sys.platform}",
            "usage": usage.to_plain(),
        }
        try:
            path.write_text(json.dumps(plain, indent=1), "utf-8")
        except OSError as error:
            raise MimicError(f"cannot write {path}: {error.strerror}") from None


def commit_of(folder: Path) -> str:
    """Return the commit that is checked out in a folder; empty: there is none."""
    import subprocess  # few runs ask

    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""  # git is not installed
    return done.stdout.strip() if done.returncode == 0 else ""
