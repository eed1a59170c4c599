"""By shape, keys, types and the lengths of tuples count, and nothing else does."""

from __future__ import annotations

import enum

import pytest

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.describing import WHOLE_BUDGET, tree_of
from pytest_mimic._core.tree.difference_words import difference_lines
from pytest_mimic._core.tree.shapes import shape_differences
from unit.core.tree.values import Rate, stream


class Color(enum.Enum):
    RED = 1
    BLUE = 2


def shape(recorded: object, actual: object) -> list[str]:
    """Return the lines for the differences between the shapes of two values."""
    redactor = Redactor()
    old = tree_of(recorded, redactor, budget=WHOLE_BUDGET, is_for_verifying=True)
    new = tree_of(actual, redactor, budget=WHOLE_BUDGET, is_for_verifying=True)
    return difference_lines(list(shape_differences(old, new)))


@pytest.mark.parametrize(
    ("recorded", "actual"),
    [
        ({"a": 1, "b": ["x"]}, {"a": 2, "b": []}),
        ([1, "a"], ["b", 2, 3, "c"]),
        (
            [{"kind": "a", "n": 1}, {"kind": "b", "s": ""}],
            [{"kind": "b", "s": "x"}, {"kind": "a", "n": 3}],
        ),
        ((1, "a"), (2, "b")),
        (Rate("EUR", 1.5), Rate("USD", 2.5)),
        ({1, 2}, {3}),
        (Color.RED, Color.BLUE),
    ],
)
def test_values_and_lengths_of_lists_are_free(recorded: object, actual: object) -> None:
    assert shape(recorded, actual) == []


@pytest.mark.parametrize(
    ("recorded", "actual", "expected"),
    [
        (1, 1.0, ["1 recorded, 1.0 now"]),
        ((1, 2), (1, 2, 3), ["[2]: 3 now, not in the recording"]),
        (
            {"a": 1},
            {"b": 1},
            [".a: 1 recorded, missing now", ".b: 1 now, not in the recording"],
        ),
        ([1], ["a", "b", "c"], ["[0]: 1 recorded, 'a' now"]),
        ({1}, {"a"}, ["[0]: 1 recorded, 'a' now"]),
        ([[1], [2]], [["a"], ["b"]], ["[0][0]: 1 recorded, 'a' now"]),
        (
            {"token": 1},
            {"token": "abc"},
            [".token: <redacted> recorded, another value now"],
        ),
    ],
)
def test_each_kind_of_difference_is_one_line(
    recorded: object, actual: object, expected: list[str]
) -> None:
    assert shape(recorded, actual) == expected


START = ("start", {})
TEXT = ("part", {"text": "x"})
NUMBER = ("part", {"number": 1})
END = ("end", {})


def test_each_event_has_the_shape_of_a_recorded_one_of_its_name():
    recorded = stream(START, TEXT, NUMBER, END)

    assert shape(recorded, stream(START, NUMBER, TEXT, NUMBER, NUMBER, END)) == []


@pytest.mark.parametrize("name", ["end", "other"])
def test_an_event_of_another_name_has_another_shape(name: str) -> None:
    recorded = stream(START, TEXT, NUMBER, END)

    assert shape(recorded, stream(START, TEXT, (name, {"text": "x"}), END)) != []
