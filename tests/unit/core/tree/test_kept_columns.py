"""What is kept of tables and arrays tells which columns differ, and how."""

from __future__ import annotations

import json

import pytest

from pytest_mimic._core.redact.redactor import NO_REDACTION, Redactor
from pytest_mimic._core.tree.describing import described_arguments
from pytest_mimic._core.tree.difference_words import (
    Sides,
    difference_lines,
    side_by_side,
)
from pytest_mimic._core.tree.differing import argument_differences
from pytest_mimic._core.tree.made_anew import parts_made_anew

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")


def described(value, redactor=NO_REDACTION):
    return json.loads(json.dumps(described_arguments({"x": value}, redactor)))


def differing(old, new):
    return argument_differences(described(old), described(new))


def frame(*prices, **others):
    return pd.DataFrame({"price": list(prices), "name": "a", **others})


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (frame(1.5, 2.5), frame(1.5, 2.5), []),
        (
            np.array(1.5),
            np.array(2.5),
            ["x: 1 of 1 differ, [0]: 1.5 recorded, 2.5 now"],
        ),
        (
            np.array([1.5, np.nan, 3.5]),
            np.array([1.5, 2.5, np.nan]),
            ["x: 2 of 3 differ, [1]: nan recorded, 2.5 now"],
        ),
        (
            np.array([1, 2]),
            np.array([1.0, 2.0]),
            ["x: dtype int64 recorded, float64 now"],
        ),
        (np.zeros(3), np.zeros(50), ["x: 3 rows recorded, 50 now"]),
        (np.arange(4)[::2], np.array([0, 2]), []),
        (
            np.float64(1.5),
            np.float32(1.5),
            ["x: 1.5 (float64) recorded, 1.5 (float32) now"],
        ),
        (frame(1, 2), frame(1, 2, 3), ["x: 2 rows recorded, 3 now"]),
        (
            frame(1, 2),
            frame(1.0, 2.0, 3.0),
            [
                "x: 2 rows recorded, 3 now",
                "x['price']: dtype int64 recorded, float64 now",
            ],
        ),
        (
            frame(1.5, 2.5, 3.5),
            frame(1.5, 0.0, 0.0),
            ["x['price']: 2 of 3 differ, [1]: 2.5 recorded, 0.0 now"],
        ),
        (
            frame(1, 2),
            frame(1.0, 2.0),
            ["x['price']: dtype int64 recorded, float64 now"],
        ),
        (
            frame(*range(1000)),
            frame(*range(999), 0),
            ["x['price']: other values, 1,000 rows"],
        ),
        (
            frame(1).set_index("name"),
            frame(2).set_index("name"),
            ["x['price']: 1 of 1 differ, ['a']: 1 recorded, 2 now"],
        ),
        (
            frame(1, day=2).set_index(["name", "day"]),
            frame(1, day=3).set_index(["name", "day"]),
            ["x.index[1]: 1 of 1 differ, [0]: 2 recorded, 3 now"],
        ),
        (
            frame(1, day=pd.Timestamp("2026-11-02")),
            frame(1, day=pd.Timestamp("2026-11-03")),
            [
                "x['day']: 1 of 1 differ, [0]: 2026-11-02 00:00:00 recorded,"
                " 2026-11-03 00:00:00 now"
            ],
        ),
        (
            frame(1, none=1),
            frame(1),
            ["x['none']: a column of 1 int64 recorded, missing now"],
        ),
        (
            pd.Series([1, 2]),
            pd.Series([1, 3, 4]),
            [
                "x: 2 rows recorded, 3 now",
                "x: 1 of the first 2 differ, [1]: 2 recorded, 3 now",
            ],
        ),
        (
            np.zeros((2, 3)),
            np.array([[0.0, 0.0, 0.0], [0.0, 1.5, 0.0]]),
            ["x: 1 of 6 differ, [1, 1]: 0.0 recorded, 1.5 now"],
        ),
        (np.zeros((2, 3)), np.zeros((3, 2)), ["x: shape 2x3 recorded, 3x2 now"]),
        (np.zeros(600), np.ones(600), ["x: other values, 600 rows"]),
    ],
    ids=str,
)
def test_the_columns_that_differ_are_told(old, new, lines):
    assert difference_lines(differing(old, new)) == lines


def test_other_facts_of_a_table_are_told_by_its_digest():
    other = frame(1)
    other.attrs["unit"] = "m"

    lines = difference_lines(differing(frame(1), other))

    assert len(lines) == 1
    assert lines[0].startswith("x: <DataFrame 1x2: price, name #")


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_tables_of_other_libraries_are_told_by_column(library):
    module = pytest.importorskip(library)
    make = module.DataFrame if library == "polars" else module.table

    lines = difference_lines(differing(make({"a": [1, None]}), make({"a": [1, 2]})))

    assert lines == ["x['a']: 1 of 2 differ, [1]: None recorded, 2 now"]


def test_moments_that_python_has_no_value_for_differ_all_the_same():
    arrow = pytest.importorskip("pyarrow")
    late, later = (
        arrow.table({"at": arrow.array([2**60 + step], arrow.timestamp("s"))})
        for step in (0, 1)
    )

    assert difference_lines(differing(late, later))


def test_nothing_is_kept_of_a_column_with_a_secret_name():
    kept = described(frame(1, password="hunter2"), Redactor(["password"]))

    assert list(kept["x"]["columns"]) == [".index", "['price']", "['name']"]
    assert "hunter2" not in json.dumps(kept)
    assert "digest" not in kept["x"]


@pytest.mark.parametrize(
    "make",
    [
        lambda secret: pd.Series([secret, "a"], name="password"),
        lambda secret: pd.Series([secret, "a"], index=["password", "name"]),
    ],
    ids=["a series", "a row"],
)
def test_nothing_is_kept_of_values_with_a_secret_name(make):
    kept = described(make("hunter2"), Redactor(["password"]))["x"]

    assert "hunter2" not in json.dumps(kept)
    assert kept.keys() == {"$text", "type"}


def test_a_column_of_moments_is_not_offered_to_be_left_out():
    old, new = (frame(1, day=pd.Timestamp(f"2026-11-0{day}")) for day in (2, 3))

    assert parts_made_anew(differing(old, new)) is None


def test_the_page_shows_both_sides_of_a_column():
    assert side_by_side(differing(frame(1), frame(2))) == [
        Sides("x['price']", [("-", "[0]: 1")], [("+", "[0]: 2")], "1 of 1 differ")
    ]
