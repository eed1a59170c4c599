"""Compares stored outcomes for people: trees of what is readable, and pickles by their lists, with words for what no tree has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._core.tree.differing import ABSENT, Difference, differences
from pytest_mimic._core.tree.stored import outcome_tree
from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault import Stored, Vault


Compared = tuple[list[Difference], list[str]]
"""The differences between outcomes, and what is known besides in words: a file is damaged, for example."""


class Pair(NamedTuple):
    """Two outcomes to compare; None for one that a side does not have. `name` tells those of one file apart."""

    name: str
    old: Stored | None
    new: Stored | None


class Comparer:
    """Compares outcomes. No pickle is loaded."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def compare(self, pairs: Sequence[Pair]) -> Compared:
        found: list[Difference] = []
        lines: list[str] = []
        for pair in pairs:
            try:
                found += self._trees(pair)
            except MimicError as error:
                lines.append(error.what)
            except RecursionError:
                lines.append("nested too deeply to be shown")
        return found, lines

    def _trees(self, pair: Pair) -> list[Difference]:
        old, new = (
            ABSENT if one is None else outcome_tree(one, self._redactor) for one in (pair.old, pair.new)
        )
        found = [Difference("", old, new)] if ABSENT in (old, new) else differences(old, new)
        if not pair.name:
            return found
        return [one._replace(path=f"{pair.name}: {one.path}".removesuffix(": ")) for one in found]


def outcomes_in(vault: Vault, name: str) -> list[tuple[str, Stored]]:
    """Return the outcomes of a recording or cassette, each with its call. MimicError: the file is damaged."""
    if name.startswith(CASSETTES):
        return [(entry.signature, entry.stored) for entry in vault.read_cassette(name) or ()]
    recording = vault.read(name)
    return [] if recording is None else [("", stored) for stored in recording.outcomes]


def paired(old: Sequence[tuple[str, Stored]], new: Sequence[tuple[str, Stored]]) -> list[Pair]:
    """Pair the outcomes of a file with those of another one, place by place, with a name where there are several."""
    pairs = []
    most = max(len(old), len(new))
    for place in range(most):
        then, now = (side[place] if place < len(side) else None for side in (old, new))
        call = (now or then or ("",))[0]
        name = f"call {place + 1}{f', {call}' if call else ''}" if most > 1 else ""
        pairs.append(Pair(name, then and then[1], now and now[1]))
    return pairs
