"""What is stored under the tags of the standard library, made again."""

from __future__ import annotations

import collections
import datetime
from typing import Any

import pytest

from pytest_mimic._core.types.tagged_values import (
    ERRORS_OF_WRONG_PARTS,
    PLACED,
    maker_of,
    value_of_tag,
)


class Loud(list[Any]):
    """A list of a user's, whose items nobody may ask for."""

    def __iter__(self) -> Any:
        raise AssertionError("it was called")


@pytest.mark.parametrize(
    ("tag", "part", "value"),
    [
        ("date", "2026-11-02", datetime.date(2026, 11, 2)),
        ("deque", [[1], 3], collections.deque([1], 3)),
        ("dict", [[1, 2]], {1: 2}),
        ("bytes", ["a", "b"], b"ab"),
        ("float", "inf", float("inf")),
        ("int", "0x10", 16),
    ],
)
def test_a_value_is_made_of_what_is_stored(tag: str, part: Any, value: Any) -> None:
    assert value_of_tag(tag, part) == value


@pytest.mark.parametrize(
    ("tag", "part"),
    [
        ("date", 5),
        ("date", "tomorrow"),
        ("deque", [5, 3]),
        ("dict", [[1]]),
        ("float", "5"),
        ("tuple", Loud()),
        ("shop:Order", {}),
        ("class", "builtins:int"),
        ("path", "a.csv"),
    ],
)
def test_a_part_of_another_kind_makes_nothing(tag: str, part: Any) -> None:
    with pytest.raises(ERRORS_OF_WRONG_PARTS):
        value_of_tag(tag, part)


def test_paths_are_made_where_the_folders_of_the_run_are_known() -> None:
    assert {"str", "path"} < PLACED
    assert [maker_of(tag) for tag in sorted(PLACED)] == [None] * 4
