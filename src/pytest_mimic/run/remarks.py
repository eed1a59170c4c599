"""Lists at the end of a run what it met, a row a cause, each list with what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_mimic.commands import as_value
from pytest_mimic.engine.events import Event, EventKind
from pytest_mimic.engine.refusals import RECORD, RERECORD, VERIFY
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.patch.targets import parse_target
from pytest_mimic.run.session import Session
from pytest_mimic.words import (
    PAGE_ON_KEYS,
    PAGE_ON_NEW_VALUES,
    SHOWN,
    and_more,
    few,
    plural,
    rows,
)

_LONGEST_CAUSE = 160
_DAMAGES = {
    "pointer": ("Git LFS pointers", "git lfs pull"),
    "conflict": ("in conflict", "git status"),
    "format": ("of another format", "pytest --mimic-rerecord"),
    "newer": ("of a newer version", "pip install --upgrade pytest-mimic"),
}
# Words, and the part of a page that tells how a call becomes the same in each run.
_WAYS = {
    "a moment": ("to stop the clock in tests", "freeze-the-clock"),
    "a date": ("to stop the clock in tests", "freeze-the-clock"),
    "a UUID": ("to get the same ids in each run", "seed-the-ids"),
    "a ULID": ("to get the same ids in each run", "seed-the-ids"),
    "the name of a worker": ("to give workers the same names", "ignore-the-value"),
}


def remarks(session: Session) -> list[str]:
    """Return the lines of all lists; none: there is nothing to do."""
    lines = _calls(session, "missing", "missing", "to record the missing", RECORD)
    lines += _calls(session, "stale", "stale", "to record the stale", RECORD)
    lines += _calls(session, "drifted", "drifted", "to accept them", RERECORD)
    lines += _lines_of_new_parts(session)
    again = "to record them again"
    lines += _calls(session, "kept failure", "recorded errors", again, RERECORD)
    lines += _calls(session, "not recorded", "not recorded")
    lines += _calls(session, "not kept", "not kept, because their tests failed")
    lines += _calls(
        session,
        "repeated",
        "made more often than recorded, so the last outcome repeats",
        "to record each of these calls",
        RERECORD,
    )
    heading = "ended in a different order than they began: add sequence"
    lines += _calls(session, "overlapped", heading)
    lines += _calls(
        session,
        "imported",
        "imported, but now sent with another body or other headers",
        "to record them",
        RERECORD,
    )
    lines += _calls(
        session, "redacted", "secrets from the environment were replaced in"
    )
    lines += _texts_like_keys(session)
    lines += _calls(
        session,
        "spawned",
        "processes in which nothing is mimicked",
        "to mimic calls there: start the process by fork,"
        " or name the function that starts it",
    )
    heading = "kept as bytes, which cannot be searched for secrets"
    lines += _calls(session, "not searched", heading)
    if session.config.option.verbose > 0:
        lines += _calls(session, "out of order", "no longer ended as recorded")
    lines += _changed_inputs(session)
    lines += _sound_outcomes(session)
    lines += _made_anew(session)
    lines += _former_answers(session)
    lines += _own_keys(session)
    return lines + _damage(session)


# -- lists of calls


def _calls(
    session: Session, kind: EventKind, heading: str, words: str = "", option: str = ""
) -> list[str]:
    """Return the list of the events of a kind; nothing if there are none.

    A row is a cause: its first call with its test, and how many more there are.

    Args:
        session: The run.
        kind: The events.
        heading: The first line.
        words: The words before the command, or in its place.
        option: The option of the command, where an event names no other.
    """
    # An equal call of the same test is the same row.
    found = session.run.events.of(kind)
    events = {(one.call, one.text("what"), one.test): one for one in found}
    if not events:
        return []
    by_cause: dict[object, list[Event]] = {}
    for place, event in events.items():
        by_cause.setdefault(event.text("cause") or place, []).append(event)
    causes = list(by_cause.values())
    shown = rows([_pair(first, option) for first, *_ in causes[:SHOWN]])
    lines = [f"{heading}:"]
    for row, (first, *others) in zip(shown, causes):
        lines.append(row)
        if others:
            calls = plural(len(others), "more call")
            tests = plural(len(_tests_of(others)), "test")
            cause = first.text("cause")
            if len(cause) > _LONGEST_CAUSE:
                cause = f"{cause[:_LONGEST_CAUSE]}..."
            lines.append(f"    and {calls} in {tests}: {cause}")
    lines += and_more(len(causes) - SHOWN)
    if not option:
        return [*lines, words] if words else lines
    if len(events) == 1:
        words = words.replace("them", "it")
    return lines + _commands(session, list(events.values()), words, option)


def _pair(event: Event, option: str) -> tuple[str, str]:
    label = f"{event.call} {event.text('what')}".strip()
    if option and not event.text("command"):
        return label, f"{event.test}, see its error"
    return label, event.test


def _commands(
    session: Session, events: Iterable[Event], words: str, option: str
) -> list[str]:
    """Return what helps without a call; then a line for each option that helps."""
    ways: dict[str, None] = {}
    needing: dict[str, list[Event]] = {}
    for event in events:
        way = _way_without_a_call(event)
        if way:
            ways[way] = None
        elif event.text("command"):
            needing.setdefault(event.text("option") or option, []).append(event)
    lines = [*ways][:SHOWN] + and_more(len(ways) - SHOWN)
    # `--mimic-record` may name whole files, and fails on those that need the other.
    for needed, found in sorted(needing.items(), key=lambda one: one[0] != RERECORD):
        tests = [test for test in _tests_of(found) if test]
        lines.append(f"{words}: {session.command(needed, tests)}")
    return lines


def _way_without_a_call(event: Event) -> str:
    """Return what lets a call find a recording that is there: `mv`, or `rekey`."""
    remedies: Any = event.facts.get("remedies", [])
    ways = [": ".join(one) for one in remedies if one[1].startswith("pytest-mimic ")]
    # Of several, one is right, and the error of the call has them.
    return ways[0] if len(ways) == 1 else ""


def _texts_like_keys(session: Session) -> list[str]:
    lines = _calls(session, "looks secret", "looks like a secret")
    if not lines:
        return []
    found = session.run.events.of("looks secret")
    marks = [*dict.fromkeys(event.text("mark") for event in found)]
    which = f" (the first {SHOWN} of {len(marks)})" if len(marks) > SHOWN else ""
    return [
        *lines,
        f"if they are secret: {PAGE_ON_KEYS}",
        f"if they are not secret{which}: mimic_redact = {', '.join(marks[:SHOWN])}",
    ]


# -- lists of what calls have in common


def _listed(heading: str, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return a heading, the first rows of two columns below it, and how many more."""
    more = and_more(len(pairs) - SHOWN)
    return [f"{heading}:", *rows(pairs[:SHOWN]), *more]


