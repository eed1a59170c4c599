"""The lines of the section `mimic` at the end of a run, and the words for a run's mode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pytest_mimic._core.commands import Commands, Verb
from pytest_mimic._core.engine.ledger import REKEY
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.words import and_more, few, limited, listed, plural, seconds
from pytest_mimic._tools.unused.judging import (
    Judgement,
    count_unused,
    list_unused,
    not_judged,
)

if TYPE_CHECKING:
    from pytest_mimic._core.engine.ledger import Ledger, Miss
    from pytest_mimic._core.settings import Settings

_HEADERS = {
    Mode.REPLAY: "replay from {}",
    Mode.RECORD: "record into {}",
    Mode.RERECORD: "re-record into {}",
    Mode.VERIFY: "verify against {}",
    Mode.LIVE: "live, every call runs for real, {} is left alone",
}
# How many calls a single line names at most.
_IN_LINE = 3
# So many misses of one cause are told once.
_MANY = 2


def mode_line(settings: Settings) -> str:
    """Return the mode of a run and its vault in words."""
    refused = ", nothing may be recorded" if settings.no_record else ""
    return f"{_HEADERS[settings.mode].format(settings.shown_vault)}{refused}"


def summary(
    ledger: Ledger,
    judgement: Judgement,
    settings: Settings,
    *,
    quiet: bool = False,
    cache: Path | None = None,
    is_complete: bool = False,
) -> list[str]:
    """Return the lines of the section titled `mimic`, which may be empty.

    If `quiet`, only problems are shown. `cache` is the folder of pytest's cache, in
    which it keeps which tests failed; None: there is none. A complete run has selected
    all tests.
    """
    lines = [counts] if (counts := _counts(ledger, judgement, settings)) else []
    if not quiet:
        lines += [judgement.vault] if judgement.vault else []
        lines += _taken_back(ledger.taken_back)
    commands = RunCommands.of_run(
        ledger, settings, cache=cache, is_complete=is_complete
    )
    problems = _put_back(ledger.put_back)
    problems += _recorded_errors(ledger, commands)
    problems += _missing(ledger, commands)
    problems += _moved(ledger, commands)
    problems += _drifted(ledger, commands)
    problems += list_unused(judgement)
    if judgement.unused and not judgement.cleared:
        clear = settings.commands.pytest("--mimic-clear-unused")
        problems.append(f"to drop the unused: {clear}")
    problems += _changed_inputs(ledger, commands)
    problems += _outdated(ledger, commands)
    if ledger.made_anew:
        from pytest_mimic._run.anew_lines import anew_lines

        problems += anew_lines(ledger.made_anew, quiet=quiet)
    problems += _hidden(ledger)
    problems += [*limited(ledger.notes), *ledger.errors]
    if ledger.absent_clients and (
        ledger.missing or ledger.errors or "failed" in ledger.outcomes.values()
    ):
        problems.append(
            f"not installed, so not mimicked: {', '.join(sorted(ledger.absent_clients))}"
        )
    asked = (
        "--mimic-fail-on-unused" if settings.fail_on_unused else "--mimic-clear-unused"
    )
    problems += not_judged(
        judgement, asked if settings.fail_on_unused or settings.clear_unused else ""
    )
    if settings.fail_on_unused and judgement.unused:
        problems.append(_failed(judgement))
    return [] if quiet and not (problems or ledger.recorded) else [*lines, *problems]


class RunCommands(NamedTuple):
    """Makes the commands of one run that run exactly some of its tests.

    Attributes:
        commands: Makes command lines.
        known: By file, its tests, of files that the run has selected as a whole.
        failed: The tests that failed, if pytest remembers them.
    """

    commands: Commands
    known: Mapping[str, Collection[str]]
    failed: Collection[str] | None

    @classmethod
    def of_run(
        cls,
        ledger: Ledger,
        settings: Settings,
        *,
        cache: Path | None,
        is_complete: bool,
    ) -> RunCommands:
        """Return what makes the commands of a run that has ended."""
        # Older versions of pytest read no arguments from a file.
        reads_files = pytest.version_tuple >= (8, 2)
        folder = cache / "mimic" if cache is not None and reads_files else None
        known: dict[str, set[str]] = {}
        for test in ledger.outcomes if is_complete else ():
            known.setdefault(test.partition("::")[0], set()).add(test)
        failed = {
            test for test, outcome in ledger.outcomes.items() if outcome == "failed"
        }
        commands = settings.commands._replace(folder=folder)
        return cls(commands, known, None if cache is None else failed)

    def __call__(self, *options: str, tests: Sequence[str]) -> str:
        """Return the command line that runs these tests with options."""
        return self.commands.for_tests(
            *options, tests=tests, known=self.known, failed=self.failed
        )


def _failed(judgement: Judgement) -> str:
    """Return why a run failed in which all tests passed."""
    is_one = judgement.unused == 1
    verb = (
        ("was" if is_one else "were")
        if judgement.cleared
        else ("is" if is_one else "are")
    )
    return f"failed: {plural(judgement.unused, 'recording')} {verb} unused (--mimic-fail-on-unused)"


def _missing(ledger: Ledger, commands: RunCommands) -> list[str]:
    """Return the lists of missing and of stale calls, each with what helps."""
    lines: list[str] = []
    for is_stale, what in ((False, "missing"), (True, "stale")):
        misses = [miss for miss in ledger.missing if miss.is_stale is is_stale]
        rows = []
        for miss in misses:
            test = miss.test if miss.option else f"{miss.test}, see its error"
            rows.append((miss.label, test))
        lines += listed(f"{what}:", list(dict.fromkeys(rows)))
        anew = [miss for miss in misses if miss.changing]
        if len(anew) < _MANY:
            lines += _recording(misses, what, commands)
            continue
        lines += _made_anew(anew)
        others = [miss for miss in misses if not miss.changing]
        lines += _recording(anew, "them", commands)
        lines += _recording(others, "others", commands)
    return lines


def _recording(misses: Sequence[Miss], what: str, commands: RunCommands) -> list[str]:
    """Return the commands that record missing calls.

    Recording a test again as a whole records what it misses as well, and recording
    only what it misses would fail.
    """
    again = {miss.test for miss in misses if miss.option == Verb.RERECORD.value}
    by_option: dict[str, list[str]] = {}
    for miss in misses:
        if miss.option and miss.option != REKEY:
            option = Verb.RERECORD.value if miss.test in again else miss.option
            by_option.setdefault(option, []).append(miss.test)
    lines = []
    named = f"the {what}" if what in ("missing", "stale", "others") else what
    for option, tests in sorted(by_option.items()):
        lines.append(f"to record {named}: {commands(option, tests=tests)}")
        named = "the others"
    if any(miss.option == REKEY for miss in misses):
        follow = commands.commands.mimic("rekey")
        lines.insert(0, f"to let recordings follow their lines: {follow}")
    return lines


def _made_anew(misses: Sequence[Miss]) -> list[str]:
    """Return what helps calls that differ from their recordings in what runs make anew.

    Recording them again does not help: the next run makes other values.
    """
    from pytest_mimic._core.tree.made_anew import Kind
    from pytest_mimic._core.tree.remedies import pages

    counts: Counter[str] = Counter()
    tests: dict[str, set[str]] = {}
    for miss in misses:
        for path in miss.changing.split():
            part = f"{miss.target} {path}"
            counts[part] += 1
            tests.setdefault(part, set()).add(miss.test)
    rows = [
        (part, f"{plural(count, 'call')} in {plural(len(tests[part]), 'test')}")
        for part, count in counts.most_common()
    ]
    heading = f"{len(misses)} of them differ only in parts that look made anew:"
    written = {miss.line for miss in misses}
    if len(written) == 1 and "" not in written:
        return listed(heading, rows, f"if it may change: {written.pop()}")
    kinds = frozenset(Kind(name) for miss in misses for name in miss.kinds.split())
    shown = [Commands().line(page) for page in pages(kinds)]
    return listed(heading, rows, *shown)


def _moved(ledger: Ledger, run: RunCommands) -> list[str]:
    """Return the commands that give tests the recordings of their calls, which tests that are gone have made."""
    commands = [run.commands.mimic("mv", *move) for move in ledger.moved]
    what = "to use what a test that is gone has recorded:"
    return (
        [f"{what} {commands[0]}"]
        if len(commands) == 1
        else listed(f"{what[:-1]}, one after the other:", commands)
    )


def _drifted(ledger: Ledger, commands: RunCommands) -> list[str]:
    """Return the list of the calls that drifted, and the command that accepts them.

    A call whose service failed or refused it has nothing to accept.
    """
    rows = [(label, test) for label, test, _ in ledger.drifted]
    acceptable = {(label, test) for label, test, option in ledger.drifted if option}
    if not acceptable:
        return listed("drifted:", _counted(rows))
    them = "it" if len(acceptable) == 1 else "them"
    tests = list(dict.fromkeys(row[1] for row in rows if row in acceptable))
    remedy = commands("--mimic-rerecord", tests=tests)
    return listed("drifted:", _counted(rows), f"to accept {them}: {remedy}")


def _counted(calls: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the rows of calls and their tests, equal ones once."""
    return [
        (f"{label}{_times(count)}", test)
        for (label, test), count in Counter(calls).items()
    ]


