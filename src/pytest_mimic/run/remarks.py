"""Lists at the end of a run what it met, a row a cause, each list with what to do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from pytest_mimic.engine.events import CALLS, Event, EventKind
from pytest_mimic.engine.refusals import RECORD, RERECORD, VERIFY
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.patch.targets import line_of_plain
from pytest_mimic.run.costs import price
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
# What differs in so many calls is new each time, whatever it looks like.
_NEW_IN = 3

_Row = Callable[[str, "list[Event]"], "tuple[str, str]"]
_Remedy = Callable[[Session, "list[Event]"], "list[str]"]


def remarks(session: Session, *, is_whole: bool) -> list[str]:
    """Return the lines of all lists; none: there is nothing to do.

    Args:
        session: What the run has.
        is_whole: Whether a list on which nobody must act has rows, too.
    """
    events, rootdir = session.run.events, session.settings.rootdir
    for event in events.of_kinds("unrepeated"):
        verb, _, file = event.text("fact").partition(" ")
        # The tests have removed what a call has written.
        if verb == "wrote" and not (rootdir / file).is_file():
            events.take_back(event)
    lines: list[str] = []
    for row in _LISTS.strip().splitlines():
        kind, form, heading = map(str.strip, row.split("|"))
        lines += _lines(session, kind, form, heading, is_whole=is_whole)
    return lines


# -- what a row tells


def _call(_: str, events: list[Event]) -> tuple[str, str]:
    """Tell the first call of a cause, and its test."""
    first = events[0]
    label = f"{first.call} {first.text('what')}".strip()
    if first.facts.get("option") == "" and not _way_without_a_call(first):
        return label, f"{first.test}, see its error"
    return label, first.test


def _counts(unit: str, events: list[Event]) -> tuple[str, str]:
    """Tell a cause, and how often it was met."""
    calls = {(event.call, event.text("identity"), event.test) for event in events}
    told = plural(len(calls), unit)
    if unit == "call":
        told += f" in {plural(len(_tests_of(events)), 'test')}"
    return events[0].text("cause"), told


def _part_of_calls(unit: str, events: list[Event]) -> tuple[str, str]:
    """Tell a part of calls, and how many have it; of a client, the first of them."""
    cause, told = _counts(unit, events)
    is_of_client = ":" not in events[0].text("target")
    return cause, f"{told}: {events[0].call}" if is_of_client else told


def _calls_of_targets(_: str, events: list[Event]) -> tuple[str, str]:
    """Tell what has changed, and how many calls of which targets use it."""
    calls = {(event.call, event.text("identity")) for event in events}
    counts = Counter(sorted(target for target, _ in calls))
    told = [f"{plural(counts[target], 'call')} of {target}" for target in counts]
    return events[0].text("cause"), few(told)


def _owners(_: str, events: list[Event]) -> tuple[str, str]:
    """Tell a cause, and the tests that have met it."""
    return events[0].text("cause"), few(_tests_of(events))


def _tests_of(events: Iterable[Event]) -> list[str]:
    return list(dict.fromkeys(event.test for event in events if event.test))


# -- what helps: commands


def _again(words: str, default: str = "") -> _Remedy:
    """Return a remedy: a command for each option that helps some of the events.

    Args:
        words: The words before the command.
        default: The option, where an event names none.
    """

    def commands(session: Session, events: list[Event]) -> list[str]:
        needing: dict[str, list[Event]] = {}
        ways: dict[str, None] = {}
        for event in events:
            way = _way_without_a_call(event)
            option = event.text("option") or default
            if way:
                ways[way] = None
            elif option:
                needing.setdefault(option, []).append(event)
        told = words.replace("them", "it") if len(events) == 1 else words
        lines = [*ways][:SHOWN] + and_more(len(ways) - SHOWN)
        # `--mimic-record` may name whole files, and fails on those that need the other.
        for option in sorted(needing, key=lambda option: option == RECORD):
            tests = _tests_of(needing[option])
            lines.append(f"{told}: {session.command(option, tests)}")
            cost = price(session.run.vault, tests) if option != VERIFY else ""
            if cost:
                lines.append(f"when recorded, these tests cost {cost}")
        return lines

    return commands


def _way_without_a_call(event: Event) -> str:
    """Return what lets a call find a recording that is there: `mv`, or `rekey`."""
    remedies: Any = event.facts.get("remedies", [])
    ways = [": ".join(one) for one in remedies if one[1].startswith("pytest-mimic ")]
    # Of several, one is right, and the error of the call has them.
    return ways[0] if len(ways) == 1 else ""


def _of_changed_inputs(session: Session, events: list[Event]) -> list[str]:
    if session.settings.mode != "verify":
        return _again("to see whether it matters", VERIFY)(session, events)
    # To accept the change in a test would accept its drifts.
    drifted = _tests_of(session.run.events.of_kinds("drifted"))
    sound = [event for event in events if event.test not in drifted]
    words = "the outcomes are as recorded; to accept the change"
    return _again(words, RERECORD)(session, sound)


def _restores(session: Session, events: list[Event]) -> list[str]:
    vault = session.run.vault.path
    names = dict.fromkeys(event.text("name") for event in events)
    command = session.commands.restore([vault / name for name in names])
    return [f"to get the values back: {command}"] if command else []


def _in_one_process(session: Session, events: list[Event]) -> list[str]:
    command = session.commands.pytest(RERECORD, "-n0", tests=_tests_of(events))
    return [f"to record it in one process: {command}"]


# -- what helps: lines of the ini file


def _lines_with(option: str, words: str) -> _Remedy:
    """Return a remedy: each line of the events, with their paths in an option."""

    def lines(session: Session, events: list[Event]) -> list[str]:
        # What is data in some call may not be left out.
        held = {one.text("cause") for one in session.run.events.of_kinds("held")}
        free = [event for event in events if event.text("cause") not in held]
        told = []
        for same in _by_line(free):
            paths = dict.fromkeys(path for event in same for path in _paths(event))
            if len(paths) <= SHOWN:  # With more, it would not say what a call is.
                told.append(f"{words}: {_line_with(session, same, option, paths)}")
        return told

    return lines


def _volatile_lines(session: Session, events: list[Event]) -> list[str]:
    """Return the lines that leave out what is new each time, and all that differs."""
    new, whole = [], []
    # How a real call failed is not to be left out.
    answered = [event for event in events if event.text("option")]
    for same in _by_line(answered):
        looks_new = {path for event in same for path in _paths(event)}
        calls = Counter(path for event in same for path in _paths(event, "differing"))
        differing = [
            path for path in calls if path in looks_new or calls[path] >= _NEW_IN
        ]
        if differing:
            new.append(f"    {_line_with(session, same, 'volatile', differing)}")
        # No line lets a call pass that differs in more than values.
        alone = [event for event in same if event.facts["values alone"]]
        known = {
            *differing,
            *(path for one in alone for path in _paths(one, "differing")),
        }
        if known:
            paths = filter(known.__contains__, calls)
            whole.append(f"    {_line_with(session, same, 'volatile', paths)}")
    told = ["if this is new each time:", *new] if new else []
    if whole != new:
        told += ["if you have recorded just now, and all that differs is new:", *whole]
    return told


def _by_line(events: Iterable[Event]) -> Iterable[list[Event]]:
    """Return the events that name parts of a call, grouped by line."""
    by_line: dict[str, list[Event]] = {}
    for event in events:
        if _paths(event, "differing") or _paths(event):
            line = line_of_plain(event.text("line"), event.facts["options"])
            by_line.setdefault(line, []).append(event)
    return by_line.values()


def _paths(event: Event, fact: str = "paths") -> list[str]:
    paths: Any = event.facts.get(fact, [])
    return list(paths)


def _line_with(
    session: Session, events: Sequence[Event], option: str, paths: Iterable[str]
) -> str:
    """Return the line of some events with more paths, as its file has it."""
    first = events[0]
    options = first.facts["options"]
    line = line_of_plain(first.text("line"), options, **{option: paths})
    file = session.config.inipath
    is_item = file is not None and file.suffix == ".toml"  # of a list
    return f"{json.dumps(line, ensure_ascii=False)}," if is_item else line


# -- what helps: words


def _without(fact: str, words: str) -> _Remedy:
    """Return a remedy: the line of `mimic_redact` that takes names out."""

    def lines(_: Session, events: list[Event]) -> list[str]:
        names = [*dict.fromkeys(f"!{event.text(fact)}" for event in events)]
        which = f" (the first {SHOWN} of {len(names)})" if len(names) > SHOWN else ""
        return [f"{words}{which}: mimic_redact = {', '.join(names[:SHOWN])}"]

    return lines


# -- the lists

# The kind of the events, what a row of the list tells, and what has happened. What must
# be acted on first comes first. Nobody must act on a fact: it is one line, unless with
# `-v`.
_LISTS = """
    missing             | call          | missing
    stale               | call          | stale
    drifted             | call          | drifted
    not verified        | call          | not verified
    made anew           | part          | the next run will ask otherwise, and miss
    new test id         | call          | the next run has other ids for these tests, and misses
    damaged             | files         | damaged files of the vault, and what helps
    kept failure        | call          | recorded errors
    lost value          | call          | errors that have replaced recorded values
    others              | owners        | other tests share these calls, and get the new answers
    not recorded        | call          | not recorded
    repeated            | call          | made more often than recorded, so the last outcome repeats
    overlapped          | call          | ended in a different order than they began: add sequence
    imported            | call          | imported, but now sent with another body or other headers
    former answers      | tests         | recordings with earlier answers of a fixture that was recorded again
    two answers         | tests         | fixtures to which two workers got different answers
    told apart by order | call          | equal calls with other keys, so that only their order tells them apart
    became one          | calls         | different requests that are one recording, since their line ignores parts
    looks secret        | call          | looks like a secret
    inputs changed      | targets       | code or files that recorded calls use have changed
    not accepted        | call          | not accepted, since a test that uses it did not pass
    accepted            | calls         | accepted
    spawned             | call          | processes in which nothing is mimicked
    as before           | call, fact    | as recorded, though the source has changed
    not kept            | call, fact    | not kept, because their tests failed
    connected           | call, fact    | connections that no line took
    left out            | calls         | left out of exceptions
    unmoved             | calls         | in outcomes, the same in every checkout
    bound               | calls, fact   | outcomes that another version may not load
    hidden              | answers, fact | redacted in answers
    unrepeated          | calls, fact   | side effects that a replay leaves out
    redacted            | call, fact    | secrets from the environment were replaced in
    not searched        | call, fact    | kept as bytes, which cannot be searched for secrets
    out of order        | call, fact    | no longer ended as recorded
