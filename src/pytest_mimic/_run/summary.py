"""The lines of the section `mimic` at the end of a run, and the words for a mode.

The facts are the events of the account. Each function words one kind of them: no event,
no lines. A list of calls has as remedy a command that runs the tests of these calls.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_mimic._core.commands import Commands, Verb
from pytest_mimic._core.engine.account import REKEY
from pytest_mimic._core.named_fields import NamedFields
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.words import (
    ROW_WIDTH,
    Line,
    and_more,
    few,
    laid_out,
    limited,
    listed,
    plural,
    short_seconds,
    tabled,
)
from pytest_mimic._tools.unused.judging import (
    Judgement,
    count_unused,
    list_unused,
    warning_of_unjudged,
)

if TYPE_CHECKING:
    from pytest_mimic._core.engine.account import Account
    from pytest_mimic._core.engine.account_events import Miss, OutcomeNotKept
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._run.anew_lines import AnewLines

# The first line of a run, with the vault in the braces.
_MODE_IN_WORDS = {
    Mode.REPLAY: "replay from {}",
    Mode.RECORD: "record into {}",
    Mode.RERECORD: "re-record into {}",
    Mode.VERIFY: "verify against {}",
    Mode.LIVE: "live, every call runs for real, {} is left alone",
}
# How many calls a single line names at most.
_MOST_CALLS_IN_LINE = 3
# From so many misses of one cause on, these have one explanation together.
_MISSES_OF_ONE_CAUSE = 2


def mode_in_words(settings: Settings) -> str:
    """Return the mode of a run and its vault in words, for the header and the page."""
    line = _MODE_IN_WORDS[settings.mode].format(settings.shown_vault)
    if settings.no_record:
        line += ", nothing may be recorded"
    return line


def summary(
    account: Account,
    judgement: Judgement,
    settings: Settings,
    *,
    quiet: bool = False,
    cache: Path | None = None,
    whole_files: Mapping[str, Collection[str]] | None = None,
    row_width: int = ROW_WIDTH,
) -> list[str]:
    """Return the lines of the section titled `mimic`, which may be empty.

    Args:
        account: The account of the run.
        judgement: Which recordings are unused.
        settings: The settings of the run.
        quiet: Whether only problems are shown, and one line after something was
            recorded.
        cache: The folder of pytest's cache, in which it keeps which tests failed; None:
            there is none.
        whole_files: The tests of the files that were selected as a whole, by file.
            None: none is known.
        row_width: The characters that a row of a list should take at most, without its
            indent.
    """
    # These lines alone are no reason for a section with `-q`, but the problems are.
    facts = []
    counts = _line_of_counts(account, judgement, settings)
    if counts:
        facts.append(counts)
    if not quiet:
        if judgement.vault:
            facts.append(judgement.vault)
        facts += _line_of_outcomes_not_kept(account.outcomes_not_kept)
    commands = RunCommands.of_run(
        account, settings, cache=cache, whole_files=whole_files or {}
    )
    # In the order of the section: what went wrong, then unused recordings, then what
    # the next run will meet, then what only has to be known.
    problems: list[Line] = []
    problems += _line_of_restored_recordings(len(account.restored_recordings))
    problems += _line_of_pointers(account)
    problems += _recorded_errors(account, commands)
    problems += _missing_lists(account, commands)
    problems += _move_commands(account, commands)
    problems += limited(account.unclear_moves)
    problems += _drift_list(account, commands)
    problems += list_unused(judgement)
    if judgement.unused and not judgement.cleared:
        clear = settings.commands.pytest("--mimic-clear-unused")
        problems.append(f"to drop the unused: {clear}")
    problems += _changed_inputs(account, commands)
    problems += _tests_with_dropped_placeholders(account, commands)
    problems += _older_answers(account, commands)
    problems += _repeated_calls(account, commands)
    if account.made_anew:
        problems += _anew().anew_lines(account.made_anew, quiet=quiet)
    problems += _lists_to_know(account)
    problems += limited(account.notes)
    problems += account.errors
    problems += _absent_clients(account)
    problems += warning_of_unjudged(judgement, _judging_option(settings))
    if settings.fail_on_unused and judgement.unused:
        problems.append(_why_failed(judgement))
    # With `-q`, a run that only replayed says nothing.
    if quiet and not problems and not account.recorded:
        return []
    return laid_out([*facts, *problems], row_width=row_width)


def _absent_clients(account: Account) -> list[str]:
    """Return the line about clients that are not installed, if something went wrong.

    Their absence may be the cause.
    """
    has_failed_test = "failed" in account.outcomes.values()
    has_problem = bool(account.misses or account.errors or has_failed_test)
    if not account.absent_clients or not has_problem:
        return []
    clients = ", ".join(sorted(account.absent_clients))
    return [f"not installed, so not mimicked: {clients}"]


def _judging_option(settings: Settings) -> str:
    """Return the option that asks for a judgement of unused recordings, or nothing."""
    if settings.fail_on_unused:
        return "--mimic-fail-on-unused"
    if settings.clear_unused:
        return "--mimic-clear-unused"
    return ""


# The headings of lists of problems, with the colours that pytest has for these.
_COLOURS_OF_HEADINGS = {
    "missing:": {"red": True},
    "stale:": {"red": True},
    "drifted:": {"yellow": True},
}


def lines_with_colours(
    lines: Sequence[str],
) -> Iterator[tuple[str, Mapping[str, bool]]]:
    """Yield the lines of the section, each with its colours for a terminal.

    A list has the colour of its heading.
    """
    colours: Mapping[str, bool] = {}
    for line in lines:
        if line.startswith("failed: "):
            colours = {"red": True}
        elif not line.startswith("  "):
            colours = _COLOURS_OF_HEADINGS.get(line, {})
        yield line, colours


class RunCommands(NamedFields):
    """Makes the commands of the summary that run exactly some of the run's tests.

    A command with many tests is shortened: a file stands for all of its tests, `--lf`
    for all failed ones, and a file of arguments for any others.

    Attributes:
        commands: Makes command lines.
        whole_files: The tests of the files that the run has selected as a whole, by
            file.
        failed_tests: The tests that failed; None if pytest does not remember them.
    """

    commands: Commands
    whole_files: Mapping[str, Collection[str]]
    failed_tests: Collection[str] | None

    @classmethod
    def of_run(
        cls,
        account: Account,
        settings: Settings,
        *,
        cache: Path | None,
        whole_files: Mapping[str, Collection[str]],
    ) -> RunCommands:
        """Return the commands of a run that has ended."""
        # Older versions of pytest read no arguments from a file.
        reads_files = pytest.version_tuple >= (8, 2)
        # Into this folder, `Commands` writes the file of a long command, `@file`.
        folder_of_files = None
        if cache is not None and reads_files:
            folder_of_files = cache / "mimic"
        commands = settings.commands._replace(folder=folder_of_files)
        failed_tests: set[str] | None = None
        if cache is not None:
            failed_tests = set()
            for test, outcome in account.outcomes.items():
                if outcome == "failed":
                    failed_tests.add(test)
        return cls(commands, whole_files=whole_files, failed_tests=failed_tests)

    def __call__(self, *options: str, tests: Sequence[str]) -> str:
        """Return the command line that runs these tests with options."""
        return self.commands.for_tests(
            *options, tests=tests, known=self.whole_files, failed=self.failed_tests
        )


def _why_failed(judgement: Judgement) -> str:
    """Return why a run failed in which all tests passed."""
    singular, several = "is", "are"
    if judgement.cleared:
        # The recordings are gone by now.
        singular, several = "was", "were"
    verb = singular if judgement.unused == 1 else several
    recordings = plural(judgement.unused, "recording")
    return f"failed: {recordings} {verb} unused (--mimic-fail-on-unused)"


def _missing_lists(account: Account, commands: RunCommands) -> list[Line]:
    """Return the lists of missing and of stale calls, each with what helps.

    Misses that differ from a recording only in parts made anew have an explanation of
    their own, as to record them does not help the next run.
    """
    lines: list[Line] = []
    tests_to_rerecord = _tests_to_rerecord(account.misses)
    for is_stale, adjective in ((False, "missing"), (True, "stale")):
        misses = [miss for miss in account.misses if miss.is_stale is is_stale]
        # As keys, equal rows stand once.
        missing_rows: dict[tuple[str, str], None] = {}
        for miss in misses:
            test = miss.test
            if not miss.option:
                # No option of the command line records the call.
                test = f"{miss.test}, see its error"
            missing_rows[miss.label, test] = None
        lines += tabled(f"{adjective}:", list(missing_rows))
        misses_made_anew = [miss for miss in misses if miss.paths_made_anew]
        misses_to_record = misses
        subject = f"the {adjective}"
        if len(misses_made_anew) >= _MISSES_OF_ONE_CAUSE:
            lines += _anew().missed_anew(misses_made_anew)
            lines += _recording_commands(
                misses_made_anew,
                commands,
                subject="them",
                tests_to_rerecord=tests_to_rerecord,
            )
            # The commands run whole tests, and so record the other calls of these, too.
            recorded_tests = {miss.test for miss in misses_made_anew}
            misses_to_record = [
                miss for miss in misses if miss.test not in recorded_tests
            ]
            subject = "the others"
        lines += _recording_commands(
            misses_to_record,
            commands,
            subject=subject,
            tests_to_rerecord=tests_to_rerecord,
        )
    return lines


def _tests_to_rerecord(misses: Sequence[Miss]) -> set[str]:
    """Return the tests with a call that needs `--mimic-rerecord`.

    No command offers `--mimic-record` for these, see `_recording_commands`.
    """
    return {miss.test for miss in misses if miss.option == Verb.RERECORD.value}


def _recording_commands(
    misses: Sequence[Miss],
    commands: RunCommands,
    *,
    subject: str,
    tests_to_rerecord: Collection[str],
) -> list[str]:
    """Return the commands that record missing calls.

    Each test stands in one command. If one of its calls needs `--mimic-rerecord`, this
    records the others as well, and `--mimic-record` would fail.

    Args:
        misses: The calls.
        commands: Makes the commands.
        subject: What the printed line calls these calls: `to record the missing: …`.
        tests_to_rerecord: The tests with a call that needs `--mimic-rerecord`.
    """
    # By the option of pytest that records the calls of these tests.
    tests_by_option: dict[str, list[str]] = {}
    needs_rekey = False
    for miss in misses:
        if miss.option == REKEY:
            # Its recording is there. A command for all of them needs no tests.
            needs_rekey = True
        # Without an option, each error says what to do.
        elif miss.option:
            option = miss.option
            if miss.test in tests_to_rerecord:
                option = Verb.RERECORD.value
            tests_by_option.setdefault(option, []).append(miss.test)
    lines = []
    if needs_rekey:
        command = commands.commands.mimic("rekey")
        lines.append(f"to let recordings follow their lines: {command}")
    for option, tests in sorted(tests_by_option.items()):
        lines.append(f"to record {subject}: {commands(option, tests=tests)}")
        # A second command is for the tests that the first one does not run.
        subject = "the others"
    return lines


@functools.cache
def _anew() -> type[AnewLines]:
    """Return the functions that word parts made anew: the door to `anew_lines.py`.

    Few runs have such parts.
    """
    from pytest_mimic._run.anew_lines import AnewLines

    return AnewLines


def _move_commands(account: Account, commands: RunCommands) -> list[str]:
    """Return the commands that give renamed tests the recordings of their calls."""
    move_commands = [commands.commands.mimic("mv", *move) for move in account.moved]
    purpose = "to use what a test that is gone has recorded, if it was renamed"
    if len(move_commands) == 1:
        return [f"{purpose}: {move_commands[0]}"]
    return listed(f"{purpose}, one after the other:", move_commands)


def _drift_list(account: Account, commands: RunCommands) -> list[Line]:
    """Return the list of the calls that drifted, and the command that accepts them.

    A call whose service failed or refused it has nothing to accept.
    """
    # Each a call and its test. To accept a drift is to record its call again.
    drift_rows: list[tuple[str, str]] = []
    acceptable_rows: set[tuple[str, str]] = set()
    # As keys, the tests stand once each, in the order of their calls.
    tests: dict[str, None] = {}
    for drift in account.drifts:
        drift_row = drift.label, drift.test
        drift_rows.append(drift_row)
        if drift.option:
            acceptable_rows.add(drift_row)
            tests[drift.test] = None
    if not acceptable_rows:
        return tabled("drifted:", _rows_of_calls(drift_rows))
    pronoun = "it" if len(acceptable_rows) == 1 else "them"
    remedy = commands("--mimic-rerecord", tests=list(tests))
    return tabled(
        "drifted:", _rows_of_calls(drift_rows), f"to accept {pronoun}: {remedy}"
    )


def _rows_of_calls(calls: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the rows of calls and their tests, equal ones once."""
    call_rows = []
    for (label, test), count in Counter(calls).items():
        call_rows.append((f"{label}{_words_of_times(count)}", test))
    return call_rows


