"""Says at the end of a run what is no list of calls, each remark with what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pytest_mimic.engine.events import Event
from pytest_mimic.engine.lives import former_answers
from pytest_mimic.run.session import Session
from pytest_mimic.words import SHOWN, and_more, few, plural, rows

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
    """Return the lines of all remarks."""
    lines = _changed_inputs(session)
    lines += _sound_outcomes(session)
    lines += _made_anew(session)
    lines += _former_answers(session)
    lines += _own_keys(session)
    return lines + _damage(session)


def listed(heading: str, pairs: Sequence[tuple[str, str]]) -> list[str]:
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
    drifted = _identities_in(session.run.events.of("drifted"))
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
    verbs = "reaches code or reads" if len(identities) == 1 else "reach code or read"
    words, option = "to see whether it matters", "--mimic-verify"
    if session.settings.mode == "verify":
        words = "the outcomes are as recorded; to accept the change"
        option = "--mimic-rerecord"
    return [
        *listed(f"{count} {verbs} files that have changed", pairs),
        f"{words}: {session.command(option, sorted(tests))}",
    ]


def _sound_outcomes(session: Session) -> list[str]:
    """Say how recordings are renewed whose source changed and whose outcome did not."""
    verified = session.run.events.of("verified")
    sound = [event for event in verified if event.facts.get("is_stale")]
    if not sound:
        return []
    times = sum(event.times for event in sound)
    verb = "gives" if times == 1 else "give"
    command = session.command("--mimic-rerecord", _tests_of(sound))
    return [
        f"{plural(times, 'call')} of changed source still {verb} what was recorded",
        f"to accept the new source: {command}",
    ]


def _made_anew(session: Session) -> list[str]:
    """Name what the next run will ask differently, by its causes, and what to do."""
    events = session.run.events.of("made anew")
    if not events:
        return []
    # A replay needs nothing of this room.
    from pytest_mimic.values.messages import PAGE

    calls = {(event.test, event.text("identity")) for event in events}
    causes: dict[str, list[Event]] = {}
    for event in events:
        causes.setdefault(event.text("cause"), []).append(event)
    what = f"{plural(len(calls), 'recorded call')} with other values"
    known = dict.fromkeys(_WAYS[event.text("what")] for event in events)
    ways = [f"{words}: {PAGE}#{part}" for words, part in known]
    if session.is_quiet:
        return [f"the next run will make {what} ({', '.join(causes)}); {ways[0]}"]
    pairs = []
    for cause, found in causes.items():
        count = plural(len(_identities_in(found)), "call")
        pairs.append((cause, f"{count} in {plural(len(_tests_of(found)), 'test')}"))
    heading = f"the next run will make {what}, and miss"
    return [*listed(heading, pairs), *ways, *_lines_to_leave_out(causes, session)]


def _lines_to_leave_out(
    causes: Mapping[str, list[Event]], session: Session
) -> list[str]:
    """Return the lines of targets that leave out the parts, where no part is data."""
    events = session.run.events.of("held")
    held = {(event.call, event.text("path")) for event in events}
    lines: dict[str, str] = {}
    for first, *_ in causes.values():
        target, path = first.text("target"), first.text("path")
        if (target, path) in held:
            continue
        line = lines.get(target)
        if line is not None:
            lines[target] = line.replace("ignore=", f"ignore={path},", 1)
        else:
            lines[target] = first.text("line")
    return [f"if they may differ: {line}" for line in lines.values()]


def _former_answers(session: Session) -> list[str]:
    """Name the tests that hold what a fixture was answered before it was made anew."""
    changed = session.run.events.of("set up anew")
    if not changed:
        return []
    lines = []
    gone = session.run.refusals.gone
    for one in former_answers(session.run.vault, changed, gone):
        if one.is_torn:
            command = session.commands.pytest(
                "--mimic-rerecord", "-n0", tests=one.tests
            )
            lines += [
                f"two workers were answered differently in {one.fixture}",
                f"to record it in one process: {command}",
            ]
        else:
            count = plural(len(one.tests), "test")
            command = session.command("--mimic-rerecord", one.tests)
            lines += [
                f"{one.fixture} was recorded anew; {count} hold its former answers",
                f"to record them again: {command}",
            ]
    return lines


def _own_keys(session: Session) -> list[str]:
    """Name equal calls that differ only in keys of the application."""
    calls: dict[tuple[str, str], str] = {}
    for event in session.run.events.of("told apart by order"):
        calls[event.call, event.text("keys")] = event.text("what")
    lines = []
    for (call, keys), option in list(calls.items())[:SHOWN]:
        lines.append(f"{call} was sent with another {keys}: its calls keep their order")
        if option:
            lines.append(f"to tell them apart: {call.split()[0]} {option}")
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
