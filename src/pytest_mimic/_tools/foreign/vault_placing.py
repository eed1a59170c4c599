"""Carries staged recordings and cassettes into the project's vault, without replacing what is there."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Stored, Vault

Placement = Literal["new", "same", "kept"]
"""What was done: written, found equal, or not written because there is another one."""


class Placed(NamedTuple):
    """The result for the recordings of one file."""

    how: Placement
    obstacle: str = ""  # the file that was kept, or an empty text


class _Content(NamedTuple):
    """A recording or a cassette: the values that count, its facts as the vault reads them, its date and its owner."""

    values: object
    facts: Any
    date: str = ""
    target: str = ""
    owner: str = ""


class Placer:
    """Writes into the project's vault."""

    def __init__(self, vault: Vault, *, dry_run: bool) -> None:
        self._vault = vault
        self._is_dry = dry_run
        # The recordings of a target by their owner, once they were looked at.
        self._owners: dict[str, dict[str, set[str]]] = {}

    def place(self, staged: Vault) -> Placed:
        """Carry over all of a staged vault, the recordings of one conversation or one cassette: whole or not at all.

        MimicError: a file cannot be written. What was there before is there again.
        """
        new = {name: content for name in staged.names() if (content := _read(staged, name)) is not None}
        old = {name: _read(self._vault, name) for name in new}
        others = self._others(new)
        changed = [
            name
            for name, content in new.items()
            if (now := old[name]) is not None and now.values != content.values
        ]
        if changed or others:
            return Placed("kept", [*changed, *sorted(others)][0])
        if None not in old.values():
            return Placed("same")
        if not self._is_dry:
            self._write(new)
        for name, content in new.items():
            self._owners.get(content.target, {}).setdefault(content.owner, set()).add(name)
        return Placed("new")

    def _others(self, new: Mapping[str, _Content]) -> set[str]:
        """Return the recordings in the vault that belong to the same conversations as new ones.

        What has no owner, as with `sequence=no`, belongs to no conversation.
        """
        talks = {(content.target, content.owner): name for name, content in new.items() if content.owner}
        others: set[str] = set()
        for (target, owner), name in talks.items():
            others |= self._of_target(target, name).get(owner, set())
        return others - new.keys()

    def _of_target(self, target: str, name: str) -> dict[str, set[str]]:
        """Return the names of a client's recordings in the vault by their owner."""
        if target not in self._owners:
            owners = self._owners[target] = {}
            for each in self._vault.store.names(name.rpartition("/")[0]):
                with suppress(MimicError):
                    recording = self._vault.read(each, skim=True)
                    if recording is not None and recording.target == target:
                        owners.setdefault(recording.owner or "", set()).add(each)
        return self._owners[target]

    def _write(self, new: Mapping[str, _Content]) -> None:
        before = {name: self._vault.store.read(name) for name in new}
        try:
            for name, content in new.items():
                if name.startswith(CASSETTES):
                    calls = [one._replace(stored=self._again(one.stored)) for one in content.facts]
                    self._vault.write_cassette(name, calls, recorded=content.date)
                else:
                    outcomes = [self._again(one) for one in content.facts.outcomes]
                    self._vault.write(name, content.facts._replace(outcomes=outcomes))
        except BaseException:
            for name, data in before.items():
                if self._vault.store.read(name) != data:
                    self._vault.restore(name, data)
            raise

    def _again(self, stored: Stored) -> Stored:
        """Return the same outcome, to be written with its objects."""
        return self._vault.stored(stored.load(), stored.duration, detached=True)


def _read(vault: Vault, name: str) -> _Content | None:
    """Return a recording or cassette. A damaged one is like no other."""
    try:
        if name.startswith(CASSETTES):
            calls = vault.read_cassette(name)
            if calls is None:
                return None
            played = [(one.key, one.stored.load().value) for one in calls]
            return _Content(played, [one.whole() for one in calls], vault.date_of(name))
        recording = vault.read(name)
        if recording is None:
            return None
        values = [one.load().value for one in recording.outcomes]
        return _Content(
            values, recording.whole(), recording.recorded, recording.target, recording.owner or ""
        )
    except MimicError:
        return _Content(object(), None)