def _tests_of(events: Iterable[Event]) -> list[str]:
    return list(dict.fromkeys(event.test for event in events))


def _identities_in(events: Iterable[Event]) -> set[str]:
    return {event.text("identity") for event in events}


def _changed_inputs(session: Session) -> list[str]:
    """Name code and files that have changed since recorded calls used them.

    What a verifying run finds drifted is in its own list.
    """
    drifts = session.run.events.of("drifted")
    drifted = _identities_in(drifts)
    changed: dict[str, dict[str, set[str]]] = {}
    tests: set[str] = set()
    identities: set[str] = set()
    for event in session.run.events.of("inputs changed"):
        identity = event.text("identity")
        if identity not in drifted:
            targets = changed.setdefault(event.text("what"), {})
            targets.setdefault(event.call, set()).add(identity)
            tests.add(event.test)
            identities.add(identity)
    if not changed:
        return []
    pairs = []
    # Code comes first: its name has the file behind it.
    for what in sorted(changed, key=lambda what: (not what.endswith(")"), what)):
        counts = [
            f"{plural(len(calls), 'call')} of {target}"
            for target, calls in sorted(changed[what].items())
        ]
        pairs.append((what, few(counts)))
    count = plural(len(identities), "recording")
    verbs = "uses" if len(identities) == 1 else "use"
    words, option = "to see whether it matters", VERIFY
    if session.settings.mode == "verify":
        words = "the outcomes are as recorded; to accept the change"
        option = RERECORD
    # To accept the change in a test would accept its drifts.
    sound = sorted(tests.difference(_tests_of(drifts)))
    lines = _listed(f"{count} {verbs} code or files that have changed", pairs)
    return [*lines, f"{words}: {session.command(option, sound)}"] if sound else lines


def _sound_outcomes(session: Session) -> list[str]:
    """Say how recordings are renewed whose source changed and whose outcome did not."""
    verified = session.run.events.of("verified")
    sound = [event for event in verified if event.facts.get("is_stale")]
    if not sound:
        return []
    times = sum(event.times for event in sound)
    verb = "gives" if times == 1 else "give"
    command = session.command(RERECORD, _tests_of(sound))
    return [
        f"{plural(times, 'call')} whose source has changed still {verb} what was"
        " recorded",
        f"to accept the new source: {command}",
    ]


def _lines_of_new_parts(session: Session) -> list[str]:
    """Return the line of each client, with the parts of drifts that look new."""
    parts: dict[str, list[str]] = {}
    for event in session.run.events.of("drifted"):
        found: Any = event.facts.get("parts")
        parts.setdefault(event.text("line"), []).extend(found or ())
    lines = []
    for line, paths in parts.items():
        target = parse_target(line)
        if paths and target is not None:
            volatile = dict.fromkeys([*target.options.volatile, *paths])
            options = target.options.changed(volatile=tuple(volatile))
            lines.append(f"if this is new each time: {target.name} {options.line()}")
    return lines


