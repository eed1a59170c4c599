"""Turns the ledger of a run into the lines of the summary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._ambient import command

if TYPE_CHECKING:
    from pytest_mimic._ledger import Ledger

# How many lines a list in the summary has at most.
SHOWN = 10
# Labels beyond this length do not widen their column.
_WIDTH = 60


class Unused(NamedTuple):
    """A recording proven unused: its label, and the test that recorded it."""

    label: str
    test: str
    is_gone: bool


class Judgement(NamedTuple):
    """The result of a run's search for unused recordings.

    Attributes:
        not_judged: Why unused recordings were not judged, or empty.
        unused: How many recordings are proven unused.
        shown: The first of them.
        unproven: How many recordings were not used but are not proven unused.
        unproven_as: Why those are not proven unused.
        cleared: What was cleared, in words, or empty.
        not_cleared: Why nothing was cleared although it was requested, or empty.
        vault: The size of the vault, in words. Shown after recording.
    """

    not_judged: str = ""
    unused: int = 0
    shown: Sequence[Unused] = ()
    unproven: int = 0
    unproven_as: str = ""
    cleared: str = ""
    not_cleared: str = ""
    vault: str = ""


def summary(ledger: Ledger, judgement: Judgement, *, quiet: bool = False) -> list[str]:
    """Return the lines of the section titled `mimic`, which may be empty. If `quiet`, only problems are shown."""
    misses = dict.fromkeys((miss.label, miss.test) for miss in ledger.missing)
    problems = _listed("missing:", _in_columns(list(misses)))
    rows = []
    for one in judgement.shown:
        recorder = f"recorded by {one.test}{', gone' if one.is_gone else ''}" if one.test else ""
        rows.append((one.label, recorder))
    heading = "cleared:" if judgement.cleared else "unused:"
    problems += _listed(heading, _in_columns(rows), total=judgement.unused)
    notes = [*ledger.notes, *ledger.errors]
    if quiet and not problems and not notes:
        return []
    remedies = []
    if tests := {miss.test for miss in ledger.missing if miss.by_option}:
        line = command("--mimic-record", tests.pop() if len(tests) == 1 else None)
        remedies.append(f"to record the missing: {line}")
    if judgement.unused and not judgement.cleared:
        remedies.append("to drop the unused: pytest --mimic-clear-unused")
    counts = _counts(ledger, judgement)
    lines = [counts] if counts else []
    if not quiet:
        lines += [judgement.vault] if judgement.vault else []
        lines += _listed("recorded errors:", ledger.failures)
    return [*lines, *problems, *notes, *remedies]


def _counts(ledger: Ledger, judgement: Judgement) -> str:
    counts = []
    if ledger.recorded:
        counts.append(f"{plural(ledger.recorded, 'call')} recorded in {seconds(ledger.record_seconds)}")
    if ledger.verified:
        counts.append(f"{plural(ledger.verified, 'call')} verified")
    if ledger.drifted:
        counts.append(f"{ledger.drifted} drifted")
    for number, what in ((ledger.replayed, "replayed"), (len(ledger.missing), "missing")):
        if number:  # only the first count names its unit
            counts.append(f"{number if counts else plural(number, 'call')} {what}")
    if ledger.replayed:
        counts.append(f"{seconds(ledger.saved)} saved")
    parts = [", ".join(counts)] if counts else []
    if judgement.cleared:
        parts.append(judgement.cleared)
    elif judgement.unused:
        kept = f", not cleared: {judgement.not_cleared}" if judgement.not_cleared else ""
        parts.append(f"{plural(judgement.unused, 'recording')} unused{kept}")
    if judgement.unproven:
        unproven = plural(judgement.unproven, "recording")
        parts.append(f"{unproven} not used, not judged: {judgement.unproven_as}")
    if judgement.not_judged:
        parts.append(f"unused recordings not judged: {judgement.not_judged}")
    return "; ".join(parts)


def _in_columns(pairs: Sequence[tuple[str, str]]) -> list[str]:
    width = max((len(label) for label, _ in pairs[:SHOWN] if len(label) <= _WIDTH), default=0)
    return [f"{label:<{width}}    {other}".rstrip() for label, other in pairs]


def _listed(heading: str, rows: Sequence[str], *, total: int | None = None) -> list[str]:
    if not rows:
        return []
    more = (len(rows) if total is None else total) - min(len(rows), SHOWN)
    shown = [f"  {row}" for row in rows[:SHOWN]]
    return [heading, *shown, *([f"  and {more} more"] if more else [])]


def plural(count: int, noun: str) -> str:
    """`1 call`, `41 calls`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def seconds(amount: float) -> str:
    """A duration: `38.2 s`, `0.01 s`."""
    return f"{amount:.1f} s" if amount >= 1 else f"{amount:.2f} s"


def size(count: float) -> str:
    """A number of bytes: `1.3 MB`."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
