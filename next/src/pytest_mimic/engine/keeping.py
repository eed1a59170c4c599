"""What the log of an owner holds when the owner has ended, by how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from pytest_mimic.engine.calls import failed_exchange, is_gone, raised_in
from pytest_mimic.engine.slots import Key, Slot, key_of
from pytest_mimic.vault.recording import Entry

Verdict = Literal["passed", "skipped", "failed"]


def why_not_kept(entry: Entry, verdict: Verdict, *, below_replayed: bool) -> str:
    """Say why an owner that ended so leaves out an outcome; empty: it keeps it.

    Args:
        entry: The call.
        verdict: How its owner ended.
        below_replayed: Whether a wider fixture's answers were replayed, so that what a
            service does not know may be what that fixture had made.
    """
    if verdict == "passed":
        return ""
    failed = failed_exchange(entry.body)
    if failed or verdict == "skipped":
        return failed
    if raised_in(entry.body):
        return raised_in(entry.body)
    if entry.end in ("waiting", "open"):
        return "it has no whole outcome"
    if below_replayed and is_gone(entry.body):
        return "what a wider fixture had made is not there"
    return ""


def entries_made(slots: Iterable[Slot], recorded: Sequence[Entry]) -> list[Entry]:
    """Give what the calls of a run leave in a log, in the order of their beginning."""
    return [_entry_at(slot, recorded) for slot in slots]


def entries_left(slots: Sequence[Slot], leftovers: Iterable[Entry]) -> list[Entry]:
    """Give the recorded calls that nobody asked for and that stay all the same.

    Those go whose equal calls, or whose whole conversation, were made for real.
    """
    left = []
    for entry in leftovers:
        group = entry.identity if entry.request is None else entry.target
        made = [
            slot
            for slot in slots
            if (slot.conversation or slot.blank.identity) == group
        ]
        if not made or not all(slot.is_real for slot in made):
            left.append(entry)
    return left


def entries_appended(slots: Iterable[Slot]) -> list[Entry]:
    """Give the calls of functions that a failing test adds to its old log."""
    appended = []
    for slot in slots:
        is_new = slot.is_real and slot.is_new and slot.index is None
        if is_new and not slot.conversation and slot.entry is not None and not slot.why:
            appended.append(slot.entry)
    return appended


def entries_beyond(recorded: Iterable[Entry], entries: Iterable[Entry]) -> list[Entry]:
    """Give the calls of functions of which more were made than were recorded."""
    known: Counter[Key] = Counter(map(key_of, recorded))
    found = []
    for entry in entries:
        known[key_of(entry)] -= 1
        if known[key_of(entry)] < 0 and entry.request is None:
            found.append(entry)
    return found


def behind(before: Sequence[Entry], entries: Iterable[Entry]) -> list[Entry]:
    """Give entries with places behind those of others, none beside another."""
    last = max((max(entry.begin, entry.ended or 0) for entry in before), default=-1)
    return [
        replace(entry, begin=last + 1 + 2 * number, ended=last + 2 + 2 * number)
        for number, entry in enumerate(entries)
    ]


def _group_of(slot: Slot) -> str:
    return slot.conversation or slot.blank.identity


def _entry_at(slot: Slot, recorded: Sequence[Entry]) -> Entry:
    entry = slot.blank
    if slot.entry is not None and not slot.why:
        entry = slot.entry
    elif not slot.is_real and slot.index is not None:
        entry = recorded[slot.index]
    return replace(entry, begin=slot.begin, ended=slot.ended)
