"""Says which vault and commit a run had, so that accounts of others are not mixed with it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mimic._core.settings import Settings


def id_of_vault(settings: Settings) -> str:
    """Return the path of the vault relative to the rootdir, which is the same in each checkout."""
    try:
        return Path(os.path.relpath(settings.vault, settings.rootdir)).as_posix()
    except ValueError:  # pragma: no cover (on another drive of Windows)
        return settings.vault.as_posix()


def commit_of(folder: Path) -> str:
    """Return the commit that is checked out around a folder. Empty without git or a repository."""
    command = ["git", "-C", str(folder), "rev-parse", "--verify", "-q", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:
        return ""
    return "" if done.returncode else done.stdout.decode("ascii", "replace").strip()
