"""The lines of the section `mimic` at the end of a run, and the words for a run's mode."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pytest_mimic._core.ambient import command, command_for, vault_command
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.target_options import target_line
from pytest_mimic._core.words import SHOWN, and_more, few, listed, pattern_of, plural, seconds
from pytest_mimic._tools.unused.judgement import Judgement, count_unused, list_unused, not_judged

if TYPE_CHECKING:
    import pytest

    from pytest_mimic._core.engine.ledger import Ledger
    from pytest_mimic._core.settings import Settings

_FIXTURES = {"mimic_record", "mimic_replay", "mimic_auto"}
_HEADERS = {
    Mode.REPLAY: "replay from {}",
    Mode.RECORD: "record into {}",
    Mode.RERECORD: "re-record into {}",
    Mode.VERIFY: "verify against {}",
    Mode.LIVE: "live, every call runs for real, {} is left alone",
}
# How many calls a single line names at most.
_IN_LINE = 3
# How many targets or paths a command or a line names at most.
_NAMED = 3


def names_targets(item: pytest.Item) -> bool:
    """Check whether a test has its own targets: by a marker, a decorator or a fixture."""
    decorated = [getattr(item, "function", None), *getattr(getattr(item, "cls", None), "__mro__", ())]
    return (
        item.get_closest_marker("mimic") is not None
        or any("__mimic_targets__" in getattr(one, "__dict__", ()) for one in decorated)
        or not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
    )


def mode_line(settings: Settings) -> str:
    """Return the mode of a run and its vault in words."""
    only = f", only {', '.join(settings.only)}" if settings.only else ""
    refused = ", nothing may be recorded" if settings.no_record else ""
    return f"{_HEADERS[settings.mode].format(settings.shown_vault)}{only}{refused}"


def summary(
    ledger: Ledger,
    judgement: Judgement,
    settings: Settings,
    *,
    restored: Sequence[str] = (),
    quiet: bool = False,
    has_last_failed: bool = False,
) -> list[str]:
    """Return the lines of the section titled `mimic`, which may be empty. If `quiet`, only problems are shown.

    `restored` are the labels of the recordings that stood before and were put back. With `has_last_failed`, pytest
    knows which tests failed.
    """
    lines = [counts] if (counts := _counts(ledger, judgement, settings)) else []
    if not quiet:
        lines += [judgement.vault] if judgement.vault else []
        lines += _taken_back(ledger.taken_back, restored)
    problems = _recorded_errors(ledger) + _changing(ledger)
    problems += _missing(ledger, last_failed=has_last_failed)
    problems += _moved(judgement)
    problems += _drifted(ledger, last_failed=has_last_failed, is_reviewed=settings.review)
    problems += list_unused(judgement)
    if judgement.unused and not judgement.cleared and not judgement.moved:
        problems.append(f"to drop the unused: {command('--mimic-clear-unused')}")
    problems += _changed_inputs(ledger)
    problems += _old(judgement, settings)
    problems += _hidden(ledger)
    problems += listed("run again from the start, because a conversation has a new call:", ledger.restarts)
    problems += _made_again(ledger, judgement)
    problems += listed(
        "run again from the start, because --mimic-only selects a later call:", ledger.begun_again
    )
    problems += [*ledger.notes, *ledger.errors, *judgement.growth]
    asked = "--mimic-fail-on-unused" if settings.fail_on_unused else "--mimic-clear-unused"
    problems += not_judged(judgement, asked if settings.fail_on_unused or settings.clear_unused else "")
    if settings.fail_on_unused and judgement.unused:
        problems.append(_failed(judgement))
    if settings.fails_on_old and judgement.old:
        what = f"{plural(judgement.old, 'recording')} {'is' if judgement.old == 1 else 'are'}"
        problems.append(f"failed: {what} older than {settings.max_age} days (mimic_max_age)")
    return [] if quiet and not (problems or ledger.recorded) else [*lines, *problems]


def _made_again(ledger: Ledger, judgement: Judgement) -> list[str]:
    """Return the cost of the recorded calls that were made again for a new one, and the lines that would avoid it."""
    if not ledger.again:
        return []
    cost = [plural(len(ledger.again), "recorded call"), seconds(sum(one[0] for one in ledger.again))]
    cost += [f"{judgement.tokens_again:,} tokens"] if judgement.tokens_again else []
    lines = dict.fromkeys(str(one[2]) for one in ledger.again if one[2])
    return [
        f"made again, because their conversation has a new call: {', '.join(cost)}",
        *(f"to record only new calls there, put this line before the others: {line}" for line in lines),
    ]


def _old(judgement: Judgement, settings: Settings) -> list[str]:
    """Return the list of the used recordings that are too old, and the command that records them again."""
    if not judgement.old:
        return []
    rows = [(label, f"{day}, {test}" if test else day) for label, day, test in judgement.oldest]
    remedy = command_for("--mimic-rerecord", [test for _, _, test in judgement.oldest])
    return listed(f"older than {settings.max_age} days:", rows, f"to record them again: {remedy}")


def _failed(judgement: Judgement) -> str:
    """Return why a run failed in which all tests passed."""
    is_one = judgement.unused == 1
    verb = ("was" if is_one else "were") if judgement.cleared else ("is" if is_one else "are")
    return f"failed: {plural(judgement.unused, 'recording')} {verb} unused (--mimic-fail-on-unused)"


def _missing(ledger: Ledger, *, last_failed: bool) -> list[str]:
    """Return the lists of the missing and of the stale calls, each with the command that records them."""
    lines: list[str] = []
    for is_stale, what in ((False, "missing"), (True, "stale")):
        misses = [miss for miss in ledger.missing if miss.is_stale is is_stale]
        rows = [(one.label, one.test if one.by_option else f"{one.test}, see its error") for one in misses]
        lines += listed(f"{what}:", _grouped(list(dict.fromkeys(rows))))
        if tests := [miss.test for miss in misses if miss.by_option]:
            remedy = command_for("--mimic-record", tests, last_failed=last_failed)
            lines.append(f"to record the {what}: {remedy}")
    return lines


def _moved(judgement: Judgement) -> list[str]:
    """Return the commands that give tests the recordings of their calls, which tests that are gone have made."""
    commands = [vault_command("mv", *move) for move in judgement.moved]
    what = "to use what a test or file that is gone has recorded:"
    return (
        [f"{what} {commands[0]}"]
        if len(commands) == 1
        else listed(f"{what[:-1]}, one after the other:", commands)
    )


def _drifted(ledger: Ledger, *, last_failed: bool, is_reviewed: bool) -> list[str]:
    """Return the list of the calls that no longer give what was recorded, and the command that decides about them."""
    if not ledger.drifted:
        return []
    # Those in which only dates, times and ids differ come last.
    drifted = sorted(map(tuple, ledger.drifted), key=lambda row: bool(row[2]))
    rows = [(label, test) for label, test, _ in drifted]
    tests = [test for _, test in rows]
    remedy = command_for("--mimic-verify", tests, "--mimic-review", last_failed=last_failed)
    after = [] if is_reviewed else [f"to decide about each: {remedy}"]
    after += _volatile([line for _, _, line in drifted])
    return listed("drifted:", _grouped(rows, pattern_of), *after)


def _volatile(lines: Sequence[str]) -> list[str]:
    """Return what leaves out together what several lines of one target leave out: of two such lines only one has effect."""
    found: dict[str, list[str]] = {}
    for line in dict.fromkeys(lines):
        head, sign, paths = line.partition("volatile=")
        if not {"'", '"'} & set(paths):
            found.setdefault(head + sign, []).append(paths)
    merged = {head: dict.fromkeys(",".join(several).split(",")) for head, several in found.items()}
    return [
        f"to leave out what always differs: {head}{','.join(merged[head])}"
        for head, several in found.items()
        if len(several) > 1
    ]


def _grouped(calls: Sequence[tuple[str, str]], name_of: Callable[[str], str] = str) -> list[tuple[str, str]]:
    """Return the rows of calls and their tests. Too many to list are counted by the names of their labels."""
    rows = [(f"{label}{_times(count)}", test) for (label, test), count in Counter(calls).items()]
    if len(rows) <= SHOWN:
        return rows
    groups: dict[str, list[tuple[str, str]]] = {}
    for label, test in calls:
        groups.setdefault(name_of(label), []).append((label, test))
    found = list[tuple[str, str]]()
    for name, group in groups.items():
        label, test = group[0]
        count = f"{plural(len(group), 'call')} in {plural(len({test for _, test in group}), 'test')}"
        such_as = f"{count}, such as {test if label == name else label}"
        found.append((name, such_as if len(group) > 1 or name != label else test))
    return found


def _changed_inputs(ledger: Ledger) -> list[str]:
    """Return the list of what has changed of what replayed calls ran and read, and the command that verifies these calls."""
    if not ledger.inputs:
        return []
    calls: dict[str, Counter[str]] = {}
    for _, target, what, count in ledger.inputs:
        calls.setdefault(what, Counter())[target] += count
    recordings = len({row[0] for row in ledger.inputs})
    rows = [
        (what, few([f"{plural(count, 'call')} of {target}" for target, count in sorted(counts.items())]))
        for what, counts in sorted(calls.items(), key=lambda row: (not row[0].endswith(")"), row[0]))
    ]
    targets = sorted({row[1] for row in ledger.inputs})
    if len(targets) > _NAMED:  # by module
        targets = sorted({f"{target.partition(':')[0]}:*" if ":" in target else target for target in targets})
    only = [f"--mimic-only={target}" for target in targets] if len(targets) <= _NAMED else []
    remedy = command("--mimic-verify", more=("--mimic-review", *only))
    heading = f"{plural(recordings, 'recording')} ran code or read files that have changed since:"
    return listed(heading, rows, f"to see whether it matters: {remedy}")


def _hidden(ledger: Ledger) -> list[str]:
    """Return the lines about inputs that no recording sees. Equal ones are counted."""
    draws = [
        (label, f"{modules}{_times(count)}")
        for (label, modules), count in Counter(map(tuple, ledger.draws)).items()
    ]
    started = [
        f"{test or 'code outside of tests'} started a process ({method}) in which nothing is mimicked{_times(count)}"
        for (test, method), count in Counter(map(tuple, ledger.processes)).items()
    ]
    own = "use a generator of your own instead, such as random.Random(seed)"
    named = "start the process by fork, or name the function that starts it"
    return [
        *listed("drew from a global random state:", draws, f"to make these calls repeatable: {own}"),
        *listed("processes:", started, f"to mimic calls there: {named}"),
        *listed(
            "outcomes with secrets of the environment:",
            [(label, what) for label, what in ledger.environment],
        ),
        *listed(
            "WebSockets, which are not recorded and connected for real:",
            list(dict.fromkeys((origin, test) for origin, test in ledger.websockets)),
            "to record what they give: name your function that uses one in mimic_functions",
            "to refuse them: mimic_network = block",
        ),
    ]


def _recorded_errors(ledger: Ledger) -> list[str]:
    """Return the list of the recorded errors, and the command that records them again."""
    calls = [(label, test) for label, test in ledger.failures]
    again = "it" if len(set(calls)) == 1 else "them"
    remedy = command_for("--mimic-rerecord", [test for _, test in calls])
    return listed("recorded errors:", _grouped(calls), f"to record {again} again: {remedy}")


def _changing(ledger: Ledger) -> list[str]:
    """Return the list of the arguments that look as if they change in every run, and the line of each target that ignores them."""
    rows, ignored, kept = list[tuple[str, str]](), dict[str, list[str]](), dict[str, int]()
    for line, before, paths, label, test in map(tuple, ledger.changing):
        kept.setdefault(line, len(before))
        new = [path for path in paths if path not in ignored.setdefault(line, list(before))]
        ignored[line] += new
        if new:  # other workers may have noted them, too
            rows.append((f"{few(new)} of {label.partition('(')[0]}", test))
    heading = "look as if they change in every run, so that a replay will miss these calls:"
    lines = list[str]()
    for line, paths in ignored.items():
        before, new = paths[: kept[line]], _patterns(paths[kept[line] :])
        which = "them" if len(new) <= _NAMED else f"the first {_NAMED} of {len(new)}"
        lines.append(f"to leave {which} out: {target_line(line, None, 'ignore', [*before, *new[:_NAMED]])}")
    return listed(heading, rows, *lines)


def _patterns(paths: Sequence[str]) -> list[str]:
    """Return paths, of too many those that differ only in indexes as one pattern: `commands.*.1`."""
    if len(paths) <= _NAMED:
        return list(paths)
    patterns = [re.sub(r"\.\d+(?=\.)", ".*", path) for path in paths]
    counts = Counter(patterns)
    return list(dict.fromkeys(many if counts[many] > 1 else one for one, many in zip(paths, patterns)))


def _taken_back(labels: Sequence[str], restored: Sequence[str]) -> list[str]:
    """Return a line on the errors of failing tests, and one on the recordings that failing tests had replaced."""
    lines = []
    if labels:
        whose = "of a failing test was" if len(labels) == 1 else "of failing tests were"
        lines.append(f"{plural(len(labels), 'outcome')} {whose} not kept: {_in_line(labels)}")
    if restored:
        was, it = ("was", "it") if len(restored) == 1 else ("were", "them")
        what = f"{plural(len(restored), 'recording')} {was} put back, because only failing tests had replaced {it}"
        lines.append(f"{what}: {_in_line(restored)}")
    return lines


def _in_line(labels: Sequence[str]) -> str:
    counts = Counter(labels)
    shown = [f"{label}{_times(count)}" for label, count in list(counts.items())[:_IN_LINE]]
    return "; ".join([*shown, *and_more(len(labels) - sum(list(counts.values())[:_IN_LINE]))])


def _times(count: int) -> str:
    return f", {count} times" if count > 1 else ""


def _counts(ledger: Ledger, judgement: Judgement, settings: Settings) -> str:
    counts = []
    if ledger.recorded:
        time = seconds(ledger.record_seconds)
        if ledger.taken_back:
            kept = max(0, ledger.recorded - len(ledger.taken_back))
            made = f"{plural(ledger.recorded, 'call')} made in {time} and {kept} recorded"
            counts.append(f"{made}, because outcomes of failing tests are not kept")
        else:
            counts.append(f"{plural(ledger.recorded, 'call')} recorded in {time}")
    if ledger.verified:
        counts.append(f"{plural(ledger.verified, 'call')} verified")
    if ledger.drifted:
        counts.append(f"{len(ledger.drifted)} drifted")
    stale = sum(miss.is_stale for miss in ledger.missing)
    missing = len(ledger.missing) - stale
    for number, what in ((ledger.replayed, "replayed"), (missing, "missing"), (stale, "stale")):
        if number:  # only the first count names its unit
            counts.append(f"{number if counts else plural(number, 'call')} {what}")
    saved = [seconds(ledger.saved)] if ledger.saved else []  # vcrpy does not keep how long a call took
    if saved := [*saved, *([f"{ledger.tokens:,} tokens"] if ledger.tokens else [])]:
        counts.append(f"{' and '.join(saved)} saved")
    if settings.mode is Mode.LIVE and not settings.only:
        counts.append("every call ran for real, and nothing was recorded or compared")
    parts = [", ".join(counts)] if counts else []
    return "; ".join([*parts, *count_unused(judgement)])
