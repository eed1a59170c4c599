"""Says at the end of a run what is no list of calls, each remark with what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence

from pytest_mimic.engine.events import Event
from pytest_mimic.run.facts import (
    Facts,
    command_for,
    text_of,
    times,
)
from pytest_mimic.words import SHOWN, WIDEST_LABEL, and_more, few, plural


def remarks(facts: Facts) -> list[str]:
    """Return the lines of all remarks."""
    lines = _lines_of_changed_inputs(facts)
    lines += _lines_of_sound_outcomes(facts)
    lines += _lines_of_what_is_made_anew(facts)
    lines += _lines_of_former_answers(facts)
    lines += _lines_of_failing_tests(facts)
    lines += _lines_of_own_keys(facts)
    lines += _lines_of_damage(facts)
    lines += _lines_of_unmet_paths(facts)
    return lines + _lines_of_processes(facts)


def _lines_of_changed_inputs(facts: Facts) -> list[str]:
    """Name code and files that have changed since replayed calls used them."""
    events = facts.events.of("inputs changed")
    if not events:
        return []
    replays = Counter[str]()
    for event in facts.events.of("replayed"):
        replays[text_of(event, "identity")] += times([event])
    targets: dict[str, dict[str, set[str]]] = {}
    for event in events:
        calls = targets.setdefault(text_of(event, "what"), {})
        calls.setdefault(event.call, set()).add(text_of(event, "identity"))
    identities = {text_of(event, "identity") for event in events}
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
    lines += [f"  {what:<{width}}    {calls}" for what, calls in rows[:SHOWN]]
    lines += and_more(len(rows) - SHOWN)
    tests = sorted({event.test for event in events})
    command = command_for("--mimic-verify", tests, facts)
    return [*lines, f"to see whether it matters: {command}"]


def _lines_of_sound_outcomes(facts: Facts) -> list[str]:
    """Say how recordings are renewed whose source changed and whose outcome did not."""
    verified = facts.events.of("verified")
    sound = [event for event in verified if event.facts.get("is_stale")]
    if not sound:
        return []
    count = plural(times(sound), "call")
    verb = "gives" if times(sound) == 1 else "give"
    tests = list(dict.fromkeys(event.test for event in sound))
    command = command_for("--mimic-rerecord", tests, facts)
    return [
        f"{count} of changed source still {verb} what was recorded",
        f"to replay them again: {command}",
    ]


def _lines_of_what_is_made_anew(facts: Facts) -> list[str]:
    """Name what the next run will ask differently, by its causes, and what to do."""
    events = facts.events.of("made anew")
    if not events:
        return []
    calls = {(event.test, text_of(event, "identity")) for event in events}
    causes: dict[str, list[Event]] = {}
    for event in events:
        causes.setdefault(text_of(event, "cause"), []).append(event)
    what = f"{plural(len(calls), 'recorded call')} with other values"
    ways = _ways_to_the_same(events)
    if facts.verbosity < 0:
        return [f"the next run will make {what} ({', '.join(causes)}); {ways[0]}"]
    lines = [f"the next run will make {what}, and miss:"]
    rows = list(causes.items())[:SHOWN]
    width = min(max(len(cause) for cause, _ in rows), WIDEST_LABEL)
    for cause, found in rows:
        tests = plural(len({event.test for event in found}), "test")
        count = plural(len({text_of(event, "identity") for event in found}), "call")
        lines.append(f"  {cause:<{width}}    {count} in {tests}")
    lines += and_more(len(causes) - len(rows))
    return [*lines, *ways, *_lines_to_leave_out(causes, facts.held)]


def _ways_to_the_same(events: Iterable[Event]) -> list[str]:
    """Return the pages that tell how a call becomes the same in each run."""
    # A replay needs nothing of this room.
    from pytest_mimic.values.messages import PAGE

    looks = {text_of(event, "what") for event in events}
    ways = [way for way, of in _WAYS if looks & of]
    return [f"{words}: {PAGE}#{part}" for words, part in ways]


def _lines_to_leave_out(
    causes: Mapping[str, list[Event]], held: Container[tuple[str, str]]
) -> list[str]:
    """Return the lines of targets that leave out the parts, where no part is data."""
    paths: dict[str, list[Event]] = {}
    for first, *_ in causes.values():
        target, path = text_of(first, "target"), text_of(first, "path")
        if (target, path) not in held:
            paths.setdefault(target, []).append(first)
    lines = []
    for found in paths.values():
        line = text_of(found[0], "line")
        for other in found[1:]:
            path = text_of(other, "path")
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


def _lines_of_own_keys(facts: Facts) -> list[str]:
    """Name equal calls that differ only in keys of the application."""
    calls: dict[tuple[str, str], str] = {}
    for event in facts.events.of("told apart by order"):
        calls[event.call, text_of(event, "keys")] = text_of(event, "what")
    lines = []
    for (call, keys), option in list(calls.items())[:SHOWN]:
        lines.append(f"{call} was sent with another {keys}: its calls keep their order")
        if option:
            lines.append(f"to tell them apart: {call.split()[0]} {option}")
    return lines


def _named(event: Event) -> str:
    return f"{event.call} {text_of(event, 'what')}".strip()


def _lines_of_damage(facts: Facts) -> list[str]:
    """Name in one line all files of one kind of damage that a command repairs."""
    files: dict[str, set[str]] = {}
    for event in facts.events.of("damaged"):
        files.setdefault(text_of(event, "what"), set()).add(event.call)
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
    for (test, method), count in list(starts.items())[:SHOWN]:
        times = f", {count} times" if count > 1 else ""
        who = f"{test} started a process ({method})"
        lines.append(f"  {who} in which nothing is mimicked{times}")
    lines += and_more(len(starts) - SHOWN)
    remedy = "start the process by fork, or name the function that starts it"
    return [*lines, f"to mimic calls there: {remedy}"]
