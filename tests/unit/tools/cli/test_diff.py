"""How one vault differs from another, for people."""

from __future__ import annotations

from pytest_mimic._core.outcome.outcome import Value
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.recording_facts import Recording
from pytest_mimic._tools.cli.diff import vault_differences
from unit.memory_store import MemoryStore


def vault(**values: object) -> Vault:
    """Return a vault with a recording of each of these functions."""
    made = Vault(MemoryStore())
    for name, value in values.items():
        stored = made.writer.encoded(Value(value), 0.5)
        made.writer.write(
            f"calls/shop/{name}/00.json",
            [
                Recording(
                    f"shop:{name}",
                    {"a": 1},
                    None,
                    "t.py::test_a",
                    "2026-11-02",
                    None,
                    [stored],
                )
            ],
        )
    return made


def test_each_file_is_changed_added_removed_or_damaged() -> None:
    old = vault(same=1, gone=2, other={"a": [1, 2], "token": "one"}, broken=4)
    new = vault(same=1, fresh=3, other={"a": [1, 5], "token": "two"}, broken=4)
    new.store.write("calls/shop/broken/00.json", b"{")

    found = vault_differences(old, new, Redactor())

    assert [(one.change, one.call) for one in found] == [
        ("changed", "shop:other(a=1)"),
        ("added", "shop:fresh(a=1)"),
        ("removed", "shop:gone(a=1)"),
        ("damaged", "calls/shop/broken/00.json"),
    ]
    changed, added, removed, damaged = (one.to_plain() for one in found)
    assert changed["outcomes"] == [{"path": "a[1]", "old": "2", "new": "5"}]
    assert [(one["old"], one["new"]) for one in added["outcomes"]] == [(None, "3")]
    assert (removed["outcomes"], removed["test"]) == ([], "t.py::test_a")
    assert "is not valid JSON" in damaged["lines"][0]
    assert vault_differences(old, old, Redactor()) == []
