"""Recordings on disk: readable, content-addressed, written whole or not at all."""

from pytest_mimic._vault.folder import FolderStore
from pytest_mimic._vault.names import recording_name
from pytest_mimic._vault.recordings import CassetteEntry, Recording, Stored
from pytest_mimic._vault.store import Store
from pytest_mimic._vault.vault import Vault

__all__ = [
    "CassetteEntry",
    "FolderStore",
    "Recording",
    "Store",
    "Stored",
    "Vault",
    "recording_name",
]
