"""Says at the end of a run what became of its calls, from its events alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pytest_mimic.engine.events import Event, EventKind
from pytest_mimic.engine.unused import READ_UNASKED, rows_of
from pytest_mimic.run.facts import (
    Facts,
    command_for,
    number_of,
    seconds_of,
    text_of,
    times,
)
from pytest_mimic.run.remarks import remarks
from pytest_mimic.words import (
    SHOWN,
    WIDEST_LABEL,
    and_more,
    duration,
    plural,
    size_in_words,
)


class _List(NamedTuple):
    """A list of the summary.

    Attributes:
        kind: The events that it shows.
        heading: Its first line.
        remedy: The words before its command.
        option: The option of the command that does it.
    """

    kind: EventKind
    heading: str
    remedy: str = ""
    option: str = ""


_PROBLEMS = (
    _List("missing", "missing", "to record the missing", "--mimic-record"),
    _List("stale", "stale", "to record the stale", "--mimic-record"),
    _List("drifted", "drifted", "to accept them", "--mimic-rerecord"),
    _List(
        "kept failure", "recorded errors", "to record them again", "--mimic-rerecord"
    ),
    _List("not recorded", "not recorded"),
)
_REMARKS = (
    _List("answered early", "answered before they were cancelled"),
    _List(
        "repeated",
        "made more often than recorded, so that the last outcome repeats",
        "to record each of these calls",
        "--mimic-rerecord",
    ),
    _List("overlapped", "ended in another order than they began: add sequence"),
    _List("redacted", "values of the environment were replaced"),
    _List("looks secret", "looks like a secret"),
)
_VERBOSE_REMARKS = (_List("out of order", "no longer ended as recorded"),)


def summary(facts: Facts) -> list[str]:
    """Return the lines of the section `mimic`; none: there is nothing to say."""
    problems = _problems(facts)
    lines = [f"ERROR: {error}" for error in facts.errors]
    counts = _counts(facts)
    if counts and (problems or facts.verbosity >= 0 or _has_recorded(facts)):
        lines.append(counts)
    if facts.vault is not None and facts.verbosity >= 0:
        count, size = facts.vault
        words = f"{plural(count, 'recording')}, {size_in_words(size)}"
        lines.append(f"vault: {facts.settings.vault_label}, {words}")
    lines += problems
    if not lines and _says_that_nothing_is_mimicked(facts):
        lines.append("nothing is mimicked")
    return lines + _verdicts(facts)


def _problems(facts: Facts) -> list[str]:
    lists = [*_PROBLEMS, *_REMARKS]
    if facts.verbosity > 0:
        lists += _VERBOSE_REMARKS
    lines = []
    for one in lists:
        lines += _lines_of_list(one, facts)
    return lines + remarks(facts) + _lines_of_unused(facts)


def _has_recorded(facts: Facts) -> bool:
    return any(facts.events.of("recorded"))


def _says_that_nothing_is_mimicked(facts: Facts) -> bool:
    if facts.is_mimicking:
        return False
    return facts.was_asked or facts.settings.vault.is_dir()


# -- the first line


def _counts(facts: Facts) -> str:
    """Return `1 call recorded in 0.2 s, 4 replayed, 38.2 s saved; 3 …`."""
    parts = []
    events = facts.events
    recorded = events.of("recorded")
    if recorded:
        parts.append(f"recorded in {duration(seconds_of(recorded))}")
    counted: dict[str, int] = {"recorded": len(recorded)}
    counted["replayed"] = times(events.of("replayed"))
    counted["verified"] = times(events.of("verified"))
    for problem in _PROBLEMS[:3]:
        counted[problem.kind] = len(events.of(problem.kind))
    told: list[str] = []
    for kind, count in counted.items():
        if count:
            number = str(count) if told else plural(count, "call")
            words = parts[0] if kind == "recorded" else kind
            told.append(f"{number} {words}")
    if counted["replayed"]:
        told.append(f"{duration(seconds_of(events.of('replayed')))} saved")
    tokens = sum(number_of(event, "tokens") for event in events.of("replayed"))
    if tokens:
        told.append(f"{tokens:,.0f} tokens saved")
    if facts.settings.mode == "live" and facts.is_mimicking:
        told.append("every call ran for real, and nothing was recorded or compared")
    return "; ".join(filter(None, (", ".join(told), _count_of_unused(facts))))


def _count_of_unused(facts: Facts) -> str:
    judgement = facts.judgement
    if facts.cleared:
        count = plural(judgement.count, "unused recording")
        return f"{count} cleared ({size_in_words(facts.cleared)})"
    if not judgement.unused:
        return ""
    if judgement.is_part and judgement.count >= READ_UNASKED:
        return f"more than {READ_UNASKED} recordings unused"
    told = f"{plural(judgement.count, 'recording')} unused"
    if judgement.is_part:
        told += f" of more than {READ_UNASKED} that no test used"
    if facts.settings.clears_unused:
        told += ", not cleared: --mimic-no-record was given"
    return told


def _each_once(events: Iterable[Event]) -> list[Event]:
    """Return the events without those of equal calls in the same test."""
    return list({(event.call, event.test): event for event in events}.values())


# -- the lists


def _lines_of_list(one: _List, facts: Facts) -> list[str]:
    """Return heading, rows and command of a list; nothing if it is empty."""
    events = _each_once(facts.events.of(one.kind))
    if not events:
        return []
    causes: dict[tuple[str, str], list[Event]] = {}
    for number, event in enumerate(events):
        cause = text_of(event, "cause")
        key = (cause, "") if cause else ("", str(number))
        causes.setdefault(key, []).append(event)
    lines = [f"{one.heading}:", *_rows(one, list(causes.values()))]
    return lines + _commands(one, events, facts)


def _rows(one: _List, causes: Sequence[list[Event]]) -> list[str]:
    """Return a row for each cause: its first call with its test, and how many more."""
    shown = causes[:SHOWN]
    lefts = []
    for first, *_ in shown:
        what = text_of(first, "what")
        lefts.append(f"{first.call} {what}".strip())
    width = min(max(map(len, lefts)), WIDEST_LABEL)
    lines = []
    for left, (first, *others) in zip(lefts, shown):
        where = first.test
        if one.option and not text_of(first, "command"):
            where += ", see its error"
        lines.append(f"  {left:<{width}}    {where}".rstrip())
        if others:
            tests = plural(len({event.test for event in others}), "test")
            more = f"and {plural(len(others), 'more call')} in {tests}"
            lines.append(f"    {more}: {text_of(first, 'cause')}")
    return lines + and_more(len(causes) - len(shown))


def _commands(one: _List, events: Sequence[Event], facts: Facts) -> list[str]:
    """Return a line for each option that helps: its words, and the command."""
    tests: dict[str, dict[str, None]] = {}
    for event in events:
        option = text_of(event, "option") or one.option
        if one.remedy and option and text_of(event, "command"):
            named = tests.setdefault(option, {})
            if event.test:
                named[event.test] = None
    words = one.remedy
    if len(events) == 1:
        words = words.replace("them", "it")
    lines = []
    for option, named in tests.items():
        lines.append(f"{words}: {command_for(option, list(named), facts)}")
    return lines


# -- unused recordings


def _lines_of_unused(facts: Facts) -> list[str]:
    judgement = facts.judgement
    if not judgement.unused:
        return []
    heading = "cleared:" if facts.cleared else "unused:"
    lines = [heading, *rows_of(judgement.unused)]
    if not facts.cleared:
        command = facts.commands.pytest("--mimic-clear-unused")
        lines.append(f"to drop the unused: {command}")
    return lines


def _verdicts(facts: Facts) -> list[str]:
    """Return what a run that was asked about unused recordings says of its verdict."""
    settings, judgement = facts.settings, facts.judgement
    option = "--mimic-fail-on-unused" if settings.fails_on_unused else ""
    if not option and settings.clears_unused:
        option = "--mimic-clear-unused"
    if not option:
        return []
    lines = []
    if judgement.reason:
        lines.append(f"warning: {option} could not judge: {judgement.reason}")
    elif judgement.unproven:
        count = plural(sum(judgement.unproven.values()), "recording")
        reasons = "; ".join(judgement.unproven)
        lines.append(f"warning: {option} could not judge {count}: {reasons}")
    if settings.fails_on_unused and judgement.unused:
        verb = "was" if facts.cleared else "is"
        if judgement.count > 1:
            verb = "were" if facts.cleared else "are"
        count = plural(judgement.count, "recording")
        lines.append(f"failed: {count} {verb} unused (--mimic-fail-on-unused)")
    return lines
