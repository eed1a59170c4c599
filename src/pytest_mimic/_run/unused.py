"""Finds the recordings that a complete run has proven unused, and clears them on request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic._run.report import Judgement, Unused, plural, size
from pytest_mimic._run.selection import GoneTests
from pytest_mimic._settings import Mode
from pytest_mimic._vault.names import FOLDERS

if TYPE_CHECKING:
    from pytest_mimic._session import Session

_SHOWN = 10


def judge_unused(session: Session, outcomes: Mapping[str, str], reasons: Collection[str]) -> Judgement:
    """Judge the recordings that a run did not use, and clear those proven unused if `--mimic-clear-unused` was given.

    A recording is proven unused if the test that made it passed, or if that test no longer exists and no test was
    skipped or failed.

    Args:
        session: The run's session.
        outcomes: For each test's id `passed`, `failed` or `skipped`.
        reasons: The reasons why the run was not complete. With one of them, nothing is judged.
    """
    settings, ledger = session.settings, session.ledger
    if settings.mode is Mode.LIVE:
        is_asked = settings.clear_unused or settings.fail_on_unused
        return Judgement(not_judged="--mimic-live was given" if is_asked else "")
    if reasons:
        return Judgement(not_judged=", ".join(reasons) if holds_recordings(settings.vault) else "")
    unused = set(session.vault.names()) - ledger.used
    is_shared = not settings.vault.resolve().is_relative_to(settings.rootdir.resolve())
    all_passed = not ledger.skipped_modules and set(outcomes.values()) <= {"passed"}
    gone = GoneTests(
        collected=ledger.collected, ran=outcomes.keys(), rootdir=settings.rootdir, is_shared=is_shared
    )
    proven = []
    for name in sorted(unused):
        recorder = session.test_of(name)
        outcome = outcomes.get(recorder or "")
        if recorder is not None and (
            outcome == "passed" or (outcome is None and all_passed and recorder in gone)
        ):
            proven.append(name)
    unproven = len(unused) - len(proven)
    shown = []
    for name in proven[:_SHOWN]:
        label, test = session.label_of(name)
        shown.append(Unused(label, test, is_gone=bool(test) and test not in outcomes))
    cleared = not_cleared = ""
    if settings.clear_unused and proven:
        if settings.no_record:
            not_cleared = "--mimic-no-record was given"
        else:
            deleted = session.vault.delete(proven)
            cleared = f"{plural(deleted.recordings, 'unused recording')} cleared ({size(deleted.bytes)})"
    return Judgement(
        unused=len(proven),
        shown=shown,
        unproven=unproven,
        unproven_as=_why_unproven(unproven, all_passed=all_passed, is_shared=is_shared),
        cleared=cleared,
        not_cleared=not_cleared,
    )


def _why_unproven(count: int, *, all_passed: bool, is_shared: bool) -> str:
    if not all_passed:
        return "some tests did not pass"
    if is_shared:
        return "the vault is outside of the rootdir, where other projects may use it"
    return "its test may still exist" if count == 1 else "their tests may still exist"


def holds_recordings(vault: Path) -> bool:
    """Check whether a vault has any recordings. This looks at two folders instead of listing all files."""
    return any(vault.joinpath(folder).is_dir() for folder in FOLDERS)
