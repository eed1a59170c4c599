"""Counts what calls have cost: seconds, of calls at once only once, and tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from heapq import heappop, heappush
from typing import Any

from pytest_mimic.engine.events import Event
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.patch.clients import adapter_of, client_of
from pytest_mimic.values.outcome import unshelve
from pytest_mimic.vault.recording import Entry
from pytest_mimic.vault.vault import Vault
from pytest_mimic.words import duration, plural


def price(vault: Vault, logs: Iterable[str], replayed: Iterable[Event]) -> str:
    """Say what some tests have cost when they were recorded: `92 calls, 48.0 s`.

    It is empty where it is not worth a word.

    Args:
        vault: Where the recordings are.
        logs: The logs of the tests.
        replayed: What these tests have replayed, of which what all tests share counts.
    """
    calls, tokens, seconds = 0, 0.0, 0.0
    for _, recording in vault.all(logs):
        if isinstance(recording, CorruptRecordingError):
            continue
        entries = recording.entries
        calls += len(entries)
        with suppress(CorruptRecordingError):  # An object may be gone.
            tokens += sum(_tokens_of(entry, vault) for entry in entries)
        seconds += length(
            (one.begin, one.ended or one.begin, one.seconds) for one in entries
        )
    for event in replayed:
        if event.text("name").startswith("calls/"):
            calls += event.times
            tokens += event.number("tokens")
            seconds += event.number("seconds") * event.times
    if seconds < 1 and not tokens:
        return ""
    told = [plural(calls, "call")]
    if tokens:
        told.append(f"{tokens:,.0f} tokens")
    return ", ".join([*told, duration(seconds)])


def _tokens_of(entry: Entry, vault: Vault) -> int:
    client = client_of(entry.target) if entry.request is not None else None
    if client is None:
        return 0
    answer: Any = unshelve(entry.body.get("answer", {}), vault)
    counts = adapter_of(client).tokens(answer)
    return int(counts.get("in", 0) + counts.get("out", 0))


def spent(recorded: Iterable[Event]) -> float:
    """Return the seconds in which any call ran: of calls at once, once."""
    spans = sorted(
        (event.number("began"), event.number("began") + event.number("seconds"))
        for event in recorded
    )
    spent = until = 0.0
    for began, ended in spans:
        spent += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return spent


def saved(replayed: Iterable[Event]) -> float:
    """Return the seconds that recorded calls took: of calls at once, once.

    A log says which of its calls had ended when another one began.
    """
    alone = 0.0
    by_log: dict[str, list[Event]] = {}
    for event in replayed:
        if "ended" in event.facts:
            place = f"{event.test} {event.text('name')}"
            by_log.setdefault(place, []).append(event)
        else:
            alone += event.number("seconds") * event.times
    return alone + sum(map(_length_of_rows, by_log.values()))


def _length_of_rows(rows: list[Event]) -> float:
    names = ("at", "ended", "seconds")
    return length([tuple(row.number(name) for name in names) for row in rows])


def length(calls: Iterable[tuple[float, ...]]) -> float:
    """Return the seconds from the first beginning to the last end of some calls.

    Args:
        calls: Of each the place of its beginning and of its end in the log, and how
            many seconds it took.
    """
    # The place of each end that is still to come, and when it is.
    open_ends: list[tuple[float, float]] = []
    began = last = 0.0
    for at, place, seconds in sorted(calls):
        while open_ends and open_ends[0][0] < at:
            began = max(began, heappop(open_ends)[1])
        heappush(open_ends, (place, began + seconds))
        last = max(last, began + seconds)
    return last


def tokens_by_model(recorded: Iterable[Event]) -> str:
    """Return `gpt-4o 21,000 in (4,000 cached), 8,400 out; embed 1,600 in`."""
    by_model: dict[str, Counter[str]] = {}
    for event in recorded:
        kinds: Any = event.facts.get("by kind")
        if kinds:
            model = event.text("model") or "a model"
            by_model.setdefault(model, Counter()).update(kinds)
    told = []
    for model, counts in by_model.items():
        asked = f"{counts['in']:,} in"
        if counts["cached"]:
            asked += f" ({counts['cached']:,} cached)"
        out = f", {counts['out']:,} out" if counts["out"] else ""
        told.append(f"{model} {asked}{out}")
    return "; ".join(told)
