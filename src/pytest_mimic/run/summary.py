"""Says at the end of a run what became of its calls, from its events alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Any

from pytest_mimic.engine.events import Event
from pytest_mimic.engine.unused import READ_UNASKED, rows_of
from pytest_mimic.engine.usage import CRASHED
from pytest_mimic.run.session import Session
from pytest_mimic.words import duration, plural, size_in_words

# What needs no word beside the counts of the first line.
_COUNTED = {"replayed", "recorded", "verified", "opened", "unmade", "held", "put back"}


def summary(session: Session) -> list[str]:
    """Return the lines of the section `mimic`; none: there is nothing to say."""
    events = session.run.events
    wrong = events.of("wrong target", "not writable", "stray")
    errors = dict.fromkeys(one.call for one in wrong)
    lines = [line for error in errors for line in f"ERROR: {error}".split("\n")]
    problems = _remarks(session) + _unused(session)
    counts = _counts(session)
    recorded = events.of("recorded")
    if counts and (problems or recorded or not session.is_quiet):
        lines.append(counts)
        if CRASHED in session.usage.partial:
            lines.append(f"{CRASHED}: what it has done is not counted")
    tokens = _tokens(recorded)
    if tokens:
        lines.append(f"tokens spent: {tokens}")
    if recorded and not session.is_quiet:
        lines.append(_size(session))
    lines += problems
    if not lines and _says_that_nothing_is_mimicked(session):
        lines.append("nothing is mimicked")
    return lines + _verdict_on_unused(session)


def _remarks(session: Session) -> list[str]:
    if all(one.kind in _COUNTED for one in session.run.events.rows):
        return []
    from pytest_mimic.run.remarks import remarks  # a sound run has none

    return remarks(session)


def _size(session: Session) -> str:
    vault = session.run.vault
    count, size = plural(len([*vault.names()]), "file"), vault.size()
    return f"vault: {session.settings.vault_label}, {count}, {size_in_words(size)}"


def _says_that_nothing_is_mimicked(session: Session) -> bool:
    if session.usage.mimicked:
        return False
    options = vars(session.config.option).items()
    was_asked = any(given for name, given in options if name.startswith("mimic_"))
    return was_asked or session.settings.vault.is_dir()


# -- the first line


def _counts(session: Session) -> str:
    """Return `1 call recorded in 0.2 s, 4 replayed, 38.2 s saved; 3 …`."""
    events = session.run.events
    recorded, replayed = events.of("recorded"), events.of("replayed")
    counted = {f"recorded in {duration(_spent(recorded))}": len(recorded)}
    counted["replayed"] = _times(replayed)
    counted["verified"] = _times(events.of("verified"))
    counted["missing"] = len(events.of("missing"))
    counted["stale"] = len(events.of("stale"))
    counted["drifted"] = len(events.of("drifted"))
    told: list[str] = []
    for words, count in counted.items():
        if count:
            number = str(count) if told else plural(count, "call")
            told.append(f"{number} {words}")
    if replayed:
        told.append(f"{duration(_saved(replayed))} saved")
    tokens = sum(event.number("tokens") for event in replayed)
    if tokens:
        told.append(f"{tokens:,.0f} tokens saved")
    put_back = len(events.of("put back"))
    if put_back:
        told.append(f"{plural(put_back, 'recording')} put back")
    if session.settings.mode == "live" and session.usage.mimicked:
        told.append("every call ran for real, and nothing was recorded or compared")
    return "; ".join(filter(None, (", ".join(told), _count_of_unused(session))))


def _times(events: Iterable[Event]) -> int:
    return sum(event.times for event in events)


def _spent(recorded: Iterable[Event]) -> float:
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


def _saved(replayed: Iterable[Event]) -> float:
    """Return the seconds that recorded calls took: of calls at once, once.

    A log says which of its calls had ended when another one began.
    """
    saved = 0.0
    by_log: dict[str, list[Event]] = {}
    for event in replayed:
        if "ended" in event.facts:
            place = f"{event.test} {event.text('name')}"
            by_log.setdefault(place, []).append(event)
        else:
            saved += event.number("seconds") * event.times
    return saved + sum(map(_length, by_log.values()))


def _length(calls: list[Event]) -> float:
    """Return the seconds from the first beginning to the last end in a log."""
    # The place of each end that is still to come, and when it is.
    open_ends: list[tuple[float, float]] = []
    began = last = 0.0
    for call in sorted(calls, key=lambda call: call.number("at")):
        while open_ends and open_ends[0][0] < call.number("at"):
            began = max(began, heappop(open_ends)[1])
        ended = began + call.number("seconds")
        heappush(open_ends, (call.number("ended"), ended))
        last = max(last, ended)
    return last


def _tokens(recorded: Iterable[Event]) -> str:
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


def _count_of_unused(session: Session) -> str:
    judgement = session.judgement
    if session.cleared:
        count = plural(judgement.count, "unused recording")
        return f"{count} cleared ({size_in_words(session.cleared)})"
    if not judgement.unused:
        return ""
    if judgement.is_part and judgement.count >= READ_UNASKED:
        return f"more than {READ_UNASKED} recordings unused"
    told = f"{plural(judgement.count, 'recording')} unused"
    if judgement.is_part:
        told += f" of more than {READ_UNASKED} that no test used"
    if session.settings.clears_unused:
        told += ", not cleared: --mimic-no-record was given"
    return told


# -- unused recordings


def _unused(session: Session) -> list[str]:
    unused = session.judgement.unused
    if not unused:
        return []
    rows = rows_of(unused, session.run.secrecy.secrets.label_of)
    lines = ["cleared:" if session.cleared else "unused:", *rows]
    if not session.cleared:
        command = session.commands.pytest("--mimic-clear-unused")
        lines.append(f"to drop the unused: {command}")
    return lines


def _verdict_on_unused(session: Session) -> list[str]:
    """Return what a run that was asked about unused recordings says of its verdict."""
    settings, judgement = session.settings, session.judgement
    if settings.fails_on_unused:
        option = "--mimic-fail-on-unused"
    elif settings.clears_unused:
        option = "--mimic-clear-unused"
    else:
        return []
    lines = []
    if judgement.reason:
        lines.append(f"warning: {option} could not judge: {judgement.reason}")
    elif judgement.unproven:
        count = plural(sum(judgement.unproven.values()), "recording")
        reasons = "; ".join(judgement.unproven)
        lines.append(f"warning: {option} could not judge {count}: {reasons}")
    if settings.fails_on_unused and judgement.unused:
        verb = "was" if session.cleared else "is"
        if judgement.count > 1:
            verb = "were" if session.cleared else "are"
        count = plural(judgement.count, "recording")
        lines.append(f"failed: {count} {verb} unused (--mimic-fail-on-unused)")
    return lines
