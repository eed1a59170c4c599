"""What sequences and cassettes hold is read as it was written, and each copy is a fresh one."""

from __future__ import annotations

import pytest

from pytest_mimic._core.outcome.outcome import Value
from pytest_mimic._core.vault import Vault, recording_name
from pytest_mimic._core.vault.recording_facts import Recording, read_calls
from pytest_mimic._tools.cli.check_findings import Checker
from unit.memory_store import MemoryStore, a_call

CASSETTE, SEQUENCE = "cassettes/long.json", "calls/shop/f/aa.json"
#: Small plain values, one with a tag, and one that is an object of its own.
VALUES = [
    *({"id": n, "tags": [n, {"ü": None}]} for n in range(50)),
    (1, b"\xff"),
    {"body": "x" * 100_000},
]


def vault_with_both() -> Vault:
    vault = Vault(MemoryStore())
    sequence = [
        vault.writer.encoded(Value(value), 0.25, detached=True) for value in VALUES
    ]
    calls = [
        a_call(
            stored,
            arguments={"url": f"/{number}"},
            identity=f"{number}",
            signature=f"GET /{number}",
        )
        for number, stored in enumerate(sequence)
    ]
    vault.writer.write(CASSETTE, calls, test="t", recorded="2026-11-02")
    sequence = [vault.writer.encoded(Value(value), 0.25) for value in VALUES]
    vault.writer.write(
        SEQUENCE, [Recording("shop:f", {"a": 1}, "s", "t", "2026-11-02", "t", sequence)]
    )
    return vault


def outcomes_in(vault, name):
    if name == SEQUENCE:
        return vault.read(name).outcomes
    return [call.stored for call in read_calls(vault.objects, name)]


@pytest.mark.parametrize("name", [CASSETTE, SEQUENCE], ids=["cassette", "sequence"])
def test_what_is_read_is_what_was_written(name):
    outcomes = outcomes_in(vault_with_both(), name)

    assert [stored.load().value for stored in outcomes] == VALUES
    assert {(stored.duration, stored.kind, stored.name) for stored in outcomes} == {
        (0.25, "value", name)
    }


@pytest.mark.parametrize("owner", [None, "t.py::test_a"])
def test_what_belongs_to_a_test_stores_the_identity_of_its_call(owner):
    """So that it can be given to another test without the call.

    Else the name of the file has it.
    """
    vault, identity = Vault(MemoryStore()), "5f" * 16
    name = recording_name("shop:f", identity, owner)
    outcomes = [vault.writer.encoded(Value(1), 0.25)]
    facts = Recording("shop:f", None, None, "t", "2026-11-02", owner, outcomes)

    vault.writer.write(name, [facts._replace(identity=identity if owner else None)])

    assert vault.read(name).identity == (identity if owner else None)
    assert (b'"identity"' in vault.store.read(name)) == bool(owner)
    assert Checker(vault).check() == []
    vault.store.write(name, vault.store.read(name).replace(b'"5f5f', b'"6f5f'))
    says = ["its name is not that of a call of shop:f in t.py::test_a"] if owner else []
    assert [
        finding.problem.partition("(")[2][:-1] for finding in Checker(vault).check()
    ] == says
