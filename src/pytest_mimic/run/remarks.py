"""Lists at the end of a run what it met, a row a cause, each list with what to do."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

from pytest_mimic.engine.events import CALLS, Event, EventKind, Json
from pytest_mimic.engine.refusals import RECORD, RERECORD, VERIFY
from pytest_mimic.patch.targets import line_of_plain
from pytest_mimic.run.costs import price
from pytest_mimic.run.session import Session
from pytest_mimic.vault.recording import Recording
from pytest_mimic.words import (
    PAGE_ON_KEYS,
    SHOWN,
    and_more,
    cut_text,
    few,
    folded,
    on_one_line,
    plural,
    rows,
    to_paste,
)

# So many causes stand in a summary, beside missing, stale and drifted calls.
_MOST_LISTS = 12

_Row = Callable[["list[Event]"], "tuple[str, str]"]
_Way = Callable[[Session, "list[Event]", str], "list[str]"]


def remarks(session: Session, *, is_whole: bool, is_quiet: bool) -> list[str]:
    """Return the lines of all lists; none: there is nothing to do.

    Args:
        session: What the run has.
        is_whole: Whether all lists are shown, and facts have rows, too.
        is_quiet: Whether those are left out that say nothing of the next run.
    """
    events, rootdir = session.run.events, session.settings.rootdir
    for event in events.of_kinds("wrote"):
        file = event.text("cause").partition(" ")[2]
        # The tests have removed what a call has written.
        if file != "a temporary file" and not (rootdir / file).is_file():
            events.take_back(event)
    table = [_List.read(row) for row in _LISTS.strip().splitlines()]
    met = [one for one in table if events.of_kinds(one.kind)]
    shown = [one for one in met if one.rank or not is_quiet]
    if not is_whole:
        first = [one for one in shown if one.rank in ("problem", "wrong")]
        causes = [one for one in shown if one.rank != "problem"]
        # Each row by which a replay may be wrong, and so many others as fill the rest.
        room = max(0, _MOST_LISTS - sum(one.rank == "wrong" for one in causes))
        others = [one for one in causes if one not in first][:room]
        shown = [one for one in shown if one in first or one in others]
    lines: list[str] = []
    for one in shown:
        lines += _lines(session, one, is_whole=is_whole)
    left = len(met) - len(shown)
    if left and not is_quiet:
        lines.append(f"and {plural(left, 'more cause')}: -v")
    return lines


# -- what a row tells


def _call(events: list[Event]) -> tuple[str, str]:
    """Tell the first call of a cause, and its test."""
    first = events[0]
    return f"{first.call} {first.text('what')}".strip(), first.test


def _counts(unit: str, events: list[Event]) -> tuple[str, str]:
    """Tell a cause, and how often it was met; of a client, the first of its calls."""
    first, words = events[0], plural(len(events), unit)
    if unit == "call":
        words += f" in {plural(len(_tests_of(events)), 'test')}"
    target = first.text("target")
    if target and ":" not in target:
        words += f": {first.call}"
    return first.text("cause"), words


def _calls_of_targets(events: list[Event]) -> tuple[str, str]:
    """Tell what has changed, and how many calls of which targets use it."""
    calls = {(event.call, event.text("identity")) for event in events}
    counts = Counter(sorted(target for target, _ in calls))
    words = [f"{plural(counts[target], 'call')} of {target}" for target in counts]
    return events[0].text("cause"), few(words)


def _tests_of(events: Iterable[Event]) -> list[str]:
    return list(dict.fromkeys(event.test for event in events if event.test))


# -- what helps: commands


def _to_run_for(events: Iterable[Event]) -> list[str]:
    """Return the tests that an option is for; none: all of them.

    A wider fixture is recorded with all tests that it serves.
    """
    tests: dict[str, None] = {}
    for event in events:
        served: Any = event.facts.get("serves", [event.test])
        tests |= dict.fromkeys(served)
    return [] if "" in tests else [*tests]


def _again(
    session: Session, events: list[Event], words: str, default: str = ""
) -> list[str]:
    """Return a command for each option that helps some of the events.

    For those that no option helps, it is what their errors say.

    Args:
        session: What the run has.
        events: What has happened.
        words: The words before the command.
        default: The option, where an event names none.
    """
    others: dict[str, None] = {}
    needing: defaultdict[tuple[str, str], list[Event]] = defaultdict(list)
    moves = _moves_of_files(session, events)
    words = words.replace("them", "it") if len(events) == 1 else words
    for event in events:
        option = event.text("option") or default
        remedies: Any = event.facts.get("remedies", ())
        former: Any = event.facts.get("renamed", [""])
        move = moves.get(former[0].partition("::")[0])
        if not option and move:
            others[move] = None
        elif not option:
            others |= dict.fromkeys(": ".join(filter(None, one)) for one in remedies)
        elif option == VERIFY and remedies:  # Its error says why.
            needing[option, remedies[0][0]].append(event)
        else:
            needing[option, words].append(event)
    lines = [*others][:SHOWN] + and_more(len(others) - SHOWN)
    # `--mimic-record` may name whole files, and fails on those that need the other.
    for option, why in sorted(needing, key=lambda one: one[0] == RECORD):
        needed = needing[option, why]
        tests = _tests_of(needed) if option == VERIFY else _to_run_for(needed)
        lines.append(f"{why}: {session.command(option, tests)}")
        cost = price(session.run.vault, tests) if option != VERIFY else ""
        if cost:
            lines.append(f"when recorded, these tests cost {cost}")
    return lines


def _moves_of_files(session: Session, events: Iterable[Event]) -> dict[str, str]:
    """Return what moves each file of tests that is gone, and has another name."""
    new_files: defaultdict[str, set[str]] = defaultdict(set)
    for event in events:
        renamed: Any = event.facts.get("renamed")
        if renamed:
            (file, _, test), (now, _, own) = (one.partition("::") for one in renamed)
            new_files[file].add(now if own == test else "")
    rootdir = session.settings.rootdir
    words = "to move the recordings to the renamed file"
    return {
        file: f"{words}: {session.commands.move(file, *new)}"
        for file, new in new_files.items()
        if len(new) == 1 and new != {""} and not (rootdir / file).exists()
    }


def _verify_or_accept(session: Session, events: list[Event], words: str) -> list[str]:
    if session.settings.mode != "verify":
        return _again(session, events, words, VERIFY)
    # To accept the change in a test would accept its drifts.
    drifted = _tests_of(session.run.events.of_kinds("drifted"))
    sound = [event for event in events if event.test not in drifted]
    words = "the outcomes are as recorded; to accept the change"
    return _again(session, sound, words, RERECORD)


def _restore(session: Session, events: list[Event], words: str) -> list[str]:
    vault = session.run.vault.path
    names = dict.fromkeys(event.text("name") for event in events)
    command = session.commands.restore([vault / name for name in names])
    return [f"{words}: {command}"] if command else []


def _in_one_process(session: Session, events: list[Event], words: str) -> list[str]:
    command = session.commands.pytest(RERECORD, "-n0", tests=_tests_of(events))
    return [f"{words}: {command}"]


# -- what helps: lines of the ini file


def _lines_with(
    option: str, session: Session, events: list[Event], words: str
) -> list[str]:
    """Return each line of the events, with their paths in an option."""
    lines = []
    for same in _by_line(events):
        paths = dict.fromkeys(_paths(same))
        if 0 < len(paths) <= SHOWN:  # With more, it would not say what a call is.
            lines.append(f"{words}: {_line_with(session, same, option, paths)}")
    return lines


def _marks_of_samples(_: Session, events: list[Event], words: str) -> list[str]:
    """Return the markers with which a test keeps each answer to equal requests."""
    lines = dict.fromkeys(event.text("line") for event in events)
    return [f'{words}: @pytest.mark.mimic("{line}", sequence=True)' for line in lines]


def _volatile_lines(session: Session, events: list[Event], words: str) -> list[str]:
    """Return the lines that leave out what is new each time, as a block."""
    # How a real call failed is not to be left out.
    answered = [event for event in events if event.text("option") == RERECORD]
    lines = [
        f"    {_line_with(session, same, 'volatile', dict.fromkeys(paths))}"
        for same in _by_line(answered)
        if (paths := _paths(same))
    ]
    return [f"{words}:", *lines] if lines else []


def _by_line(events: Iterable[Event]) -> Iterable[list[Event]]:
    by_line: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        line = line_of_plain(event.text("line"), event.facts["options"])
        by_line[line].append(event)
    return by_line.values()


def _paths(events: Iterable[Event]) -> list[str]:
    found: Any = (event.facts.get("paths", ()) for event in events)
    return [*chain.from_iterable(found)]


def _line_with(
    session: Session, events: Sequence[Event], option: str, paths: Iterable[str]
) -> str:
    """Return the line of some events with more paths, as its file has it."""
    first = events[0]
    line = line_of_plain(first.text("line"), first.facts["options"], **{option: paths})
    file = session.config.inipath
    is_item = file is not None and file.suffix == ".toml"  # of a list
    return f"{json.dumps(line, ensure_ascii=False)}," if is_item else line


def _without(fact: str, _: Session, events: list[Event], words: str) -> list[str]:
    """Return the line of `mimic_redact` that takes names out."""
    names = [*dict.fromkeys(f"!{event.text(fact)}" for event in events)]
    which = f" (the first {SHOWN} of {len(names)})" if len(names) > SHOWN else ""
    return [f"{words}{which}: mimic_redact = {', '.join(names[:SHOWN])}"]


# -- the lists


class _List(NamedTuple):
    """A list of the summary.

    Attributes:
        kind: The kind of its events.
        rank: `problem`: its calls have failed their tests. `wrong`: a replay may be
            wrong by it, or miss. Both are always shown. `kept`: `-q` keeps it.
        tells: What a row tells: a call, or what it counts.
        is_fact: Whether nobody must act on it: it is one line, unless with `-v`.
        heading: What has happened.
        remedies: What to do: a way, with the words before it, or words alone.
    """

    kind: EventKind
    rank: str
    tells: str
    is_fact: bool
    heading: str
    remedies: Sequence[str]

    @classmethod
    def read(cls, row: str) -> _List:
        columns: list[Any] = [column.strip() for column in row.split("|")]
        kind, rank, form, heading, *remedies = columns
        tells, _, fact = form.partition(", ")
        return cls(kind, rank, tells, bool(fact), heading, remedies)


# What must be acted on first comes first.
_LISTS = f"""
    missing             | problem | call          | missing | again > to record the missing
    stale               | problem | call          | stale | again > to record the stale
    other state         | problem | drifts        | the database may not be as it was when these were recorded
    drifted             | problem | call          | drifted | again > to accept them | volatile > if this is new each time
    damaged             | problem | files         | damaged files of the vault, and what helps
    new test id         | wrong   | call          | the next run has other ids for these tests, and misses \
        | to give a case the same id in each run: pytest.param(..., id="...")
    lost value          | wrong   | call          | errors that have replaced recorded values | restore > to get the values back
    not recorded        | wrong   | call          | not recorded
    repeated            | wrong   | call          | made more often than recorded, so the last outcome repeats \
        | again > to record each of these calls
    out of order        | wrong   | call, fact    | no longer ended as recorded
    imported            | wrong   | call          | imported, but now sent otherwise \
        | again > to record them
    former answers      | wrong   | tests         | recordings with earlier answers of a fixture that was recorded again \
        | rerecord > to record them again
    began again         | wrong   | call          | fixtures that began again, and got the answers of their first beginning \
        | to set it up once: put it into one conftest.py, or let its set-up only read
    two answers         | wrong   | tests         | fixtures to which two workers got different answers \
        | one process > to record it in one process
    told apart by order | wrong   | call          | equal calls with other keys, so that only their order tells them apart \
        | match > to tell them apart
    sent in part        | wrong   | call          | a replay has a placeholder for the token, sends another request, and misses
    asked again         | wrong   | call          | asked again by the same test, and one answer is kept for all \
        | sequence > to keep each answer, in a log of the test
    became one          | wrong   | calls         | different requests that are one recording, since their line ignores parts
    differs             | wrong   | calls         | differs, and does not count \
        | match > to let it count | ignore > to be told no more
    kept failure        | kept    | call          | recorded errors | again > to record them again
    looks secret        | kept    | call          | looks like a secret \
        | if they are secret: {PAGE_ON_KEYS} | without mark > if they are not secret
    inputs changed      | kept    | targets       | code or files that recorded calls use have changed \
        | verify or accept > to see whether it matters
    not accepted        | kept    | call          | not accepted, since a test that uses it did not pass
    spawned             | kept    | call          | processes in which nothing is mimicked \
        | to mimic calls there: name the function that starts the process
    not kept            | kept    | call, fact    | not kept, because their tests failed
    connected           | kept    | call, fact    | connections that no line took
    kept in clear       | kept    | calls, fact   | kept in clear
    accepted            |         | calls         | accepted
    as before           |         | call, fact    | as recorded, though the source has changed \
        | rerecord > to accept the new source
    met nothing         |         | call          | no real call of this run has what their line leaves out
    left out            |         | calls         | left out of outcomes
    unmoved             |         | calls         | in outcomes, the same in every checkout
    bound               |         | calls, fact   | outcomes that another version may not load
    hidden              |         | answers, fact | redacted in answers \
        | without cause > to keep what is no secret | again > and record them again
    wrote               |         | calls, fact   | files written
    drew                |         | calls, fact   | random numbers drawn, so that the outcome hangs on the seed \
        | to record it for each test: sequence; or pass the generator as an argument
    redacted            |         | call, fact    | secrets from the environment were replaced in
    not searched        |         | call, fact    | kept as bytes, which cannot be searched for secrets
