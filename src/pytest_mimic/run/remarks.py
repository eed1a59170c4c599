"""Lists at the end of a run what it met, a row a cause, each list with what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pytest_mimic.engine.events import Event, EventKind
from pytest_mimic.engine.refusals import RECORD, RERECORD, VERIFY
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.patch.targets import line_of_plain
from pytest_mimic.run.costs import price
from pytest_mimic.run.session import Session
from pytest_mimic.vault.names import log_name
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
# Of more, nobody asks what they cost, and their logs would have to be read.
_MOST_TESTS = 500

_Row = Callable[["list[Event]"], "tuple[str, str]"]
_Remedy = Callable[[Session, "list[Event]"], "list[str]"]


def remarks(session: Session, *, is_whole: bool) -> list[str]:
    """Return the lines of all lists; none: there is nothing to do.

    Args:
        session: What the run has.
        is_whole: Whether a list on which nobody must act has rows, too.
    """
    _forget_files_that_are_gone(session)
    return [line for one in _LISTS for line in _lines(session, one, is_whole)]


# -- what a row tells


def _call(events: list[Event]) -> tuple[str, str]:
    """Tell the first call of a cause, and its test."""
    first = events[0]
    label = f"{first.call} {first.text('what')}".strip()
    if first.facts.get("option") == "":  # None helps.
        return label, f"{first.test}, see its error"
    return label, first.test


def _counts(events: list[Event]) -> tuple[str, str]:
    """Tell a cause, and how many calls it concerns."""
    calls = {(event.call, event.text("identity"), event.test) for event in events}
    tests = plural(len(_tests_of(events)), "test")
    return events[0].text("cause"), f"{plural(len(calls), 'call')} in {tests}"


def _calls_of_targets(events: list[Event]) -> tuple[str, str]:
    """Tell what has changed, and how many calls of which targets use it."""
    by_target: dict[str, set[str]] = {}
    for event in events:
        by_target.setdefault(event.call, set()).add(event.text("identity"))
    counts = [
        f"{plural(len(calls), 'call')} of {target}"
        for target, calls in sorted(by_target.items())
    ]
    return events[0].text("cause"), few(counts)


def _tests(events: list[Event]) -> tuple[str, str]:
    """Tell a fixture, and how many tests are concerned."""
    return events[0].call, plural(len(_tests_of(events)), "test")


def _test(events: list[Event]) -> tuple[str, str]:
    """Tell a test, and what is said of it."""
    return events[0].call, events[0].text("what")


def _damage(events: list[Event]) -> tuple[str, str]:
    words, _command = DAMAGES[events[0].text("cause")]
    files = {event.call for event in events}
    return words, plural(len(files), "file")


def _tests_of(events: Iterable[Event]) -> list[str]:
    return list(dict.fromkeys(event.test for event in events if event.test))


# -- what helps


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
            if option in (RECORD, RERECORD):
                lines += _cost_of(session, tests)
        return lines

    return commands


def _cost_of(session: Session, tests: Sequence[str]) -> list[str]:
    """Say what tests have cost when they were recorded, if it is worth a word."""
    run = session.run
    replayed = [one for one in run.events.of("replayed") if one.test in tests]
    told = price(run.vault, map(log_name, tests[:_MOST_TESTS]), replayed)
    return [f"when recorded, these tests cost {told}"] if told else []


def _way_without_a_call(event: Event) -> str:
    """Return what lets a call find a recording that is there: `mv`, or `rekey`."""
    remedies: Any = event.facts.get("remedies", [])
    ways = [": ".join(one) for one in remedies if one[1].startswith("pytest-mimic ")]
    # Of several, one is right, and the error of the call has them.
    return ways[0] if len(ways) == 1 else ""


def _lines_with(option: str, words: str) -> _Remedy:
    """Return a remedy: each line of the events, with their paths in an option."""

    def lines(_: Session, events: list[Event]) -> list[str]:
        by_line: dict[str, list[Event]] = {}
        for event in events:
            if event.facts.get("paths"):
                line = line_of_plain(event.text("line"), event.facts["options"])
                by_line.setdefault(line, []).append(event)
        return [f"{words}: {_line_with(option, one)}" for one in by_line.values()]

    return lines


def _line_with(option: str, events: Sequence[Event]) -> str:
    paths: list[Any] = []
    for event in events:
        found: Any = event.facts["paths"]
        paths += found
    first = events[0]
    return line_of_plain(first.text("line"), first.facts["options"], **{option: paths})


def _lines_to_leave_out(session: Session, events: list[Event]) -> list[str]:
    """Return the lines of targets that leave out the parts, where no part is data."""
    held = {one.text("cause") for one in session.run.events.of("held")}
    by_target: dict[str, dict[str, Event]] = {}
    for event in events:
        if event.text("cause") not in held:
            parts = by_target.setdefault(event.text("target"), {})
            parts.setdefault(event.text("cause"), event)
    return [
        f"if they may differ: {_line_with('ignore', [*parts.values()])}"
        for parts in by_target.values()
        if len(parts) <= SHOWN  # With more, it would not say what a call is.
    ]


def _pages_on_new_values(_: Session, events: list[Event]) -> list[str]:
    ways = dict.fromkeys(_WAYS[event.text("look")] for event in events)
    return [f"{words}: {PAGE_ON_NEW_VALUES}#{part}" for words, part in ways]


def _marks_of_keys(_: Session, events: list[Event]) -> list[str]:
    marks = [*dict.fromkeys(event.text("mark") for event in events)]
    which = f" (the first {SHOWN} of {len(marks)})" if len(marks) > SHOWN else ""
    return [
        f"if they are secret: {PAGE_ON_KEYS}",
        f"if they are not secret{which}: mimic_redact = {', '.join(marks[:SHOWN])}",
    ]


def _names_to_take_out(_: Session, events: list[Event]) -> list[str]:
    names = dict.fromkeys(f"!{event.text('cause')}" for event in events)
    return [f"to keep what is no secret: mimic_redact = {few([*names])}"]


def _of_changed_inputs(session: Session, events: list[Event]) -> list[str]:
    if session.settings.mode != "verify":
        return _again("to see whether it matters", VERIFY)(session, events)
    # To accept the change in a test would accept its drifts.
    drifted = _tests_of(session.run.events.of("drifted"))
    sound = [event for event in events if event.test not in drifted]
    words = "the outcomes are as recorded; to accept the change"
    return _again(words, RERECORD)(session, sound)


def _mending(_: Session, events: list[Event]) -> list[str]:
    kinds = dict.fromkeys(event.text("cause") for event in events)
    return [f"what helps: {DAMAGES[kind][1]}" for kind in kinds]


def _restores(session: Session, events: list[Event]) -> list[str]:
    vault = session.run.vault.path
    names = dict.fromkeys(event.text("name") for event in events)
    command = session.commands.restore(vault / name for name in names)
    return [f"to get the values back: {command}"] if command else []


def _in_one_process(session: Session, events: list[Event]) -> list[str]:
    command = session.commands.pytest(RERECORD, "-n0", tests=_tests_of(events))
    return [f"to record it in one process: {command}"]


def _ways_to_processes(*_: object) -> list[str]:
    way = "name the function that starts it, or use multiprocessing"
    return [f"to mimic calls there: {way}"]


def _ways_to_fixed_ids(*_: object) -> list[str]:
    return ['to give a case the same id in each run: pytest.param(..., id="...")']


# -- the lists

DAMAGES = {
    "pointer": ("Git LFS pointers", "git lfs pull"),
    "conflict": ("in conflict", "git status"),
    "format": ("of another format", "pytest --mimic-rerecord"),
    "newer": ("of a newer version", "pip install --upgrade pytest-mimic"),
}
"""Damage that one command mends in all files: words, and the command."""

# Words, and the part of a page that tells how a call becomes the same in each run.
_WAYS = {
    "a moment": ("to stop the clock in tests", "freeze-the-clock"),
    "a date": ("to stop the clock in tests", "freeze-the-clock"),
    "a UUID": ("to get the same ids in each run", "seed-the-ids"),
    "a ULID": ("to get the same ids in each run", "seed-the-ids"),
    "the name of a worker": ("to give workers the same names", "ignore-the-value"),
}


class _List(NamedTuple):
    """What is told of the events of a kind.

    Attributes:
        kind: The events.
        heading: What has happened.
        remedies: Each gives lines of what to do.
        row: Tells the events of one cause in two columns.
        is_fact: Whether nobody must act on it: it is one line, unless with `-v`.
        unit: What that line counts.
    """

    kind: EventKind
    heading: str
    remedies: tuple[_Remedy, ...] = ()
    row: _Row = _call
    is_fact: bool = False
    unit: str = "call"


# What must be acted on first comes first.
_LISTS = (
    _List("missing", "missing", (_again("to record the missing"),)),
    _List("stale", "stale", (_again("to record the stale"),)),
    _List(
        "drifted",
        "drifted",
        (
            _again("to accept them"),
            _lines_with("volatile", "if this is new each time"),
        ),
    ),
    _List(
        "made anew",
        "the next run will ask otherwise, and miss",
        (_pages_on_new_values, _lines_to_leave_out),
        row=_counts,
    ),
    _List(
        "new test id",
        "the next run has other ids for these tests, and misses",
        (_ways_to_fixed_ids,),
        row=_test,
    ),
    _List("damaged", "damaged files of the vault", (_mending,), row=_damage),
    _List("kept failure", "recorded errors", (_again("to record them again"),)),
    _List("lost value", "errors that have replaced recorded values", (_restores,)),
    _List("not recorded", "not recorded"),
    _List(
        "repeated",
        "made more often than recorded, so the last outcome repeats",
        (_again("to record each of these calls"),),
    ),
    _List("overlapped", "ended in a different order than they began: add sequence"),
    _List(
        "imported",
        "imported, but now sent with another body or other headers",
        (_again("to record them"),),
    ),
    _List(
        "former answers",
        "recordings with earlier answers of a fixture that was recorded again",
        (_again("to record them again", RERECORD),),
        row=_tests,
    ),
    _List(
        "two answers",
        "fixtures to which two workers got different answers",
        (_in_one_process,),
        row=_tests,
    ),
    _List(
        "told apart by order",
        "equal calls with other keys, so that only their order tells them apart",
        (_lines_with("match", "to tell them apart"),),
    ),
    _List(
        "became one",
        "different requests that are one recording, since their line ignores parts",
        row=_counts,
    ),
    _List("looks secret", "looks like a secret", (_marks_of_keys,)),
    _List(
        "inputs changed",
        "code or files that recorded calls use have changed",
        (_of_changed_inputs,),
        row=_calls_of_targets,
    ),
    _List("not accepted", "not accepted, since a test that uses it did not pass"),
    _List("accepted", "accepted", row=_counts),
    _List("spawned", "processes in which nothing is mimicked", (_ways_to_processes,)),
    _List(
        "as before",
        "as recorded, though the source has changed",
        (_again("to accept the new source", RERECORD),),
        is_fact=True,
    ),
    _List("not kept", "not kept, because their tests failed", is_fact=True),
    _List("connected", "connections that no line took", is_fact=True),
    _List("left out", "left out of exceptions", row=_counts),
    _List("unmoved", "in outcomes, the same in every checkout", row=_counts),
    _List(
        "hidden",
        "redacted in answers",
        (_names_to_take_out, _again("and record them again")),
        row=_counts,
        is_fact=True,
        unit="answer",
    ),
    _List(
        "unrepeated",
        "side effects that a replay leaves out",
        row=_counts,
        is_fact=True,
    ),
    _List("redacted", "secrets from the environment were replaced in", is_fact=True),
    _List(
        "not searched",
        "kept as bytes, which cannot be searched for secrets",
        is_fact=True,
    ),
    _List("out of order", "no longer ended as recorded", is_fact=True),
)


def _lines(session: Session, one: _List, is_whole: bool) -> list[str]:
    """Return the lines of a list; none: nothing of its kind has happened."""
    found = session.run.events.of(one.kind)
    # An equal call of the same test is the same row.
    events = [*{_place_of(event): event for event in found}.values()]
    if not events:
        return []
    by_cause: dict[object, list[Event]] = {}
    for event in events:
        cause = event.text("cause") or _place_of(event)
        by_cause.setdefault(cause, []).append(event)
    causes = [*by_cause.values()]
    remedies = [line for remedy in one.remedies for line in remedy(session, events)]
    if one.is_fact and not is_whole:
        return [_fact(one, causes, remedies)]
    return [
        f"{one.heading}:",
        *_rows(one, causes[:SHOWN]),
        *and_more(len(causes) - SHOWN),
        *remedies,
    ]


def _place_of(event: Event) -> tuple[str, ...]:
    facts = [event.text(name) for name in ("what", "cause", "identity")]
    return event.call, event.test, *facts


def _rows(one: _List, causes: Sequence[list[Event]]) -> Iterator[str]:
    shown = rows([*map(one.row, causes)])
    for row, events in zip(shown, causes, strict=True):
        yield row
        if one.row is _call and len(events) > 1:
            cause, others = events[0].text("cause"), events[1:]
            calls = plural(len(others), "more call")
            tests = plural(len(_tests_of(others)), "test")
            if len(cause) > _LONGEST_CAUSE:
                cause = f"{cause[:_LONGEST_CAUSE]}..."
            yield f"    and {calls} in {tests}: {cause}"


def _fact(one: _List, causes: list[list[Event]], remedies: list[str]) -> str:
    """Return a list in one line: its causes with counts, and what helps."""
    told: list[str] = []
    for events in sorted(causes, key=len, reverse=True):
        first = events[0]
        cause = first.text("cause")
        count = str(len(events)) if told else plural(len(events), one.unit)
        label = f"{first.call} {first.text('what')}".strip()
        told.append(f"{cause} ({count})" if cause else label)
    return "    ".join([f"{one.heading}: {few(told)}", *remedies])


# -- what a vault still holds


def note_former_answers(session: Session) -> None:
    """Note the tests that hold what a fixture was answered before it was made anew."""
    run = session.run
    workers: dict[str, set[str]] = {}
    for event in run.events.of("set up anew"):
        workers.setdefault(event.call, set()).add(event.text("worker"))
    if not workers:
        return
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


def _forget_files_that_are_gone(session: Session) -> None:
    """Forget what calls have written and the tests have removed."""
    events, rootdir = session.run.events, session.settings.rootdir
    for event in events.of("unrepeated"):
        verb, _, file = event.text("fact").partition(" ")
        if verb == "wrote" and not (rootdir / file).is_file():
            events.take_back(event)