"""  # noqa: E501
# How the events of one cause are told. Others are counted: as calls, answers, files.
_ROWS: dict[str, _Row] = {
    "call": _call,
    "part": _part_of_calls,
    "targets": _calls_of_targets,
    "owners": _owners,
}
# A line, or what gives lines of what to do.
_REMEDIES: dict[str, tuple[str | _Remedy, ...]] = {
    "missing": (_again("to record the missing"),),
    "stale": (_again("to record the stale"),),
    "drifted": (_again("to accept them"), _volatile_lines),
    "not verified": (_again("to try again", VERIFY),),
    "made anew": (
        f"to make the same values in each run: {PAGE_ON_NEW_VALUES}",
        _lines_with("ignore", "if they may differ"),
    ),
    "new test id": (
        'to give a case the same id in each run: pytest.param(..., id="...")',
    ),
    "kept failure": (_again("to record them again"),),
    "lost value": (_restores,),
    "repeated": (_again("to record each of these calls"),),
    "imported": (_again("to record them"),),
    "former answers": (_again("to record them again", RERECORD),),
    "two answers": (_in_one_process,),
    "told apart by order": (_lines_with("match", "to tell them apart"),),
    "looks secret": (
        f"if they are secret: {PAGE_ON_KEYS}",
        _without("mark", "if they are not secret"),
    ),
    "inputs changed": (_of_changed_inputs,),
    "spawned": (
        "to mimic calls there: name the function that starts it, or use"
        " multiprocessing",
    ),
    "as before": (_again("to accept the new source", RERECORD),),
    "hidden": (
        _without("cause", "to keep what is no secret"),
        _again("and record them again"),
    ),
}


def _lines(
    session: Session, kind: Any, form: str, heading: str, *, is_whole: bool
) -> list[str]:
    """Return the lines of a list; none: nothing of its kind has happened."""
    events = session.run.events.of_kinds(kind)
    if not events:
        return []
    by_cause: dict[object, list[Event]] = {}
    # The first line counts each call. Else an equal call of a test is the same row.
    is_counted = kind in CALLS
    told_once = {_place_of(one): one for one in events}.values()
    for event in events if is_counted else told_once:
        cause = event.text("cause") or _place_of(event)
        by_cause.setdefault(cause, []).append(event)
    causes = [*by_cause.values()]
    remedies: list[str] = []
    for remedy in _REMEDIES.get(kind, ()):
        remedies += [remedy] if isinstance(remedy, str) else remedy(session, events)
    told, _, is_fact = form.partition(", ")
    row = _ROWS.get(told, _counts)
    unit = told.removesuffix("s") if row is _counts else "call"
    if is_fact and not is_whole:
        return ["    ".join([f"{heading}: {_fact(unit, causes)}", *remedies])]
    return [
        f"{heading}:",
        *_rows(row, unit, causes[:SHOWN]),
        *and_more(sum(map(len, causes[SHOWN:]))),
        *remedies,
    ]


def _place_of(event: Event) -> tuple[str, ...]:
    facts = [event.text(name) for name in ("what", "cause", "identity")]
    return event.call, event.test, *facts


def _rows(row: _Row, unit: str, causes: Sequence[list[Event]]) -> Iterator[str]:
    shown = rows([row(unit, events) for events in causes])
    for told, events in zip(shown, causes, strict=True):
        yield told
        if row is _call and len(events) > 1:
            cause, others = events[0].text("cause") or "equal", events[1:]
            calls = plural(len(others), "more call")
            tests = plural(len(_tests_of(others)), "test")
            if len(cause) > _LONGEST_CAUSE:
                cause = f"{cause[:_LONGEST_CAUSE]}..."
            yield f"    and {calls} in {tests}: {cause}"


def _fact(unit: str, causes: list[list[Event]]) -> str:
    """Return the causes of a list in one line, each with its count."""
    told: list[str] = []
    for events in sorted(causes, key=len, reverse=True):
        label, _ = _call(unit, events)
        cause = events[0].text("cause")
        count = str(len(events)) if told else plural(len(events), unit)
        told.append(f"{cause} ({count})" if cause else label)
    return few(told)


# -- what a vault still holds


def note_former_answers(session: Session) -> None:
    """Note the tests that hold what a fixture was answered before it was made anew."""
    run = session.run
    workers: dict[str, set[str]] = {}
    for event in run.events.of_kinds("set up anew"):
        workers.setdefault(event.call, set()).add(event.text("worker"))
    recordings = [
        one for _, one in run.vault.all() if not isinstance(one, CorruptRecordingError)
    ]
    digests: dict[str, set[str]] = {}
    for recording in recordings:
        setups = {one.setup for one in recording.beginnings()}
        digests.setdefault(recording.owner, set()).update(setups)
    for recording in recordings:
        if recording.owner in run.refusals.gone:
            continue
        for fixture, digest in recording.fixtures.items():
            if fixture not in workers or digest in digests.get(fixture, ()):
                continue
            is_twice = len(workers[fixture]) > 1
            kind: EventKind = "two answers" if is_twice else "former answers"
            run.events.add(kind, fixture, test=recording.owner, cause=fixture)
