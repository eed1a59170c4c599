"""Let recordings follow a changed line of mimic_functions, without a call.

After a change of ignore= or match=, or where sequence=no was added, the calls
of a line have other identities. Recordings get these from what they keep, and
a miss needs no service:

  pytest-mimic rekey -n                       what would get another identity
  pytest-mimic rekey
  pytest-mimic rekey 'POST */chat/completions'

Recordings of one test that come to one identity become a sequence, in the
order of their calls. Where one recording serves all tests, equal outcomes
become one; different ones stay and are listed. So is all else that cannot
follow, with the reason.

After a change of mimic_redact, requests and answers lose what the names of
today hide.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from pytest_mimic._core.engine.equal_outcomes import OutcomeComparison
from pytest_mimic._core.vault.format import names_of_objects_in
from pytest_mimic._core.vault.recording_facts import StoredOutcome
from pytest_mimic._core.words import plural
from pytest_mimic._tools.cli.output import Line, Result, add_dry_run, counted
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.cli.selection import (
    Chosen,
    Selection,
    VaultFile,
    add_selectors,
    result_of_nothing_chosen,
    signature_of,
)
from pytest_mimic._tools.rekey.call_redactor import CallRedactor
from pytest_mimic._tools.rekey.calls_to_rekey import (
    CallToRekey,
    calls_to_rekey,
    content_of,
)
from pytest_mimic._tools.rekey.lines_of_today import Line as LineOfToday
from pytest_mimic._tools.rekey.older_format import is_older, older_calls
from pytest_mimic._tools.rekey.planning import Plan, Planner, StayingCall
from pytest_mimic._tools.shown.outcome_words import call_in_short
from pytest_mimic.errors import MimicError

# How many files a printed command names, at most.
_MOST_FILES = 20


def add_arguments(parser: ArgumentParser) -> None:
    add_selectors(parser)
    add_dry_run(parser, "only show what would get another identity")


def run(invocation: Invocation) -> Result:
    """Give recordings the identities of today's lines.

    `has_finding` of the result: A recording that a changed line concerns cannot follow.

    Raises:
        MimicError: A run is recording, or the configuration or the vault is wrong.
    """
    is_dry = invocation.options.dry_run
    with _kept_out(invocation, is_dry=is_dry):
        selection = Selection(invocation)
        files = list(selection)
        store = invocation.vault.store
        older_names: list[str] = []
        damaged: list[VaultFile] = []
        for file in selection.damaged:
            content = b""
            # A file that cannot be read, such as a pipe, has no format.
            with suppress(MimicError):
                content = store.read(file.name) or b""
            if is_older(content):
                older_names.append(file.name)
            else:
                damaged.append(file)
        plan = _plan(invocation, files, older_names=older_names)
        replaced_objects: set[str] = set()
        if not is_dry:
            replaced_objects = _carry_out(invocation, plan)
    if not is_dry:
        # Only objects: no file that is left may name them any more.
        invocation.vault.writer.delete([], candidates=replaced_objects)
        invocation.vault.store.end_writing()
    if not files and not older_names:
        chosen = Chosen(files, damaged=damaged, unmatched=selection.unmatched)
        return result_of_nothing_chosen(invocation, chosen)
    return Result(
        list(_lines(invocation, plan)),
        has_finding=any(map(_needs_action, plan.staying)),
        unmatched=selection.unmatched,
        damaged=len(damaged),
    )


@contextmanager
def _kept_out(invocation: Invocation, *, is_dry: bool) -> Iterator[None]:
    """Keep all others out while names change.

    Raises:
        MimicError: A run is recording.
    """
    if is_dry:
        yield
        return
    with invocation.vault.store.alone() as is_alone:
        if not is_alone:
            raise MimicError(
                f"a run is recording in {invocation.settings.shown_vault}",
                remedies=["wait for its end, and run pytest-mimic rekey again"],
            )
        yield


def _plan(
    invocation: Invocation, files: Sequence[VaultFile], *, older_names: Sequence[str]
) -> Plan:
    """Return what becomes of the chosen recordings, and of the rest of their sequences.

    Args:
        invocation: The call of the command.
        files: The chosen files of today's format.
        older_names: The names of the chosen files of 1.0.0rc3's format.
    """
    comparison = OutcomeComparison(invocation.redactor)
    vault = invocation.vault

    def is_same(first: StoredOutcome, second: StoredOutcome, line: LineOfToday) -> bool:
        target = first.target
        return comparison.is_same(target, first, second, volatile=line.volatile)

    planner = Planner(
        vault,
        invocation.project.ini.targets(),
        signature_of=signature_of,
        is_same=is_same,
        call_redactor=CallRedactor(invocation.redactor),
    )
    calls: list[CallToRekey] = []
    for name in _with_rest_of_sequences(vault.names(), files, invocation):
        calls += calls_to_rekey(vault, name)
    for name in older_names:
        calls += older_calls(vault, name, planner.options_of)
    return planner.plan(calls)


def _with_rest_of_sequences(
    names: Iterable[str], files: Sequence[VaultFile], invocation: Invocation
) -> list[str]:
    """Return the names of the files to rekey, with the rest of their sequences.

    Calls of one owner and one target may come to one identity by the change of a line,
    and then are a sequence in the order of their calls. A selector that chose only some
    of these files would leave the others out of the sequence, so they are rekeyed, too.

    Args:
        names: The names of all files of the vault.
        files: The chosen files.
        invocation: The call of the command.
    """
    chosen_names = {file.name for file in files}
    if not invocation.options.selectors:
        # The chosen files are all there are, or those of `--older` and `--errors`.
        return sorted(chosen_names)
    owners_and_targets: set[tuple[str, str]] = set()
    for file in files:
        if file.owner:
            owners_and_targets.add((file.owner, _target_of_file(file)))
    names_of_members: list[str] = []
    for name in names:
        if name in chosen_names:
            continue
        file = VaultFile(name, invocation.vault)
        owner_and_target = (file.owner, _target_of_file(file))
        if file.read_error is None and owner_and_target in owners_and_targets:
            names_of_members.append(name)
    return sorted([*chosen_names, *names_of_members])


def _target_of_file(file: VaultFile) -> str:
    """Return the target of a file's first call; empty for a file without calls."""
    if not file.calls:
        return ""
    return file.calls[0].target