def _changed_inputs(account: Account, commands: RunCommands) -> list[Line]:
    """Return the list of code and files that have changed since calls used them.

    Such a call was replayed all the same. The command under the list verifies whether
    the change matters to it.
    """
    if not account.changed_inputs:
        return []
    recordings = set()
    tests = set()
    # By the code or file that has changed, in words: how many calls of each target used
    # it.
    counts_by_input: dict[str, Counter[str]] = {}
    for changed_input in account.changed_inputs:
        recordings.add(changed_input.recording)
        tests.update(changed_input.tests)
        count_by_target = counts_by_input.setdefault(changed_input.subject, Counter())
        count_by_target[changed_input.target] += changed_input.calls
    input_rows = []
    for input_in_words in sorted(counts_by_input, key=_rank_of_input):
        calls_in_words = []
        for target, count in sorted(counts_by_input[input_in_words].items()):
            calls_in_words.append(f"{plural(count, 'call')} of {target}")
        input_rows.append((input_in_words, few(calls_in_words)))
    remedy = commands("--mimic-verify", tests=sorted(tests))
    verbs = "reach code or read"
    if len(recordings) == 1:
        verbs = "reaches code or reads"
    subject = plural(len(recordings), "recording")
    heading = f"{subject} {verbs} files that have changed since:"
    return tabled(heading, input_rows, f"to see whether it matters: {remedy}")


