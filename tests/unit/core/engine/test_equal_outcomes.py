"""Whether one recording may serve the calls of two."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.engine.equal_outcomes import OutcomeComparison
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.recording_facts import StoredOutcome
from pytest_mimic._tools.cli import project
from unit.memory_store import MemoryStore

# The table of clients is handed in by the module of projects.
assert project

ANSWER = {
    "status": 200,
    "reason": "OK",
    "version": "HTTP/1.1",
    "headers": [["date", "Mon"], ["content-type", "application/json"]],
    "body": {"json": {"id": 1, "text": "tea"}},
}


def stored(entry: dict[str, Any]) -> StoredOutcome:
    return StoredOutcome(Vault(MemoryStore()).objects, {"duration": 0.1, **entry})


def is_same(target: str, one: Any, other: Any, *volatile: str) -> bool:
    comparison = OutcomeComparison(Redactor())
    return comparison.is_same(target, stored(one), stored(other), volatile=volatile)


CASES: dict[str, tuple[str, Any, Any, bool]] = {
    "equal values": ("shop:fetch", {"value": 1}, {"value": 1, "number": 4}, True),
    "other values": ("shop:fetch", {"value": 1}, {"value": True}, False),
    "a value and an error": (
        "shop:fetch",
        {"value": 1},
        {"raised": {"$ValueError": {}}},
        False,
    ),
    "equal pickles": (
        "shop:fetch",
        {"kind": "value", "pickle": "a", "fingerprint": "f" * 32},
        {"kind": "value", "pickle": "b", "fingerprint": "f" * 32},
        True,
    ),
    "a date": (
        "http",
        {"value": ANSWER},
        {"value": {**ANSWER, "headers": [["date", "Tue"], ANSWER["headers"][1]]}},
        True,
    ),
    "another status": (
        "http",
        {"value": ANSWER},
        {"value": {**ANSWER, "status": 500}},
        False,
    ),
}


@pytest.mark.parametrize(
    ("target", "one", "other", "expected"), CASES.values(), ids=CASES
)
def test_outcomes_are_compared_as_a_run_compares_them(
    target: str, one: Any, other: Any, expected: bool
) -> None:
    assert is_same(target, one, other) is expected


def test_a_volatile_part_makes_no_outcome_another_one() -> None:
    other = {**ANSWER, "body": {"json": {"id": 2, "text": "tea"}}}

    assert not is_same("http", {"value": ANSWER}, {"value": other})
    assert is_same("http", {"value": ANSWER}, {"value": other}, "body.id")