def _carry_out(invocation: Invocation, plan: Plan) -> set[str]:
    """Write and delete files, and return the names of the objects of the old ones.

    Each new file is written before the old ones go: where the command is killed, each
    recording has its old or its new name, and the next `rekey` goes on.
    """
    store = invocation.vault.store
    replaced_objects: set[str] = set()
    for object_name, content in plan.objects.items():
        store.write(object_name, content)
    for change in plan.changes:
        # None: the file of the new name stands there already.
        if change.facts is not None:
            replaced_objects |= names_of_objects_in(store.read(change.name) or b"")
            store.write(change.name, content_of(change.facts))
        for name in change.old_names:
            replaced_objects |= names_of_objects_in(store.read(name) or b"")
            store.delete([name])
    return replaced_objects


# -- the report


def _lines(invocation: Invocation, plan: Plan) -> Iterator[Line]:
    """Yield the report: the counts, what stays and why."""
    number_rekeyed = sum(change.number_rekeyed for change in plan.changes)
    if number_rekeyed:
        yield _line_of_rekeyed(invocation, plan, number_rekeyed)
    if plan.number_hidden:
        verb = "would lose" if invocation.options.dry_run else "lost"
        count = plural(plan.number_hidden, "recording")
        yield f"{count} {verb} what mimic_redact names today"
    is_changed = number_rekeyed > 0 or plan.number_hidden > 0
    if not is_changed and not plan.staying and not plan.number_from_python:
        yield (
            f"nothing to change: the recordings in {invocation.settings.shown_vault}"
            " have the identities of today's lines"
        )
    if plan.number_from_python:
        count = plural(plan.number_from_python, "recording")
        yield f"{count} with options that were given in Python stay as they are"
    calls_to_act_on: list[StayingCall] = []
    # The files of calls that were recorded again since: they may be deleted.
    replaced_files: set[str] = set()
    for staying_call in plan.staying:
        if _needs_action(staying_call):
            calls_to_act_on.append(staying_call)
        else:
            replaced_files.add(staying_call.call_to_rekey.file)
    yield from _lines_of_calls_to_act_on(invocation, calls_to_act_on)
    yield from _lines_of_replaced(invocation, sorted(replaced_files))