def _rank_of_input(input_in_words: str) -> tuple[bool, str]:
    """Return the rank of a changed input in a list: code, `f (shop.py)`, is first.

    `ProjectSources.changed` gives code with its file in parentheses, files without.
    """
    is_code = input_in_words.endswith(")")
    return not is_code, input_in_words


def _lists_to_know(account: Account) -> list[Line]:
    """Return the lists of processes, secrets and equal calls that a user should know.

    No test fails for them, and only the summary tells of them.
    """
    started_processes = []
    for (test, method), count in Counter(account.started_processes).items():
        starter = test or "code outside of tests"
        started_processes.append(
            f"{starter} started a process ({method}) in which nothing is mimicked"
            f"{_words_of_times(count)}"
        )
    remedy = "start the process by fork, or name the function that starts it"
    lines: list[Line] = []
    lines += listed("processes:", started_processes, f"to mimic calls there: {remedy}")
    # The remark of an event about a secret says what was done, and the test.
    lines += tabled(
        "outcomes with secrets of the environment:",
        [
            (variable.label, variable.remark)
            for variable in account.variables_in_outcomes
        ],
    )
    lines += tabled(
        "texts that look like keys, in what was recorded:",
        [(key.label, key.remark) for key in account.texts_like_keys],
    )
    lines += tabled(
        "equal calls that differ in a secret, which does not count:",
        [(equal.label, equal.remark) for equal in account.equal_calls],
    )
    return lines


