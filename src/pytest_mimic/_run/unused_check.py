"""Judges the recordings that a run did not use, and clears on request those that it has proven unused."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic._core.settings import Mode
from pytest_mimic._core.vault.file_names import FOLDERS
from pytest_mimic._core.words import SHOWN
from pytest_mimic._tools.unused.judgement import Judgement

if TYPE_CHECKING:
    from pytest_mimic._run.session import Session


def judge_unused(session: Session, reasons: Collection[str], *, listed: int = SHOWN) -> Judgement:
    """Judge the recordings that a run did not use, and clear those proven unused if `--mimic-clear-unused` was given.

    What could not be judged is told only if an option asked for it. If there are reasons why the run was not complete,
    nothing is judged. The first unused ones are named, so many as are to be `listed`.
    """
    settings, ledger = session.settings, session.ledger
    is_asked = settings.clear_unused or settings.fail_on_unused
    if settings.mode is Mode.LIVE:
        return Judgement(not_judged="--mimic-live was given" if is_asked else "")
    if reasons:
        is_told = is_asked and holds_recordings(settings.vault)
        return Judgement(not_judged=", ".join(reasons) if is_told else "", cleared=_cleared(session, {}))
    unused = session.vault.names(without=ledger.used)
    if not unused:
        return Judgement(cleared=_cleared(session, {}))
    from pytest_mimic._tools.unused.judging import judge

    ledger.absent_clients |= set(session.coverings.missing_kinds())
    judgement, proven = judge(session.vault, unused, ledger, settings, listed=listed)
    if not is_asked:
        judgement.unproven = 0
    if settings.clear_unused and settings.no_record and proven:
        judgement.not_cleared = "--mimic-no-record was given"
    judgement.cleared = _cleared(session, proven)
    return judgement


def _cleared(session: Session, proven: Mapping[str, int]) -> str:
    """Clear the recordings, given with their bytes, if that was asked for, and return it in words."""
    settings = session.settings
    if not settings.clear_unused or settings.no_record:
        return ""
    if not holds_recordings(settings.vault):
        return ""
    from pytest_mimic._tools.unused.judging import clear

    return clear(session.vault, proven)


def holds_recordings(vault: Path) -> bool:
    """Check whether a vault has any recordings. This looks at two folders instead of listing all files."""
    return any(vault.joinpath(folder).is_dir() for folder in FOLDERS)
