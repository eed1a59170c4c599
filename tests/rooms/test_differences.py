"""What differs between two outcomes is a line where it is, part by part."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import types
from typing import Any

import pytest

from pytest_mimic.values.differences import Rules, difference_line
from pytest_mimic.values.verify import outcome_differences

NAN = float("nan")


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Rate:
    base: str = "EUR"
    value: object = 1.5


def lines(old: object, new: object, **rules: Any) -> list[str]:
    found = outcome_differences(old, new, Rules(**rules))
    return [difference_line(difference) for difference in found]


def ring(name: str) -> Rate:
    value = Rate(name)
    value.value = [value]
    return value


DIFFERENT = [
    (1, True, ["result: 1 recorded, True now"]),
    (1, 1.0, ["result: 1 recorded, 1.0 now"]),
    (0.0, -0.0, ["result: 0.0 recorded, -0.0 now"]),
    (1.0, NAN, ["result: 1.0 recorded, nan now"]),
    (decimal.Decimal(1), 1, ["result: 1 (decimal) recorded, 1 (int) now"]),
    (b"ab", b"ac", ["result: b'ab' recorded, b'ac' now"]),
    (Color.RED, Color.BLUE, ["result: Color.RED recorded, Color.BLUE now"]),
    (datetime.date(2024, 4, 30), datetime.date(2024, 5, 1), ["result: 2024-04-30 recorded, 2024-05-01 now"]),
    (
        {"rates": {"USD": 1.0712, "HRK": 7.5}},
        {"rates": {"USD": 1.0698, "NEW": 3}},
        ["rates.USD: 1.0712 recorded, 1.0698 now", "rates.HRK: 7.5 recorded, missing now", "rates.NEW: 3 now, not in the recording"],
    ),
    ({"rows": 1, "dtype": 1}, {"rows": 2, "dtype": 2}, ["rows: 1 recorded, 2 now", "dtype: 1 recorded, 2 now"]),
    ({"two words": 1}, {"two words": 2}, ["result['two words']: 1 recorded, 2 now"]),
    ({1: "a"}, {1: "b"}, ["result[1]: 'a' recorded, 'b' now"]),
    ([1, (1,)], [1, [1]], ["result[1]: (1,) recorded, [1] now"]),
    ([1, 2, 3], [1, 3], ["result[1]: 2 recorded, missing now"]),
    ([1, 3], [0, 1, 3], ["result[0]: 0 now, not in the recording"]),
    ([{"id": 1}, {"id": 2}, {"id": 3}], [{"id": 1}, {"id": 3}], ["result[1]: {'id': 2} recorded, missing now"]),
    (list(range(9)), [], ["result: 9 items recorded, 0 items now"]),
    ({1, "a"}, {1, "b"}, ["result: {'a'} recorded, {'b'} now"]),
    (frozenset({1}), {1}, ["result: frozenset({1}) recorded, {1} now"]),
    (Rate("EUR", [1]), Rate("EUR", [2]), ["value[0]: 1 recorded, 2 now"]),
    (ring("EUR"), ring("USD"), ["base: 'EUR' recorded, 'USD' now"]),
    (collections.Counter("aab"), collections.Counter("ab"), ["a: 2 recorded, 1 now"]),
    (collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1), ["result: the keys are in another order now"]),
    (types.SimpleNamespace(a=1), types.SimpleNamespace(a=2), ["a: 1 recorded, 2 now"]),
    (functools.partial(max, 1), functools.partial(max, 2), ["args[0]: 1 recorded, 2 now"]),
    (ValueError("x"), ValueError("y"), ["ValueError.args[0]: 'x' recorded, 'y' now"]),
    (ValueError("x"), KeyError("x"), ["result: ValueError('x') recorded, KeyError('x') now"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), DIFFERENT)
def test_each_difference_is_one_readable_line(old, new, expected):
    assert lines(old, new) == expected


def test_long_texts_are_shown_from_where_they_differ():
    start, end = "a " * 100, "b " * 10

    assert lines(f"{start}quick fox {end}", f"{start}slow dog {end}") == [
        f"result: '...{'a ' * 10}quick fox {end}' recorded, "
        f"'...{'a ' * 10}slow dog {end}' now"
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (1, 1.0, ["result: 1 recorded, 1.0 now"]),
        ((1, 2), (1, 2, 3), ["result[2]: 3 now, not in the recording"]),
        ([1], ["a", "b"], ["result[0]: 1 recorded, 'a' now"]),
        ({"a": 1}, {}, ["a: 1 recorded, missing now"]),
    ],
)
def test_by_shape_keys_types_and_lengths_of_tuples_count(old, new, expected):
    assert lines(old, new, shape=True) == expected


class TestTables:
    numpy = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas")

    def frame(self, **columns):
        return self.pandas.DataFrame({"n": [1, 2, 3], "s": ["a", "b", None], **columns})

    @pytest.mark.parametrize(
        ("columns", "expected"),
        [
            ({}, []),
            ({"n": [1, 5, 6]}, ["n: 2 of 3 differ, [1]: 2 recorded, 5 now"]),
            ({"n": [1.0, 2, 3]}, ["n.dtype: 'int64' recorded, 'float64' now"]),
            (
                {"x": 1},
                [
                    "columns[2]: 'x' now, not in the recording",
                    "x: <column int64> now, not in the recording",
                ],
            ),
        ],
    )
    def test_each_column_that_differs_is_named(self, columns, expected):
        assert lines(self.frame(), self.frame(**columns)) == expected

    def test_rows_that_came_are_counted(self):
        shorter = self.frame().iloc[:2]

        assert lines(self.frame(), shorter) == ["rows: 3 recorded, 2 now"]

    def test_an_array_is_compared_by_its_numbers_however_large(self):
        old = self.numpy.arange(100_000.0).reshape(50, 2_000)
        new = old.copy()
        new[7, 3] += 1

        assert lines(old, new) == [
            "result: 1 of 100000 differ, [7, 3]: 14003.0 recorded, 14004.0 now"
        ]
        assert lines(old, new, rtol=1e-3) == []
