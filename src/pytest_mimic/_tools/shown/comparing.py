"""Compares what two vaults hold under one name: the outcomes of each call, for people. No pickle is loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import TYPE_CHECKING

from pytest_mimic._core.tree.call_labels import recorded_label
from pytest_mimic._core.tree.differing import ABSENT, Difference, differences
from pytest_mimic._core.tree.stored import outcome_tree
from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault import Stored, Vault


Compared = tuple[list[Difference], list[str]]
"""The differences between outcomes, and what is known besides in words: a file is damaged, for example."""

Outcomes = dict[Hashable, tuple[str, "Stored"]]
"""The outcomes of a recording or cassette, each with its name, by what makes it the same one in another vault."""


def outcomes_in(vault: Vault, name: str) -> Outcomes:
    """Return the outcomes of a recording or cassette, none if there is none. MimicError: the file is damaged."""
    found: Outcomes = {}
    if name.startswith(CASSETTES):
        times = Counter[str]()
        for entry in vault.read_cassette(name) or ():
            times[entry.key] += 1
            label = recorded_label(entry.target, entry.arguments, signature=entry.signature)
            found[entry.key, times[entry.key]] = label, entry.stored
        return found
    recording = vault.read(name)
    outcomes = [] if recording is None else recording.outcomes
    for number, stored in enumerate(outcomes, 1):
        found[number] = f"outcome {number}" if len(outcomes) > 1 else "", stored
    return found


def compare_outcomes(old: Outcomes, new: Outcomes, redactor: Redactor) -> Compared:
    """Return the differences between the outcomes of one file in two vaults."""
    found: list[Difference] = []
    lines: list[str] = []
    for key in dict.fromkeys([*old, *new]):
        name, _ = new.get(key) or old[key]
        try:
            trees = [outcome_tree(side[key][1], redactor) if key in side else ABSENT for side in (old, new)]
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
