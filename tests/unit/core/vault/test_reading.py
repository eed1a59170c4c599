"""A recording of one value is read fast, and each of its calls gets a fresh value."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from pytest_mimic._core.outcome.outcome import Raised, Value
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.recording_facts import Recording
from unit.memory_store import MemoryStore

A, B = "calls/shop/f/aa.json", "calls/shop/f/bb.json"


def put(vault, name, *values):
    outcomes = [vault.writer.encoded(Value(value), 0.5) for value in values]
    vault.writer.write(
        name, [Recording("shop:f", None, "s1", "t1", "2026-11-01", None, outcomes)]
    )


# The class of an address defines how it is pickled, so that no JSON holds it.
PLAYED = {
    "inline": {"a": [1]},
    "json": [*range(3000), [1]],
    "large json": [*range(60_000), [1]],
    "pickle": (IPv4Address("10.0.0.1"), [1]),
}


@pytest.mark.parametrize("value", PLAYED.values(), ids=PLAYED)
def test_player_returns_a_fresh_value_each_time(value):
    vault = Vault(MemoryStore())
    put(vault, A, value)
    expected = repr(value)

    again, kept, first = vault.read_value(A)[3:]
    for place in range(4):
        given = again(kept) if place or first is ... else first
        assert repr(given) == expected
        (given["a"] if isinstance(given, dict) else given[-1]).append("changed")


@pytest.mark.parametrize("value", PLAYED.values(), ids=PLAYED)
def test_fast_player_leaves_calls_alone_that_moved_a_stream(value):
    vault = Vault(MemoryStore())
    stored_outcome = vault.writer.encoded(Value(value), 0.5)
    stored_outcome.entry["after"] = {"file": ["StringIO", None, 3]}
    vault.writer.write(
        A, [Recording("shop:f", None, "s1", "t1", "2026-11-01", None, [stored_outcome])]
    )

    assert vault.read_value(A) is None
    assert vault.read(A).outcomes[0].entry["after"] == stored_outcome.entry["after"]


@pytest.mark.parametrize("values", [(1, 2), ((1, 2),)], ids=["several", "tagged"])
def test_fast_player_reads_single_values_without_tags_only(values):
    vault = Vault(MemoryStore())
    put(vault, A, *values)
    failed = vault.writer.encoded(Raised(KeyError("a")), 0.1)
    vault.writer.write(B, [Recording("shop:f", None, None, None, "", None, [failed])])

    assert vault.read_value(A) is None
    assert vault.read_value(B) is None
    assert vault.read_value("calls/shop/f/none.json") is None
    assert [each.kind for each in vault.read(B).outcomes] == ["raised"]
