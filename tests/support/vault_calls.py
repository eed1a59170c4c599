"""Plain calls of a vault, for processes that are killed or whose system refuses something."""

from __future__ import annotations

from pathlib import Path

from pytest_mimic.vault.names import call_name
from pytest_mimic.vault.recording import Entry, Recording
from pytest_mimic.vault.vault import Vault

TEST = "tests/test_shop.py::test_order"
DAY = "2026-11-27"


def open_vault(folder: str) -> Vault:
    return Vault(Path(folder), label="vault")


def write(vault: Vault, number: int, text: str) -> None:
    """Record a shared call whose outcome has a part that is an object."""
    large = vault.write_object("bin", [text.encode() * 9_000])
    vault.write(_name(number), Recording(TEST, DAY, [_entry(number, text, large)]))


def read(vault: Vault, number: int) -> str | None:
    """Return what was recorded, and check that all of it is there."""
    recording = vault.read(_name(number))
    if recording is None:
        return None
    [entry] = recording.entries
    text, large = entry.body["value"]
    assert vault.read_object(large) == text.encode() * 9_000
    return text


def _name(number: int) -> str:
    return call_name("shop:fetch", f"{number:032x}", "")


def _entry(number: int, text: str, large: str) -> Entry:
    return Entry("shop:fetch", f"{number:032x}", body={"value": [text, large]})
