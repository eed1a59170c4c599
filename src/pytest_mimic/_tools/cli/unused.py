"""Find the recordings that no test has used, in a suite that is split over several jobs.

Each job runs `pytest --mimic-usage=FILE`. This command judges all files together, as one run would with
`--mimic-fail-on-unused`. Each test must have run in one of them.
"""

from __future__ import annotations

from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.ambient import command
from pytest_mimic._core.words import SHOWN, listed, plural
from pytest_mimic._tools.cli.parser import add_dry_run, add_json
from pytest_mimic._tools.unused.judgement import Judgement, count_unused, list_unused, not_judged
from pytest_mimic._tools.unused.merging import Together, refuse_mixture, sorted_out, together
from pytest_mimic._tools.unused.usage_file import Usage, commit_of, id_of_vault, read_usage
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation

_NOT_JUDGED = 2


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="the files of --mimic-usage of all jobs, or a pattern of them",
    )
    parser.add_argument("--clear", action="store_true", help="delete the recordings that are proven unused")
    add_dry_run(parser, "with --clear: only show what would be deleted")
    add_json(parser)


def run(invocation: Invocation) -> int:
    """Judge. Exit code 1: recordings are proven unused and still there; 2: nothing could be judged."""
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
        _show_not_judged(invocation, usages, whole)
        return _NOT_JUDGED
    note = ""
    if is_elsewhere:
        note = f"the files are of the commit {commit[:10]}, and {here[:10]} is checked out"
    judgement, names, newer = _judge(invocation, usages, whole)
    if options.json:
        invocation.out.json(
            {
                "judged": True,
                "unused": [
                    {"file": name, "call": label, "test": test, "gone": is_gone}
                    for name, (label, test, is_gone) in zip(names, judgement.shown)
                ],
                "not_proven": judgement.unproven,
                "newer": newer,
                "cleared": bool(options.clear and names and not options.dry_run),
                "files": len(usages),
                "tests": len(whole.outcomes),
            }
        )
    else:
        _show(invocation, judgement, newer=newer, note=note, tests=len(whole.outcomes), files=len(usages))
    return 1 if judgement.unused and not judgement.cleared else 0


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


def _show(
    invocation: Invocation, judgement: Judgement, *, newer: int, note: str, tests: int, files: int
) -> None:
    options, out = invocation.options, invocation.out
    counts = count_unused(judgement)
    if newer:
        counts.append(f"{plural(newer, 'recording')} not judged, which the files do not know")
    of = f"{plural(tests, 'test')} in {plural(files, 'file')}"
    out.line("; ".join(counts) if counts else f"no recording is unused ({of})")
    for line in list_unused(judgement):
        out.line(line)
    for line in not_judged(judgement, "pytest-mimic unused"):
        out.line(line)
    if note:
        out.line(note)
    if judgement.unused and not judgement.cleared:
        clear = invocation.command("unused", *options.files, "--clear")
        if note:  # the tests of another commit may use other recordings
            out.line("to drop the unused, check that commit out, and then: ", (clear, "bold"))
        else:
            out.line("to drop the unused: ", (clear, "bold"))


def _show_not_judged(invocation: Invocation, usages: list[Usage], whole: Together) -> None:
    options, out = invocation.options, invocation.out
    if options.json:
        gaps = [
            {"python": gap.cell, "not_run": gap.unseen, "run_too_rarely": gap.rarer} for gap in whole.gaps
        ]
        data: dict[str, Any] = {"judged": False, "reasons": whole.reasons, "missing": gaps}
        out.json(data)
        return
    several = len({usage.cell for usage in usages}) > 1
    reasons = list(whole.reasons)
    lines, remedies = [], []
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
        remedies.append(
            "to judge them, give the files of all jobs: each test has to run in one of them, or be skipped there"
        )
    if any(gap.rarer for gap in whole.gaps):
        remedies.append("is the file of a job missing, or is one given twice?")
    if whole.unlisted:
        remedies.append(
            f"to list all tests: {command('--collect-only')} --mimic-usage=FILE, and give FILE as well"
        )
    out.line((f"unused recordings not judged: {'; '.join(reasons)}", "red"))
    for line in (*lines, *remedies):
        out.line(line)
