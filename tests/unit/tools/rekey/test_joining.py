"""Recordings that come to one identity."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.engine.equal_outcomes import text_of_outcome
from pytest_mimic._core.engine.recorded_identities import CannotFollowError
from pytest_mimic._tools.rekey.calls_to_rekey import Rekeyed, with_new_identity
from pytest_mimic._tools.rekey.joining import (
    DifferentOutcomesError,
    is_finished,
    joined_sequence,
    joined_shared,
)
from unit.tools.rekey.vaults import calls_in, vault_of


def members(*rows: dict[str, Any], owner: str | None = "a.py::x") -> list[Rekeyed]:
    """Return recordings with one new identity, in the order of their calls."""
    given = [
        {"arguments": {"run": place}, "owner": owner, **row}
        for place, row in enumerate(rows)
    ]
    calls = calls_in(vault_of(*given))
    calls.sort(key=lambda old: old.facts["arguments"]["run"])
    return [
        with_new_identity(old, "0" * 32, owner=owner, options={"ignore": ["run"]})
        for old in calls
    ]


def is_same(one: Any, other: Any) -> bool:
    return text_of_outcome(one) == text_of_outcome(other)


def test_outcomes_of_one_test_stand_in_the_order_of_its_calls() -> None:
    first, second = members(
        {"value": "late", "number": 5}, {"value": "early", "number": 2}
    )

    facts = joined_sequence([first, second])

    assert [entry["value"] for entry in facts["outcomes"]] == ["early", "late"]
    assert facts["arguments"] == {"run": 0}


@pytest.mark.parametrize("numbers", [(0, 1), (2, 2)], ids=["unknown", "equal"])
def test_an_order_that_is_not_known_joins_nothing(numbers: tuple[int, int]) -> None:
    rows = [{"number": number} for number in numbers]

    with pytest.raises(CannotFollowError, match="the order of its calls"):
        joined_sequence(members(*rows))


def test_recordings_of_other_sources_do_not_become_one() -> None:
    rows = [{"number": 1, "source": "a" * 32}, {"number": 2, "source": "b" * 32}]

    with pytest.raises(CannotFollowError, match="has changed between"):
        joined_sequence(members(*rows))


def test_equal_outcomes_for_all_tests_become_one_without_a_place() -> None:
    facts = joined_shared(members({"number": 1}, {"number": 7}, owner=None), is_same)

    assert facts["outcomes"] == [{"duration": 0.1, "value": 1}]


def test_different_outcomes_for_all_tests_stay() -> None:
    with pytest.raises(DifferentOutcomesError, match="different outcomes"):
        joined_shared(members({"value": 1}, {"value": 2}, owner=None), is_same)


def test_a_recording_whose_outcomes_stand_there_already_is_finished() -> None:
    one, other = members({"value": 1, "number": 1}, {"value": 2, "number": 2})

    assert is_finished(one, [*one.outcomes, *other.outcomes])
    assert not is_finished(one, other.outcomes)


def test_without_numbers_all_outcomes_have_to_stand_there() -> None:
    one, other = members({"value": 1}, {"value": 1})

    assert is_finished(one, other.outcomes)
    assert not is_finished(one, [*one.outcomes, *other.outcomes])
