"""Find the recordings that no test has used, in a suite that is split over several jobs.

Each job runs `pytest --mimic-usage=FILE`. This command judges all files together, as
one run would with
`--mimic-fail-on-unused`. Each test must have run in one of them.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from pytest_mimic._core.commands import Commands
from pytest_mimic._core.engine.ledger import Ledger
from pytest_mimic._core.words import SHOWN, listed, plural
from pytest_mimic._tools.cli.output import Line, Result, add_dry_run, add_json
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.unused.judging import (
    NOTHING,
    clear,
    count_unused,
    judge,
    list_unused,
    not_judged,
)
from pytest_mimic._tools.unused.usage import read_usage, together, usage_of
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
    """Judge.

    Found: recordings are proven unused and still there. MimicError: nothing could be
    judged.
    """
    options, settings = invocation.options, invocation.settings
    if options.dry_run and not options.clear:
        raise MimicError("--dry-run needs --clear: a judgement alone changes nothing")
    usages = [read_usage(Path(word)) for word in options.files]
    ledger = together(usages, usage_of(settings), names_vault=bool(options.vault))
    _refuse_incomplete(ledger, invocation.commands)
    vault = invocation.vault
    left = [name for name in vault.names() if name not in ledger.used]
    unused = [name for name in left if name in ledger.known]
    judgement, proven = judge(
        vault, unused, ledger, settings, listed=None if options.json else SHOWN
    )
    if options.dry_run:
        judgement.not_cleared = "--dry-run was given"
    elif options.clear:
        judgement.cleared = clear(vault, proven)
    newer = len(left) - len(unused)
    rows = zip(sorted(proven), judgement.shown)
    data = {
        "unused": [
            {"file": name, "call": row[0], "test": row[1], "gone": row[2]}
            for name, row in rows
        ],
        "not_proven": judgement.unproven,
        "newer": newer,
        "cleared": bool(judgement.cleared),
        "files": len(usages),
        "tests": len(ledger.outcomes),
    }
    counts = [count] if (count := count_unused(judgement)) else []
    if newer:
        counts.append(
            f"{plural(newer, 'recording')} not judged, which the files do not know"
        )
    of = f"{plural(len(ledger.outcomes), 'test')} in {plural(len(usages), 'file')}"
    lines: list[Line] = [
        "; ".join(counts) if counts else f"no recording is unused ({of})"
    ]
    lines += [*list_unused(judgement), *not_judged(judgement, "pytest-mimic unused")]
    is_left = bool(judgement.unused and not judgement.cleared)
    if is_left:
        clearing = invocation.commands.mimic("unused", *options.files, "--clear")
        lines.append(["to drop the unused: ", (clearing, "bold")])
    return Result(lines, data, found=is_left)


def _refuse_incomplete(ledger: Ledger, commands: Commands) -> None:
    """Check that the runs together are a complete one.

    MimicError: they are not, or it is not known.
    """
    reasons, remedies = list(ledger.selection), []
    if not ledger.mimicked:
        reasons.append(NOTHING)
    not_run = sorted(ledger.tests - ledger.ran)
    if not_run:
        reasons.append(
            f"{plural(len(not_run), 'test')} {'was' if len(not_run) == 1 else 'were'} not run"
        )
        remedies.append(
            "to judge them, give the files of all jobs: each test has to run in one of them"
        )
    if ledger.wanted - ledger.covered:
        reasons.append(f"no run has collected all tests ({', '.join(ledger.hiding)})")
        listing = f"{commands.pytest('--collect-only')} --mimic-usage=FILE"
        remedies.append(f"to list all tests: {listing}, and give FILE as well")
    if reasons:
        what = f"unused recordings not judged: {'; '.join(reasons)}"
        raise MimicError(what, facts=listed("not run:", not_run), remedies=remedies)
