"""Says at the end of a run what is no list of calls, each remark with what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pytest_mimic.engine.closing import former_answers
from pytest_mimic.engine.events import Event
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
    lines += _put_back(session)
    lines += _own_keys(session)
    lines += _damage(session)
    return lines + _processes(session)


def _tests_of(events: Iterable[Event]) -> list[str]:
    return list(dict.fromkeys(event.test for event in events))


def _changed_inputs(session: Session) -> list[str]:
    """Name code and files that have changed since recorded calls used them.

    What a verifying run finds drifted is in its own list.
    """
    drifted = {one.text("identity") for one in session.run.events.of("drifted")}
    events = [
        event
        for event in session.run.events.of("inputs changed")
        if event.text("identity") not in drifted
    ]
    if not events:
        return []
    replays = Counter[str]()
    for event in session.run.events.of("replayed", "verified"):
        replays[event.text("identity")] += event.times
    targets: dict[str, dict[str, set[str]]] = {}
    for event in events:
        calls = targets.setdefault(event.text("what"), {})
        calls.setdefault(event.call, set()).add(event.text("identity"))
    pairs = []
    # Code comes first: its name has the file behind it.
    for what in sorted(targets, key=lambda what: (not what.endswith(")"), what)):
        counts = [
            f"{plural(sum(replays[one] for one in identities), 'call')} of {target}"
            for target, identities in sorted(targets[what].items())
        ]
        pairs.append((what, few(counts)))
    count = len({event.text("identity") for event in events})
    verbs = "reaches code or reads" if count == 1 else "reach code or read"
    words, option = "to see whether it matters", "--mimic-verify"
    if session.settings.mode == "verify":
        words, option = (
            "the outcomes are as recorded; to accept the change",
            "--mimic-rerecord",
        )
    command = session.command(option, sorted(_tests_of(events)))
    return [
        f"{plural(count, 'recording')} {verbs} files that have changed:",
        *rows(pairs[:SHOWN]),
        *and_more(len(pairs) - SHOWN),
        f"{words}: {command}",
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
    calls = {(event.test, event.text("identity")) for event in events}
    causes: dict[str, list[Event]] = {}
    for event in events:
        causes.setdefault(event.text("cause"), []).append(event)
    what = f"{plural(len(calls), 'recorded call')} with other values"
    ways = _ways_to_the_same(events)
    if session.is_quiet:
        return [f"the next run will make {what} ({', '.join(causes)}); {ways[0]}"]
    pairs = []
    for cause, found in causes.items():
        count = plural(len({event.text("identity") for event in found}), "call")
        pairs.append((cause, f"{count} in {plural(len(_tests_of(found)), 'test')}"))
    held = session.run.events.of("held")
    return [
        f"the next run will make {what}, and miss:",
        *rows(pairs[:SHOWN]),
        *and_more(len(pairs) - SHOWN),
        *ways,
        *_lines_to_leave_out(causes, {(one.call, one.text("path")) for one in held}),
    ]


def _ways_to_the_same(events: Iterable[Event]) -> list[str]:
    # A replay needs nothing of this room.
    from pytest_mimic.values.messages import PAGE

    ways = dict.fromkeys(_WAYS[event.text("what")] for event in events)
    return [f"{words}: {PAGE}#{part}" for words, part in ways]


def _lines_to_leave_out(
    causes: Mapping[str, list[Event]], held: set[tuple[str, str]]
) -> list[str]:
    """Return the lines of targets that leave out the parts, where no part is data."""
    lines: dict[str, str] = {}
    for first, *_ in causes.values():
        target, path = first.text("target"), first.text("path")
        if (target, path) in held:
            continue
        if target in lines:
            line = lines[target].replace("ignore=", f"ignore={path},", 1)
        else:
            line = first.text("line")
        lines[target] = line
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
            command = _in_one_process(one.tests, session)
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


def _in_one_process(tests: Sequence[str], session: Session) -> str:
    return session.commands.pytest("--mimic-rerecord", "-n0", tests=tests)


def _put_back(session: Session) -> list[str]:
    count = len(session.run.events.of("put back"))
    verb = "was" if count == 1 else "were"
    return [f"{plural(count, 'recording')} {verb} put back"] if count else []


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
    files: dict[str, set[str]] = {damage: set() for damage in _DAMAGES}
    for event in session.run.events.of("damaged"):
        files.setdefault(event.text("what"), set()).add(event.call)
    lines = []
    for damage, (words, command) in _DAMAGES.items():
        count = len(files[damage])
        verb = "is" if count == 1 else "are"
        if count:
            counted = plural(count, "file")
            lines.append(f"{counted} of the vault {verb} {words}: {command}")
    return lines


def _processes(session: Session) -> list[str]:
    spawned = session.run.events.of("spawned")
    if not spawned:
        return []
    starts = Counter((event.test, event.call) for event in spawned)
    lines = ["processes:"]
    for (test, method), count in list(starts.items())[:SHOWN]:
        times = f", {count} times" if count > 1 else ""
        who = f"{test} started a process ({method})"
        lines.append(f"  {who} in which nothing is mimicked{times}")
    lines += and_more(len(starts) - SHOWN)
    remedy = "start the process by fork, or name the function that starts it"
    return [*lines, f"to mimic calls there: {remedy}"]