def _changed_inputs(ledger: Ledger, commands: RunCommands) -> list[str]:
    """Return the list of what has changed of what replayed calls reach and read, and the command that verifies these calls."""
    if not ledger.inputs:
        return []
    calls: dict[str, Counter[str]] = {}
    for _, target, what, count, _ in ledger.inputs:
        calls.setdefault(what, Counter())[target] += count
    recordings = len({row[0] for row in ledger.inputs})
    rows = [
        (
            what,
            few(
                [
                    f"{plural(count, 'call')} of {target}"
                    for target, count in sorted(counts.items())
                ]
            ),
        )
        for what, counts in sorted(
            calls.items(), key=lambda row: (not row[0].endswith(")"), row[0])
        )
    ]
    tests = sorted({test for row in ledger.inputs for test in row[4]})
    remedy = commands("--mimic-verify", tests=tests)
    verbs = "reaches code or reads" if recordings == 1 else "reach code or read"
    heading = (
        f"{plural(recordings, 'recording')} {verbs} files that have changed since:"
    )
    return listed(heading, rows, f"to see whether it matters: {remedy}")


def _hidden(ledger: Ledger) -> list[str]:
    """Return the lines about inputs that no recording sees. Equal ones are counted."""
    started = [
        f"{test or 'code outside of tests'} started a process ({method}) in which nothing is mimicked{_times(count)}"
        for (test, method), count in Counter(map(tuple, ledger.processes)).items()
    ]
    named = "start the process by fork, or name the function that starts it"
    return [
        *listed("processes:", started, f"to mimic calls there: {named}"),
        *listed(
            "outcomes with secrets of the environment:",
            [(label, what) for label, what in ledger.environment],
        ),
        *listed(
            "texts that look like keys, in what was recorded:",
            [(label, what) for label, what in ledger.keys],
        ),
        *listed(
            "equal calls that differ in a secret, which does not count:",
            [(label, what) for label, what in ledger.alike],
        ),
    ]


