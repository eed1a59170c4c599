"""Check every file of the vault: shapes, names, checksums, lists of imports, secrets, Git LFS pointers, merge conflicts.

Nothing is loaded. Exit code 1: a recording cannot be used or holds what looks like a secret, or a file is left over. With
--forbid-code, a recording that lists code is found as well.
With --fix, what cannot be used or is left over is removed. Git LFS pointers, merge conflicts, files of a newer format and
files of your own are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.ambient import command_for
from pytest_mimic._core.redact.environment import bytes_in
from pytest_mimic._core.redact.looks import keys_in, mark_of
from pytest_mimic._core.words import plural, size
from pytest_mimic._tools.cli.output import HELD, record_again
from pytest_mimic._tools.cli.parser import add_dry_run, add_json
from pytest_mimic._tools.cli.redacting import hidden_today
from pytest_mimic._tools.cli.selection import add_selectors, given, report_unmatched, select
from pytest_mimic._tools.shown.checking import Checked, Checker, Finding
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._tools.cli.output import Output
    from pytest_mimic._tools.cli.parser import Parser
    from pytest_mimic._tools.cli.project import Invocation

# The kinds of findings that are recorded again, and those that no recording needs.
LOST = ("damaged", "outdated")
LEFT_OVER = ("orphaned", "leftover")


def add_arguments(parser: Parser) -> None:
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


def run(invocation: Invocation) -> int:
    """Check, and remove what was found if that was asked for. Exit code 1: something was found."""
    options, vault = invocation.options, invocation.vault
    if options.dry_run and not options.fix:
        raise MimicError("--dry-run needs --fix: a check alone changes nothing")
    selection = select(invocation) if given(invocation) else None
    names = vault.names() if selection is None else selection.names
    unmatched = [] if selection is None else selection.unmatched
    checker = Checker(vault, SecretFinder(invocation.redactor).find, forbids_code=options.forbid_code)
    checked = checker.check_all() if selection is None else checker.check(names)
    checked.findings += hidden_today(vault, names, invocation.redactor)
    if not options.json and (selection is None or names):
        _show(invocation, checked, is_whole=selection is None)
    removed = _fix(invocation, checked, is_whole=selection is None) if options.fix else []
    if options.json:
        invocation.out.json(
            {
                "vault": vault.label,
                "recordings": checked.recordings,
                "objects": checked.objects,
                "findings": [finding._asdict() for finding in checked.findings],
                "removed": removed,
                "unmatched": unmatched,
            }
        )
    else:
        report_unmatched(invocation, unmatched)
    kinds = {finding.kind for finding in checked.findings}
    is_left = not kinds.isdisjoint(LEFT_OVER) and (not options.fix or options.dry_run)
    return 1 if checked.damage or is_left or kinds & {"code", "secret"} or unmatched else 0


def _fix(invocation: Invocation, checked: Checked, *, is_whole: bool) -> list[str]:
    """Remove the recordings that cannot be used, and the files that none needs; return the recordings."""
    vault, options = invocation.vault, invocation.options
    broken = {finding.recording for finding in checked.findings if finding.kind in LOST}
    # What another process has just recorded again is not removed.
    again = [one for one in Checker(vault).check(sorted(broken)).findings if one.kind in LOST]
    names = sorted({finding.recording for finding in again})
    left = sum(finding.kind in LEFT_OVER for finding in checked.findings)
    is_held, freed = False, 0
    if not options.dry_run and (names or left or is_whole):
        # Under a lock, and from what is in the vault then: a run may be recording.
        cleared = vault.delete(names)
        is_held, freed = cleared.is_held, cleared.bytes
    if options.json:
        return names
    what = [plural(len(names), "recording")] if names else []
    what += [plural(left, "file")] if left and not is_held else []
    if what:
        done = "would be removed" if options.dry_run else f"removed, {size(freed)} of objects"
        invocation.out.line(f"  {' and '.join(what)} {done}")
    if names:
        again_command = record_again([finding.test for finding in again])
        invocation.out.line("  to record again: ", (again_command, "bold"))
    if is_held:
        invocation.out.line(HELD)
    return names


# -- showing


def _show(invocation: Invocation, checked: Checked, *, is_whole: bool) -> None:
    """Print the findings, a line that sums them up, and the next step."""
    out, label = invocation.out, invocation.settings.shown_vault
    outdated = [finding for finding in checked.findings if finding.kind == "outdated"]
    for finding in checked.findings:
        if finding.kind != "outdated":
            _show_finding(out, finding)
    if outdated:
        count, again = plural(len(outdated), "recording"), record_again([one.test for one in outdated])
        out.line((f"{count} of a release candidate of pytest-mimic 1.0 (formats 1 and 2)", "red"))
        out.line("  to record again: ", (again, "bold"))
    counts = f"{plural(checked.recordings, 'recording')} and {plural(checked.objects, 'object')} checked"
    damage = checked.damage
    left = sum(finding.kind in LEFT_OVER for finding in checked.findings)
    code = sum(finding.kind == "code" for finding in checked.findings)
    secrets = [finding for finding in checked.findings if finding.kind == "secret"]
    if damage or secrets:
        what = [plural(len(damage), "problem")] if damage else []
        holding = len({finding.recording for finding in secrets})
        what += [f"secrets in {plural(holding, 'recording')}"] if secrets else []
        out.line((f"{label}: {' and '.join(what)}", "red"), f"; {counts}")
    elif not checked.recordings and is_whole:
        out.line(f"no recordings in {label}")
    elif left:
        out.line((f"{label}: {plural(left, 'file')} left over", "bold"), f"; {counts}")
    elif code:
        out.line((f"{label}: {plural(code, 'outcome')} with code", "bold"), f"; {counts}")
    else:
        out.line((f"{label} is sound", "bold"), f"; {counts}")
    if secrets:
        again = command_for("--mimic-rerecord", [finding.test for finding in secrets])
        out.line(f"  to hide one: its name in mimic_redact, then {again}")
    if not invocation.options.fix and any(one.kind in (*LOST, *LEFT_OVER) for one in checked.findings):
        out.line(f"  to remove what cannot be used or is left over: {invocation.command('check', '--fix')}")


def _show_finding(out: Output, finding: Finding) -> None:
    out.line((finding.problem, "red" if finding.is_damage else ""))
    if finding.recording and finding.recording != finding.file:
        out.line(f"  named by {finding.recording}")
    if finding.test:
        out.line(f"  recorded by {finding.test}")
    if finding.kind in ("unreadable", "secret") and finding.remedy:
        out.line(f"  {finding.remedy}")


# -- secrets


class SecretFinder:
    """Looks into each file once, as several recordings may share it. What `mimic_redact` accepts is no secret."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._seen: set[str] = set()

    def find(self, file: str, pieces: Iterable[Any]) -> Iterator[tuple[str, str]]:
        """Yield the secrets in the pieces of a file, bytes: each in words and by its mark."""
        if file in self._seen:
            return
        self._seen.add(file)
        texts, marks = [str(piece, "latin-1") for piece in pieces], set(self._redactor.accepted)
        texts += [str(data, "latin-1") for text in texts for data in bytes_in(text)]
        for name, value in self._redactor.environment.held_values(text.encode("latin-1") for text in texts):
            if mark_of(value) not in marks:
                marks.add(mark_of(value))
                yield f"the value of the environment variable {name}", mark_of(value)
        for text in texts:
            for look in keys_in(text):
                if look.mark not in marks:
                    marks.add(look.mark)
                    yield f"what looks like {look.what} ({look.shown})", look.mark
