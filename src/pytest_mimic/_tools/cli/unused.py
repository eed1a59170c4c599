"""Find the recordings that no test has used, in a suite split over several jobs.

Each job runs `pytest --mimic-usage=FILE`. This command judges all files
together, as one run would with `--mimic-fail-on-unused`. Each test must have
run in one of them.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from pytest_mimic._core.commands import Commands
from pytest_mimic._core.engine.account import Account
from pytest_mimic._core.words import SHOWN, laid_out, listed, plural
from pytest_mimic._tools.cli.output import Line, Result, add_dry_run, add_json
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.unused.judging import (
    NOTHING,
    Judgement,
    clear,
    count_unused,
    judge,
    list_unused,
    warning_of_unjudged,
)
from pytest_mimic._tools.unused.usage import joined_account, read_usage, usage_of
from pytest_mimic.errors import MimicError


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="the files of --mimic-usage of all jobs",
    )
    parser.add_argument(
        "--clear",
        action="store_true",
        help="delete the recordings that are proven unused",
    )
    add_dry_run(parser, "with --clear: only show what would be deleted")
    add_json(parser)


def run(invocation: Invocation) -> Result:
    """Judge, and with `--clear` delete.

    `has_finding` of the result: recordings are proven unused and still there.

    Raises:
        MimicError: Nothing could be judged.
    """
    options = invocation.options
    settings = invocation.settings
    if options.dry_run and not options.clear:
        raise MimicError("--dry-run needs --clear: a judgement alone changes nothing")
    usages = [read_usage(Path(word)) for word in options.files]
    account = joined_account(
        usages, usage_of(settings), is_vault_named=bool(options.vault)
    )
    _refuse_incomplete(account, invocation.commands)
    vault = invocation.vault
    unused_names: list[str] = []
    # A recording may have been made after the files of usage were written.
    newer_count = 0
    for name in vault.names(without=account.used):
        if name in account.known:
            unused_names.append(name)
        else:
            newer_count += 1
    # JSON lists every unused recording, and the printed lines the first few.
    most_listed = None if options.json else SHOWN
    judgement, proven_unused = judge(
        vault, unused_names, account, settings, most_listed=most_listed
    )
    if options.dry_run:
        judgement.reason_not_cleared = "--dry-run was given"
    elif options.clear:
        judgement.cleared = clear(vault, proven_unused)
    json_data = {
        "unused": _unused_as_data(judgement),
        "not_proven": judgement.unproven,
        "newer": newer_count,
        "cleared": bool(judgement.cleared),
        "files": len(usages),
        "tests": len(account.outcomes),
    }
    # What the first line says.
    clauses = []
    unused_in_words = count_unused(judgement)
    if unused_in_words:
        clauses.append(unused_in_words)
    if newer_count:
        recordings = plural(newer_count, "recording")
        clauses.append(f"{recordings} not judged: in none of the files")
    if not clauses:
        tests = plural(len(account.outcomes), "test")
        files = plural(len(usages), "file")
        clauses.append(f"no recording is unused ({tests} in {files})")
    lines: list[Line] = ["; ".join(clauses)]
    # A row is indented by two.
    lines += laid_out(list_unused(judgement), row_width=invocation.out.width - 2)
    lines += warning_of_unjudged(judgement, "pytest-mimic unused")
    are_unused_left = bool(judgement.unused and not judgement.cleared)
    if are_unused_left:
        clearing_command = invocation.commands.mimic(
            "unused", *options.files, "--clear"
        )
        lines.append(["to drop the unused: ", (clearing_command, "bold")])
    return Result(lines, json_data, has_finding=are_unused_left)


def _unused_as_data(judgement: Judgement) -> list[dict[str, object]]:
    """Return the recordings that are proven unused, for `--json`."""
    unused_as_data: list[dict[str, object]] = []
    for recording in judgement.listed:
        unused_as_data.append(
            {
                "file": recording.name,
                "call": recording.label,
                "test": recording.test,
                "gone": recording.is_gone,
            }
        )
    return unused_as_data


def _refuse_incomplete(account: Account, commands: Commands) -> None:
    """Check that the jobs together have run every test, as one whole run would.

    Raises:
        MimicError: A test did not run, or it is not known which tests there are.
    """
    # The options by which a run itself refuses to judge, such as `-k`, are no reason
    # here: other jobs may have run the rest.
    reasons = list(account.selection)
    remedies = []
    if not account.mimicked:
        reasons.append(NOTHING)
    # Nobody knows which recordings a test needs that no job ran.
    not_run = sorted(account.tests - account.ran)
    if not_run:
        verb = "was" if len(not_run) == 1 else "were"
        reasons.append(f"{plural(len(not_run), 'test')} {verb} not run")
        remedies.append(
            "to judge them, give the files of all jobs: "
            "each test has to run in one of them"
        )
    if account.wanted - account.covered:
        reasons.append(f"no run has collected all tests ({', '.join(account.hiding)})")
        listing = f"{commands.pytest('--collect-only')} --mimic-usage=FILE"
        remedies.append(f"to list all tests: {listing}, and give FILE as well")
    if reasons:
        raise MimicError(
            f"unused recordings not judged: {'; '.join(reasons)}",
            facts=listed("not run:", not_run),
            remedies=remedies,
        )
