"""Compares what two vaults hold under one name: the outcomes of each call, for people.

No pickle is loaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.tree.differing import ABSENT, Difference, differences
from pytest_mimic._core.tree.drawing import line
from pytest_mimic._core.tree.stored import outcome_tree
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.format import CASSETTES
from pytest_mimic._core.vault.recording_facts import read_calls
from pytest_mimic._tools.shown.outcome_words import call_in_short, label_of
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault.recording_facts import Stored


Compared = tuple[list[Difference], list[str]]
"""The differences between outcomes, and what is known besides in words: a file is damaged, for example."""

Outcomes = dict[Hashable, tuple[str, "Stored"]]
"""The outcomes of a recording or cassette, each with its name, by what makes it the same one in another vault."""


def outcomes_in(vault: Vault, name: str) -> Outcomes:
    """Return the outcomes of a recording or cassette, none if there is none.

    MimicError: the file is damaged.
    """
    calls, found, times = (
        read_calls(vault.objects, name) or (),
        Outcomes(),
        Counter[str | None](),
    )
    for call in calls:
        label = call_in_short(call)
        for number, stored in enumerate(call.outcomes, 1):
            times[call.identity] += 1
            if not name.startswith(CASSETTES):
                label = f"outcome {number}" if len(call.outcomes) > 1 else ""
            found[call.identity, times[call.identity]] = label, stored
    return found


def compare_outcomes(old: Outcomes, new: Outcomes, redactor: Redactor) -> Compared:
    """Return the differences between the outcomes of one file in two vaults."""
    found: list[Difference] = []
    lines: list[str] = []
    for key in dict.fromkeys([*old, *new]):
        name, _ = new.get(key) or old[key]
        try:
            trees = [
                outcome_tree(side[key][1], redactor) if key in side else ABSENT
                for side in (old, new)
            ]
            inner = [Difference("", *trees)] if ABSENT in trees else differences(*trees)
        except MimicError as error:
            lines.append(error.what)
        except RecursionError:
            lines.append("nested too deeply to be shown")
        else:
            for one in inner:
                path = f"result{one.path}" if one.path[:1] == "[" else one.path
                found.append(one._replace(path=": ".join(filter(None, (name, path)))))
    return found, lines


#: The differences of one recording that are shown.
MOST_DIFFERENCES = 40
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
            {
                "path": one.path,
                **{
                    side: None if part is ABSENT else line(part) for side, part in sides
                },
            }
            for one in self.outcomes
            for sides in [(("old", one.old), ("new", one.new))]
        ]
        return {**self._asdict(), "outcomes": outcomes, "lines": list(self.lines)}


def vault_differences(
    old: Vault, new: Vault, redactor: Redactor
) -> list[FileDifference]:
    """Return how a vault differs from what it was."""
    names = sorted({*old.names(), *new.names()})
    changed = [name for name in names if _is_changed(name, old, new)]
    found = [one for name in changed for one in _of_file(name, old, new, redactor)]
    return sorted(found, key=lambda one: CHANGES.index(one.change))


def _is_changed(name: str, old: Vault, new: Vault) -> bool:
    """Return whether a file differs; one that cannot be read does, and is told as damaged."""
    try:
        return old.store.read(name) != new.store.read(name)
    except MimicError:
        return True


def _of_file(
    name: str, old: Vault, new: Vault, redactor: Redactor
) -> Iterator[FileDifference]:
    try:
        then, now = (read_calls(vault.objects, name) for vault in (old, new))
        outcomes, lines = compare_outcomes(
            outcomes_in(old, name), outcomes_in(new, name), redactor
        )
    except MimicError as error:
        yield FileDifference("damaged", name, name, lines=[error.what])
        return
    change = "added" if then is None else "removed" if now is None else "changed"
    shown = [] if change == "removed" else outcomes
    if change != "changed" or outcomes or lines:
        calls = now or then or []
        test = (calls[0].owner or calls[0].test or None) if calls else None
        yield FileDifference(change, label_of(name, calls), name, test, shown, lines)
