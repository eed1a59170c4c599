"""Outcomes that are taken out of one vault and written to another: byte for byte the same."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from unit.memory_store import MemoryStore

from pytest_mimic import CorruptRecordingError
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.vault import Recording, Vault

NAME = "calls/shop/f/aa.json"
#: A value that is stored as a pickle: its class defines how it is pickled.
ADDRESS = IPv4Address("10.0.0.1")
VALUES = {
    "inline": {"a": 1},
    "tagged": (1, 2),
    "json": [0] * 3000,
    "bytes": b"\xff" * 3000,
    "pickle": (1, ADDRESS),
    "pickle with buffers": (bytearray(b"ab" * 500_000), ADDRESS),
}


def write(store, stored):
    return Vault(store).write(NAME, Recording("shop:f", None, "s", "t", "2026-11-01", None, [stored]))


def recorded(value) -> MemoryStore:
    store = MemoryStore()
    write(store, Vault(store).stored(Outcome("value", value), 0.5))
    return store


def lifted(store):
    return Vault(store).read(NAME).outcomes[0].lifted()


def contents(store) -> dict[str, bytes]:
    return {name: store.read(name) for name in store.names()}


@pytest.mark.parametrize("kind", VALUES)
def test_a_lifted_outcome_makes_the_same_files(kind):
    one, other = recorded(VALUES[kind]), MemoryStore()

    write(other, lifted(one))

    assert contents(other) == contents(one)
    assert write(one, lifted(other)).changed is False


@pytest.mark.parametrize("kind", ["json", "bytes", "pickle", "pickle with buffers"])
def test_a_damaged_object_is_not_lifted(kind):
    store = recorded(VALUES[kind])
    (name,) = store.names("objects")
    store.write(name, store.read(name)[:-3])

    with pytest.raises(CorruptRecordingError) as caught:
        lifted(store)

    assert caught.value.file == f".mimic_vault/{name}"


@pytest.mark.parametrize("kind", VALUES)
def test_an_outcome_in_memory_is_as_readable_as_in_the_vault(kind):
    store = MemoryStore()
    stored = Vault(store).stored(Outcome("value", VALUES[kind]), 0.5)

    before = stored.readable()
    write(store, stored)

    assert (before is None) == kind.startswith("pickle")
    assert Vault(store).read(NAME).outcomes[0].readable() == before
