"""An entry of an outcome has one body, known keys, and parts of known types."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.vault.outcome_entries import (
    body_of_entry,
    check_entry,
    objects_of_entry,
)

OBJECT = f"objects/9f/{'9f' * 16}.pkl"
INPUTS = f"objects/1a/{'1a' * 16}.json"
PICKLE = {"duration": 0.5, "kind": "value", "pickle": OBJECT, "inputs": INPUTS}


@pytest.mark.parametrize(
    "entry",
    [
        {"duration": 0.5, "value": None},
        {"duration": 0.5, "end": "waiting", "value": None},
        {"duration": 0.5, "raised": {"$error": "ValueError"}},
        PICKLE,
    ],
)
def test_an_entry_that_a_run_writes_is_sound(entry: dict[str, Any]) -> None:
    check_entry(entry)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"duration": float("nan")}, "a number of seconds"),
        ({"duration": float("inf")}, "a number of seconds"),
        ({"beside": 0.6}, "a part of the duration"),
        ({"end": "soon"}, "waiting, open or empty"),
        ({"value": 3}, "needs one value, exception or file"),
        ({"inputs": "../secrets.json"}, "names no object"),
        ({"number": "1"}, "the number of a call"),
        ({"awaited": 1}, "true or false"),
        ({"coroutine": "list"}, "iterator or async iterator"),
        ({"imports": "shop:Rate"}, "lists of texts"),
        ({"kind": "values"}, "value, raised or stream"),
        ({"count": 0}, "from one on"),
        ({"durationn": 1}, "an unknown 'durationn'"),
    ],
)
def test_an_entry_of_another_shape_is_damaged(
    change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=complaint):
        check_entry(PICKLE | change)


def test_an_entry_names_its_objects_and_its_outcome_is_all_but_the_facts_beside() -> (
    None
):
    assert objects_of_entry(PICKLE) == [OBJECT, INPUTS]
    assert body_of_entry(PICKLE) == {"kind": "value", "pickle": OBJECT}
