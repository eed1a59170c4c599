"""Values stored in a vault in memory and loaded from it, as tests of tags need it."""

from __future__ import annotations

import json

from pytest_mimic._core.vault import Vault
from unit.memory_store import NAME, MemoryStore, recorded


def entry_of(store: MemoryStore) -> dict:
    """Return the outcome as its recording says it, with a longer one's JSON put in."""
    entry = json.loads(store.read(NAME))["outcomes"][0]
    return (
        {**entry, **json.loads(store.read(entry["json"]))} if "json" in entry else entry
    )


def tree_of(value):
    """Return the JSON of a value, or None if it is a pickle."""
    return entry_of(recorded(value)).get("value")


def load(store: MemoryStore):
    """Return a fresh copy of the value."""
    return Vault(store).read(NAME).outcomes[0].load().value


def edited(tree, *imports: str) -> MemoryStore:
    """Return a vault's files with a recording whose value somebody has written by hand."""
    return changed_entry(recorded((1,)), value=tree, imports=list(imports))


def changed_entry(store: MemoryStore, **changes) -> MemoryStore:
    """Change parts of the outcome in the recording."""
    facts = json.loads(store.read(NAME))
    facts["outcomes"][0].update(changes)
    store.write(NAME, json.dumps(facts).encode())
    return store


def copied(value):
    """Return the copy of a value, which must be readable JSON in its recording."""
    store = recorded(value)
    assert "value" in json.loads(store.read(NAME))["outcomes"][0]
    return load(store)