def _made_anew(session: Session) -> list[str]:
    """Name what the next run will ask differently, by its causes, and what to do."""
    events = session.run.events.of("made anew")
    if not events:
        return []
    calls = {(event.test, event.text("identity")) for event in events}
    causes: dict[str, list[Event]] = {}
    for event in events:
        causes.setdefault(event.text("cause"), []).append(event)
    what = f"{plural(len(calls), 'recorded call')} with other values"
    known = dict.fromkeys(_WAYS[event.text("what")] for event in events)
    ways = [f"{words}: {PAGE_ON_NEW_VALUES}#{part}" for words, part in known]
    if session.is_quiet:
        return [f"the next run will make {what} ({', '.join(causes)}); {ways[0]}"]
    pairs = []
    for cause, found in causes.items():
        count = plural(len(_identities_in(found)), "call")
        pairs.append((cause, f"{count} in {plural(len(_tests_of(found)), 'test')}"))
    heading = f"the next run will make {what}, and miss"
    return [*_listed(heading, pairs), *ways, *_lines_to_leave_out(causes, session)]


def _lines_to_leave_out(
    causes: Mapping[str, list[Event]], session: Session
) -> list[str]:
    """Return the lines of targets that leave out the parts, where no part is data."""
    events = session.run.events.of("held")
    held = {(event.call, event.text("path")) for event in events}
    by_target: dict[str, list[Event]] = {}
    for first, *_ in causes.values():
        if (first.text("target"), first.text("path")) not in held:
            by_target.setdefault(first.text("target"), []).append(first)
    lines = []
    for first, *others in by_target.values():
        line = first.text("line")
        for other in others:
            path = as_value(other.text("path"))
            line = line.replace("ignore=", f"ignore={path},", 1)
        if len(others) < SHOWN:  # With more, it would not say what a call is.
            lines.append(f"if they may differ: {line}")
    return lines


def _former_answers(session: Session) -> list[str]:
    """Name the tests that hold what a fixture was answered before it was made anew."""
    digests: dict[str, set[str]] = {}
    for event in session.run.events.of("set up anew"):
        digests.setdefault(event.call, set()).add(event.text("now"))
    if not digests:
        return []
    tests = _tests_with_others(session, digests)
    lines = []
    for fixture, found in digests.items():
        if len(found) > 1:
            command = session.commands.pytest(RERECORD, "-n0", tests=tests[fixture])
            lines += [
                f"two workers got different answers in {fixture}",
                f"to record it in one process: {command}",
            ]
        elif tests[fixture]:
            count = plural(len(tests[fixture]), "test")
            command = session.command(RERECORD, tests[fixture])
            lines += [
                f"{fixture} was recorded again; its earlier answers are still in the"
                f" recordings of {count}",
                f"to record them again: {command}",
            ]
    return lines


def _tests_with_others(
    session: Session, digests: Mapping[str, set[str]]
) -> dict[str, list[str]]:
    """Return by fixture the tests whose logs hold none of its digests."""
    tests: dict[str, list[str]] = {fixture: [] for fixture in digests}
    for _, recording in session.run.vault.all():
        if isinstance(recording, CorruptRecordingError):
            continue
        if recording.owner in session.run.refusals.gone:
            continue
        for fixture, digest in recording.fixtures.items():
            if fixture in digests and digest not in digests[fixture]:
                tests[fixture].append(recording.owner)
    return tests


def _own_keys(session: Session) -> list[str]:
    """Name equal calls that differ only in keys of the application."""
    calls: dict[tuple[str, str], Event] = {}
    for event in session.run.events.of("told apart by order"):
        calls.setdefault((event.call, event.text("keys")), event)
    lines = []
    for (call, keys), event in list(calls.items())[:SHOWN]:
        line = event.text("what")
        lines.append(
            f"{call} was sent with a different {keys} in {event.test}: only their order"
            " tells these calls apart"
        )
        if line:
            lines.append(f"to tell them apart: {line}")
    return lines


def _damage(session: Session) -> list[str]:
    """Name in one line all files of one kind of damage that a command repairs."""
    events = session.run.events.of("damaged")
    damages = dict.fromkeys((event.call, event.text("what")) for event in events)
    counts = Counter(damage for _, damage in damages)
    lines = []
    for damage, (words, command) in _DAMAGES.items():
        if damage in counts:
            verb = "is" if counts[damage] == 1 else "are"
            files = plural(counts[damage], "file")
            lines.append(f"{files} of the vault {verb} {words}: {command}")
    return lines