def _outdated(ledger: Ledger, commands: RunCommands) -> list[str]:
    """Return the tests that return a secret by a placeholder that no answer has any more."""
    tests = list(ledger.outdated)
    if not tests:
        return []
    remedy = commands("--mimic-rerecord", tests=tests)
    return listed(
        "tests whose recordings hold the placeholder of a secret that was recorded anew:",
        tests,
        f"to record them again: {remedy}",
    )


def _recorded_errors(ledger: Ledger, commands: RunCommands) -> list[str]:
    """Return the list of the recorded errors, and the command that records them again."""
    calls = [(label, test) for label, test in ledger.failures]
    if not calls:
        return []
    again = "it" if len(set(calls)) == 1 else "them"
    tests = [test for _, test in calls]
    remedy = commands("--mimic-rerecord", tests=tests)
    return listed(
        "recorded errors:", _counted(calls), f"to record {again} again: {remedy}"
    )


def _taken_back(labels: Sequence[str]) -> list[str]:
    """Return the line on the errors of failing tests."""
    if not labels:
        return []
    whose = "of a failing test was" if len(labels) == 1 else "of failing tests were"
    counts = Counter(labels)
    shown = [
        f"{label}{_times(count)}" for label, count in list(counts.items())[:_IN_LINE]
    ]
    shown += and_more(len(labels) - sum(list(counts.values())[:_IN_LINE]))
    return [f"{plural(len(labels), 'outcome')} {whose} not kept: {'; '.join(shown)}"]


def _put_back(count: int) -> list[str]:
    """Return the line on the recordings that failing tests had replaced."""
    if not count:
        return []
    was, it = ("was", "it") if count == 1 else ("were", "them")
    return [
        f"{plural(count, 'recording')} {was} put back, because failing tests had replaced {it}"
    ]


def _times(count: int) -> str:
    return f", {count} times" if count > 1 else ""


def _tokens(sent: int, received: int) -> list[str]:
    """Return the tokens of requests and of answers in words, if there are any."""
    if not sent and not received:
        return []
    return [f"{sent:,} tokens in, {received:,} out"]


def _counts(ledger: Ledger, judgement: Judgement, settings: Settings) -> str:
    counts = []
    if ledger.recorded:
        time = " and ".join(
            [
                seconds(ledger.record_seconds),
                *_tokens(ledger.tokens_sent, ledger.tokens_received),
            ]
        )
        if ledger.taken_back:
            kept = max(0, ledger.recorded - len(ledger.taken_back))
            made = (
                f"{plural(ledger.recorded, 'call')} made in {time} and {kept} recorded"
            )
            counts.append(f"{made}, because outcomes of failing tests are not kept")
        else:
            counts.append(f"{plural(ledger.recorded, 'call')} recorded in {time}")
    stale = sum(miss.is_stale for miss in ledger.missing)
    missing = len(ledger.missing) - stale
    for number, what in (
        (ledger.verified, "verified"),
        (len(ledger.drifted), "drifted"),
        (ledger.replayed, "replayed"),
        (missing, "missing"),
        (stale, "stale"),
    ):
        if number:
            # Only the first count names its unit.
            shown = str(number) if counts else plural(number, "call")
            counts.append(f"{shown} {what}")
    # vcrpy does not keep how long a call took.
    saved = [seconds(ledger.saved)] if ledger.saved else []
    saved += _tokens(ledger.saved_tokens_sent, ledger.saved_tokens_received)
    if saved:
        counts.append(f"{' and '.join(saved)} saved")
    if settings.mode is Mode.LIVE:
        counts.append("every call ran for real, and nothing was recorded or compared")
    parts = [", ".join(counts)] if counts else []
    return "; ".join(filter(None, [*parts, count_unused(judgement)]))
