"""Finds the recordings that a complete run has proven unused, and clears them on request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from heapq import nsmallest
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic._run.report import SHOWN, Judgement, plural, size
from pytest_mimic._settings import Mode
from pytest_mimic._vault.names import CASSETTES, FOLDERS
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._session import Session
    from pytest_mimic._vault import Vault


def judge_unused(
    session: Session, outcomes: Mapping[str, str], reasons: Collection[str], *, listed: int = SHOWN
) -> Judgement:
    """Judge the recordings that a run did not use, and clear those proven unused if `--mimic-clear-unused` was given.

    A recording is proven unused if the test that made it passed, or if that test no longer exists and no test was
    skipped or failed. Outcomes are `passed`, `failed` or `skipped`, by the test's id. If there are reasons why the run
    was not complete, nothing is judged. The first unused ones are named, so many as are to be `listed`.
    """
    settings, ledger = session.settings, session.ledger
    if settings.mode is Mode.LIVE:
        is_asked = settings.clear_unused or settings.fail_on_unused
        return Judgement(not_judged="--mimic-live was given" if is_asked else "")
    if reasons:
        reason = ", ".join(reasons) if holds_recordings(settings.vault) else ""
        return Judgement(not_judged=reason, cleared=_cleared(session, {}))
    unused = session.vault.names(without=ledger.used)
    if not unused:
        return Judgement(cleared=_cleared(session, {}))
    from pytest_mimic._run.gone_tests import GoneTests

    is_shared = not settings.vault.resolve().is_relative_to(settings.rootdir.resolve())
    all_passed = not ledger.skipped_modules and set(outcomes.values()) <= {"passed"}
    gone = GoneTests(ledger.collected, outcomes.keys(), settings.rootdir, is_shared)
    judged: dict[str, bool] = {}
    proven: dict[str, int] = {}  # the size of each
    for name, recorder, length in session.vault.tests_of(unused):
        if recorder not in judged:
            outcome = outcomes.get(recorder)
            judged[recorder] = outcome == "passed" or (outcome is None and all_passed and recorder in gone)
        if judged[recorder]:
            proven[name] = length
    unproven = len(unused) - len(proven)
    rows = [_label(session.vault, name) for name in nsmallest(listed, proven)]
    shown = [(label, test, bool(test) and test not in outcomes) for label, test in rows]
    if not all_passed:
        unproven_as = "some tests did not pass"
    elif is_shared:
        unproven_as = "the vault is outside of the rootdir, where other projects may use it"
    else:
        unproven_as = "its test may still exist" if unproven == 1 else "their tests may still exist"
    is_kept = settings.clear_unused and settings.no_record and proven
    return Judgement(
        unused=len(proven),
        shown=shown,
        unproven=unproven,
        unproven_as=unproven_as,
        cleared=_cleared(session, proven),
        not_cleared="--mimic-no-record was given" if is_kept else "",
    )


def _cleared(session: Session, proven: Mapping[str, int]) -> str:
    """Clear the recordings, and what runs that were killed have left, if that was asked for; return it in words.

    Each recording is given with its bytes.
    """
    settings = session.settings
    if not settings.clear_unused or settings.no_record or not holds_recordings(settings.vault):
        return ""
    deleted = session.vault.delete(proven)
    if deleted.recordings:
        freed = sum(proven.values()) + deleted.bytes
        return f"{plural(deleted.recordings, 'unused recording')} cleared ({size(freed)})"
    orphans = plural(deleted.objects, "object")
    return f"{orphans} without a recording cleared ({size(deleted.bytes)})" if deleted.objects else ""


def restore_replaced(session: Session) -> list[str]:
    """Restore the recordings that only failing tests of the run have replaced, and return their labels.

    What such a test added to a conversation that stood before is not kept either.
    """
    ledger, vault = session.ledger, session.vault
    if not ledger.put_back:
        return []
    from pytest_mimic._engine.judging import contents_before

    labels: list[str] = []
    for name, content in contents_before(vault, ledger).items():
        (ledger.taken_back if content is None else labels).append(_label(vault, name)[0])
        vault.restore(name, content)
    ledger.replaced |= vault.replaced
    return labels


def _label(vault: Vault, name: str) -> tuple[str, str]:
    """Return a recording or cassette in one line, and the test that made it."""
    from pytest_mimic._describe import recorded_label

    try:
        if name.startswith(CASSETTES):
            return f"cassette {name[10:-5]}", vault.test_of(name) or ""
        recording = vault.read(name)
    except MimicError:
        recording = None
    if recording is None:
        return name, ""
    return recorded_label(recording.target, recording.arguments), recording.test or ""


def holds_recordings(vault: Path) -> bool:
    """Check whether a vault has any recordings. This looks at two folders instead of listing all files."""
    return any(vault.joinpath(folder).is_dir() for folder in FOLDERS)
