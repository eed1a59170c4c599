"""Carries staged recordings and cassettes into the project's vault, without replacing what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Stored, Vault

Placement = Literal["new", "same", "replaced", "kept"]
"""What was done: written, found equal, written over another one, or not written because there is another one."""


class Placed(NamedTuple):
    """The result for the recordings of one file."""

    how: Placement
    obstacle: str = ""  # the file that was kept, or an empty text
    is_from_here: bool = False  # the import itself has written that file, for another one


class _Content(NamedTuple):
    """A recording or a cassette: the values that count, its facts as the vault reads them, its date and its owner."""

    values: object
    facts: Any
    date: str = ""
    target: str = ""
    owner: str = ""


class Placer:
    """Writes into the project's vault."""

    def __init__(self, vault: Vault, *, overwrite: bool, dry_run: bool) -> None:
        self._vault = vault
        self._overwrite = overwrite
        self._is_dry = dry_run
        self._owners: dict[str, dict[str, set[str]]] = {}
        # What this import has written, or would have.
        self._planned: dict[str, _Content] = {}

    def place(self, staged: Vault) -> Placed:
        """Carry over all of a staged vault, the recordings of one conversation or one cassette: whole or not at all.

        MimicError: a file cannot be written. What was there before is there again, as far as the disk allows.
        """
        new = {name: content for name in staged.names() if (content := _read(staged, name)) is not None}
        old = {name: self._planned.get(name) or _read(self._vault, name) for name in new}
        others = self._others(new)
        changed = [
            name
            for name, content in new.items()
            if (now := old[name]) is not None and now.values != content.values
        ]
        if not others and not changed and None not in old.values():
            return Placed("same")
        obstacles = [*changed, *sorted(others)]
        obstacle = next((name for name in obstacles if name in self._planned), "")
        if obstacle:  # of two files for one conversation, the second would replace the first
            return Placed("kept", obstacle, is_from_here=True)
        obstacle = next(iter(obstacles), "")
        if obstacle and not self._overwrite:
            return Placed("kept", obstacle)
        if not self._is_dry:
            # A cassette is one file, which is replaced at once.
            self._write(new, [*others, *(name for name in changed if not name.startswith(CASSETTES))])
        self._planned |= new
        return Placed("replaced" if obstacle else "new")

    def _others(self, new: Mapping[str, _Content]) -> set[str]:
        """Return the recordings in the vault that belong to the same conversations as new ones.

        What has no owner, as with `sequence=no`, belongs to no conversation.
        """
        talks = {(content.target, content.owner): name for name, content in new.items() if content.owner}
        others: set[str] = set()
        for (target, owner), name in talks.items():
            others |= self._of_target(target, name).get(owner, set())
        others |= {name for name, one in self._planned.items() if (one.target, one.owner) in talks}
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

    def _write(self, new: Mapping[str, _Content], old: Sequence[str]) -> None:
        before = {name: self._vault.store.read(name) for name in (*new, *old)}
        try:
            for name in old:  # first, so that a run that is killed leaves no mix of two conversations
                self._vault.restore(name, None)
            for name, content in new.items():
                if name.startswith(CASSETTES):
                    calls = [one._replace(stored=self._again(one.stored)) for one in content.facts]
                    self._vault.write_cassette(name, calls, recorded=content.date)
                else:
                    outcomes = [self._again(one) for one in content.facts.outcomes]
                    self._vault.write(name, content.facts._replace(outcomes=outcomes))
        except BaseException:
            self._put_back(before)
            raise

    def _put_back(self, before: Mapping[str, bytes | None]) -> None:
        """Restore files. On a full disk, the deleted ones make room for the others, and what is left is no mix."""
        changed = [name for name, data in before.items() if self._vault.store.read(name) != data]
        for name in changed:
            self._vault.restore(name, None)
        for name in changed:
            if before[name] is not None:
                self._vault.restore(name, before[name])

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
