"""What a run collected, ran and used, in whichever of its processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pytest_mimic.engine.events import Event

WORDS_OF_OUTCOMES = {
    "failed": "failed",
    "skipped": "was skipped",
    "uncalled": "may have passed without a call of its function",
}


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
    def of_plain(cls, plain: Mapping[str, Any]) -> Usage:
        """Return what `to_plain` gave.

        Raises:
            KeyError: It is something else.
        """
        usage = cls()
        for name in vars(usage):
            setattr(usage, name, _unsorted(plain[name]))
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


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(part) for key, part in sorted(value.items())}
    return sorted(value) if isinstance(value, set) else value


def _unsorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unsorted(part) for key, part in value.items()}
    return set(value) if isinstance(value, list) else value
