"""Find the recordings that no test has used, in a suite that is split over several jobs.

Each job runs `pytest --mimic-usage=FILE`. This command judges all files together, as one run would with
`--mimic-fail-on-unused`. Each test must have run in one of them.
"""

from __future__ import annotations

from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic._core.ambient import command, vault_command
from pytest_mimic._core.words import SHOWN, listed, plural
from pytest_mimic._tools.cli.output import Line, Result
from pytest_mimic._tools.cli.parser import add_dry_run, add_json
from pytest_mimic._tools.unused.judgement import Judgement, count_unused, list_unused, not_judged
from pytest_mimic._tools.unused.merging import Together, refuse_mixture, sorted_out, together
from pytest_mimic._tools.unused.usage_file import Usage, commit_of, id_of_vault, read_usage
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from pytest_mimic._tools.cli.project import Invocation


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="the files of --mimic-usage of all jobs, or a pattern of them",
    )
    parser.add_argument("--clear", action="store_true", help="delete the recordings that are proven unused")
    add_dry_run(parser, "with --clear: only show what would be deleted")
    add_json(parser)


def run(invocation: Invocation) -> Result:
    """Judge. Found: recordings are proven unused and still there. MimicError: nothing could be judged."""
    options, settings = invocation.options, invocation.settings
    if options.dry_run and not options.clear:
        raise MimicError("--dry-run needs --clear: a judgement alone changes nothing")
    if not options.files:
        raise MimicError(
            "unused takes the files of --mimic-usage of all jobs",
            remedies=[
                f"for several jobs: {command('--mimic-usage=FILE')} in each, then pytest-mimic unused FILE...",
                f"for one run: {command('--mimic-fail-on-unused')}",
            ],
        )
    # A quoted pattern, and any on Windows, comes as it is.
    found = [[] if Path(word).exists() else sorted(glob(word)) for word in options.files]  # noqa: PTH207
    words = [path for word, paths in zip(options.files, found) for path in paths or [word]]
    usages = [read_usage(path) for path in dict.fromkeys(map(Path, words))]
    commit = refuse_mixture(usages, None if options.vault else id_of_vault(settings))
    here = commit_of(settings.rootdir)
    is_elsewhere = bool(commit and here and commit != here)
    if is_elsewhere and options.clear:
        raise MimicError(
            f"the files are of the commit {commit[:10]}, and {here[:10]} is checked out: its tests may use other recordings",
            remedies=[f"to clear there: git checkout {commit[:10]}", "or run the tests again, for new files"],
        )
    whole = together(usages)
    if whole.reasons or whole.gaps:
        raise _not_judged(usages, whole)
    judgement, names, newer = _judge(invocation, usages, whole)
    unused = [
        {"file": name, "call": label, "test": test, "gone": is_gone}
        for name, (label, test, is_gone) in zip(names, judgement.shown)
    ]
    data = {
        "unused": unused,
        "not_proven": judgement.unproven,
        "newer": newer,
        "cleared": bool(options.clear and names and not options.dry_run),
        "files": len(usages),
        "tests": len(whole.outcomes),
    }
    counts = count_unused(judgement)
    if newer:
        counts.append(f"{plural(newer, 'recording')} not judged, which the files do not know")
    of = f"{plural(len(whole.outcomes), 'test')} in {plural(len(usages), 'file')}"
    lines: list[Line] = ["; ".join(counts) if counts else f"no recording is unused ({of})"]
    lines += [*list_unused(judgement), *not_judged(judgement, "pytest-mimic unused")]
    is_left = bool(judgement.unused and not judgement.cleared)
    checked_out = ""
    if is_elsewhere:  # the tests of another commit may use other recordings
        lines.append(f"the files are of the commit {commit[:10]}, and {here[:10]} is checked out")
        checked_out = ", check that commit out, and then"
    if is_left:
        clear = vault_command("unused", *options.files, "--clear")
        lines.append([f"to drop the unused{checked_out}: ", (clear, "bold")])
    return Result(lines, data, found=is_left)


def _judge(invocation: Invocation, usages: list[Usage], whole: Together) -> tuple[Judgement, list[str], int]:
    """Judge, and clear if requested. Return the names of the unused recordings, too, and how many are newer."""
    from pytest_mimic._tools.unused.judging import Evidence, clear, judge

    options, settings, vault = invocation.options, invocation.settings, invocation.vault
    unused, newer = sorted_out(vault.names(), usages)
    evidence = Evidence(
        whole.outcomes,
        whole.skipped_modules,
        whole.collected,
        settings.rootdir,
        settings.is_shared,
        whole.absent_clients,
    )
    judgement, proven = judge(vault, unused, evidence, listed=None if options.json else SHOWN)
    if options.dry_run:
        judgement.not_cleared = "--dry-run was given"
    elif options.clear:
        judgement.cleared = clear(vault, proven)
    return judgement, sorted(proven), newer


def _not_judged(usages: list[Usage], whole: Together) -> MimicError:
    """Return the error that says why the runs together are not a complete one."""
    several = len({usage.cell for usage in usages}) > 1
    reasons, lines, remedies = list(whole.reasons), [], []
    for gap in whole.gaps:
        where = f" with {gap.cell}" if several else ""
        were = "was" if len(gap.unseen) == 1 else "were"
        if gap.unseen:
            reasons.append(f"{plural(len(gap.unseen), 'test')} {were} not run{where}")
        if gap.rarer:
            reasons.append(f"{plural(len(gap.rarer), 'test')} ran in fewer jobs than others{where}")
        lines += listed(f"not run{where}:", gap.unseen)
        lines += listed(f"ran in fewer jobs{where}:", gap.rarer)
    if any(gap.unseen for gap in whole.gaps):
        remedies.append("to judge them, give the files of all jobs: each test has to run in one of them")
    if any(gap.rarer for gap in whole.gaps):
        remedies.append("is the file of a job missing, or is one given twice?")
    if whole.unlisted:
        listing = f"{command('--collect-only')} --mimic-usage=FILE"
        remedies.append(f"to list all tests: {listing}, and give FILE as well")
    what = f"unused recordings not judged: {'; '.join(reasons)}"
    return MimicError(what, facts=lines, remedies=remedies)
