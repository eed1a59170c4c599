"""Which calls that cannot follow were recorded again under the line of today."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._tools.rekey.recorded_again import CallsOfToday
from unit.tools.rekey.vaults import calls_in, file_of, vault_of

IGNORING = {"ignore": ["order.number"]}
ORDER = {"order": {"$shop:Order": {"number": 3, "name": "tea"}}, "run": 1}

# What the call of today has, beside the options of its line, and whether it is the call
# that has the arguments of `ORDER`.
CALLS_PREFIX: dict[str, tuple[dict[str, Any], bool]] = {
    "an ignored part differs": (
        {"order": {"$shop:Order": {"number": 4, "name": "tea"}}, "run": 1},
        True,
    ),
    "an ignored part is missing": (
        {"order": {"$shop:Order": {"name": "tea"}}, "run": 1},
        True,
    ),
    "a secret is hidden": (
        {"order": {"$shop:Order": {"number": 3, "name": "<redacted>"}}, "run": 1},
        True,
    ),
    "a part that counts differs": (
        {"order": {"$shop:Order": {"number": 3, "name": "ink"}}, "run": 1},
        False,
    ),
    "an argument that counts differs": ({**ORDER, "run": 2}, False),
}


@pytest.mark.parametrize(
    ("arguments", "expected"), CALLS_PREFIX.values(), ids=CALLS_PREFIX
)
def test_a_call_is_known_by_what_counts(
    arguments: dict[str, Any], expected: bool
) -> None:
    vault = vault_of(
        {"arguments": ORDER}, {"arguments": arguments, "options": IGNORING}
    )
    name, _ = file_of(ORDER)
    calls = calls_in(vault)
    [old] = [call for call in calls if call.file == name]
    others = [call for call in calls if call.file != name]

    assert CallsOfToday(others).has(old) is expected


def test_a_call_of_another_test_is_another_call() -> None:
    vault = vault_of(
        {"arguments": ORDER, "owner": "test_a.py::test_x"},
        {"arguments": ORDER, "owner": "test_a.py::test_y", "options": IGNORING},
    )
    calls = calls_in(vault)
    [old] = [call for call in calls if not call.call.options]
    others = [call for call in calls if call.call.options]

    assert not CallsOfToday(others).has(old)


def test_a_call_is_not_its_own_successor() -> None:
    [old] = calls_in(vault_of({"arguments": ORDER}))

    assert not CallsOfToday([old]).has(old)
