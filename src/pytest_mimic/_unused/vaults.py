"""Says which vault and commit a run had, and what was in the vault, so that accounts of others are not mixed with it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Set
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mimic._settings import Settings
    from pytest_mimic._vault import Vault


def id_of_vault(settings: Settings) -> str:
    """Return the path of the vault relative to the rootdir, which is the same in each checkout, or its URL."""
    if settings.url:
        return settings.shown_vault
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


def others_in(vault: Vault, used: Set[str]) -> Iterable[str]:
    """Return the names of what is in a vault beside the recordings that were used.

    In a remote vault, a pack of which nothing was used stands for its recordings: it is not fetched for this.
    """
    known = getattr(vault.store, "known", None)
    return vault.names(without=used) if known is None else known() - used


def holder_in(vault: Vault) -> Callable[[str], str]:
    """Return a function that gives the key of what holds a recording in a remote vault, and nothing in a folder."""
    return getattr(vault.store, "holder", lambda _name: "")


def look_again(vault: Vault) -> None:
    """Look at what is in a remote vault now. MimicError: it cannot be read; what was seen before is not enough."""
    refresh = getattr(vault.store, "refresh", None)
    if refresh is not None:
        refresh()
