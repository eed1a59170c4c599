"""Recordings on disk: readable, content-addressed, written whole or not at all."""

from __future__ import annotations

from pytest_mimic._core.vault.folder import FolderStore
from pytest_mimic._core.vault.format import recording_name
from pytest_mimic._core.vault.vault import Vault

__all__ = ["FolderStore", "Vault", "recording_name"]
