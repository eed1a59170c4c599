"""What differs between two outcomes is a line where it is, part by part."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import math
import types

import pytest
from support.face import there_and_back

from pytest_mimic.values.differences import Rules, difference_line, outcome_differences

NAN = float("nan")


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Rate:
    base: str = "EUR"
    value: object = 1.5


class Failure(Exception):
    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


def lines(old, new, **rules):
    """Return what a drift says of two outcomes, both as they come from the vault."""
    values = there_and_back(old), there_and_back(new)
    found = outcome_differences(*values, Rules(**rules))
    return [difference_line(difference) for difference in found]


def ring(name):
    value = Rate(name)
    value.value = [value]
    return value


def caused(cause):
    error = ValueError("x")
    error.__cause__ = cause
    return error


def noted(note):
    error = ValueError("x")
    error.__notes__ = [note]
    return error


def at(place):
    stream = io.BytesIO(b"ab")
    stream.seek(place)
    return stream


NIGHT = datetime.datetime(2024, 10, 27, 2, 30)
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
    ({"x-rate": 1}, {"x-rate": 2}, ["x-rate: 1 recorded, 2 now"]),
    ({1: "a"}, {1: "b"}, ["result[1]: 'a' recorded, 'b' now"]),
    ({"$held": 1}, {"$held": 2}, ["result['$held']: 1 recorded, 2 now"]),
    ([datetime.timedelta(0, 1)], [datetime.timedelta(0, 2)], ["result[0]: timedelta(0, 1, 0) recorded, timedelta(0, 2, 0) now"]),
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


# Of these it is enough that a drift names the place.
BESIDE = [
    (decimal.Decimal("1.5"), decimal.Decimal("1.50"), "result"),
    ([10**5000], [10**5000 + 1], "result[0]"),
    (collections.defaultdict(int, a=1), collections.defaultdict(float, a=1), "result"),
    (collections.deque([1], 1), collections.deque([1], 2), "result"),
    ([at(0)], [at(1)], "result[0]"),
    (NIGHT, NIGHT.replace(fold=1), "result"),
    (NIGHT.replace(tzinfo=datetime.timezone.utc), NIGHT, "result"),
    (len, max, "result"),
    (Failure("a", 1), Failure("a", 2), "Failure.code"),
    (OSError(2, "no", "a"), OSError(2, "no", "b"), "FileNotFoundError.filename"),
    (caused(KeyError("a")), caused(KeyError("b")), "ValueError.cause"),
    (noted("a"), noted("b"), "ValueError.notes"),
]


@pytest.mark.parametrize(("old", "new", "place"), BESIDE)
def test_no_difference_is_lost(old, new, place):
    [line] = lines(old, new)

    assert line.startswith(place)


EQUAL = [
    (NAN, NAN, {}),
    ({"a": 1, "b": [NAN]}, {"b": [NAN], "a": 1}, {}),
    ({"a", "b", "c"}, set("cba"), {}),
    (Failure("a", 1), Failure("a", 1), {}),
    (1.0, 1.05, {"atol": 0.1}),
    (100.0, 101.0, {"rtol": 0.01}),
    (100.0, 102.0, {"rtol": 0.01, "atol": 1}),
    (100, 101, {"atol": 1}),
    (0.0, -0.0, {"atol": 1e-9}),
    (NAN, NAN, {"atol": 1}),
    (math.inf, math.inf, {"rtol": 1}),
    (1 + 1j, 1 + 1.05j, {"atol": 0.1}),
    (decimal.Decimal("1.10"), decimal.Decimal("1.2"), {"atol": 0.1}),
    (fractions.Fraction(1, 2), fractions.Fraction(3, 5), {"atol": 0.11}),
    ({"a": [Rate("EUR", 1.0)]}, {"a": [Rate("EUR", 1.0 + 1e-12)]}, {"rtol": 1e-9}),
    ({"headers": {"date": 1}, "n": 1}, {"headers": {}, "n": 1}, {"volatile": [("headers", "date")]}),
    ({"rows": [{"id": 1}, {"id": 2}]}, {"rows": [{"id": 3}, {"id": 4}]}, {"volatile": [("rows", "*", "id")]}),
    (Rate("EUR", 1), Rate("EUR", 2), {"volatile": [("value",)]}),
    ({1: "a"}, {1: "b"}, {"volatile": [("1",)]}),
    ({"a": 1, "b": 2}, {"a": 2, "b": 3}, {"volatile": [("*",)]}),
    ({"a": 1, "b": ["x"]}, {"a": 2, "b": []}, {"shape": True}),
    ([{"kind": "a", "n": 1}, {"kind": "b", "n": 2}], [{"kind": "b", "n": 3}], {"shape": True}),
    ((1, "a"), (2, "b"), {"shape": True}),
    (Rate("EUR", 1.5), Rate("USD", 2.5), {"shape": True}),
    ({1, 2}, {3}, {"shape": True}),
    (Color.RED, Color.BLUE, {"shape": True}),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "rules"), EQUAL)
def test_what_the_line_leaves_free_is_no_difference(old, new, rules):
    assert lines(old, new, **rules) == []


BEYOND = [
    (1.0, 1.2, {"atol": 0.1}),
    (math.inf, 5.0, {"rtol": 1.0}),
    (5.0, math.inf, {"rtol": 1.0, "atol": 5.0}),
    (5.0, NAN, {"atol": 10.0}),
    (True, False, {"atol": 1.0}),
    (1, 1.0, {"atol": 1.0}),
    (decimal.Decimal("sNaN"), decimal.Decimal(1), {"atol": 1.0}),
    (10**400, 10**401, {"rtol": 0.1}),
    ("1.0", "1.1", {"atol": 1.0}),
    ({"n": 1.0, "file": at(0)}, {"n": 1.1, "file": at(1)}, {"rtol": 0.5}),
    ({"headers": {"date": 1}, "n": 1}, {"headers": {}, "n": 2}, {"volatile": [("headers", "date")]}),
    ({"rows": [{"id": 1, "n": 1}]}, {"rows": [{"id": 3, "n": 2}]}, {"volatile": [("rows", "*", "id")]}),
    ({"n": 1, "file": at(0)}, {"n": 2, "file": at(1)}, {"volatile": [("n",)]}),
    (1, 1.0, {"shape": True}),
    ((1, 2), (1, 2, 3), {"shape": True}),
    ({"a": 1}, {"b": 1}, {"shape": True}),
    ([1], ["a", "b", "c"], {"shape": True}),
    ({1}, {"a"}, {"shape": True}),
    ([[1], [2]], [["a"], ["b"]], {"shape": True}),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "rules"), BEYOND)
def test_beyond_what_the_line_leaves_free_there_is_a_difference(old, new, rules):
    assert lines(old, new, **rules)


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
                    "x: [1, 1, 1] now, not in the recording",
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
