"""Long parts of described arguments are objects of their own."""

from __future__ import annotations

from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.long_parts import with_long_parts, with_shortened_parts
from unit.memory_store import MemoryStore


def test_long_parts_come_back_from_inside_of_others():
    text = "one line\n" * 900
    arguments = {
        "of": {"$set": [1, text]},
        "rows": [*range(500)],
        "short": [{"a": "b"}],
    }

    store = MemoryStore()

    short = with_shortened_parts(arguments, Vault(store).objects.write_object)

    part = short["of"]["$set"][1]
    assert (part["length"], part["digest"]) == (
        len(text),
        part["object"].rpartition("/")[2][:8],
    )
    assert (len([*store.names()]), short["rows"]["length"], short["short"]) == (
        2,
        500,
        arguments["short"],
    )
    assert with_long_parts(short, store.read) == arguments