"""  # noqa: E501
# How the events of one cause are told. Others are counted: as calls, answers, files.
_ROWS: dict[str, _Row] = {
    "call": _call,
    "targets": _calls_of_targets,
}
_WAYS: dict[str, _Way] = {
    "again": _again,
    "rerecord": partial(_again, default=RERECORD),
    "verify or accept": _verify_or_accept,
    "one process": _in_one_process,
    "restore": _restore,
    "match": partial(_lines_with, "match"),
    "ignore": partial(_lines_with, "ignore"),
    "sequence": _marks_of_samples,
    "volatile": _volatile_lines,
    "without mark": partial(_without, "mark"),
    "without cause": partial(_without, "cause"),
}


def _lines(session: Session, row: _List, *, is_whole: bool) -> list[str]:
    """Return the lines of a list of which something has happened."""
    events = session.run.events.of_kinds(row.kind)
    by_cause: defaultdict[object, list[Event]] = defaultdict(list)
    # The first line counts each call. Else an equal call of a test is the same row.
    told_once = {_place_of(one): one for one in events}.values()
    for event in events if row.kind in CALLS else told_once:
        by_cause[event.text("cause") or _place_of(event)].append(event)
    causes = [*by_cause.values()]
    helps: list[str] = []
    width = session.width
    for remedy in row.remedies:
        way, _, words = remedy.rpartition(" > ")
        helping = _WAYS[way](session, events, words) if way else [words]
        helps += chain.from_iterable(to_paste(line, width) for line in helping)
    unit = row.tells.removesuffix("s")
    if row.is_fact and not is_whole:
        fact = on_one_line(f"{row.heading}: {_fact(unit, causes)}")
        return [*folded(fact, width), *(f"  {line}" for line in helps)]
    tell = _ROWS.get(row.tells) or partial(_counts, unit)
    return [
        f"{row.heading}:",
        *_rows(tell, causes[:SHOWN], width),
        *and_more(sum(map(len, causes[SHOWN:]))),
        *helps,
    ]


def _place_of(event: Event) -> tuple[str, ...]:
    return event.call, event.test, *map(event.text, ("what", "cause", "identity"))


def _rows(tell: _Row, causes: Sequence[list[Event]], width: int) -> Iterator[str]:
    cuts = tell is _call
    shown = rows([tell(events) for events in causes], width, cuts=cuts)
    for row, events in zip(shown, causes, strict=True):
        yield from row
        if tell is _call and len(events) > 1:
            cause, others = events[0].text("cause") or "equal", events[1:]
            calls = plural(len(others), "more call")
            tests = plural(len(_tests_of(others)), "test")
            yield cut_text(f"    and {calls} in {tests}: {cause}", width)


def _fact(unit: str, causes: list[list[Event]]) -> str:
    """Return the causes of a list in one line, each with its count."""
    words: list[str] = []
    for events in sorted(causes, key=len, reverse=True):
        label, _ = _call(events)
        cause = events[0].text("cause")
        count = str(len(events)) if words else plural(len(events), unit)
        words.append(f"{cause} ({count})" if cause else label)
    return few(words)


# -- what a vault still holds


def note_former_answers(session: Session) -> None:
    """Note the tests that hold what a fixture was answered before it was made anew."""
    run = session.run
    workers: defaultdict[str, set[str]] = defaultdict(set)
    for event in run.events.of_kinds("set up anew"):
        workers[event.call].add(event.text("worker"))
    setups: defaultdict[str, set[str]] = defaultdict(set)
    served: defaultdict[str, list[Json]] = defaultdict(list)
    recordings = [one for _, one in run.vault.all() if isinstance(one, Recording)]
    for recording in recordings:
        setups[recording.owner].add(recording.setup)
        for fixture in recording.fixtures:
            if recording.owner not in run.refusals.gone:
                served[fixture].append(recording.owner)
    for recording in recordings:
        if recording.owner in run.refusals.gone:
            continue
        for fixture, digest in recording.fixtures.items():
            if fixture in workers and digest not in setups[fixture]:
                is_twice = len(workers[fixture]) > 1
                kind: EventKind = "two answers" if is_twice else "former answers"
                event = run.events.add(
                    kind, fixture, test=recording.owner, cause=fixture
                )
                event.facts["serves"] = served[fixture]
