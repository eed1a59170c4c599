"""The result of a search for unused recordings, and the lines that tell it or say why nothing could be judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pytest_mimic._core.words import SHOWN, listed, plural


class Judgement:
    """The result of a run's search for unused recordings."""

    not_judged: str = ""  # why unused recordings were not judged, or empty
    unused: int = 0  # how many recordings are proven unused
    # The first of them: the label of each, the test that recorded it, and whether that test is gone.
    shown: Sequence[tuple[str, str, bool]] = ()
    unproven: int = 0  # how many recordings were not used but are not proven unused
    unproven_as: str = ""  # why those are not proven unused
    cleared: str = ""  # what was cleared, in words, or empty
    not_cleared: str = ""  # why nothing was cleared although it was requested, or empty
    vault: str = ""  # the size of the vault, in words; shown after recording
    moved: Sequence[
        tuple[str, str]
    ] = ()  # the moves that would give tests the recordings of tests that are gone

    def __init__(self, **facts: Any) -> None:
        vars(self).update(facts)


def count_unused(judgement: Judgement) -> list[str]:
    parts = []
    if judgement.cleared:
        parts.append(judgement.cleared)
    elif judgement.unused:
        kept = f", not cleared: {judgement.not_cleared}" if judgement.not_cleared else ""
        parts.append(f"{plural(judgement.unused, 'recording')} unused{kept}")
    return parts


def not_judged(judgement: Judgement, option: str) -> list[str]:
    """Return the warning that an option could not judge all recordings, and why."""
    if judgement.not_judged:
        return [f"warning: {option} could not judge: {judgement.not_judged}"]
    if judgement.unproven and option:
        which = plural(judgement.unproven, "recording")
        return [f"warning: {option} could not judge {which}: {judgement.unproven_as}"]
    return []


def list_unused(judgement: Judgement, *, most: int = SHOWN) -> list[str]:
    """Return the lines that name the unused recordings, or those that were cleared."""
    counts = Counter(judgement.shown)  # calls may look alike
    rows = []
    for (label, test, is_gone), count in counts.items():
        recorder = f"recorded by {test}{', gone' if is_gone else ''}" if test else ""
        rows.append((f"{label}, {count} times" if count > 1 else label, recorder))
    alike = sum(count - 1 for count in list(counts.values())[:most])
    heading = "cleared:" if judgement.cleared else "unused:"
    return listed(heading, rows, total=judgement.unused - alike, most=most)
