"""Names the vaults of other projects whose tests a run has collected."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from shlex import join

from pytest_mimic._core.node_ids import relative_path
from pytest_mimic._run.unused_check import holds_recordings

# How many vaults are named.
_SHOWN = 10


def name_vaults(vaults: Iterable[str], *, start: Path) -> list[str]:
    """Return lines that name the vaults with recordings, and the commands that use them from the folder `start`."""
    recorded = [vault for vault in map(Path, vaults) if holds_recordings(vault)]
    lines = []
    for vault in recorded[:_SHOWN]:
        folder = relative_path(vault.parent, start=start)
        lines.append(f"{folder}/{vault.name} is not the vault of this run: nothing is replayed from it")
        lines.append(f"  to use it: {join(['pytest', f'--rootdir={folder}', folder])}")
    more = len(recorded) - _SHOWN
    return [*lines, f"and {more} more vaults"] if more > 0 else lines
