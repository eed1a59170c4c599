"""Values written to a vault in memory, and read from it."""

from __future__ import annotations

import json

from pytest_mimic._outcome.outcome import Outcome
from pytest_mimic._vault import Recording, Vault
from unit.memory_store import MemoryStore

NAME = "calls/shop/f/00.json"


def recorded(value):
    """Return the vault's store, with this value as the outcome of one call."""
    store = MemoryStore()
    vault = Vault(store)
    stored = vault.stored(Outcome.of_value(value), 0.5)
    vault.write(NAME, Recording("shop:f", None, None, None, "2026-11-02", None, [stored]))
    return store


def entry_in(store):
    """Return the outcome as the recording has it."""
    return json.loads(store.read(NAME))["outcomes"][0]


def replayed(store):
    """Return the value of the outcome."""
    return Vault(store).read(NAME).outcomes[0].load().value


def edited(store, **changes):
    """Change parts of the outcome in the recording."""
    facts = json.loads(store.read(NAME))
    facts["outcomes"][0].update(changes)
    store.write(NAME, json.dumps(facts).encode())
    return store


def tree_of(value):
    """Return the JSON of a value, or None if it is a pickle."""
    return entry_in(recorded(value)).get("value")


def copied(value):
    """Return the copy of a value, which must be readable JSON."""
    store = recorded(value)
    assert "value" in entry_in(store)
    return replayed(store)