def _tests_with_dropped_placeholders(
    account: Account, commands: RunCommands
) -> list[str]:
    """Return the list of tests whose recordings hold a placeholder of no answer now.

    `ending.py` finds them, and says why a replay would give them an old secret.
    """
    tests = list(account.tests_with_dropped_placeholders)
    if not tests:
        return []
    remedy = commands("--mimic-rerecord", tests=tests)
    return listed(
        "tests whose recordings hold the placeholder of a secret "
        "that was recorded anew:",
        tests,
        f"to record them again: {remedy}",
    )


def _older_answers(account: Account, commands: RunCommands) -> list[Line]:
    """Return the tests whose recorded answers are from before a wider fixture changed.

    Of tests that did not run, nobody knows whether they use the fixture.
    """
    # By test: what it has to do with each of the fixtures. Tests of one class stand
    # together, so that a run of the command sets up the fixtures of the class once.
    relations_by_test: dict[str, list[str]] = {}
    for answers in sorted(account.older_answers):
        relation = f"uses {answers.fixture}"
        if not answers.is_certain:
            relation = f"did not run, and may use {answers.fixture}"
        relations_by_test.setdefault(answers.test, []).append(relation)
    test_rows = []
    for test, relations in relations_by_test.items():
        test_rows.append((test, ", ".join(relations)))
    tests = list(relations_by_test)
    remedy = commands("--mimic-rerecord", tests=tests)
    return tabled(
        "tests with answers from before a fixture made the new calls of this run:",
        test_rows,
        f"to record them again: {remedy}",
    )


def _repeated_calls(account: Account, commands: RunCommands) -> list[Line]:
    """Return the list of calls made more often than recorded, and what records them."""
    repeated_rows = []
    for call in account.repeated_calls:
        how_often = "once" if call.recorded == 1 else f"{call.recorded} times"
        repeated_rows.append((f"{call.label}, recorded {how_often}", call.test))
    command = commands("--mimic-rerecord", tests=[test for _, test in repeated_rows])
    return tabled(
        "made more often than recorded, so that the last outcome repeats:",
        repeated_rows,
        f"to record each of these calls: {command}",
    )


