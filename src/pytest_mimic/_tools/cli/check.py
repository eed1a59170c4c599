"""Check every file of the vault.

It looks at shapes, names, checksums and lists of imports, and for secrets, Git
LFS pointers and merge conflicts. Nothing is loaded. Pickles are counted, and
what they may import is listed. Exit code 1: a recording cannot be used or
holds what looks like a secret, or a file is left over. With --fix, what cannot
be used or is left over is removed. Git LFS pointers, merge conflicts, files of
a newer format and files of your own are kept.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.recording_facts import read_calls
from pytest_mimic._core.words import plural, size
from pytest_mimic._tools.cli.check_findings import (
    KINDS_LEFT_OVER,
    KINDS_OF_DAMAGE,
    Checker,
    Finding,
)
from pytest_mimic._tools.cli.check_secrets import SecretFinder
from pytest_mimic._tools.cli.output import (
    OBJECTS_KEPT,
    Line,
    Result,
    add_dry_run,
    add_json,
)
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.cli.selection import (
    add_selectors,
    chosen_files,
    selecting_words,
)
from pytest_mimic.errors import Damage, MimicError


def add_arguments(parser: ArgumentParser) -> None:
    add_selectors(parser)
    parser.add_argument(
        "--fix",
        action="store_true",
        help="remove unusable recordings and unreferenced files; "
        "say what to record again",
    )
    add_dry_run(parser, "with --fix: only show what would be removed")
    add_json(parser)


def run(invocation: Invocation) -> Result:
    """Check the files, and with `--fix` remove some.

    Raises:
        MimicError: `--dry-run` stands without `--fix`.
    """
    options = invocation.options
    if options.dry_run and not options.fix:
        raise MimicError("--dry-run needs --fix: a check alone changes nothing")
    vault = invocation.vault
    # None: the whole vault is checked, also for files that no recording needs.
    chosen_names: list[str] | None = None
    unmatched: list[str] = []
    if selecting_words(invocation):
        chosen = chosen_files(invocation)
        chosen_names = [file.name for file in (*chosen.files, *chosen.damaged)]
        unmatched = chosen.unmatched
    is_whole_vault = chosen_names is None
    checker = Checker(vault, secret_finder=SecretFinder(invocation.redactor))
    findings = checker.check(chosen_names)
    lines: list[Line] = []
    if is_whole_vault or chosen_names:
        lines += _report_lines(invocation, checker, findings)
    fix = _Fix(removed=[], lines=[])
    if options.fix:
        fix = _remove_findings(invocation, findings, is_whole_vault=is_whole_vault)
        lines += fix.lines
    # `--json` has all findings, also those of before a fix.
    json_data = {
        "vault": vault.label,
        "recordings": checker.recording_count,
        "objects": checker.object_count,
        "pickles": checker.pickle_count,
        "imports": sorted(checker.imports),
        "findings": [_as_data(finding, invocation) for finding in findings],
        "removed": fix.removed,
        "unmatched": unmatched,
    }
    # Exit code 1 in a job of CI that finds damage, even where `--fix` has removed it.
    is_fixed = options.fix and not options.dry_run
    has_left_over_files = bool(_of_kinds(findings, *KINDS_LEFT_OVER)) and not is_fixed
    has_damage_or_secret = bool(_of_kinds(findings, *KINDS_OF_DAMAGE, "secret"))
    return Result(
        lines,
        json_data,
        has_finding=has_left_over_files or has_damage_or_secret,
        unmatched=unmatched,
    )


def _as_data(finding: Finding, invocation: Invocation) -> dict[str, object]:
    """Return a finding for `--json`, its remedy and damage in words."""
    damage = ""
    if finding.damage is not None:
        damage = finding.damage.value
    remedy = _line_of_remedy(finding, invocation)
    return {**finding._asdict(), "remedy": remedy, "damage": damage}


def _line_of_remedy(finding: Finding, invocation: Invocation) -> str:
    """Return the remedy of a finding in one line, empty if it has none."""
    if finding.remedy is None:
        return ""
    return invocation.commands.line(finding.remedy, finding.test)


def _of_kinds(findings: Iterable[Finding], *kinds: str) -> list[Finding]:
    """Return the findings of some kinds, see `check_findings.Kind`."""
    return [finding for finding in findings if finding.kind in kinds]


# -- `--fix`


class _Fix(NamedTuple):
    """What `--fix` did, or would do with `--dry-run`.

    Attributes:
        removed: The names of the recordings that were removed, or with `--dry-run`
            would be.
        lines: The report.
    """

    removed: list[str]
    lines: list[Line]


def _remove_findings(
    invocation: Invocation, findings: Sequence[Finding], *, is_whole_vault: bool
) -> _Fix:
    """Remove the recordings that cannot be used, and the files that none needs."""
    is_dry = invocation.options.dry_run
    damage_findings = _still_damaged(invocation.vault, findings)
    damaged_names = sorted({finding.recording for finding in damage_findings})
    left_over_count = len(_of_kinds(findings, *KINDS_LEFT_OVER))
    # Whether a run that is recording keeps objects from being deleted.
    are_objects_kept = False
    freed_bytes = 0
    if not is_dry and (damaged_names or left_over_count or is_whole_vault):
        # Which files are left over is decided again, under a lock: a run may be
        # recording.
        cleared = invocation.vault.writer.delete(damaged_names)
        are_objects_kept = cleared.is_held
        freed_bytes = cleared.bytes
    subjects = []
    if damaged_names:
        subjects.append(plural(len(damaged_names), "recording"))
    if left_over_count and not are_objects_kept:
        subjects.append(plural(left_over_count, "file"))
    lines: list[Line] = []
    if subjects:
        predicate = f"removed, {size(freed_bytes)} of objects"
        if is_dry:
            predicate = "would be removed"
        lines.append(f"  {' and '.join(subjects)} {predicate}")
    if damaged_names:
        tests = [finding.test for finding in damage_findings]
        recording_command = invocation.commands.for_tests("--mimic-record", tests=tests)
        lines.append(["  to record again: ", (recording_command, "bold")])
    if are_objects_kept:
        lines.append(OBJECTS_KEPT)
    return _Fix(removed=damaged_names, lines=lines)


def _still_damaged(vault: Vault, findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings of damage that a second look confirms.

    Another process may have recorded a call again since the first look.
    """
    damaged_names = {finding.recording for finding in _of_kinds(findings, "damaged")}
    # Without a finder of secrets, as these are no damage.
    second_findings = Checker(vault).check(sorted(damaged_names))
    return _of_kinds(second_findings, "damaged")


