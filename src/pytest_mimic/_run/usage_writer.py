"""Writes the file of `--mimic-usage` at the end of a run."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_mimic._tools.unused.usage_file import (
    Usage,
    commit_of,
    id_of_vault,
    is_usage_file,
    write_usage,
)

if TYPE_CHECKING:
    from pytest_mimic._run.complete_selection import Selection
    from pytest_mimic._run.session import Session


def remove_old(path: Path) -> None:
    """Remove the file of an earlier run: a run that is killed must not leave it as its own.

    pytest.UsageError: It is a folder or another file.
    """
    if not path.exists():
        return
    try:
        if path.is_dir():
            raise pytest.UsageError(f"--mimic-usage={path} is a folder")
        if not is_usage_file(path):
            raise pytest.UsageError(f"--mimic-usage would overwrite {path}, which is another kind of file")
        path.unlink()
    except OSError as reason:
        raise pytest.UsageError(f"--mimic-usage={path}: {reason.strerror or reason}") from None


def keep_usage(path: Path, session: Session, outcomes: Mapping[str, str], selection: Selection) -> None:
    """Write the account of a run to a file. MimicError: it cannot be written, or the vault cannot be read."""
    settings, ledger = session.settings, session.ledger
    name = platform.python_implementation().replace("CPython", "Python")
    tests = {test: outcomes.get(test, "not run") for test in ledger.tests | outcomes.keys()}
    usage = Usage(
        vault=id_of_vault(settings),
        commit=commit_of(settings.rootdir),
        mode=settings.mode.value,
        python=f"{name} {sys.version_info[0]}.{sys.version_info[1]}",
        platform=sys.platform,
        wanted=selection.wanted,
        covered=selection.covered,
        hiding=selection.hiding,
        broken=[*selection.idle, *ledger.selection],
        collected=sorted(ledger.collected),
        skipped_modules=sorted(ledger.skipped_modules),
        absent_clients=session.coverings.missing_kinds(),
        tests=tests,
        used=frozenset(ledger.used),
        others=frozenset(session.vault.names(without=ledger.used)),
        label=str(path),
    )
    write_usage(path, usage)