def _recorded_errors(account: Account, commands: RunCommands) -> list[Line]:
    """Return the list of recorded errors, and the command that records them again.

    A passing test may have caught an error of its service that was down that day. The
    recording replays the error from now on.
    """
    failed_calls = [(error.call, error.test) for error in account.recorded_errors]
    if not failed_calls:
        return []
    pronoun = "it" if len(set(failed_calls)) == 1 else "them"
    tests = [test for _, test in failed_calls]
    command = commands("--mimic-rerecord", tests=tests)
    remedy = f"to record {pronoun} again: {command}"
    return tabled("recorded errors:", _rows_of_calls(failed_calls), remedy)


def _line_of_outcomes_not_kept(outcomes: Sequence[OutcomeNotKept]) -> list[str]:
    """Return the line about outcomes that were not kept, because their tests failed."""
    if not outcomes:
        return []
    counts_by_label = Counter(outcome.label for outcome in outcomes)
    tests = {outcome.test for outcome in outcomes}
    named_calls = []
    unnamed_count = len(outcomes)
    for label, count in list(counts_by_label.items())[:_MOST_CALLS_IN_LINE]:
        named_calls.append(f"{label}{_words_of_times(count)}")
        unnamed_count -= count
    named_calls += and_more(unnamed_count)
    subject = plural(len(outcomes), "outcome")
    failing = "a failing test" if len(tests) == 1 else "failing tests"
    were = "was" if len(outcomes) == 1 else "were"
    return [f"{subject} of {failing} {were} not kept: {'; '.join(named_calls)}"]


def _line_of_pointers(account: Account) -> list[str]:
    """Return the line on the files whose content Git LFS has not pulled.

    Each test that needs one fails for it; one command mends all of them.
    """
    count = len(account.lfs_pointers)
    if not count:
        return []
    predicate = "is a Git LFS pointer" if count == 1 else "are Git LFS pointers"
    return [f"{plural(count, 'file')} of the vault {predicate}: git lfs pull"]


def _line_of_restored_recordings(count: int) -> list[str]:
    """Return the line about recordings that failing tests had replaced."""
    if count == 0:
        return []
    verb, pronoun = "were", "them"
    if count == 1:
        verb, pronoun = "was", "it"
    reason = f"because failing tests had replaced {pronoun}"
    return [f"{plural(count, 'recording')} {verb} put back, {reason}"]


def _words_of_times(count: int) -> str:
    """Return how often a row stands for a call, `, 3 times`; nothing for once."""
    if count == 1:
        return ""
    return f", {count} times"


def _words_of_tokens(tokens: tuple[int, int]) -> str:
    """Return the tokens of requests and of answers in words, empty without any."""
    sent_tokens, received_tokens = tokens
    if not sent_tokens and not received_tokens:
        return ""
    return f"{sent_tokens:,} tokens in, {received_tokens:,} out"


def _line_of_counts(account: Account, judgement: Judgement, settings: Settings) -> str:
    """Return the first line: `3 calls replayed, 1 missing, 2.1 s saved; 2 unused`."""
    counts = []
    if account.recorded:
        counts.append(_words_of_recorded(account))
    stale_count = sum(miss.is_stale for miss in account.misses)
    missing_count = len(account.misses) - stale_count
    for call_count, participle in (
        (account.verified, "verified"),
        (len(account.drifts), "drifted"),
        (account.replayed, "replayed"),
        (missing_count, "missing"),
        (stale_count, "stale"),
    ):
        if call_count and counts:
            # Only the first count names its unit.
            counts.append(f"{call_count} {participle}")
        elif call_count:
            counts.append(f"{plural(call_count, 'call')} {participle}")
    token_words = _words_of_tokens(account.tokens_saved)
    if account.saved_seconds:
        saving = f"{short_seconds(account.saved_seconds)} saved"
        if token_words:
            saving += f" ({token_words})"
        counts.append(saving)
    elif token_words:
        # Imported calls saved no time: vcrpy does not keep how long a call took.
        counts.append(f"{token_words} saved")
    if settings.mode is Mode.LIVE:
        counts.append("every call ran for real, and nothing was recorded or compared")
    line = ", ".join(counts)
    unused = count_unused(judgement)
    if line and unused:
        return f"{line}; {unused}"
    return line or unused


def _words_of_recorded(account: Account) -> str:
    """Return how many calls were recorded, and what the real ones took."""
    calls = plural(account.recorded, "call")
    time_and_tokens = short_seconds(account.record_seconds)
    token_words = _words_of_tokens(account.tokens_taken)
    if token_words:
        time_and_tokens += f" ({token_words})"
    if not account.outcomes_not_kept:
        return f"{calls} recorded in {time_and_tokens}"
    kept_count = max(0, account.recorded - len(account.outcomes_not_kept))
    reason = "because outcomes of failing tests are not kept"
    return f"{calls} made in {time_and_tokens} and {kept_count} recorded, {reason}"
