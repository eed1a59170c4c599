"""Counts what calls have cost: seconds, of calls at once only once, and tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import suppress
from heapq import heappop, heappush
from itertools import islice
from typing import Any

from pytest_mimic.engine.events import Event
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.patch.clients import adapter_of, client_of
from pytest_mimic.values.outcome import unshelve
from pytest_mimic.vault.names import log_name
from pytest_mimic.vault.recording import Entry
from pytest_mimic.vault.vault import Vault
from pytest_mimic.words import duration, plural

# Of more files, reading them takes longer than anybody waits for a price.
_MOST_FILES = 2000


def price(vault: Vault, tests: Collection[str]) -> str:
    """Say what tests have cost when they were recorded: `92 calls, 48.0 s`.

    What all tests share counts for the test that recorded it. It is empty where it is
    not worth a word.
    """
    names = [*map(log_name, tests), *islice(vault.folder.names("calls"), _MOST_FILES)]
    if len(names) > _MOST_FILES:
        return ""
    calls, tokens, seconds = 0, 0, 0.0
    # Of what all tests share: those that ran at once, wherever they stand.
    at_once: list[tuple[float, ...]] = []
    for name, recording in vault.all(names):
        if isinstance(recording, CorruptRecordingError):
            continue
        entries = [
            one for one in recording.entries if (one.test or recording.owner) in tests
        ]
        calls += len(entries)
        with suppress(CorruptRecordingError):  # An object may be gone.
            tokens += sum(_tokens_of(entry, vault) for entry in entries)
        spans = [(one.begin, one.ended or one.begin, one.seconds) for one in entries]
        if name.startswith("calls/") and all(entry.at for entry in entries):
            at_once += spans
        else:
            seconds += length(spans)
    seconds += length(at_once)
    if seconds < 1 and not tokens:
        return ""
    words = [plural(calls, "call")]
    if tokens:
        words.append(f"{tokens:,} tokens")
    return ", ".join([*words, duration(seconds)])


def _tokens_of(entry: Entry, vault: Vault) -> int:
    client = client_of(entry.target) if entry.request is not None else None
    if client is None:
        return 0
    answer: Any = unshelve(entry.body.get("answer", {}), vault)
    _, counts = adapter_of(client).spent(answer)
    return int(counts.get("in", 0) + counts.get("out", 0))


def spent(recorded: Iterable[Event]) -> float:
    """Return the seconds in which any call ran: of calls at once, once."""
    calls = ((one.number("began"), one.number("seconds")) for one in recorded)
    return length((began, began + seconds, seconds) for began, seconds in calls)


def saved(replayed: Iterable[Event]) -> float:
    """Return the seconds that recorded calls took: of calls at once, once.

    A recording says which calls had ended when another one began.
    """
    alone = 0.0
    spans: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for event in replayed:
        seconds = event.number("seconds")
        if "ended" in event.facts:
            name = event.text("name")
            row = event.test, "" if name.startswith("calls/") else name
            span = event.number("at"), event.number("ended"), seconds
            spans.setdefault(row, []).append(span)
            alone += seconds * (event.times - 1)
        else:
            alone += seconds * event.times
    return alone + sum(map(length, spans.values()))


def length(calls: Iterable[tuple[float, ...]]) -> float:
    """Return the seconds from the first beginning to the last end of some calls.

    Args:
        calls: Of each the place of its beginning and of its end, in the log or in time,
            and how many seconds it took.
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
    words = []
    for model, counts in by_model.items():
        asked = f"{counts['in']:,} in"
        if counts["cached"]:
            asked += f" ({counts['cached']:,} cached)"
        out = f", {counts['out']:,} out" if counts["out"] else ""
        words.append(f"{model} {asked}{out}")
    return "; ".join(words)
