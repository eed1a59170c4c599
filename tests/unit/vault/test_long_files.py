"""Long cassettes and sequences are read as short ones are, though their members are parsed one by one."""

from __future__ import annotations

import json

import pytest
from unit.memory_store import MemoryStore

from pytest_mimic import CorruptRecordingError
from pytest_mimic._outcome.outcome import Outcome
from pytest_mimic._vault import CassetteEntry, Recording, Vault
from pytest_mimic._vault.recordings import pack

CASSETTE, SEQUENCE = "cassettes/long.json", "calls/shop/f/aa.json"
#: Their file has 200 kB: small plain values, one with a tag, an exception, and one that is an object of its own.
OUTCOMES = [
    *(Outcome.of_value({"id": n, "tags": [n, {"ü": None}], "text": "x" * 150}) for n in range(500)),
    Outcome.of_value((1, b"\xff")),
    Outcome.of_exception(LookupError("gone")),
    Outcome.of_value({"body": "x" * 100_000}),
]


def vault_with_both() -> Vault:
    vault = Vault(MemoryStore())
    calls = []
    for number, outcome in enumerate(OUTCOMES):
        stored = vault.stored(outcome, 0.25, detached=True)
        arguments = {"url": f"/{number}", "query": {"a": [number]}}
        calls.append(CassetteEntry("httpx", "httpx", f"GET /{number}", f"{number}", arguments, stored, "h"))
    vault.write_cassette(CASSETTE, calls, test="t", recorded="2026-11-02")
    sequence = [vault.stored(outcome, 0.25) for outcome in OUTCOMES]
    vault.write(SEQUENCE, Recording("shop:f", {"a": 1}, "s", "t", "2026-11-02", "t", sequence))
    return vault


def in_other_layout(vault: Vault, name: str) -> None:
    """Write a file's facts in a layout whose members are parsed together."""
    vault.store.write(name, json.dumps(json.loads(vault.store.read(name)), indent="\t").encode())


def shown(stored):
    outcome = stored.load()
    return (stored.entry, stored.kind, stored.duration, stored.name, outcome.value, repr(outcome.exception))


def test_long_cassette_is_read_as_one_in_another_layout():
    vault = vault_with_both()
    read = vault.read_cassette(CASSETTE)
    in_other_layout(vault, CASSETTE)

    again = vault.read_cassette(CASSETTE)

    assert len(read) == len(OUTCOMES)
    assert [call._replace(stored=None) for call in read] == [call._replace(stored=None) for call in again]
    assert [shown(call.stored) for call in read] == [shown(call.stored) for call in again]
    assert [call.stored.load().value for call in read[:500]] == [each.value for each in OUTCOMES[:500]]


def test_long_sequence_is_read_as_one_in_another_layout():
    vault = vault_with_both()
    read = vault.read(SEQUENCE)
    in_other_layout(vault, SEQUENCE)

    again = vault.read(SEQUENCE)

    assert read._replace(outcomes=[]) == again._replace(outcomes=[])
    assert [*map(shown, read.outcomes)] == [*map(shown, again.outcomes)]
    assert [each.load().value for each in read.outcomes[:500]] == [each.value for each in OUTCOMES[:500]]


@pytest.mark.parametrize("number", [0, -1], ids=["in the file", "an object"])
def test_each_copy_of_a_value_is_fresh(number):
    stored = vault_with_both().read(SEQUENCE).outcomes[number]
    for _ in range(3):  # a large one is kept in memory from its second copy on
        stored.load().value.clear()
        stored.player()().clear()

    copies = [stored.load().value, stored.player()()]

    assert copies == [OUTCOMES[number].value] * 2


def test_value_too_deep_for_bytes_stays_as_it_is():
    value: list[object] = []
    for _ in range(5_000):
        value = [value]
    entry = {"duration": 0.5, "value": value}

    assert pack(entry) is entry


@pytest.mark.promise("damage is detected, and CorruptRecordingError names the file")
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1000],
        lambda data: data[:100_000] + data[100_100:],
        lambda data: data.replace("ü".encode(), b"\xfc", 1),
        lambda data: data + b"{}",
        lambda data: data.replace(b'"format": 1', b'"format": true'),
        lambda data: data.replace(b'\n "test"', b'\n "test": "u",\n "test"'),
        lambda data: data.replace(b"  },\n  {", b"  }\n  {", 1),
        lambda data: data.replace(b'"value": {', b'"valeu": {', 1),
        lambda data: data.replace(b'"id": 400', b'"id": 4OO'),
        lambda data: data.replace(b"\n ]\n}", b"\n },\n]"),
    ],
    ids=[
        *("end missing", "part missing", "not UTF-8", "text behind", "format true"),
        *("key twice", "no comma", "no value", "no number", "wrong bracket"),
    ],
)
@pytest.mark.parametrize("name", [CASSETTE, SEQUENCE], ids=["cassette", "sequence"])
def test_damage_of_a_long_file_is_reported(name, damage):
    vault = vault_with_both()
    data = vault.store.read(name)
    assert damage(data) != data
    vault.store.write(name, damage(data))
    read = vault.read_cassette if name == CASSETTE else vault.read

    with pytest.raises(CorruptRecordingError) as caught:
        read(name)

    assert caught.value.file == f".mimic_vault/{name}"