def _line_of_rekeyed(invocation: Invocation, plan: Plan, number_rekeyed: int) -> str:
    """Return how many calls got another identity, and what their recordings are now."""
    verb = "would get" if invocation.options.dry_run else "got"
    line = f"{plural(number_rekeyed, 'recording')} {verb} the identity of today's line"
    number_joined = 0
    for change in plan.changes:
        if change.number_rekeyed > 1:
            number_joined += len({change.name, *change.old_names}) - 1
    if number_joined > 0:
        names = [change.name for change in plan.changes if change.number_rekeyed]
        line += f", and are {counted(names)}"
    return line


def _lines_of_calls_to_act_on(
    invocation: Invocation, calls_to_act_on: Sequence[StayingCall]
) -> Iterator[Line]:
    """Yield the calls that cannot follow their line, and what records them again."""
    if calls_to_act_on:
        yield f"{plural(len(calls_to_act_on), 'recording')} cannot follow:"
    for staying_call in calls_to_act_on:
        yield from _lines_of_staying_call(invocation, staying_call)
    # A run of `--mimic-record` replays what it finds: only `--mimic-rerecord` replaces.
    for option, is_still_found in (
        ("--mimic-record", False),
        ("--mimic-rerecord", True),
    ):
        tests: list[str | None] = []
        for staying_call in calls_to_act_on:
            has_idle_paths = bool(staying_call.idle_paths)
            # For these, the lines of the call itself say what to do.
            has_other_remedy = staying_call.is_recorded_again or has_idle_paths
            has_option = staying_call.is_still_found is is_still_found
            if has_option and not has_other_remedy:
                tests.append(staying_call.call_to_rekey.call.test)
        if tests:
            recording_command = invocation.commands.for_tests(option, tests=tests)
            yield ["  to record them: ", (recording_command, "bold")]


def _lines_of_replaced(invocation: Invocation, files: Sequence[str]) -> Iterator[Line]:
    """Yield how many calls were recorded again, and what deletes their old files."""
    if not files:
        return
    verb = "was" if len(files) == 1 else "were"
    count = plural(len(files), "recording")
    yield f"{count} cannot follow, but {verb} recorded again since"
    for start in range(0, len(files), _MOST_FILES):
        portion = files[start : start + _MOST_FILES]
        command = invocation.commands.mimic("rm", *portion)
        yield ["  to delete what nothing finds: ", (command, "bold")]


def _needs_action(staying_call: StayingCall) -> bool:
    """Return whether something has to be done about a call that stays as it is.

    Nothing finds the file of a call that was recorded again. But what it holds of a
    secret stays in the vault until somebody deletes it.
    """
    return staying_call.has_secret or not staying_call.is_recorded_again


def _lines_of_staying_call(
    invocation: Invocation, staying_call: StayingCall
) -> Iterator[Line]:
    """Yield a call that cannot follow its line, why, and what to do about it."""
    call = staying_call.call_to_rekey.call
    subject = call_in_short(call, 80)
    if call.test:
        subject += f", {call.test}"
    yield f"  {subject}"
    reason = staying_call.reason
    if staying_call.changes:
        reason += f" ({'; '.join(staying_call.changes)})"
    yield f"    {reason}"
    if staying_call.idle_paths and not staying_call.is_recorded_again:
        # The call replays as it is, so that recording would do nothing.
        paths = ",".join(staying_call.idle_paths)
        line = f"{staying_call.line} ignore={paths}"
        yield f"    its recording shows no such part; mend the line: {line}"
    if staying_call.is_rival:
        command = invocation.commands.mimic("rm", staying_call.call_to_rekey.file)
        yield ["    keep one of them: ", (command, "bold")]
    if staying_call.is_recorded_again:
        command = invocation.commands.mimic("rm", staying_call.call_to_rekey.file)
        yield ["    it was recorded again since; to delete it: ", (command, "bold")]
