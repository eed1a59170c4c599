"""Check every file of the vault: shapes, names, checksums, lists of imports, secrets, Git LFS pointers, merge conflicts.

Nothing is loaded. Exit code 1: a recording cannot be used or holds what looks like a secret, or a file is left over. With
--forbid-code, a recording that lists code is found as well.
With --fix, what cannot be used or is left over is removed. Git LFS pointers, merge conflicts, files of a newer format and
files of your own are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_mimic._core.ambient import command_for, vault_command
from pytest_mimic._core.words import plural, size
from pytest_mimic._tools.cli.output import HELD, Line, Result, add_dry_run, add_json, record_again
from pytest_mimic._tools.cli.selection import add_selectors, given, select
from pytest_mimic._tools.shown.checking import Checked, Checker, Finding
from pytest_mimic._tools.shown.secret_finder import SecretFinder
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from pytest_mimic._tools.cli.project import Invocation

# The kinds of findings that are recorded again, and those that no recording needs.
LOST = ("damaged",)
LEFT_OVER = ("orphaned", "leftover")


def add_arguments(parser: ArgumentParser) -> None:
    add_selectors(parser)
    parser.add_argument(
        "--fix",
        action="store_true",
        help="remove unusable recordings and unreferenced files; say what to record again",
    )
    parser.add_argument(
        "--forbid-code",
        action="store_true",
        help="find fault with each recording that lists code: what its pickle calls, and what is no plain value",
    )
    add_dry_run(parser, "with --fix: only show what would be removed")
    add_json(parser)


def run(invocation: Invocation) -> Result:
    """Check, and remove what was found if that was asked for."""
    options, vault = invocation.options, invocation.vault
    if options.dry_run and not options.fix:
        raise MimicError("--dry-run needs --fix: a check alone changes nothing")
    chosen = select(invocation) if given(invocation) else None
    names = chosen and [file.name for file in (*chosen.files, *chosen.damaged)]
    unmatched = chosen.unmatched if chosen else []
    checker = Checker(vault, SecretFinder(invocation.redactor), forbids_code=options.forbid_code)
    checked, is_whole = checker.check(names), chosen is None
    lines: list[Line] = [*_lines(invocation, checked, is_whole=is_whole)] if is_whole or names else []
    removed: list[str] = []
    if options.fix:
        removed, told = _fix(invocation, checked, is_whole=is_whole)
        lines += told
    data = {
        "vault": vault.label,
        "recordings": checked.recordings,
        "objects": checked.objects,
        "findings": [finding._asdict() for finding in checked.findings],
        "removed": removed,
        "unmatched": unmatched,
    }
    is_left = bool(checked.of(*LEFT_OVER)) and (not options.fix or options.dry_run)
    is_found = bool(checked.damage or is_left or checked.of("code", "secret"))
    return Result(lines, data, found=is_found, unmatched=unmatched)


def _fix(invocation: Invocation, checked: Checked, *, is_whole: bool) -> tuple[list[str], list[Line]]:
    """Remove the recordings that cannot be used, and the files that none needs; return the recordings, and what to say."""
    vault, is_dry = invocation.vault, invocation.options.dry_run
    # What another process has just recorded again is not removed.
    broken = sorted({finding.recording for finding in checked.of(*LOST)})
    again = Checker(vault).check(broken).of(*LOST)
    names, left = sorted({finding.recording for finding in again}), len(checked.of(*LEFT_OVER))
    is_held, freed = False, 0
    if not is_dry and (names or left or is_whole):
        # Under a lock, and from what is in the vault then: a run may be recording.
        cleared = vault.delete(names)
        is_held, freed = cleared.is_held, cleared.bytes
    what = [plural(len(names), "recording")] if names else []
    what += [plural(left, "file")] if left and not is_held else []
    done = "would be removed" if is_dry else f"removed, {size(freed)} of objects"
    lines: list[Line] = [f"  {' and '.join(what)} {done}"] if what else []
    if names:
        lines.append(["  to record again: ", (record_again([finding.test for finding in again]), "bold")])
    return names, [*lines, HELD] if is_held else lines


def _lines(invocation: Invocation, checked: Checked, *, is_whole: bool) -> Iterator[Line]:
    """Yield the findings, a line that sums them up, and the next step."""
    secrets, damage = checked.of("secret"), checked.damage
    for finding in checked.findings:
        yield from _finding_lines(finding)
    label = invocation.settings.shown_vault
    counts = f"; {plural(checked.recordings, 'recording')} and {plural(checked.objects, 'object')} checked"
    left, code = len(checked.of(*LEFT_OVER)), len(checked.of("code"))
    if damage or secrets:
        what = [plural(len(damage), "problem")] if damage else []
        holding = len({finding.recording for finding in secrets})
        what += [f"secrets in {plural(holding, 'recording')}"] if secrets else []
        yield [(f"{label}: {' and '.join(what)}", "red"), counts]
    elif not checked.recordings and is_whole:
        yield f"no recordings in {label}"
    elif left:
        yield [(f"{label}: {plural(left, 'file')} left over", "bold"), counts]
    elif code:
        yield [(f"{label}: {plural(code, 'outcome')} with code", "bold"), counts]
    else:
        yield [(f"{label} is sound", "bold"), counts]
    if secrets:
        again = command_for("--mimic-rerecord", [finding.test for finding in secrets])
        yield f"  to hide one: its name in mimic_redact, then {again}"
    if not invocation.options.fix and checked.of(*LOST, *LEFT_OVER):
        yield f"  to remove what cannot be used or is left over: {vault_command('check', '--fix')}"


def _finding_lines(finding: Finding) -> Iterator[Line]:
    yield [(finding.problem, "red" if finding.is_damage else "")]
    if finding.recording and finding.recording != finding.file:
        yield f"  named by {finding.recording}"
    if finding.test:
        yield f"  recorded by {finding.test}"
    if finding.kind in ("unreadable", "secret") and finding.remedy:
        yield f"  {finding.remedy}"
