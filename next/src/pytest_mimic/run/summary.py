"""Says at the end of a run what became of its calls, from its events alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic.engine.events import Event, EventKind, Events
from pytest_mimic.engine.unused import READ_UNASKED, Judgement, Unused
from pytest_mimic.values.messages import PAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_mimic.commands import Commands
    from pytest_mimic.engine.former_answers import FormerAnswers
    from pytest_mimic.engine.usage import Outcome
    from pytest_mimic.run.settings import Settings

_SHOWN = 10
_WIDEST_LABEL = 100
# In seconds: a shorter call says nothing of its time.
_WORTH_A_WORD = 0.01
# A longer command names whole files, or the tests that failed last.
_LONGEST_COMMAND = 240


class Facts(NamedTuple):
    """What a run leaves.

    Attributes:
        settings: What was asked of it.
        commands: Writes the commands to paste.
        events: What happened.
        judgement: Which recordings are unused.
        outcomes: How each test ended.
        whole_files: The tests by file, of the files that were selected as a whole.
        has_cache: Whether pytest remembers which tests have failed.
        cleared: How many bytes the vault has lost with its unused recordings.
        former_answers: The fixtures whose set-up was recorded anew.
        held: Targets and paths that hold data, so that no line may leave them out.
        is_whole: Whether all tests of the project ran.
        vault: How many recordings the vault has, and its size in bytes; None: nothing
            was recorded.
        errors: Wrong targets, and what failed outside of a test.
        verbosity: That of pytest: -1 with `-q`.
        was_asked: Whether an option of ours was given.
        is_mimicking: Whether any target was in force.
    """

    settings: Settings
    commands: Commands
    events: Events
    judgement: Judgement
    outcomes: Mapping[str, Outcome]
    whole_files: Mapping[str, set[str]]
    has_cache: bool
    cleared: int
    former_answers: Sequence[FormerAnswers]
    held: Container[tuple[str, str]]
    is_whole: bool
    vault: tuple[int, int] | None
    errors: Sequence[str]
    verbosity: int
    was_asked: bool
    is_mimicking: bool


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
    _List("repeated", "made more often than recorded"),
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
    lines += _lines_of_changed_inputs(facts)
    lines += _lines_of_what_is_made_anew(facts)
    lines += _lines_of_former_answers(facts)
    lines += _lines_of_failing_tests(facts)
    lines += _lines_of_damage(facts)
    lines += _lines_of_unmet_paths(facts)
    lines += _lines_of_processes(facts)
    return lines + _lines_of_unused(facts)


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
        parts.append(f"recorded in {duration(_seconds(recorded))}")
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
        told.append(f"{duration(_seconds(events.of('replayed')))} saved")
    tokens = sum(_number(event, "tokens") for event in events.of("replayed"))
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


def times(events: Iterable[Event]) -> int:
    """Return how many calls some rows count."""
    return sum(int(_number(event, "times", 1)) for event in events)


def _seconds(events: Iterable[Event]) -> float:
    return sum(_number(event, "seconds") for event in events)


def _number(event: Event, name: str, default: float = 0) -> float:
    value = event.facts.get(name, default)
    return float(value) if isinstance(value, (int, float)) else default


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
        cause = _text(event, "cause")
        key = (cause, "") if cause else ("", str(number))
        causes.setdefault(key, []).append(event)
    lines = [f"{one.heading}:", *_rows(list(causes.values()))]
    return lines + _commands(one, events, facts)


def _rows(causes: Sequence[list[Event]]) -> list[str]:
    """Return a row for each cause: its first call with its test, and how many more."""
    shown = causes[:_SHOWN]
    lefts = []
    for first, *_ in shown:
        what = _text(first, "what")
        lefts.append(f"{first.call} {what}".strip())
    width = min(max(map(len, lefts)), _WIDEST_LABEL)
    lines = []
    for left, (first, *others) in zip(lefts, shown):
        where = (
            first.test if _text(first, "command") else f"{first.test}, see its error"
        )
        lines.append(f"  {left:<{width}}    {where}".rstrip())
        if others:
            tests = plural(len({event.test for event in others}), "test")
            more = f"and {plural(len(others), 'more call')} in {tests}"
            lines.append(f"    {more}: {_text(first, 'cause')}")
    return lines + and_more(len(causes) - len(shown))


def _commands(one: _List, events: Iterable[Event], facts: Facts) -> list[str]:
    """Return a line for each option that helps: its words, and the command."""
    tests: dict[str, dict[str, None]] = {}
    for event in events:
        option = _text(event, "option") or one.option
        if option and _text(event, "command"):
            named = tests.setdefault(option, {})
            if event.test:
                named[event.test] = None
    lines = []
    for option, named in tests.items():
        lines.append(f"{one.remedy}: {command_for(option, list(named), facts)}")
    return lines


def command_for(option: str, tests: Sequence[str], facts: Facts) -> str:
    """Return a command for some tests that is short enough to be read.

    Where all tests of a file are meant, it names the file; where they are many, and
    these are the ones that failed, it says `--lf`.
    """
    places = _by_files(tests, facts.whole_files)
    command = facts.commands.pytest(option, tests=places)
    if len(command) <= _LONGEST_COMMAND:
        return command
    failed = [test for test, outcome in facts.outcomes.items() if outcome == "failed"]
    if facts.has_cache and set(failed) == set(tests):
        return facts.commands.pytest(option, "--lf")
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    # A run that records makes in these files what is missing, and nothing else.
    return (
        facts.commands.pytest(option, tests=files)
        if option != "--mimic-rerecord"
        else command
    )


def _by_files(tests: Sequence[str], whole_files: Mapping[str, set[str]]) -> list[str]:
    meant = set(tests)
    places: dict[str, None] = {}
    for test in tests:
        file = test.partition("::")[0]
        all_tests = whole_files.get(file, set())
        is_whole = len(all_tests) > 1 and all_tests <= meant
        places[file if is_whole else test] = None
    return list(places)


def _text(event: Event, name: str) -> str:
    value = event.facts.get(name)
    return value if isinstance(value, str) else ""


# -- what is no list of calls


def _lines_of_changed_inputs(facts: Facts) -> list[str]:
    """Name code and files that have changed since replayed calls used them."""
    events = facts.events.of("inputs changed")
    if not events:
        return []
    replays = Counter[str]()
    for event in facts.events.of("replayed"):
        replays[_text(event, "identity")] += times([event])
    targets: dict[str, dict[str, set[str]]] = {}
    for event in events:
        calls = targets.setdefault(_text(event, "what"), {})
        calls.setdefault(event.call, set()).add(_text(event, "identity"))
    identities = {_text(event, "identity") for event in events}
    verbs = "reaches code or reads" if len(identities) == 1 else "reach code or read"
    lines = [f"{plural(len(identities), 'recording')} {verbs} files that have changed:"]
    rows = []
    # Code comes first: its name has the file behind it.
    for what in sorted(targets, key=lambda what: (not what.endswith(")"), what)):
        counts = [
            f"{plural(sum(replays[one] for one in named), 'call')} of {target}"
            for target, named in sorted(targets[what].items())
        ]
        rows.append((what, few(counts)))
    width = max(len(what) for what, _ in rows)
    lines += [f"  {what:<{width}}    {calls}" for what, calls in rows[:_SHOWN]]
    lines += and_more(len(rows) - _SHOWN)
    tests = sorted({event.test for event in events})
    command = command_for("--mimic-verify", tests, facts)
    return [*lines, f"to see whether it matters: {command}"]


def few(words: Sequence[str]) -> str:
    """Return the first three of some words, and how many more there are."""
    if len(words) <= 4:
        return ", ".join(words)
    return f"{', '.join(words[:3])} and {len(words) - 3} more"


def _lines_of_what_is_made_anew(facts: Facts) -> list[str]:
    """Name what the next run will ask differently, by its causes, and what to do."""
    events = facts.events.of("made anew")
    if not events:
        return []
    calls = {(event.test, _text(event, "identity")) for event in events}
    causes: dict[str, list[Event]] = {}
    for event in events:
        causes.setdefault(_text(event, "cause"), []).append(event)
    what = f"{plural(len(calls), 'recorded call')} with other values"
    ways = _ways_to_the_same(events)
    if facts.verbosity < 0:
        return [f"the next run will make {what} ({', '.join(causes)}); {ways[0]}"]
    lines = [f"the next run will make {what}, and miss:"]
    rows = list(causes.items())[:_SHOWN]
    width = min(max(len(cause) for cause, _ in rows), _WIDEST_LABEL)
    for cause, found in rows:
        tests = plural(len({event.test for event in found}), "test")
        count = plural(len({_text(event, "identity") for event in found}), "call")
        lines.append(f"  {cause:<{width}}    {count} in {tests}")
    lines += and_more(len(causes) - len(rows))
    return [*lines, *ways, *_lines_to_leave_out(causes, facts.held)]


def _ways_to_the_same(events: Iterable[Event]) -> list[str]:
    """Return the pages that tell how a call becomes the same in each run."""
    looks = {_text(event, "what") for event in events}
    ways = [way for way, of in _WAYS if looks & of]
    return [f"{words}: {PAGE}#{part}" for words, part in ways]


def _lines_to_leave_out(
    causes: Mapping[str, list[Event]], held: Container[tuple[str, str]]
) -> list[str]:
    """Return the lines of targets that leave out the parts, where no part is data."""
    paths: dict[str, list[Event]] = {}
    for first, *_ in causes.values():
        target, path = _text(first, "target"), _text(first, "path")
        if (target, path) not in held:
            paths.setdefault(target, []).append(first)
    lines = []
    for found in paths.values():
        line = _text(found[0], "line")
        for other in found[1:]:
            path = _text(other, "path")
            line = line.replace("ignore=", f"ignore={path},", 1)
        lines.append(f"if they may differ: {line}")
    return lines


_WAYS = (
    (("to stop the clock in tests", "freeze-the-clock"), {"a moment", "a date"}),
    (("to get the same ids in each run", "seed-the-ids"), {"a UUID", "a ULID"}),
    (("to give workers the same names", "ignore-the-value"), {"the name of a worker"}),
)


def _lines_of_former_answers(facts: Facts) -> list[str]:
    lines = []
    for one in facts.former_answers:
        if one.is_torn:
            lines.append(f"two workers were answered differently in {one.fixture}")
            tests = one.tests or [""]
            lines.append(
                f"to record it in one process: {_in_one_process(tests, facts)}"
            )
            continue
        count = plural(len(one.tests), "test")
        lines.append(
            f"{one.fixture} was recorded anew; {count} hold its former answers"
        )
        command = command_for("--mimic-rerecord", one.tests, facts)
        lines.append(f"to record them again: {command}")
    return lines


def _in_one_process(tests: Sequence[str], facts: Facts) -> str:
    return facts.commands.pytest("--mimic-rerecord", "-n0", tests=filter(None, tests))


def _lines_of_failing_tests(facts: Facts) -> list[str]:
    """Say what failing tests have recorded and not left in the vault."""
    lines = []
    left_out = facts.events.of("not kept")
    if left_out:
        count, verb = plural(len(left_out), "outcome"), "was"
        owner = "a failing test"
        if len(left_out) > 1:
            verb = "were"
            if len({event.test for event in left_out}) > 1:
                owner = "failing tests"
        calls = ", ".join(_named(event) for event in left_out[:3])
        more = ", …" if len(left_out) > 3 else ""
        lines.append(f"{count} of {owner} {verb} not kept: {calls}{more}")
    put_back = facts.events.of("put back")
    if put_back:
        verb = "was" if len(put_back) == 1 else "were"
        lines.append(f"{plural(len(put_back), 'recording')} {verb} put back")
    return lines


def _named(event: Event) -> str:
    return f"{event.call} {_text(event, 'what')}".strip()


def _lines_of_damage(facts: Facts) -> list[str]:
    """Name in one line all files of one kind of damage that a command repairs."""
    files: dict[str, set[str]] = {}
    for event in facts.events.of("damaged"):
        files.setdefault(_text(event, "what"), set()).add(event.call)
    lines = []
    for damage, (words, command) in _DAMAGES.items():
        count = len(files.get(damage, ()))
        if count:
            verb = "is" if count == 1 else "are"
            lines.append(
                f"{plural(count, 'file')} of the vault {verb} {words}: {command}"
            )
    return lines


_DAMAGES = {
    "pointer": ("Git LFS pointers", "git lfs pull"),
    "conflict": ("in conflict", "git status"),
    "format": ("of another format", "pytest --mimic-rerecord"),
    "newer": ("of a newer version", "pip install --upgrade pytest-mimic"),
}


def _lines_of_unmet_paths(facts: Facts) -> list[str]:
    """Name the `ignore=` paths that no call had, if all tests ran."""
    if not facts.is_whole:
        return []
    is_met: dict[str, bool] = {}
    for event in facts.events.of("unmet"):
        met = bool(event.facts.get("is_met"))
        is_met[event.call] = is_met.get(event.call, False) or met
    return [
        f"{path} met nothing in any call" for path, met in is_met.items() if not met
    ]


def _lines_of_processes(facts: Facts) -> list[str]:
    starts = Counter((event.test, event.call) for event in facts.events.of("spawned"))
    if not starts:
        return []
    lines = ["processes:"]
    for (test, method), count in list(starts.items())[:_SHOWN]:
        times = f", {count} times" if count > 1 else ""
        who = f"{test} started a process ({method})"
        lines.append(f"  {who} in which nothing is mimicked{times}")
    lines += and_more(len(starts) - _SHOWN)
    remedy = "start the process by fork, or name the function that starts it"
    return [*lines, f"to mimic calls there: {remedy}"]


# -- unused recordings


def _lines_of_unused(facts: Facts) -> list[str]:
    judgement = facts.judgement
    if not judgement.unused:
        return []
    rows = [label_of_unused(unused) for unused in judgement.unused[:_SHOWN]]
    width = min(max(len(label) for label, _ in rows), _WIDEST_LABEL)
    lines = ["cleared:" if facts.cleared else "unused:"]
    lines += [f"  {label:<{width}}    {where}".rstrip() for label, where in rows]
    lines += and_more(len(judgement.unused) - len(rows))
    if not facts.cleared:
        command = facts.commands.pytest("--mimic-clear-unused")
        lines.append(f"to drop the unused: {command}")
    return lines


def label_of_unused(unused: Unused) -> tuple[str, str]:
    """Return an unused recording in one line, and who recorded it."""
    # Only a list of unused recordings needs it.
    from pytest_mimic.values.labels import call_label

    if unused.name.startswith("cassettes/"):
        name = unused.name.removeprefix("cassettes/").removesuffix(".json")
        label = f"cassette {name}"
    elif unused.entry is None:
        label = f"{unused.name}, {plural(unused.calls, 'call')}"
    else:
        tree = unused.entry.arguments or unused.entry.request or {}
        label = call_label(unused.entry.target, tree)
    where = f"recorded by {unused.test}" if unused.test else ""
    return label, f"{where}, gone" if unused.is_gone else where


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


def words_of_replays(count: int, renewable: int, command: str) -> str:
    """Return what the report of a failing test says of its replayed calls.

    Args:
        count: How many calls were replayed.
        renewable: How many of them an option records again.
        command: The command that does.
    """
    told = f"{plural(count, 'call')} replayed"
    them = "it" if count == 1 else "them"
    if not renewable:
        way = f"use mimic_auto or mimic_record to record {them} again"
        return f"{told}; mimic_replay never records: {way}"
    if renewable < count:
        them = f"{renewable} of them"
    return f"{told}; to record {them} again: {command}"


SHOWN_KINDS: Sequence[EventKind] = (
    "recorded",
    "replayed",
    "verified",
    "missing",
    "stale",
    "drifted",
)


def line_of_call(event: Event) -> str:
    """Return what became of a call: `replayed shop:fetch() (21.0 s saved)`."""
    seconds = _number(event, "seconds")
    took = ""
    if seconds >= _WORTH_A_WORD:
        saved = "" if event.kind == "recorded" else " saved"
        took = f" ({duration(seconds)}{saved})"
    return f"{event.kind} {event.call}{took}"


# -- words


def plural(count: int, noun: str) -> str:
    """Return `1 call` or `2 calls`."""
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"


def and_more(count: int) -> list[str]:
    """Return the line behind rows of which not all are shown, if there are more."""
    return [f"  and {count:,} more"] if count > 0 else []


def duration(seconds: float) -> str:
    """Return `0.01 s`, `38.2 s`, `4 min` or `2.5 h`."""
    if seconds < 1:
        return f"{max(seconds, 0.01):.2f} s"
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def size_in_words(size: int) -> str:
    """Return `812 B`, `1.3 kB`, `2.0 MB` or `1.1 GB`."""
    if size < 1000:
        return f"{size} B"
    value, unit = size / 1000, "kB"
    for larger in ("MB", "GB"):
        if value >= 1000:
            value, unit = value / 1000, larger
    return f"{value:.1f} {unit}"
