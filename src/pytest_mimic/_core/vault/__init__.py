"""Recordings on disk: readable, content-addressed, written whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mimic._core.vault.file_names import recording_name
from pytest_mimic._core.vault.folder import FolderStore
from pytest_mimic._core.vault.vault import Vault

if TYPE_CHECKING:
    from pytest_mimic._core.vault.recording_facts import CassetteEntry, Recording, Stored

__all__ = [
    "CassetteEntry",
    "FolderStore",
    "Recording",
    "Stored",
    "Vault",
    "recording_name",
]


def __getattr__(name: str) -> Any:
    """Load a class on first use: a replay of plain values needs none of them."""
    if name not in ("CassetteEntry", "Recording", "Stored"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pytest_mimic._core.vault import recording_facts as recordings

    return getattr(recordings, name)
