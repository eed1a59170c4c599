"""Vaults in memory with recordings of given facts."""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.identity.call_identity import CallIdentity
from pytest_mimic._core.vault import Vault, recording_name
from pytest_mimic._tools.rekey.calls_to_rekey import (
    CallToRekey,
    calls_to_rekey,
    content_of,
)
from unit.memory_store import MemoryStore

TARGET = "shop:fetch"


def vault_of(*recordings: dict[str, Any]) -> Vault:
    """Return a vault with these recordings of `shop:fetch`, each of the facts that it is given."""
    store = MemoryStore()
    for facts in recordings:
        store.write(*file_of(**facts))
    return Vault(store)


def file_of(
    arguments: dict[str, Any],
    value: Any = 1,
    *,
    owner: str | None = None,
    options: dict[str, Any] | None = None,
    number: int = 0,
    source: str | None = None,
    test: str = "test_a.py::test_x",
) -> tuple[str, bytes]:
    """Return the name and the content of a recording."""
    ignore = (options or {}).get("ignore", ())
    identity = CallIdentity(TARGET, tuple(arguments), ignore=ignore)
    key = identity.key(tuple(arguments.values()))
    entry = {"duration": 0.1, "value": value}
    if number:
        entry["number"] = number
    facts = {
        "format": 5,
        "target": TARGET,
        "arguments": arguments,
        "source": source,
        **({"options": options} if options else {}),
        "test": test,
        "recorded": "2026-11-02",
        "owner": owner,
        **({"identity": key} if owner else {}),
        "outcomes": [entry],
    }
    return recording_name(TARGET, key, owner), content_of(facts)


def calls_in(vault: Vault) -> list[CallToRekey]:
    """Return all calls of a vault."""
    return [call for name in vault.names() for call in calls_to_rekey(vault, name)]
