"""Plain calls of a vault, for processes that are killed or whose system refuses something."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_mimic.vault.names import call_name, log_name
from pytest_mimic.vault.recording import Entry, Recording
from pytest_mimic.vault.vault import PartFile, Vault

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


def keep(vault: Vault, *numbers: int) -> None:
    """Append finished calls to the part file of a log."""
    part = PartFile(vault, log_name(TEST), TEST)
    for number in numbers:
        part.append(_entry(number, "kept", "", at=[number]))


def kept(vault: Vault) -> list[int]:
    """Return the calls that killed processes have left for that log."""
    found = PartFile(vault, log_name(TEST), TEST).take_abandoned()
    return [entry.begin for entry in found.entries] if found else []


def _name(number: int) -> str:
    return call_name("shop:fetch", f"{number:032x}", "")


def _entry(number: int, text: str, large: str, at: Sequence[int] = ()) -> Entry:
    body = {"value": [text, large]}
    return Entry("shop:fetch", f"{number:032x}", body=body, at=at)
