"""Says at the end of a run what became of its calls, from its events alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pytest_mimic.engine.events import Event, EventKind
from pytest_mimic.engine.unused import READ_UNASKED, rows_of, size_of
from pytest_mimic.run.remarks import remarks
from pytest_mimic.run.session import Session
from pytest_mimic.words import SHOWN, and_more, duration, plural, rows, size_in_words


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
)
_REMARKS = (
    _List(
        "kept failure", "recorded errors", "to record them again", "--mimic-rerecord"
    ),
    _List("not recorded", "not recorded"),
    _List("not kept", "not kept, because their tests failed"),
    _List(
        "repeated",
        "made more often than recorded, so that the last outcome repeats",
        "to record each of these calls",
        "--mimic-rerecord",
    ),
    _List("overlapped", "ended in another order than they began: add sequence"),
    _List("redacted", "secrets of the environment were replaced in"),
    _List("looks secret", "looks like a secret"),
    _List(
        "spawned",
        "processes in which nothing is mimicked",
        "to mimic calls there: start the process by fork,"
        " or name the function that starts it",
    ),
    _List("not searched", "kept as bytes, in which no secret can be found"),
)
_OUT_OF_ORDER = _List("out of order", "no longer ended as recorded")


def summary(session: Session) -> list[str]:
    """Return the lines of the section `mimic`; none: there is nothing to say."""
    events = session.run.events
    errors = dict.fromkeys(one.call for one in events.of("wrong target", "stray"))
    lines = [f"ERROR: {error}" for error in errors]
    problems = _lines_of_lists(session) + remarks(session) + _unused(session)
    counts = _counts(session)
    recorded = events.of("recorded")
    if counts and (problems or recorded or not session.is_quiet):
        lines.append(counts)
    if recorded and not session.is_quiet:
        lines.append(_size(session))
    lines += problems
    if not lines and _says_that_nothing_is_mimicked(session):
        lines.append("nothing is mimicked")
    return lines + _verdict_on_unused(session)


def _size(session: Session) -> str:
    vault = session.run.vault
    count, size = plural(len(vault.names()), "file"), size_of(vault.path)
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
    counted = {f"recorded in {duration(_seconds(recorded))}": len(recorded)}
    counted["replayed"] = _times(replayed)
    counted["verified"] = _times(events.of("verified"))
    for problem in _PROBLEMS:
        counted[problem.kind] = len(events.of(problem.kind))
    told: list[str] = []
    for words, count in counted.items():
        if count:
            number = str(count) if told else plural(count, "call")
            told.append(f"{number} {words}")
    if replayed:
        told.append(f"{duration(_seconds(replayed))} saved")
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


def _seconds(events: Iterable[Event]) -> float:
    return sum(event.number("seconds") * event.times for event in events)


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


# -- the lists


def _lines_of_lists(session: Session) -> list[str]:
    lists = [*_PROBLEMS, *_REMARKS]
    if session.config.option.verbose > 0:
        lists.append(_OUT_OF_ORDER)
    return [line for one in lists for line in _lines_of_list(one, session)]


def _lines_of_list(one: _List, session: Session) -> list[str]:
    """Return heading, rows and commands of a list; nothing if it is empty.

    A row is a cause: its first call with its test, and how many more there are.
    """
    found = session.run.events.of(one.kind)
    # An equal call of the same test is the same row.
    events = list({(event.call, event.test): event for event in found}.values())
    if not events:
        return []
    by_cause: dict[object, list[Event]] = {}
    for number, event in enumerate(events):
        by_cause.setdefault(event.text("cause") or number, []).append(event)
    causes = list(by_cause.values())
    pairs = []
    for first, *_ in causes[:SHOWN]:
        sees = ", see its error" if one.option and not first.text("command") else ""
        label = f"{first.call} {first.text('what')}".strip()
        pairs.append((label, f"{first.test}{sees}"))
    lines = [f"{one.heading}:"]
    for row, (first, *others) in zip(rows(pairs), causes):
        lines.append(row)
        if others:
            calls = plural(len(others), "more call")
            tests = plural(len({event.test for event in others}), "test")
            lines.append(f"    and {calls} in {tests}: {first.text('cause')}")
    lines += and_more(len(causes) - SHOWN)
    return lines + _remedies(one, events, session)


def _remedies(one: _List, events: Sequence[Event], session: Session) -> list[str]:
    """Return a line for each option that helps: its words, and the command."""
    if not one.option:
        return [one.remedy] if one.remedy else []
    tests: dict[str, dict[str, None]] = {}
    for event in events:
        if event.text("command"):
            option = event.text("option") or one.option
            tests.setdefault(option, {})[event.test] = None
    words = one.remedy.replace("them", "it") if len(events) == 1 else one.remedy
    return [
        f"{words}: {session.command(option, list(filter(None, named)))}"
        for option, named in tests.items()
    ]


# -- unused recordings


def _unused(session: Session) -> list[str]:
    unused = session.judgement.unused
    if not unused:
        return []
    lines = ["cleared:" if session.cleared else "unused:", *rows_of(unused)]
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
