"""Check every file of the vault: shapes, names, checksums, lists of imports, secrets, Git LFS pointers, merge conflicts.

Nothing is loaded. Pickles are counted, and what they may import is listed. Exit code 1:
a recording cannot be used or holds what looks like a secret, or a file is left over.
With --fix, what cannot be used or is left over is removed. Git LFS pointers, merge
conflicts, files of a newer format and
files of your own are kept.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator

from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.vault.recording_facts import read_calls
from pytest_mimic._core.words import plural, size
from pytest_mimic._tools.cli.checking import DAMAGE, Checker, Finding
from pytest_mimic._tools.cli.output import HELD, Line, Result, add_dry_run, add_json
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.cli.secret_finder import SecretFinder
from pytest_mimic._tools.cli.selection import add_selectors, given, select
from pytest_mimic.errors import Damage, MimicError

# The kinds of findings that no recording needs.
LEFT_OVER = ("orphaned", "leftover")


def add_arguments(parser: ArgumentParser) -> None:
    add_selectors(parser)
    parser.add_argument(
        "--fix",
        action="store_true",
        help="remove unusable recordings and unreferenced files; say what to record again",
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
    checker = Checker(vault, SecretFinder(invocation.redactor))
    found = checker.check(names)
    lines = [*_lines(invocation, checker, found)] if names is None or names else []
    removed: list[str] = []
    if options.fix:
        removed, told = _fix(invocation, found, is_whole=chosen is None)
        lines += told
    unmatched = chosen.unmatched if chosen else []
    data = {
        "vault": vault.label,
        "recordings": checker.recordings,
        "objects": checker.objects,
        "pickles": checker.pickles,
        "imports": sorted(checker.imports),
        "findings": [_as_data(finding, invocation) for finding in found],
        "removed": removed,
        "unmatched": unmatched,
    }
    is_left = bool(_of(found, *LEFT_OVER)) and (not options.fix or options.dry_run)
    is_found = is_left or bool(_of(found, *DAMAGE, "secret"))
    return Result(lines, data, found=is_found, unmatched=unmatched)


def _as_data(finding: Finding, invocation: Invocation) -> dict[str, object]:
    remedy = ""
    if finding.remedy is not None:
        remedy = invocation.commands.line(finding.remedy, finding.test)
    damage = "" if finding.damage is None else finding.damage.value
    return {**finding._asdict(), "remedy": remedy, "damage": damage}


def _of(found: list[Finding], *kinds: str) -> list[Finding]:
    return [finding for finding in found if finding.kind in kinds]


def _fix(
    invocation: Invocation, found: list[Finding], *, is_whole: bool
) -> tuple[list[str], list[Line]]:
    """Remove the recordings that cannot be used, and the files that none needs; return the recordings, and what to say."""
    vault, is_dry = invocation.vault, invocation.options.dry_run
    # What another process has just recorded again is not removed.
    again = _of(
        Checker(vault).check(sorted({one.recording for one in _of(found, "damaged")})),
        "damaged",
    )
    names, left = (
        sorted({finding.recording for finding in again}),
        len(_of(found, *LEFT_OVER)),
    )
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
        tests = [finding.test for finding in again]
        again_command = invocation.commands.for_tests("--mimic-record", tests=tests)
        lines.append(["  to record again: ", (again_command, "bold")])
    return names, [*lines, HELD] if is_held else lines


def _lines(
    invocation: Invocation, checker: Checker, found: list[Finding]
) -> Iterator[Line]:
    """Yield the findings, a line that sums them up, and the next step."""
    for one in found:
        remedy = ""
        if one.remedy is not None:
            remedy = invocation.commands.line(one.remedy, one.test)
        # There is one for each recording of an old vault, so that it is one line.
        is_line = one.damage in (Damage.OLDER, Damage.NEWER)
        problem = f"{one.problem}: {remedy}" if is_line else one.problem
        yield [(problem, "red" if one.kind in DAMAGE else "")]
        if one.recording and one.recording != one.file:
            yield f"  named by {one.recording}"
        if one.test:
            yield f"  recorded by {one.test}"
        if one.kind in ("unreadable", "secret") and remedy and not is_line:
            yield f"  {remedy}"
    yield from _import_lines(checker)
    label, secrets, damage = (
        invocation.settings.shown_vault,
        _of(found, "secret"),
        _of(found, *DAMAGE),
    )
    counts = f"; {plural(checker.recordings, 'recording')} and {plural(checker.objects, 'object')} checked"
    holding = {one.recording for one in secrets}
    left = _of(found, *LEFT_OVER)
    what = [plural(len(damage), "problem")] if damage else []
    what += [f"secrets in {plural(len(holding), 'recording')}"] if secrets else []
    what = what or ([f"{plural(len(left), 'file')} left over"] if left else [])
    if what:
        yield [
            (f"{label}: {' and '.join(what)}", "red" if damage or secrets else "bold"),
            counts,
        ]
    elif checker.recordings:
        others = len(_of(found, "foreign"))
        yield [
            (f"{label} is sound", "bold"),
            f", beside {plural(others, 'other file')}" * bool(others),
            counts,
        ]
    else:
        yield f"no recordings in {label}"
    if secrets:
        tests = [finding.test for finding in secrets]
        again = invocation.commands.for_tests("--mimic-rerecord", tests=tests)
        known = [
            call.target
            for name in holding
            for call in read_calls(invocation.vault.objects, name) or []
        ]
        has_function = not all(map(names_client, known))
        where = " outside of a function's outcome" if has_function else ""
        yield f"  to hide one{where}: its name in mimic_redact, then {again}"
        if has_function:  # its outcome is kept as it is
            yield "  to keep one out of a function's outcome: name a function further out, or return something else"
    if not invocation.options.fix and _of(found, "damaged", *LEFT_OVER):
        yield f"  to remove what cannot be used or is left over: {invocation.commands.mimic('check', '--fix')}"


def _import_lines(checker: Checker) -> Iterator[Line]:
    """Yield how many outcomes are pickles, and each name that these may import."""
    if checker.pickles:
        yield f"{plural(checker.pickles, 'pickle')} may import"
        for name in sorted(checker.imports):
            yield f"  {name}"
