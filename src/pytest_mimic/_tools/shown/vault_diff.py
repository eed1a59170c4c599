"""What differs between a vault and a revision of git: recordings and cassettes by their calls, and their outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.tree.differing import ABSENT, Difference
from pytest_mimic._core.tree.drawing import line
from pytest_mimic._core.vault import Vault
from pytest_mimic._tools.shown.catalog import Catalog
from pytest_mimic._tools.shown.comparing import compare_outcomes, outcomes_in
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._tools.shown.git_revisions import GitStore

#: The ways in which a file may differ, in the order in which they are shown.
CHANGES = ("changed", "added", "removed", "damaged")


class FileDifference(NamedTuple):
    """A recording or cassette that two vaults do not have alike."""

    change: str  # one of `CHANGES`
    call: str  # its call, or the name of the cassette
    file: str  # its name in the vault
    test: str | None = None
    outcomes: Sequence[Difference] = ()
    lines: Sequence[str] = ()  # what is known besides, in words

    def to_plain(self) -> dict[str, Any]:
        outcomes = [
            {"path": one.path, **{side: _text(part) for side, part in (("old", one.old), ("new", one.new))}}
            for one in self.outcomes
        ]
        return {**self._asdict(), "outcomes": outcomes, "lines": list(self.lines)}


def _text(part: object) -> str | None:
    return None if part is ABSENT else line(part)


def vault_differences(revision: GitStore, old: Vault, new: Vault, redactor: Redactor) -> list[FileDifference]:
    """Return how a vault differs from what it was in a `revision`, which is `old` as a vault."""
    names = sorted({*old.names(), *new.names()})
    changed = [name for name in names if not revision.has(name, new.store.read(name))]
    revision.load(changed)
    found = [one for name in changed for one in _of_file(name, old, new, redactor)]
    return sorted(found, key=lambda one: CHANGES.index(one.change))


def _of_file(name: str, old: Vault, new: Vault, redactor: Redactor) -> Iterator[FileDifference]:
    try:
        then, now = (Catalog(vault).read(name) for vault in (old, new))
        outcomes, lines = compare_outcomes(outcomes_in(old, name), outcomes_in(new, name), redactor)
    except MimicError as error:
        yield FileDifference("damaged", name, name, lines=[error.what])
        return
    file = now or then
    if file is None:
        return
    change = "added" if then is None else "removed" if now is None else "changed"
    shown = [] if change == "removed" else outcomes
    if change != "changed" or outcomes or lines:
        yield FileDifference(change, file.label(), name, file.test, shown, lines)
