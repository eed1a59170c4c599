"""Check every file of the vault: shapes, checksums, lists of imports, references, Git LFS pointers, merge conflicts.

Exit code 1: a recording cannot be used. Nothing is loaded. Objects without a recording, the leftovers of killed runs
and foreign files are named too, but are no damage.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mimic._tools.catalog.checking import Checked, Checker, Finding
from pytest_mimic._tools.cli.phrasing import HELD, plural, record_again, size
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._tools.cli.invocation import Invocation
    from pytest_mimic._tools.cli.parser import Parser

_FOLDERS = ("calls", "cassettes", "objects")


def add_arguments(parser: Parser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="*", help="check only these files, as pre-commit does")
    parser.add_argument(
        "--repair",
        action="store_true",
        help="remove what is damaged or left over, and say what to record again",
    )


def run(invocation: Invocation) -> int:
    """Check, and repair if that was asked for."""
    results = [
        _Result(invocation, vault, names) for vault, names in _vaults(invocation, invocation.options.files)
    ]
    if invocation.options.json:
        invocation.out.json([result.as_json() for result in results])
    else:
        for result in results:
            result.show()
    return max((result.exit_code for result in results), default=0)


def _vaults(invocation: Invocation, files: list[str]) -> list[tuple[Vault, list[str] | None]]:
    """Return the vaults to check, each with the names of the files to check, or None for all."""
    if not files:
        return [(invocation.vault, None)]
    from pytest_mimic._core.vault import FolderStore, Vault

    found: dict[Path, tuple[Vault, list[str]]] = {}
    for file in files:
        path = Path(file).absolute()
        if not path.is_file():
            raise MimicError(f"there is no file {file}")
        root = invocation.settings.vault
        depth = _depth_of_vault(path.parts[:-1], root.name)
        if not path.is_relative_to(root):
            if not depth:
                raise MimicError(f"{file} is no file of a vault")
            # Another project of the same repository.
            root = Path(*path.parts[:depth])
        label = invocation.settings.shown_vault
        if root != invocation.settings.vault:
            label = str(Path(*Path(file).parts[: len(Path(file).parts) - len(path.parts) + depth]))
        _, names = found.setdefault(root, (Vault(FolderStore(root), label=label), []))
        names.append(path.relative_to(root).as_posix())
    return list(found.values())


def _depth_of_vault(folders: Sequence[str], usual: str) -> int:
    """Return how many of the folders around a file lead to its vault, 0 if it is in none.

    A recorded module may have the name of a vault's folder. So a vault with the `usual` name of one is preferred.
    """
    found = [index for index, part in enumerate(folders) if index and part in _FOLDERS]
    return max([index for index in found if folders[index - 1] == usual] or found, default=0)


class _Result:
    """The check of one vault, and its repair."""

    def __init__(self, invocation: Invocation, vault: Vault, names: list[str] | None) -> None:
        self._out = invocation.out
        self._command = invocation.command
        self._vault = vault
        self._names = names
        checker = Checker(vault)
        self._checked: Checked = checker.check_all() if names is None else checker.check(names)
        self._removed = 0
        self._freed = 0
        self._is_held = False
        self._again: str | None = None
        self._is_repaired = invocation.options.repair
        if self._is_repaired:
            self._repair()

    @property
    def exit_code(self) -> int:
        """1 if a recording cannot be used, or could not before it was removed."""
        return 1 if self._checked.damage else 0

    def _repair(self) -> None:
        """Remove the recordings that cannot be used, then the objects and temporary files that nothing needs."""
        broken = {finding.recording for finding in self._checked.findings if finding.kind == "damaged"}
        # What another process has just recorded again is not removed.
        again = Checker(self._vault).check(sorted(broken)) if broken else Checked()
        found = [finding for finding in again.findings if finding.kind == "damaged"]
        names = sorted({finding.recording for finding in found})
        if names or self._names is None:
            cleared = self._vault.delete(names)
            self._removed, self._freed, self._is_held = cleared.recordings, cleared.bytes, cleared.is_held
        if found:
            self._again = record_again([finding.test for finding in found])

    def as_json(self) -> dict[str, Any]:
        return {
            "vault": self._vault.label,
            "recordings": self._checked.recordings,
            "objects": self._checked.objects,
            "findings": [finding._asdict() for finding in self._checked.findings],
            "removed": self._removed,
            "record": self._again,
        }

    def show(self) -> None:
        out, checked = self._out, self._checked
        absent = sum(finding.kind == "absent" for finding in checked.findings)
        for finding in checked.findings:
            if finding.kind != "absent":
                _show_finding(self._out, finding)
        counts = f"{plural(checked.recordings, 'recording')} and {plural(checked.objects, 'object')} checked"
        damage = checked.damage
        others = len(checked.findings) - len(damage) - absent
        if damage:
            out.line((f"{self._vault.label}: {plural(len(damage), 'problem')}", "bold red"), f"; {counts}")
        elif not checked.recordings and self._names is None:
            out.line(f"no recordings in {self._vault.label}")
        else:
            out.line((f"{self._vault.label} is sound", "bold green"), f"; {counts}")
        if absent:
            out.line(f"  {plural(absent, 'object')} not pulled, and not checked: {self._command('pull')}")
        if self._is_repaired:
            self._show_repair()
            return
        if any(finding.kind == "damaged" for finding in damage):
            repair = self._command("verify", "--repair")
            out.line(f"  to remove what is damaged, and see what to record again: {repair}")
        elif others:
            out.line(f"  to remove what is left over: {self._command('gc')}")

    def _show_repair(self) -> None:
        removed = plural(self._removed, "recording")
        self._out.line(f"  {removed} removed, {size(self._freed)} of objects freed")
        if self._is_held:
            self._out.line(HELD)
        if self._again is not None:
            self._out.line("  to record again: ", (self._again, "bold"))
        kept = sum(finding.kind == "unreadable" for finding in self._checked.findings)
        if kept:
            self._out.line(f"  {plural(kept, 'file')} left alone, see above")


def _show_finding(out: Any, finding: Finding) -> None:
    out.line((finding.problem, "red" if finding.is_damage else "yellow"))
    if finding.recording and finding.recording != finding.file:
        out.line(f"  named by {finding.recording}")
    if finding.test:
        out.line(f"  recorded by {finding.test}")
    if finding.kind == "unreadable" and finding.remedy:
        out.line(f"  {finding.remedy}")