# -- the report


def _report_lines(
    invocation: Invocation, checker: Checker, findings: Sequence[Finding]
) -> Iterator[Line]:
    """Yield the findings, a line that sums them up, and the next step."""
    for finding in findings:
        yield from _finding_lines(finding, invocation)
    yield from _lines_of_pickle_imports(checker)
    yield _summary_line(invocation.settings.shown_vault, checker, findings)
    secret_findings = _of_kinds(findings, "secret")
    if secret_findings:
        yield from _lines_on_hiding_secrets(invocation, secret_findings)
    is_fixable = bool(_of_kinds(findings, "damaged", *KINDS_LEFT_OVER))
    if is_fixable and not invocation.options.fix:
        fixing_command = invocation.commands.mimic("check", "--fix")
        yield f"  to remove what cannot be used or is left over: {fixing_command}"


def _finding_lines(finding: Finding, invocation: Invocation) -> Iterator[Line]:
    """Yield a finding: the problem, whom it concerns, and the remedy."""
    remedy = _line_of_remedy(finding, invocation)
    # An old vault has one such finding for each recording, so that it is one line.
    is_one_line = finding.damage in (
        Damage.OLDER_FORMAT,
        Damage.FORMER_FORMAT,
        Damage.NEWER_FORMAT,
    )
    problem = finding.problem
    if is_one_line:
        problem = f"{problem}: {remedy}"
    style = ""
    if finding.kind in KINDS_OF_DAMAGE:
        style = "red"
    yield [(problem, style)]
    if finding.recording and finding.recording != finding.file:
        yield f"  named by {finding.recording}"
    if finding.test:
        yield f"  recorded by {finding.test}"
    # The remedy for damage and leftovers is `--fix`, which stands once below all.
    if finding.kind in ("unreadable", "secret") and remedy and not is_one_line:
        yield f"  {remedy}"


def _lines_of_pickle_imports(checker: Checker) -> Iterator[Line]:
    """Yield how many outcomes are pickles, and each name that these may import."""
    if checker.pickle_count:
        yield f"{plural(checker.pickle_count, 'pickle')} may import"
        for name in sorted(checker.imports):
            yield f"  {name}"


def _summary_line(
    shown_vault: str, checker: Checker, findings: Sequence[Finding]
) -> Line:
    """Return the line that sums up a check: `.mimic_vault is sound; 3 recordings …`."""
    damage_findings = _of_kinds(findings, *KINDS_OF_DAMAGE)
    secret_findings = _of_kinds(findings, "secret")
    left_over_count = len(_of_kinds(findings, *KINDS_LEFT_OVER))
    problems = []
    if damage_findings:
        problems.append(plural(len(damage_findings), "problem"))
    if secret_findings:
        holders = {finding.recording for finding in secret_findings}
        problems.append(f"secrets in {plural(len(holders), 'recording')}")
    if left_over_count and not problems:
        problems.append(f"{plural(left_over_count, 'file')} left over")
    recordings = plural(checker.recording_count, "recording")
    counts = f"; {recordings} and {plural(checker.object_count, 'object')} checked"
    # Files that are only left over are no reason for red.
    if problems:
        style = "bold"
        if damage_findings or secret_findings:
            style = "red"
        return [(f"{shown_vault}: {' and '.join(problems)}", style), counts]
    if not checker.recording_count:
        return f"no recordings in {shown_vault}"
    foreign = ""
    foreign_count = len(_of_kinds(findings, "foreign"))
    if foreign_count:
        foreign = f", beside {plural(foreign_count, 'other file')}"
    return [(f"{shown_vault} is sound", "bold"), foreign, counts]


def _lines_on_hiding_secrets(
    invocation: Invocation, secret_findings: Sequence[Finding]
) -> Iterator[Line]:
    """Yield how secrets are kept out of recordings."""
    tests = [finding.test for finding in secret_findings]
    rerecording_command = invocation.commands.for_tests("--mimic-rerecord", tests=tests)
    # The outcome of a function is stored as it is, whatever its parts are named.
    are_any_of_function = _names_function(invocation.vault, secret_findings)
    purpose = "to hide one"
    if are_any_of_function:
        purpose += " outside of a function's outcome"
    yield f"  {purpose}: its name in mimic_redact, then {rerecording_command}"
    if are_any_of_function:
        yield (
            "  to keep one out of a function's outcome: "
            "name a function further out, or return something else"
        )


def _names_function(vault: Vault, findings: Sequence[Finding]) -> bool:
    """Check whether a recording with a finding is that of a function, not a client."""
    for name in {finding.recording for finding in findings}:
        for call in read_calls(vault.objects, name) or []:
            if not names_client(call.target):
                return True
    return False
