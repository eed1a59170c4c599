"""Check every file of the vault: shapes, names, checksums, lists of imports, secrets, Git LFS pointers, merge conflicts.

Nothing is loaded. Exit code 1: a recording cannot be used or holds what looks like a secret, or a file is left over. With
--forbid-code, a recording that lists code is found as well.
With --fix, what cannot be used or is left over is removed, and what redaction hides today is hidden. Git LFS pointers,
merge conflicts, files of a newer format, files of your own and large objects that the object store may not have are
kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.ambient import command
from pytest_mimic._core.redact.environment import bytes_in
from pytest_mimic._core.redact.looks import keys_in, mark_of
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._core.vault.clearing import remove
from pytest_mimic._core.vault.file_names import FOLDERS, OBJECTS_LOCK
from pytest_mimic._core.words import plural, size
from pytest_mimic._tools.cli.output import HELD, record_again
from pytest_mimic._tools.cli.redacting import redactions
from pytest_mimic._tools.cli.selection import add_selectors, given, report_unmatched, select
from pytest_mimic._tools.shown.catalog import Orphans
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
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="with --fix: only show what would be removed"
    )


def run(invocation: Invocation) -> int:
    """Check, and remove what was found if that was asked for. Exit code 1: something was found."""
    options, out = invocation.options, invocation.out
    if options.dry_run and not options.fix:
        raise MimicError("--dry-run needs --fix: a check alone changes nothing")
    results = []
    vaults, unmatched = _vaults(invocation)
    for vault, names in vaults:
        hidden = _redact(invocation, vault, vault.names() if names is None else names)
        secrets = SecretFinder(invocation.redactor).find
        checker = Checker(vault, secrets, forbids_code=options.forbid_code)
        checked = checker.check_all() if names is None else checker.check(names)
        checked.findings += hidden
        fix = Fix(invocation, vault, checked, is_whole=names is None) if options.fix else None
        results.append((vault, checked, fix))
        if not options.json:
            _show(invocation, vault, checked, is_whole=names is None, is_fixed=fix is not None)
            if fix is not None:
                fix.show(out)
    if options.json:
        out.json(
            [
                {
                    "vault": vault.label,
                    "recordings": checked.recordings,
                    "objects": checked.objects,
                    "findings": [finding._asdict() for finding in checked.findings],
                    **({} if fix is None else fix.as_json()),
                }
                for vault, checked, fix in results
            ]
        )
    else:
        report_unmatched(invocation, unmatched)
    return max((_exit_code(checked, fix) for _, checked, fix in results), default=0) or (
        1 if unmatched else 0
    )


def _exit_code(checked: Checked, fix: Fix | None) -> int:
    """1 for damage, also if it was removed, for secrets, and for what is left over, until it is removed."""
    kinds = {finding.kind for finding in checked.findings}
    is_left = not kinds.isdisjoint(LEFT_OVER) and (fix is None or fix.is_dry)
    return 1 if checked.damage or is_left or kinds & {"code", "secret"} else 0


def _vaults(invocation: Invocation) -> tuple[list[tuple[Vault, list[str] | None]], list[str]]:
    """Return the vaults to check, each with the names of its files, or None for all; and what selects nothing.

    A file may belong to another vault than that of the project: pre-commit names those of the whole repository.
    """
    options, settings = invocation.options, invocation.settings
    if not given(invocation):
        return [(invocation.vault, None)], []
    found: dict[Path, tuple[Vault, list[str]]] = {}
    others = []
    for word in options.selectors:
        path = Path(word).absolute()
        root = settings.vault
        depth = _depth_of_vault(path.parts[:-1], root.name)
        if not path.is_file() or not (depth or path.is_relative_to(root)):
            others.append(word)
            continue
        label = settings.shown_vault
        if not path.is_relative_to(root):
            root = Path(*path.parts[:depth])
            label = str(Path(*Path(word).parts[: len(Path(word).parts) - len(path.parts) + depth]))
        _, names = found.setdefault(root, (Vault(FolderStore(root), label=label), []))
        names.append(path.relative_to(root).as_posix())
    if others or not options.selectors:  # `check --older 90d`
        options.selectors = others
        selection = select(invocation)
        if selection.names:
            _, names = found.setdefault(settings.vault, (invocation.vault, []))
            names += [name for name in selection.names if name not in names]
        return list(found.values()), selection.unmatched
    return list(found.values()), []


def _depth_of_vault(folders: Sequence[str], usual: str) -> int:
    """Return how many of the folders around a file lead to its vault, 0 if it is in none.

    A recorded module may have the name of a vault's folder. So a vault with the `usual` name of one is preferred.
    """
    found = [index for index, part in enumerate(folders) if index and part in (*FOLDERS, "objects")]
    return max([index for index in found if folders[index - 1] == usual] or found, default=0)


class Fix:
    """Removes what a check has found: recordings that cannot be used, and files that no recording needs."""

    def __init__(self, invocation: Invocation, vault: Vault, checked: Checked, *, is_whole: bool) -> None:
        self._invocation = invocation
        self._vault = vault
        # Whether nothing is removed, because `--dry-run` was given.
        self.is_dry: bool = invocation.options.dry_run
        self.is_held = False  # whether objects are kept, because a run may need them again
        broken = {finding.recording for finding in checked.findings if finding.kind in LOST}
        # What another process has just recorded again is not removed.
        again = Checker(vault).check(sorted(broken)) if broken else Checked()
        found = [finding for finding in again.findings if finding.kind in LOST]
        self._recordings = sorted({finding.recording for finding in found})
        self._again = record_again([finding.test for finding in found]) if found else None
        self._orphans = Orphans(vault, without=self._recordings)
        self._sizes: dict[str, int] = {}
        self._temporary: list[str] = []
        self._kept: list[str] = []
        if is_whole or self._recordings or any(finding.kind == "orphaned" for finding in checked.findings):
            self._remove(is_whole=is_whole)

    def _remove(self, *, is_whole: bool) -> None:
        store = self._vault.store
        self._temporary = store.leftovers()
        sizes = {name: store.size(name) or 0 for name in (*sorted(self._orphans.names), *self._temporary)}
        if not self.is_dry:
            # Under a lock, and from what is in the vault then: a run may be recording.
            self.is_held = self._vault.delete(self._recordings).is_held
            sizes = {name: bytes_ for name, bytes_ in sizes.items() if store.size(name) is None}
        self._sizes = sizes
        self._temporary = [name for name in self._temporary if name in sizes]
        if is_whole and self._orphans.detached:
            self._remove_large(self._orphans.detached)

    def _remove_large(self, orphans: list[str]) -> None:
        """Remove the large objects that no recording names, but those that the object store may not have."""
        store = self._vault.store
        sizes = {name: store.size(name) or 0 for name in orphans}
        self._kept = orphans if self.is_held else self._not_pushed(sizes)
        gone = [name for name in orphans if name not in self._kept]
        if gone and not self.is_dry:
            with store.lock(OBJECTS_LOCK):  # a writer holds it until its recording names its objects
                left = set(Orphans(self._vault).detached)
                gone = [name for name in gone if name in left]
                remove(store, gone)
        self._sizes.update((name, sizes[name]) for name in gone)

    def _not_pushed(self, sizes: dict[str, int]) -> list[str]:
        """Return the names of the objects that the object store does not have, all if it cannot be asked."""
        if not self._invocation.settings.objects:
            return list(sizes)
        from pytest_mimic._core.vault.detached import Detached
        from pytest_mimic._tools.cli.transfer import bucket_of
        from pytest_mimic._tools.objects.large import LargeObject, LargeObjects

        objects = [LargeObject(name, Detached(name.rpartition("/")[2], size)) for name, size in sizes.items()]
        assert isinstance(self._vault.store, FolderStore)
        try:
            LargeObjects(self._vault.store, bucket_of(self._invocation)).find(objects)
        except MimicError as error:
            if not self._invocation.options.json:
                self._invocation.out.line((error.what, "yellow"))
            return list(sizes)
        return [one.name for one in objects if one.state != "both"]

    def as_json(self) -> dict[str, Any]:
        return {
            "removed": [*self._recordings, *self._sizes],
            "bytes": sum(self._sizes.values()),
            "dry_run": self.is_dry,
            "not_pushed": self._kept,
            "is_recording": self.is_held,
            "record": self._again,
        }

    def show(self, out: Output) -> None:
        """Print what was removed, and what was kept and why."""
        counts = {
            "recording": len(self._recordings),
            "object": len(self._sizes) - len(self._temporary),
            "temporary file": len(self._temporary),
        }
        what = ", ".join(plural(count, noun) for noun, count in counts.items() if count)
        if what:
            done = "would be removed" if self.is_dry else "removed"
            out.line(f"  {what} {done}, {size(sum(self._sizes.values()))} of objects")
        if self._again is not None:
            out.line("  to record again: ", (self._again, "bold"))
        if self._kept:
            few = plural(len(self._kept), "large object")
            out.line((f"  {few} kept, not known to be pushed: another branch may need them", "yellow"))
        if self.is_held:
            out.line(HELD)
        if self._orphans.unreadable:
            count = plural(len(self._orphans.unreadable), "file")
            out.line((f"  no object was removed, because {count} cannot be read and may name any", "yellow"))


# -- showing


_IF_NONE = "if it is none: "


def _redact(invocation: Invocation, vault: Vault, names: Sequence[str]) -> list[Finding]:
    """Return which of these files hold what redaction hides today. With --fix, it is hidden."""
    options, findings = invocation.options, []
    for name, found in redactions(vault, names, invocation.redactor, invocation.project.ini):
        what, remedy = f"{vault.label}/{name} holds what redaction hides today", ""
        is_fixed = options.fix and not found.is_left and not options.dry_run
        if is_fixed:
            found.write()
            what += ": hidden now"
        elif found.is_left:
            what += ", and has to be recorded again"
            remedy = f"to record it again: {command('--mimic-rerecord', found.test)}"
        elif options.fix:
            what += ": would be hidden"
        else:
            remedy = f"to hide it: {invocation.command('check', '--fix')}"
        findings.append(Finding("hidden" if is_fixed else "secret", name, what, remedy, name, found.test))
    vault.collect(vault.replaced)
    return findings


def _show(invocation: Invocation, vault: Vault, checked: Checked, *, is_whole: bool, is_fixed: bool) -> None:
    """Print the findings, a line that sums them up, and the next step."""
    out = invocation.out
    absent = sum(finding.kind == "absent" for finding in checked.findings)
    outdated = [finding for finding in checked.findings if finding.kind == "outdated"]
    for finding in checked.findings:
        if finding.kind not in ("absent", "outdated"):
            _show_finding(out, finding)
    if outdated:
        count, again = plural(len(outdated), "recording"), record_again([one.test for one in outdated])
        out.line((f"{count} of a release candidate of pytest-mimic 1.0 (formats 1 and 2)", "red"))
        out.line("  to record again: ", (again, "bold"))
    counts = f"{plural(checked.recordings, 'recording')} and {plural(checked.objects, 'object')} checked"
    damage = checked.damage
    left = sum(finding.kind in LEFT_OVER for finding in checked.findings)
    code = sum(finding.kind == "code" for finding in checked.findings)
    found = [finding for finding in checked.findings if finding.kind == "secret"]
    by_look = {finding.recording for finding in found if finding.remedy.startswith(_IF_NONE)}
    # What a name hides may be known by its look as well.
    secrets = sum(one.remedy.startswith(_IF_NONE) or one.recording not in by_look for one in found)
    if damage or secrets:
        what = [plural(len(damage), "problem")] if damage else []
        what += [f"{plural(secrets, 'secret')} found"] if secrets else []
        out.line((f"{vault.label}: {' and '.join(what)}", "bold red"), f"; {counts}")
        if by_look:
            again = invocation.command("check", "--fix")
            out.line(
                f"  to hide one in a request, its answer or an argument: its name in mimic_redact, then {again}"
            )
    elif not checked.recordings and is_whole:
        out.line(f"no recordings in {vault.label}")
    elif left:
        out.line((f"{vault.label}: {plural(left, 'file')} left over", "bold yellow"), f"; {counts}")
    elif code:
        out.line((f"{vault.label}: {plural(code, 'outcome')} with code", "bold yellow"), f"; {counts}")
    else:
        out.line((f"{vault.label} is sound", "bold green"), f"; {counts}")
    if absent:
        out.line(f"  {plural(absent, 'object')} not pulled, and not checked: {invocation.command('pull')}")
    if not is_fixed and any(finding.kind in (*LOST, *LEFT_OVER) for finding in checked.findings):
        out.line(f"  to remove what cannot be used or is left over: {invocation.command('check', '--fix')}")


def _show_finding(out: Output, finding: Finding) -> None:
    out.line((finding.problem, "red" if finding.is_damage else "yellow"))
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
